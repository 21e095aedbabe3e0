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
  /** Fills a block from there on. @returns how many bytes there are in it */
  readonly read: (at: number, block: Uint8Array) => Promise<number>;
}

const read = promisify(readCallback);
/** Bytes at once: few, for a slow line takes them within the limit on time without progress (BKT-64). */
const BLOCK = 64 * 1024;

export function bodyOf(bytes: Uint8Array): S3Body {
  return {
    size: bytes.length,
    sha256: hashBytes(bytes),
    read: async (at, block) => {
      block.set(bytes.subarray(at, at + block.length));
      return block.length;
    },
  };
}

/** @param name what errors name */
export function bodyOfFile(
  { fd, name }: { readonly fd: number; readonly name: string },
  [start, end, sha256]: readonly [start: number, end: number, sha256: string],
): S3Body {
  const readBlock = async (at: number, block: Uint8Array) => {
    const reading = read(fd, block, 0, block.length, start + at);
    const { bytesRead } = await reading.catch((error: unknown) => {
      throw storageError(error, "read", name);
    });
    // It is shorter than it was (BKT-24).
    if (bytesRead === 0) throw changed(name);
    return bytesRead;
  };
  return { size: end - start, sha256, read: readBlock };
}

/** The body as fetch takes it. @param onTaken told of each block that the connection asks for, and of the end */
export function streamOf(
  { size, read }: S3Body,
  onTaken: (isAll: boolean) => void,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  // A block is copied when it is taken, and asked for only then: so two are enough for all.
  const length = Math.min(BLOCK, size);
  let [block, spare] = [new Uint8Array(length), new Uint8Array(length)];
  let done = 0;
  const pull = async (stream: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>) => {
    [block, spare] = [spare, block];
    const filled = await read(done, block.subarray(0, size - done));
    done += filled;
    onTaken(done === size);
    stream.enqueue(block.subarray(0, filled));
    if (done === size) stream.close();
  };
  return new ReadableStream({ pull }, { highWaterMark: 0 });
}

/** @param name of the image */
export function changed(name: string): TakoError {
  return new TakoError("storage", "the image changed while it was read", {
    rule: "BKT-24",
    source: shownPath(name),
    hint: "Run it again when nothing writes to the image any more.",
  });
}
