// Writes the file of an image, and hashes it on the way. Its names, and what is decided on its digest,
// are not known here.

import { constants, fstatSync, readSync, writeSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { promisify } from "node:util";
import type { Sha256Hex } from "../../core/digest.ts";
import { TakoError } from "../../core/error.ts";
import { shownPath } from "../../core/text.ts";
import { createFile, setMode, writeAll } from "./files.ts";
import { hexDigest, newHasher, readBlocks } from "./hash.ts";
import { notA } from "./read-files.ts";
import { isErrno, naming, storageError } from "./storage-error.ts";

/** Lets the event loop serve everything else. */
const nextTurn = promisify(setImmediate);

const MIB = 1024 * 1024;
/** From this many bytes on, it pays to write a chunk on another thread while it is hashed. */
const OVERLAP = MIB / 4;
/** Bytes hashed at once of a file that is being written: about what arrives at once. */
const FOLLOW_BLOCK = MIB / 2;
/** Until the next look at a file that grows slowly. */
const LONGEST_PAUSE_MS = 64;
/** Bytes after which what is written is sent to the disk, so that the last sync has little to do. */
const SYNC_EVERY = 32 * MIB;

/** Told, as the file grows, how many bytes of it are written and hashed. */
export type Progress = (size: number) => void;

/**
 * Writes an image and hashes the very bytes that it writes. What is written goes to the disk in
 * the background, so that little is left to wait for at the end.
 */
export class ImageWriter {
  readonly path: string;
  readonly #handle: FileHandle;
  readonly #onProgress: Progress;
  #hasher = newHasher();
  #digest: Sha256Hex | undefined;
  #size = 0;
  #unsynced = 0;
  #syncing: Promise<void> | undefined;
  #syncError: unknown;
  #closed = false;

  private constructor(path: string, handle: FileHandle, onProgress: Progress = () => {}) {
    this.path = path;
    this.#handle = handle;
    this.#onProgress = onProgress;
  }

  /** Makes a new file; one that is there already is an error (DST-26). */
  static async create(path: string, onProgress?: Progress): Promise<ImageWriter> {
    return new ImageWriter(path, await createFile(path), onProgress);
  }

  /** Goes on after the bytes of a file that is there; they are hashed again, not trusted. */
  static async resume(path: string, onProgress?: Progress): Promise<ImageWriter> {
    const writer = new ImageWriter(path, await openForResume(path), onProgress);
    try {
      for await (const block of readBlocks(writer.#handle.fd, path)) {
        writer.#hasher.update(block);
        writer.#size += block.length;
        onProgress?.(writer.#size);
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
  get syncFailed(): boolean {
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
      throw storageError(error, "write", this.path);
    }
    this.#wrote(chunk.length);
    return undefined;
  }

  async #writeWhileHashing(chunk: Uint8Array): Promise<void> {
    const written = naming(this.path, "write", () => writeAll(this.#handle, chunk));
    this.#hasher.update(chunk);
    await written;
    this.#wrote(chunk.length);
  }

  /**
   * Lets somebody else append to the file, and hashes what is in the file meanwhile.
   *
   * @param writeTo appends to the descriptor until it settles, or soon after the signal
   */
  async append(writeTo: (fd: number, signal: AbortSignal) => Promise<void>): Promise<void> {
    const stop = new AbortController();
    let isGrowing = true;
    const written = writeTo(this.#handle.fd, stop.signal).finally(() => {
      isGrowing = false;
    });
    // Told below, after all that came until then is hashed.
    written.catch(() => {});
    try {
      await this.#follow(() => isGrowing);
      await written;
    } catch (error) {
      stop.abort();
      await written.catch(() => {});
      throw storageError(error, "write", this.path);
    }
  }

  /** Hashes what comes after the bytes that are hashed, until the file no longer grows. */
  async #follow(isGrowing: () => boolean): Promise<void> {
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
      pauseMs = 1;
      await nextTurn();
    }
  }

  #wrote(count: number): void {
    this.#size += count;
    this.#unsynced += count;
    if (this.#unsynced >= SYNC_EVERY && this.#syncing === undefined) this.#syncInBackground();
    this.#onProgress(this.#size);
  }

  #syncInBackground(): void {
    this.#unsynced = 0;
    this.#syncing = this.#handle
      .datasync()
      .catch((error: unknown) => {
        this.#syncError = storageError(error, "write", this.path);
      })
      .finally(() => {
        this.#syncing = undefined;
      });
  }

  /** Throws away all that was written: the next chunk is the first. */
  async restart(): Promise<void> {
    await naming(this.path, "truncate", () => this.#handle.truncate(0));
    this.#hasher = newHasher();
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
    if (fstatSync(this.#handle.fd).size !== this.#size) throw somebodyWrote(this.path);
    await naming(this.path, "write", () => this.#handle.chmod(mode));
    try {
      await this.#handle.sync();
    } catch (error) {
      this.#syncError = storageError(error, "write", this.path);
      throw this.#syncError;
    }
    await this.close();
  }

  /** Closes the file as it is, once a sync in the background has ended; may be called again. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    // It waits for what is done with the handle.
    await this.#handle.close();
  }
}

/** What was hashed is not what the file holds (DST-38). */
function somebodyWrote(path: string): TakoError {
  return new TakoError("storage", "somebody else wrote to it meanwhile", {
    rule: "DST-38",
    source: shownPath(path),
    hint: "Let nothing but Tako change what is in store/, nor remove .lock; then run this again.",
  });
}

function openForResume(path: string): Promise<FileHandle> {
  return naming(path, "write", () =>
    openAppending(path).catch((error: unknown) => {
      if (!isErrno(error, "EACCES")) throw error;
      // Its owner may not write a finished file: a run was killed between its mode and its rename.
      setMode(path, 0o600);
      return openAppending(path);
    }),
  );
}

async function openAppending(path: string): Promise<FileHandle> {
  const { O_RDWR, O_APPEND, O_NOFOLLOW, O_NONBLOCK } = constants;
  const handle = await open(path, O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK);
  if ((await handle.stat()).isFile()) return handle;
  await handle.close();
  throw notA("regular file", path);
}
