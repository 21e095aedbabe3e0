// An old image as a patch reads it: here and there, by an open file.

import { readSync } from "node:fs";
import { TakoError } from "../../core/error.ts";
import type { OldImage } from "../../core/packed/decode-segment.ts";

/**
 * @param fd of a file that is open for reading, and stays so while the image is used
 * @param size in bytes
 */
export function oldImage(fd: number, size: number): OldImage {
  return { size, read: (place, into) => readAt(fd, place, into) };
}

/**
 * Fills `into` with the bytes from a place on. Without waiting for others: a patch has a thousand such reads a MiB,
 * of what was verified just before.
 *
 * @throws TakoError of kind `storage` if the file ends before, or what the system says
 */
export function readAt(fd: number, place: number, into: Uint8Array): void {
  for (let filled = 0; filled < into.length; ) {
    const count = readSync(fd, into, filled, into.length - filled, place + filled);
    if (count === 0) throw new TakoError("storage", "the image became shorter while it was read");
    filled += count;
  }
}
