// A publisher's directory: the signed manifest and the images, as an origin serves them
// (spec/publish.md). One function per step that touches the disk; their order is commands/store.ts.

import { constants, fstatSync, lstatSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import type { Sha256Hex } from "../core/digest.ts";
import { asTakoError, TakoError } from "../core/error.ts";
import type { PublicKey } from "../core/keys.ts";
import { LATEST, MANIFEST, temporaryName } from "../core/layout.ts";
import { shownPath } from "../core/text.ts";
import { discard, removeIfPresent, requireDirectory } from "./disk/files.ts";
import { hexDigest, newHasher, readBlocks } from "./disk/hash.ts";
import { type ImageIdentity, ImageStore, LockedImageStore } from "./disk/image-store.ts";
import type { ImageWriter, Progress } from "./disk/image-writer.ts";
import { type Lock, lockDirectory, type Waiting } from "./disk/lock.ts";
import {
  type ManifestFile,
  readManifestFile,
  syncManifestFile,
  writeManifestFile,
} from "./disk/manifest-file.ts";
import { isLackOfRoom, naming } from "./disk/storage-error.ts";
import { LockedPackedFiles, PackedFiles } from "./packed/packed-files.ts";

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
  const handle = await naming(path, "read", () => open(path, constants.O_RDONLY));
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
  const stats = naming(name, "read", () => fstatSync(fd));
  if (stats.isFile()) return { ...source, size: stats.size };
  if (stats.isFIFO() || stats.isSocket()) return { ...source, size: undefined };
  throw new TakoError("storage", "it is neither a regular file nor a pipe", {
    rule: "PUB-17",
    source: shownPath(name),
  });
}

/** Reads an image to its end, and writes nothing (PUB-78). @param onProgress told how many bytes are hashed */
export async function hashImage(
  { fd, name }: ImageSource,
  onProgress: Progress,
): Promise<ImageIdentity> {
  const hasher = newHasher();
  let size = 0;
  for await (const block of readBlocks(fd, name)) {
    hasher.update(block);
    size += block.length;
    onProgress(size);
  }
  return { digest: hexDigest(hasher), size };
}

/** A publisher's directory as readers see it. */
export interface Publication {
  readonly manifestPath: string;
  readonly packed: PackedFiles;
  /** Whether there is something by the name of its store. */
  hasStore(): boolean;
  readManifest(keys: readonly PublicKey[]): ManifestFile;
  /** The images that are here, by their names. */
  images(): ReadonlySet<Sha256Hex>;
  pathOf(digest: Sha256Hex): string;
}

/**
 * A publisher's directory to be read, without its lock.
 *
 * @throws TakoError of kind `storage` if there is none, `usage` if it is a host's
 */
export function openPublication(path: string): Publication {
  requireDirectory(path, "origin");
  refuseDestination(path);
  const images = new ImageStore(path);
  return {
    manifestPath: join(path, MANIFEST),
    packed: new PackedFiles(images),
    hasStore: () => isThere(images.path),
    readManifest: (keys) => readManifestFile(path, keys),
    images: () => new Set(images.sizes().images.keys()),
    pathOf: (digest) => images.pathOf(digest),
  };
}

/**
 * Locks a publisher's directory (PUB-28), and removes what a run that was killed left there.
 *
 * @throws TakoError of kind `storage`, as do all methods of what it gives, for what the file system
 *   refuses; `usage` if the directory is a host's
 */
export async function lockPublication(path: string, waiting: Waiting): Promise<LockedPublication> {
  requireDirectory(path, "origin");
  refuseDestination(path);
  const publication = new LockedPublication(path, await lockDirectory(path, waiting));
  try {
    publication.removeLeftovers();
    return publication;
  } catch (error) {
    publication[Symbol.dispose]();
    throw error;
  }
}

/** A publisher's directory that no other run changes, until it is disposed of. */
export class LockedPublication implements Publication, Disposable {
  readonly manifestPath: string;
  readonly packed: LockedPackedFiles;
  readonly #path: string;
  readonly #images: LockedImageStore;
  readonly #lock: Lock;

  constructor(path: string, lock: Lock) {
    this.manifestPath = join(path, MANIFEST);
    this.#path = path;
    this.#images = new LockedImageStore(path, lock);
    this.packed = new LockedPackedFiles(this.#images, lock);
    this.#lock = lock;
  }

  [Symbol.dispose](): void {
    this.#lock[Symbol.dispose]();
  }

  removeLeftovers(): void {
    removeIfPresent(join(this.#path, temporaryName(MANIFEST)));
    this.#images.removeLeftovers();
  }

  hasStore(): boolean {
    return isThere(this.#images.path);
  }

  readManifest(keys: readonly PublicKey[]): ManifestFile {
    return readManifestFile(this.#path, keys);
  }

  images(): ReadonlySet<Sha256Hex> {
    return new Set(this.#images.sizes().images.keys());
  }

  pathOf(digest: Sha256Hex): string {
    return this.#images.pathOf(digest);
  }

  /** As {@link ImageStore.isMarked}. */
  isMarked(digest: Sha256Hex): boolean {
    return this.#images.isMarked(digest);
  }

  /** Takes an image away that no host is to ask for any more; the mark says so from before that on (PRU-22, PRU-26). */
  async retire(digest: Sha256Hex): Promise<void> {
    try {
      await this.#images.mark(digest);
    } catch (caught) {
      if (!isLackOfRoom(caught)) throw caught;
      const hint = "Before an image goes its mark is written: free a few kB in another way first.";
      throw asTakoError(caught).with({ rule: "PRU-26", hint });
    }
    await this.#images.remove(digest);
  }

  syncImages(): Promise<void> {
    return this.#images.sync();
  }

  async writeManifest(bytes: Uint8Array): Promise<void> {
    this.#lock.requireHeld();
    return writeManifestFile(this.#path, bytes);
  }

  syncManifest(): Promise<void> {
    return syncManifestFile(this.#path);
  }

  /**
   * Copies an image to a temporary name in the store, which is made if it is missing (PUB-11).
   *
   * @param onProgress told how many bytes are copied and hashed
   */
  async copyImage(source: ImageSource, onProgress: Progress): Promise<ImageCopy> {
    const writer = await this.#images.openCopy(source.path, onProgress);
    const copy = new ImageCopy(this.#images, writer);
    try {
      // What shares its blocks with the source is whole already.
      if (writer.size === 0) {
        for await (const block of readBlocks(source.fd, source.name)) await writer.write(block);
      }
      return copy;
    } catch (error) {
      await copy[Symbol.asyncDispose]();
      throw error;
    }
  }
}

/** An image in the store under a temporary name, which goes away unless it is kept. */
class ImageCopy implements AsyncDisposable {
  readonly #images: LockedImageStore;
  readonly #writer: ImageWriter;
  #kept = false;

  constructor(images: LockedImageStore, writer: ImageWriter) {
    this.#images = images;
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

  /**
   * Puts the copy on disk under its digest, unless an undamaged one is there (PUB-34, PUB-35).
   *
   * @returns whether the store did not have it, and whether a mark said that it was removed
   */
  async keep(): Promise<{ readonly isKept: boolean; readonly isUnmarked: boolean }> {
    const { digest, size } = this;
    if ((await this.#images.check({ digest, size }, true)) === "present") {
      // The run that made it may have been killed before this.
      await this.#images.sync();
      return { isKept: false, isUnmarked: await this.#images.unmark(digest) };
    }
    await this.#images.keep(this.#writer);
    this.#kept = true;
    return { isKept: true, isUnmarked: await this.#images.unmark(digest) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer.close();
    if (!this.#kept) discard(this.#writer.path);
  }
}

/**
 * A host has not all the images of its manifest, and would refuse one that it has not got from its origin (PUB-83).
 *
 * @throws TakoError of kind `usage`
 */
export function refuseDestination(directory: string): void {
  if (!isThere(join(directory, LATEST))) return;
  throw new TakoError("usage", `${shownPath(directory)} is the destination of a host`, {
    rule: "PUB-83",
    hint: "For a host, commands take its config; an origin is another directory.",
  });
}

/** Anything by that name, a dangling link included. */
function isThere(path: string): boolean {
  return naming(path, "read", () => lstatSync(path, { throwIfNoEntry: false })) !== undefined;
}
