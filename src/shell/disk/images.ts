// Images, files of any size: read, hashed and written in constant memory, as fast as the machine
// allows. Their names, and what is decided on their digests, are not known here.

import {
  closeSync,
  constants,
  fstatSync,
  read as readCallback,
  readSync,
  writeSync,
} from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { promisify } from "node:util";
import { parseSha256Hex, type Sha256Hex } from "../../core/digest.ts";
import { createFile, notA, openRegularFile, setMode, writeAll } from "./files.ts";
import { isErrno, storageError } from "./storage-error.ts";

const read = promisify(readCallback);
/** Lets the event loop serve everything else. */
const nextTurn = promisify(setImmediate);

const MIB = 1024 * 1024;
/** Bytes of one read. */
const BLOCK = MIB;
/** From this many bytes on, it pays to write a chunk on another thread while it is hashed. */
const OVERLAP = MIB / 4;
/** Until the next look at a pipe that is empty and does not wait. */
const POLL_MS = 10;
/** Bytes hashed at once of a file that is being written: about what arrives at once. */
const FOLLOW_BLOCK = MIB / 2;
/** Until the next look at a file that grows slowly. */
const LONGEST_PAUSE_MS = 64;
/** Bytes after which what is written is sent to the disk, so that the last sync has little to do. */
const SYNC_EVERY = 32 * MIB;

/** The digest of the regular file at `path`; `undefined` if there is none. */
export async function hashFile(path: string): Promise<Sha256Hex | undefined> {
  const fd = openRegularFile(path);
  if (fd === undefined) return undefined;
  const hasher = new Bun.CryptoHasher("sha256");
  try {
    for await (const block of readBlocks(fd, path)) hasher.update(block);
  } finally {
    closeSync(fd);
  }
  return hexDigest(hasher);
}

/** The digest of bytes in memory. */
export function hashBytes(bytes: Uint8Array): Sha256Hex {
  return hexDigest(new Bun.CryptoHasher("sha256").update(bytes));
}

/**
 * The content of an open file, in blocks. The next one is being read while the caller works on
 * this one, which is overwritten after the next has been asked for.
 *
 * @param path what errors name
 */
export async function* readBlocks(fd: number, path: string): AsyncGenerator<Uint8Array> {
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
  let current = new Uint8Array(BLOCK);
  let spare = new Uint8Array(BLOCK);
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

/**
 * Writes an image and hashes the very bytes that it writes. What is written goes to the disk in
 * the background, so that little is left to wait for at the end.
 */
export class DurableWriter {
  readonly #path: string;
  readonly #handle: FileHandle;
  #hasher = new Bun.CryptoHasher("sha256");
  #digest: Sha256Hex | undefined;
  #size = 0;
  #unsynced = 0;
  #syncing: Promise<void> | undefined;
  #syncError: unknown;
  #closed = false;

  private constructor(path: string, handle: FileHandle) {
    this.#path = path;
    this.#handle = handle;
  }

  /** Makes a new file; one that is there already is an error (DST-26). */
  static async create(path: string): Promise<DurableWriter> {
    return new DurableWriter(path, await createFile(path));
  }

  /** Goes on after the bytes of a file that is there; they are hashed again, not trusted. */
  static async resume(path: string): Promise<DurableWriter> {
    const writer = new DurableWriter(path, await openForResume(path));
    try {
      for await (const block of readBlocks(writer.#handle.fd, path)) {
        writer.#hasher.update(block);
        writer.#size += block.length;
      }
    } catch (error) {
      await writer.close();
      throw error;
    }
    return writer;
  }

  /** Bytes in the file. */
  get size(): number {
    return this.#size;
  }

  /** Whether a sync failed. The kernel may show bytes then that never reach the disk, as if they had. */
  get isDoubtful(): boolean {
    return this.#syncError !== undefined;
  }

  /**
   * Appends a chunk, which the caller may reuse as soon as this is done. A small one is done at
   * once, and a promise for each would cost more than the write.
   */
  write(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#syncError !== undefined) throw this.#syncError;
    if (chunk.length >= OVERLAP) return this.#writeWhileHashing(chunk);
    this.#hasher.update(chunk);
    try {
      for (let done = 0; done < chunk.length; ) {
        done += writeSync(this.#handle.fd, chunk, done);
      }
    } catch (error) {
      throw storageError(error, "write", this.#path);
    }
    this.#wrote(chunk.length);
    return undefined;
  }

  async #writeWhileHashing(chunk: Uint8Array): Promise<void> {
    try {
      const written = writeAll(this.#handle, chunk);
      this.#hasher.update(chunk);
      await written;
    } catch (error) {
      throw storageError(error, "write", this.#path);
    }
    this.#wrote(chunk.length);
  }

  /**
   * Lets somebody else append to the file, and hashes what is in the file meanwhile.
   *
   * @param writeTo appends to the descriptor until it settles, or soon after the signal
   * @param onProgress called with the bytes that are hashed so far
   */
  async append(
    writeTo: (fd: number, signal: AbortSignal) => Promise<void>,
    onProgress: (size: number) => void,
  ): Promise<void> {
    const stop = new AbortController();
    let isGrowing = true;
    const written = writeTo(this.#handle.fd, stop.signal).finally(() => {
      isGrowing = false;
    });
    // Told below, after all that came until then is hashed.
    written.catch(() => {});
    try {
      await this.#follow(() => isGrowing, onProgress);
      await written;
    } catch (error) {
      stop.abort();
      await written.catch(() => {});
      throw storageError(error, "write", this.#path);
    }
  }

  /** Hashes what comes after the bytes that are hashed, until the file no longer grows. */
  async #follow(isGrowing: () => boolean, onProgress: (size: number) => void): Promise<void> {
    const buffer = new Uint8Array(FOLLOW_BLOCK);
    for (let pauseMs = 1; ; ) {
      if (this.#syncError !== undefined) throw this.#syncError;
      const mayGrow = isGrowing();
      const ready = fstatSync(this.#handle.fd).size - this.#size;
      if (mayGrow && (ready === 0 || (ready < buffer.length && pauseMs < LONGEST_PAUSE_MS))) {
        await Bun.sleep(pauseMs);
        pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
        continue;
      }
      const count = readSync(this.#handle.fd, buffer, 0, buffer.length, this.#size);
      if (count === 0) return;
      this.#hasher.update(buffer.subarray(0, count));
      this.#wrote(count);
      onProgress(this.#size);
      pauseMs = 1;
      await nextTurn();
    }
  }

  #wrote(count: number): void {
    this.#size += count;
    this.#unsynced += count;
    if (this.#unsynced >= SYNC_EVERY && this.#syncing === undefined) this.#syncInBackground();
  }

  #syncInBackground(): void {
    this.#unsynced = 0;
    this.#syncing = this.#handle
      .datasync()
      .catch((error: unknown) => {
        this.#syncError = storageError(error, "write", this.#path);
      })
      .finally(() => {
        this.#syncing = undefined;
      });
  }

  /** Throws away all that was written: the next chunk is the first. */
  async restart(): Promise<void> {
    await this.#syncing;
    try {
      await this.#handle.truncate(0);
    } catch (error) {
      throw storageError(error, "truncate", this.#path);
    }
    this.#hasher = new Bun.CryptoHasher("sha256");
    this.#digest = undefined;
    this.#size = 0;
  }

  /** The digest of all bytes in the file. Nothing can be written any more. */
  digest(): Sha256Hex {
    this.#digest ??= hexDigest(this.#hasher);
    return this.#digest;
  }

  /** Gives the file its final mode, waits until all of it is on disk, and closes it (DST-21). */
  async finish(mode: number): Promise<void> {
    await this.#syncing;
    if (this.#syncError !== undefined) throw this.#syncError;
    try {
      await this.#handle.chmod(mode);
    } catch (error) {
      throw storageError(error, "write", this.#path);
    }
    try {
      await this.#handle.sync();
    } catch (error) {
      this.#syncError = storageError(error, "write", this.#path);
      throw this.#syncError;
    }
    await this.close();
  }

  /** Closes the file as it is; may be called again. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#syncing;
    await this.#handle.close();
  }
}

async function openForResume(path: string): Promise<FileHandle> {
  try {
    return await openAppending(path).catch((error: unknown) => {
      if (!isErrno(error, "EACCES")) throw error;
      // Its owner may not write a finished file: a run was killed between its mode and its rename.
      setMode(path, 0o600);
      return openAppending(path);
    });
  } catch (error) {
    throw storageError(error, "write", path);
  }
}

async function openAppending(path: string): Promise<FileHandle> {
  const { O_RDWR, O_APPEND, O_NOFOLLOW, O_NONBLOCK } = constants;
  const handle = await open(path, O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK);
  if ((await handle.stat()).isFile()) return handle;
  await handle.close();
  throw notA("regular file", path);
}

function hexDigest(hasher: Bun.CryptoHasher): Sha256Hex {
  const digest = parseSha256Hex(hasher.digest("hex"));
  if (digest === undefined) throw new Error("SHA-256 has 64 hexadecimal digits");
  return digest;
}
