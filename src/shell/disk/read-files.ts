// Files as Tako reads them: never through a symbolic link, and what is of another kind is told (DST-25,
// DST-27). Which files there are is not known here.

import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readSync,
  type Stats,
} from "node:fs";
import { TakoError } from "../../core/error.ts";
import { shownPath } from "../../core/text.ts";
import { isErrno, naming, storageError } from "./storage-error.ts";

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;

/** A leaf that is not a symbolic link, and that cannot make the open wait, as a FIFO could. */
export const READ_FLAGS = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;

const CHUNK_BYTES = 65_536;

const KINDS = {
  "regular file": (stats: Stats) => stats.isFile(),
  "symbolic link": (stats: Stats) => stats.isSymbolicLink(),
  directory: (stats: Stats) => stats.isDirectory(),
};
export type FileKind = keyof typeof KINDS;

/**
 * Whether there is something at `path`, itself, not what a link there names.
 *
 * @throws TakoError of kind `storage` if it is of another kind: that is not Tako's, and stays (DST-27)
 */
export function isPresent(path: string, kind: FileKind): boolean {
  return statOf(path, kind) !== undefined;
}

/** What the system says of the regular file at `path`; else as {@link isPresent}. */
export function statRegularFile(path: string): Stats | undefined {
  return statOf(path, "regular file");
}

function statOf(path: string, kind: FileKind): Stats | undefined {
  const stats = naming(path, "look at", () => lstatSync(path, { throwIfNoEntry: false }));
  if (stats !== undefined && !KINDS[kind](stats)) throw notA(kind, path);
  return stats;
}

export function notA(kind: FileKind, path: string): TakoError {
  return new TakoError("storage", `it is not a ${kind}`, {
    rule: "DST-27",
    source: shownPath(path),
    hint: "Tako did not make it and leaves it untouched; look at it and move it away.",
  });
}

/**
 * Opens the regular file at `path` for reading; `undefined` if there is none. Links are not
 * followed (DST-25), and what is no regular file is an error (DST-27).
 */
export function openRegularFile(path: string): number | undefined {
  let fd: number;
  try {
    fd = openSync(path, READ_FLAGS);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    if (isErrno(error, "ELOOP", "ENXIO", "ENODEV")) throw notA("regular file", path);
    throw storageError(error, "read", path);
  }
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  throw notA("regular file", path);
}

/**
 * Reads a whole small file; `undefined` if there is none.
 *
 * @param limit the most bytes; a longer file is an error, or counts as absent if `oversized` says so
 */
export function readRegularFile(
  path: string,
  limit: number,
  oversized: "error" | "absent" = "error",
): Uint8Array | undefined {
  const fd = openRegularFile(path);
  if (fd === undefined) return undefined;
  try {
    const bytes = naming(path, "read", () => readUpTo(fd, limit));
    return bytes ?? (oversized === "absent" ? undefined : tooLarge(path, limit));
  } finally {
    closeSync(fd);
  }
}

/** The content of an open file from its beginning. Each chunk has memory of its own, for who works on the one before. */
export async function* readChunks(fd: number, path: string): AsyncGenerator<Uint8Array> {
  for (let at = 0; ; ) {
    const chunk = new Uint8Array(CHUNK_BYTES);
    const count = naming(path, "read", () => readSync(fd, chunk, 0, chunk.length, at));
    if (count === 0) return;
    at += count;
    yield chunk.subarray(0, count);
  }
}

/** Reads a whole pipe that somebody named on purpose; a FIFO is waited for. */
export function readPipe(path: string, limit: number): Uint8Array {
  return naming(path, "read", () => {
    const fd = openSync(path, O_RDONLY);
    try {
      return readUpTo(fd, limit) ?? tooLarge(path, limit);
    } finally {
      closeSync(fd);
    }
  });
}

function readUpTo(fd: number, limit: number): Uint8Array | undefined {
  const { size } = fstatSync(fd);
  // One byte more than is expected: that it stays empty shows the end of the file.
  let buffer = new Uint8Array(Math.min(size, limit) + 1);
  for (let length = 0; ; ) {
    const count = readSync(fd, buffer, length, buffer.length - length, null);
    if (count === 0) return buffer.subarray(0, length);
    length += count;
    if (length > limit) return undefined;
    if (length === buffer.length) {
      const larger = new Uint8Array(Math.min(2 * length, limit) + 1);
      larger.set(buffer);
      buffer = larger;
    }
  }
}

function tooLarge(path: string, limit: number): never {
  throw new TakoError("storage", `it is larger than ${limit} bytes`, {
    source: shownPath(path),
  });
}
