// The SHA-256 of files of any size, in constant memory, as fast as the machine allows. Their names, and
// what is decided on their digests, are not known here.

import { closeSync, fstatSync, read as readCallback } from "node:fs";
import { promisify } from "node:util";
import { parseSha256Hex, type Sha256Hex } from "../../core/digest.ts";
import { openRegularFile } from "./read-files.ts";
import { isErrno, storageError } from "./storage-error.ts";

const read = promisify(readCallback);

/** Bytes of one read. */
export const BLOCK = 1024 * 1024;
/** Until the next look at a pipe that is empty and does not wait. */
const POLL_MS = 10;

/**
 * The digest of the regular file at `path`; `undefined` if there is none.
 *
 * @param onProgress is told how many bytes of it have been hashed
 */
export async function hashFile(
  path: string,
  onProgress: (done: number) => void = () => {},
): Promise<Sha256Hex | undefined> {
  const fd = openRegularFile(path);
  if (fd === undefined) return undefined;
  const hasher = newHasher();
  let done = 0;
  try {
    // A byte more than is expected: the second read is the end of the file.
    const length = Math.min(fstatSync(fd).size + 1, BLOCK);
    for await (const block of readBlocks(fd, path, length)) {
      hasher.update(block);
      done += block.length;
      onProgress(done);
    }
  } finally {
    closeSync(fd);
  }
  return hexDigest(hasher);
}

/** The digest of bytes in memory. */
export function hashBytes(bytes: Uint8Array): Sha256Hex {
  return hexDigest(newHasher().update(bytes));
}

/**
 * The content of an open file, in blocks. The next one is being read while the caller works on
 * this one, which is overwritten after the next has been asked for.
 *
 * @param path what errors name
 * @param length of a block, in bytes
 */
export async function* readBlocks(
  fd: number,
  path: string,
  length = BLOCK,
): AsyncGenerator<Uint8Array> {
  const readInto = async (buffer: Uint8Array): Promise<Uint8Array> => {
    for (;;) {
      try {
        const { bytesRead } = await read(fd, buffer, 0, buffer.length, null);
        return buffer.subarray(0, bytesRead);
      } catch (error) {
        if (!isErrno(error, "EAGAIN")) throw storageError(error, "read", path);
        // A standard input that the parent process made non-blocking.
        await Bun.sleep(POLL_MS);
      }
    }
  };
  let current = new Uint8Array(length);
  let spare = new Uint8Array(length);
  let ahead = readInto(current);
  try {
    for (;;) {
      const block = await ahead;
      if (block.length === 0) return;
      [current, spare] = [spare, current];
      ahead = readInto(current);
      // If it fails meanwhile, the next turn tells.
      ahead.catch(() => {});
      yield block;
    }
  } finally {
    // The caller may close the file now: nothing may be reading from it any more.
    await ahead.catch(() => {});
  }
}

/** A hasher of SHA-256. */
export function newHasher(): Bun.CryptoHasher {
  return new Bun.CryptoHasher("sha256");
}

/** What has been hashed; the hasher takes no more. */
export function hexDigest(hasher: Bun.CryptoHasher): Sha256Hex {
  return requireSha256Hex(hasher.digest("hex"));
}

/** What a hasher gave as hexadecimal digits, here or in another thread. */
export function requireSha256Hex(text: string): Sha256Hex {
  const digest = parseSha256Hex(text);
  if (digest === undefined) throw new Error("SHA-256 has 64 hexadecimal digits");
  return digest;
}
