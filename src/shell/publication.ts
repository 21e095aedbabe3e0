// A publisher's directory: the signed manifest and the images, as an origin serves them
// (spec/publish.md). One function per step that touches the disk; their order is commands/store.ts.

import { constants, copyFile, fstatSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Sha256Hex } from "../core/digest.ts";
import { TakoError } from "../core/error.ts";
import type { PublicKey } from "../core/keys.ts";
import { MANIFEST, NEW_IMAGE, STORE, temporaryName } from "../core/layout.ts";
import {
  discard,
  isPresent,
  makeDirectory,
  moveIntoPlace,
  removeIfPresent,
  syncDirectory,
} from "./disk/files.ts";
import { DurableWriter, hashFile, readBlocks } from "./disk/images.ts";
import {
  type ManifestFile,
  readManifestFile,
  syncManifestFile,
  writeManifestFile,
} from "./disk/manifest-file.ts";
import { shownPath, storageError } from "./disk/storage-error.ts";

/** What is to be published: an open file or pipe. */
export interface ImageSource extends AsyncDisposable {
  readonly fd: number;
  /** For messages. */
  readonly name: string;
  /** Bytes, if it is a regular file; they may change while it is read. */
  readonly size: number | undefined;
  /** The regular file whose blocks may be shared. */
  readonly path?: string;
}

/**
 * Opens the image to be published; what a symbolic link names is taken.
 *
 * @throws TakoError of kind `storage` if it is neither a regular file nor a pipe (PUB-17)
 */
export async function openImage(path: string): Promise<ImageSource> {
  const handle = await open(path, constants.O_RDONLY).catch((error: unknown) => {
    throw storageError(error, "read", path);
  });
  const close = () => handle.close();
  try {
    const { name, size } = openedImage(handle.fd, path);
    const { fd } = handle;
    const source = { fd, name, size, [Symbol.asyncDispose]: close };
    return size === undefined ? source : { ...source, path };
  } catch (error) {
    await close();
    throw error;
  }
}

/** An image that is read from a file descriptor of the process, such as standard input. */
export function openedImage(fd: number, name: string): ImageSource {
  const source = { fd, name, [Symbol.asyncDispose]: async () => {} };
  let stats: ReturnType<typeof fstatSync>;
  try {
    stats = fstatSync(fd);
  } catch (error) {
    throw storageError(error, "read", name);
  }
  if (stats.isFile()) return { ...source, size: stats.size };
  if (stats.isFIFO() || stats.isSocket()) return { ...source, size: undefined };
  throw new TakoError("storage", "it is neither a regular file nor a pipe", {
    rule: "PUB-17",
    source: shownPath(name),
  });
}

/** All methods throw TakoError of kind `storage` for what the file system refuses. */
export class Publication {
  readonly manifestPath: string;
  readonly #path: string;
  readonly #store: string;
  readonly #newImage: string;

  constructor(path: string) {
    this.manifestPath = join(path, MANIFEST);
    this.#path = path;
    this.#store = join(path, STORE);
    this.#newImage = join(this.#store, NEW_IMAGE);
  }

  /** Removes the temporary files of a run that was killed. Needs the lock. */
  removeLeftovers(): void {
    removeIfPresent(join(this.#path, temporaryName(MANIFEST)));
    if (isPresent(this.#store, "directory")) removeIfPresent(this.#newImage);
  }

  readManifest(keys: readonly PublicKey[]): ManifestFile {
    return readManifestFile(this.#path, keys);
  }

  writeManifest(bytes: Uint8Array): Promise<void> {
    return writeManifestFile(this.#path, bytes);
  }

  syncManifest(): Promise<void> {
    return syncManifestFile(this.#path);
  }

  /** Copies an image to a temporary name in the store, which is made if it is missing (PUB-11). */
  async copyImage(source: ImageSource): Promise<ImageCopy> {
    await makeDirectory(this.#store, 0o755);
    const writer = (await this.#clone(source)) ?? (await DurableWriter.create(this.#newImage));
    const copy = new ImageCopy(this.#store, this.#newImage, writer);
    try {
      if (writer.size === 0) {
        for await (const block of readBlocks(source.fd, source.name)) await writer.write(block);
      }
      return copy;
    } catch (error) {
      await copy[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** A copy that shares its blocks with the image, where the file system can do that (PUB-10). */
  async #clone({ path }: ImageSource): Promise<DurableWriter | undefined> {
    if (path === undefined) return undefined;
    const { COPYFILE_EXCL, COPYFILE_FICLONE_FORCE } = constants;
    try {
      await promisify(copyFile)(path, this.#newImage, COPYFILE_EXCL | COPYFILE_FICLONE_FORCE);
    } catch {
      // Most file systems cannot. Whatever else is wrong, the plain copy meets it and tells it.
      return undefined;
    }
    return DurableWriter.resume(this.#newImage);
  }
}

/** An image in the store under a temporary name, which goes away unless it is kept. */
export class ImageCopy implements AsyncDisposable {
  readonly #store: string;
  readonly #path: string;
  readonly #writer: DurableWriter;
  #kept = false;

  constructor(store: string, path: string, writer: DurableWriter) {
    this.#store = store;
    this.#path = path;
    this.#writer = writer;
  }

  /** Bytes of the copy. */
  get size(): number {
    return this.#writer.size;
  }

  /** The digest of the bytes of the copy, whatever became of the image since. */
  get digest(): Sha256Hex {
    return this.#writer.digest();
  }

  /** Puts the copy on disk under its digest, unless an undamaged one is there (PUB-34, PUB-35). */
  async keep(): Promise<void> {
    const { digest } = this;
    if ((await hashFile(join(this.#store, digest))) === digest) {
      // The run that made it may have been killed before this.
      await syncDirectory(this.#store);
      return;
    }
    await this.#writer.finish(0o444);
    await moveIntoPlace(this.#path, this.#store, digest);
    this.#kept = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer.close();
    if (!this.#kept) discard(this.#path);
  }
}
