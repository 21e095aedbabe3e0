// A packed file that travels: appended to by one run or several, and read once it is whole (PCK-55). It is neither hashed nor
// synced, for only what comes out of it is judged.

import { fstatSync, writeSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { createFile, discard } from "./files.ts";
import { openForResume } from "./image-writer.ts";
import { readChunks, statRegularFile } from "./read-files.ts";
import { storageError } from "./storage-error.ts";

export class PartFile implements AsyncDisposable {
  readonly path: string;
  readonly #handle: FileHandle;
  #size: number;

  constructor(path: string, handle: FileHandle) {
    this.path = path;
    this.#handle = handle;
    this.#size = fstatSync(handle.fd).size;
  }

  /** Bytes in the file. */
  get size(): number {
    return this.#size;
  }

  /** Appends a chunk. @throws TakoError of kind `storage` */
  write(chunk: Uint8Array): undefined {
    try {
      for (let done = 0; done < chunk.length; ) {
        const count = writeSync(this.#handle.fd, chunk, done);
        done += count;
        this.#size += count;
      }
    } catch (error) {
      throw storageError(error, "write", this.path);
    }
    return undefined;
  }

  /** All that is in the file, as by {@link readChunks}. */
  chunks(): AsyncGenerator<Uint8Array> {
    return readChunks(this.#handle.fd, this.path);
  }

  /** Closes the file as it is; an empty one goes. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
    if (this.#size === 0) discard(this.path);
  }
}

/** Opens a file to be continued, or makes one. @throws TakoError of kind `storage` */
export async function openPartFile(path: string): Promise<PartFile> {
  const isThere = statRegularFile(path) !== undefined;
  return new PartFile(path, await (isThere ? openForResume(path) : createFile(path)));
}
