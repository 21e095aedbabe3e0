// The lock on a directory that Tako changes: flock on the directory itself (DST-40 to DST-45), so
// that there is no lock file and the kernel releases it when the process dies.

import { dlopen, read } from "bun:ffi";
import { closeSync } from "node:fs";
import { TakoError } from "../../core/error.ts";
import type { Clock } from "../clock.ts";
import { openDirectory } from "./files.ts";
import { shownPath } from "./storage-error.ts";

/** A directory that no other run of Tako changes. */
export type Lock = Disposable;

/** How somebody waits for a lock. */
export interface Waiting {
  readonly clock: Clock;
  /** Called once, after a second of waiting (DST-42). */
  readonly onWait: () => void;
}

const RETRY_MS = 100;
const SAY_SO_AFTER_MS = 1000;

// <sys/file.h> and <errno.h> of Linux, the same on every architecture that Bun runs on.
const LOCK_EX = 2;
const LOCK_NB = 4;
const EWOULDBLOCK = 11;

/**
 * Locks a directory, waiting for as long as another process has it.
 *
 * @throws TakoError of kind `storage` if the directory is missing or cannot be locked
 */
export async function lockDirectory(path: string, { clock, onWait }: Waiting): Promise<Lock> {
  const fd = openDirectory(path);
  try {
    const start = clock.elapsed();
    for (let saidSo = false; !tryLock(fd, path); await clock.sleep(RETRY_MS)) {
      if (saidSo || clock.elapsed() - start < SAY_SO_AFTER_MS) continue;
      saidSo = true;
      onWait();
    }
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  return releasing(fd);
}

function releasing(fd: number): Lock {
  let held = true;
  return {
    [Symbol.dispose]() {
      if (held) closeSync(fd);
      held = false;
    },
  };
}

function tryLock(fd: number, path: string): boolean {
  const errno = flock(fd, LOCK_EX | LOCK_NB);
  if (errno === 0) return true;
  if (errno === EWOULDBLOCK) return false;
  throw new TakoError("storage", `cannot lock it: flock failed with errno ${errno}`, {
    rule: "DST-43",
    source: shownPath(path),
    hint: "Does its file system support locks? Tako does not go on without one.",
  });
}

/** flock(2), without waiting: neither Bun nor node: has it, and a waiting one would stop timers. */
function flock(fd: number, operation: number): number {
  libc ??= openLibc();
  if (libc.symbols.flock(fd, operation) === 0) return 0;
  const errno = libc.symbols.__errno_location();
  return errno === null ? -1 : read.i32(errno);
}

let libc: ReturnType<typeof openLibc> | undefined;

function openLibc() {
  const symbols = {
    flock: { args: ["i32", "i32"], returns: "i32" },
    __errno_location: { args: [], returns: "ptr" },
  } as const;
  // musl has one library, with one name an architecture.
  const machine = process.arch === "arm64" ? "aarch64" : "x86_64";
  let cause: unknown;
  for (const name of ["libc.so.6", `libc.musl-${machine}.so.1`]) {
    try {
      return dlopen(name, symbols);
    } catch (error) {
      cause ??= error;
    }
  }
  throw new TakoError(
    "storage",
    "cannot lock: flock cannot be loaded from the system's C library",
    {
      rule: "DST-46",
      hint: "Under systemd, MemoryDenyWriteExecute=yes forbids it: remove that line from the unit. A limit on the address space (ulimit -v, LimitAS=) can do the same.",
      cause,
    },
  );
}
