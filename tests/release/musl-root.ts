// A root with the C library of Alpine in place of that of Debian, from Debian's packages: musl, and beside it the two libraries
// of GCC that the runtime wants, or that its own libstdc++ wants. Those are built for glibc, of which they use seven names
// that musl does not have; a library of a few lines has them.

import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const LOADER = "/lib/ld-musl-x86_64.so.1";
const DEBIAN = "/usr/lib/x86_64-linux-gnu";

const NAMES = `
#include <stddef.h>
struct tm;
size_t strftime_l(char *, size_t, const char *, const struct tm *, void *);
long getrandom(void *, size_t, unsigned);

unsigned arc4random(void) { unsigned x = 0; getrandom(&x, sizeof x, 0); return x; }
size_t __strftime_l(char *s, size_t n, const char *f, const struct tm *t, void *l) {
  return strftime_l(s, n, f, t, l);
}
char __libc_single_threaded = 0;
int __cxa_thread_atexit_impl(void (*f)(void *), void *object, void *library) { return 0; }
int _dl_find_object(void *address, void *result) { return -1; }
int __cpu_indicator_init(void) { return 0; }
unsigned __cpu_model[4];
`;

/**
 * Makes a root, where a program is run by {@link command}.
 *
 * @param folder an empty one
 */
export class MuslRoot {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
    for (const name of ["lib", "proc", "dev", "tmp", "host"])
      mkdirSync(join(folder, name), { recursive: true });
    copyFileSync(LOADER, join(folder, LOADER));
    for (const name of ["libstdc++.so.6", "libgcc_s.so.1"])
      copyFileSync(join(DEBIAN, name), join(folder, "lib", name));
    const source = join(folder, "tmp/names.c");
    writeFileSync(source, NAMES);
    const library = join(folder, "lib/ld-linux-x86-64.so.2");
    const words = ["-shared", "-fPIC", "-nostdlib", "-o", library, source];
    const built = Bun.spawnSync(["gcc", ...words]);
    if (!built.success) throw new Error(`gcc: ${built.stderr}`);
    writeFileSync(join(folder, "program"), "");
  }

  /** The words that run a program in this root, where a folder of this host is at the same path. */
  command(program: string, shared: string, args: readonly string[]): string[] {
    const script = `
      mkdir -p "$1$3" && mount --bind "$2" "$1/program" && mount --bind "$3" "$1$3" &&
      mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev" || exit 125
      root=$1
      shift 3
      exec chroot "$root" /program "$@"`;
    return ["unshare", "--mount", "sh", "-c", script, "sh", this.folder, program, shared, ...args];
  }
}
