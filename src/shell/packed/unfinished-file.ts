// A packed file that is being made, under a name of its own in `store/`. Who makes it has locked it, so that one which a
// killed run left is told from one that another run works on (PCK-66, PCK-67).

import { closeSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { createFile, discard, removeIfPresent, writeAll } from "../disk/files.ts";
import { lockOpenFile } from "../disk/lock.ts";
import { openRegularFile, statRegularFile } from "../disk/read-files.ts";
import { naming } from "../disk/storage-error.ts";

/** A new file; it goes away unless it is moved into place before it is disposed of. */
export class UnfinishedFile implements AsyncDisposable {
  readonly path: string;
  /** Its name once it is in place. */
  readonly name: string;
  readonly #handle: FileHandle;
  #size = 0;
  #isKept = false;

  private constructor(path: string, name: string, handle: FileHandle) {
    this.path = path;
    this.name = name;
    this.#handle = handle;
  }

  /**
   * Makes it, in place of one that a killed run left. For who holds the lock on the directory.
   *
   * @returns `undefined` while another run makes it
   * @throws TakoError of kind `storage`
   */
  static async begin(path: string, name: string): Promise<UnfinishedFile | undefined> {
    if (!removeAbandoned(path)) return undefined;
    const handle = await createFile(path);
    if (lockOpenFile(handle.fd, path)) return new UnfinishedFile(path, name, handle);
    await handle.close();
    return undefined;
  }

  /** In bytes. */
  get size(): number {
    return this.#size;
  }

  async write(bytes: Uint8Array): Promise<void> {
    await naming(this.path, "write", () => writeAll(this.#handle, bytes));
    this.#size += bytes.length;
  }

  /** Syncs the whole file, so that it can be moved into place. */
  async finish(): Promise<void> {
    await naming(this.path, "write", async () => {
      await this.#handle.chmod(0o444);
      await this.#handle.sync();
    });
  }

  /** Whether it still has its name: who removes an image removes what is being made of it, too. */
  async isThere(): Promise<boolean> {
    const [found, own] = [statRegularFile(this.path), await this.#handle.stat()];
    return found !== undefined && found.ino === own.ino && found.dev === own.dev;
  }

  /** It has its name now, and stays. */
  kept(): void {
    this.#isKept = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // While it is still locked: the name may be another run's right after.
    if (!this.#isKept) discard(this.path);
    await this.#handle.close();
  }
}

/** Removes what a killed run left. @returns false while another run works on it */
export function removeAbandoned(path: string): boolean {
  const fd = openRegularFile(path);
  if (fd === undefined) return true;
  try {
    if (!lockOpenFile(fd, path)) return false;
    removeIfPresent(path);
    return true;
  } finally {
    closeSync(fd);
  }
}
