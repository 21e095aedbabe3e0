// A small file system that can really be full or read-only, in a mount namespace of its own, which ends with the test:
// a tmpfs, or another one. Needs root.

import { mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A process in whose mount namespace the directory is a tmpfs of this many bytes. */
export function mountTmpfs(directory: string, size: number) {
  return mountBy(
    `mount -t tmpfs -o mode=755,size=${size} tmpfs "$0" && echo mounted && exec sleep 120`,
    directory,
  );
}

/**
 * A process in whose mount namespace a script for sh mounts something.
 *
 * @param script prints a line once the directory, its `$0`, is mounted, and stays
 */
export async function mountBy(script: string, directory: string) {
  const child = Bun.spawn(["unshare", "--mount", "sh", "-c", script, directory], {
    stdout: "pipe",
    stderr: "ignore",
  });
  const { value } = await child.stdout.getReader().read();
  return {
    isMounted: value !== undefined,
    /** Where others see it. */
    path: `/proc/${child.pid}/root${directory}`,
    command: (words: readonly string[]) => [
      "nsenter",
      `--mount=/proc/${child.pid}/ns/mnt`,
      ...words,
    ],
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.exited;
    },
  };
}

export const canMount = await (async () => {
  const probe = mkdtempSync(join(tmpdir(), "tako-mount-"));
  try {
    await using tmpfs = await mountTmpfs(probe, 4096);
    return tmpfs.isMounted;
  } finally {
    rmSync(probe, { recursive: true });
  }
})();

/** Writes a file named `filler` that leaves this many bytes of the file system. */
export function fillUp(directory: string, left: number): void {
  const { bavail, bsize } = statfsSync(directory);
  writeFileSync(join(directory, "filler"), Buffer.alloc(Math.max(bavail * bsize - left, 0)));
}
