// A publisher's directory: the signed manifest and the images, as a web server serves them
// (spec/publish.md). One function per step that touches the disk; their order is commands/store.ts.

import { lstatSync } from "node:fs";
import { join } from "node:path";
import type { Sha256Hex } from "../../core/digest.ts";
import { asTakoError, TakoError } from "../../core/error.ts";
import type { PublicKey } from "../../core/keys.ts";
import { LATEST, MANIFEST, packedNamesOf, temporaryName } from "../../core/layout.ts";
import { shownPath } from "../../core/text.ts";
import { discard, removeIfPresent, requireDirectory } from "../disk/files.ts";
import { readBlocks } from "../disk/hash.ts";
import { ImageStore, LockedImageStore } from "../disk/image-store.ts";
import type { ImageWriter, Progress } from "../disk/image-writer.ts";
import { type Lock, lockDirectory, type Waiting } from "../disk/lock.ts";
import {
  type ManifestFile,
  readManifestFile,
  syncManifestFile,
  writeManifestFile,
} from "../disk/manifest-file.ts";
import { isLackOfRoom, naming } from "../disk/storage-error.ts";
import { LockedPackedFiles, PackedFiles } from "../packed/packed-files.ts";
import type { ImageSource } from "./image-source.ts";
import type { Kept, Publication, TakenImage, WritablePublication } from "./publication.ts";

/** A publisher's directory as readers see it. */
export interface DirectoryPublication extends Publication {
  readonly packed: PackedFiles;
  pathOf(digest: Sha256Hex): string;
}

/**
 * A publisher's directory to be read, without its lock.
 *
 * @throws TakoError of kind `storage` if there is none, `usage` if it is a host's
 */
export function openDirectoryPublication(path: string): DirectoryPublication {
  requireDirectory(path, "origin");
  refuseDestination(path);
  const images = new ImageStore(path);
  return {
    manifestPath: join(path, MANIFEST),
    packed: new PackedFiles(images),
    hasStore: async () => isThere(images.path),
    readManifest: async (keys) => readManifestFile(path, keys),
    images: async () => new Set(images.sizes().images.keys()),
    packedOf: async (going) => packedOf(images, going),
    pathOf: (digest) => images.pathOf(digest),
  };
}

/**
 * Locks a publisher's directory (PUB-28), and removes what a run that was killed left there.
 *
 * @throws TakoError of kind `storage`, as do all methods of what it gives, for what the file system
 *   refuses; `usage` if the directory is a host's
 */
export async function lockDirectoryPublication(
  path: string,
  waiting: Waiting,
): Promise<LockedPublication> {
  requireDirectory(path, "origin");
  refuseDestination(path);
  const publication = new LockedPublication(path, await lockDirectory(path, waiting));
  try {
    publication.removeLeftovers();
    return publication;
  } catch (error) {
    await publication[Symbol.asyncDispose]();
    throw error;
  }
}

/** A publisher's directory that no other run changes, until it is disposed of. */
export class LockedPublication implements WritablePublication {
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

  async [Symbol.asyncDispose](): Promise<void> {
    this.#lock[Symbol.dispose]();
  }

  removeLeftovers(): void {
    removeIfPresent(join(this.#path, temporaryName(MANIFEST)));
    this.#images.removeLeftovers();
  }

  async hasStore(): Promise<boolean> {
    return isThere(this.#images.path);
  }

  async readManifest(keys: readonly PublicKey[]): Promise<ManifestFile> {
    return readManifestFile(this.#path, keys);
  }

  async images(): Promise<ReadonlySet<Sha256Hex>> {
    return new Set(this.#images.sizes().images.keys());
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

  async packedOf(going: ReadonlySet<Sha256Hex>): Promise<readonly string[]> {
    return packedOf(this.#images, going);
  }

  /** First the lists forget them. */
  async removePacked(names: readonly string[]): Promise<void> {
    if (names.length === 0) return;
    await this.packed.writeLists(new Map(), new Set(names));
    await this.packed.remove(names);
  }

  syncImages(): Promise<void> {
    return this.#images.sync();
  }

  /** With the lock nobody comes between. */
  async writeManifest(bytes: Uint8Array): Promise<boolean> {
    this.#lock.requireHeld();
    await writeManifestFile(this.#path, bytes);
    return true;
  }

  syncManifest(): Promise<void> {
    return syncManifestFile(this.#path);
  }

  /**
   * Copies an image to a temporary name in the store, which is made if it is missing (PUB-11).
   *
   * @param onProgress told how many bytes are copied and hashed
   */
  async takeImage(source: ImageSource, onProgress: Progress): Promise<TakenImage> {
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
class ImageCopy implements TakenImage {
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

  /** Puts the copy on disk under its digest, unless an undamaged one is there (PUB-34, PUB-35). */
  async keep(): Promise<Kept> {
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

function packedOf(store: ImageStore, going: ReadonlySet<Sha256Hex>): readonly string[] {
  const names = store.names();
  const here = new Set(names);
  const isGone = (digest: Sha256Hex) =>
    going.has(digest) || (!here.has(digest) && store.isMarked(digest));
  return packedNamesOf(names, isGone);
}
