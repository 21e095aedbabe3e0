// What a request brings to a bucket: bytes in memory or a part of a file, read as they are sent, so that memory stays flat
// whatever their size (spec/buckets.md, BKT-22). A slice of a file as a body of fetch would be held in memory by some of its
// ways, and waited for without end where the file gets shorter.

import { read as readCallback } from "node:fs";
import { promisify } from "node:util";
import { TakoError } from "../../core/error.ts";
import { shownPath } from "../../core/text.ts";
import { hashBytes } from "../disk/hash.ts";
import { storageError } from "../disk/storage-error.ts";

export interface S3Body {
  /** In bytes. */
  readonly size: number;
  readonly sha256: string;
  /** So many bytes of it at most, from there on. */
  readonly read: (at: number, length: number) => Promise<Uint8Array<ArrayBuffer>>;
}

const read = promisify(readCallback);
/** Bytes at once: few, for a slow line takes them within the limit on time without progress (BKT-64). */
const BLOCK = 64 * 1024;

export function bodyOf(bytes: Uint8Array): S3Body {
  return {
    size: bytes.length,
    sha256: hashBytes(bytes),
    read: async (at, length) => new Uint8Array(bytes.subarray(at, at + length)),
  };
}

/** @param name what errors name */
export function bodyOfFile(
  { fd, name }: { readonly fd: number; readonly name: string },
  [start, end, sha256]: readonly [start: number, end: number, sha256: string],
): S3Body {
  const readBlock = async (at: number, length: number) => {
    const block = new Uint8Array(length);
    const { bytesRead } = await read(fd, block, 0, length, start + at).catch((error: unknown) => {
      throw storageError(error, "read", name);
    });
    // It is shorter than it was (BKT-24).
    if (bytesRead === 0) throw changed(name);
    return block.subarray(0, bytesRead);
  };
  return { size: end - start, sha256, read: readBlock };
}

/** The body as fetch takes it. @param onTaken told of each block that the connection asks for, and of the end */
export function streamOf(
  { size, read }: S3Body,
  onTaken: (isAll: boolean) => void,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let done = 0;
  return new ReadableStream({
    type: "bytes",
    async pull(stream) {
      const block = await read(done, Math.min(BLOCK, size - done));
      done += block.length;
      onTaken(done === size);
      stream.enqueue(block);
      if (done === size) stream.close();
    },
  });
}

/** @param name of the image */
export function changed(name: string): TakoError {
  return new TakoError("storage", "the image changed while it was read", {
    rule: "BKT-24",
    source: shownPath(name),
    hint: "Run it again when nothing writes to the image any more.",
  });
}
