// The images of a directory, a host's or a publisher's alike: `store/`, where each lies under its
// digest, and next to them what is still being written (DST-12, PUB-11). What is offered and what is
// in use is not known here.

import { constants, copyFile, lstatSync, readdirSync, type Stats } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { parseSha256Hex, type Sha256Hex } from "../../core/digest.ts";
import {
  goneName,
  imageOfPartial,
  NEW_IMAGE,
  partialName,
  STORE,
  stalePartials,
} from "../../core/layout.ts";
import type { ImageState } from "../../core/plan.ts";
import { decodeImageRecord, encodeImageRecord, IMAGE_RECORD_BYTES } from "../../core/records.ts";
import {
  isTrustedOwner,
  makeDirectory,
  moveIntoPlace,
  removeIfPresent,
  syncDirectory,
  writeFileAtomically,
} from "./files.ts";
import { hashFile } from "./hash.ts";
import { ImageWriter, type Progress } from "./image-writer.ts";
import type { Lock } from "./lock.ts";
import { isPresent, notA, readRegularFile, statRegularFile } from "./read-files.ts";
import { naming } from "./storage-error.ts";

/** What tells an image from all others. */
export interface ImageIdentity {
  readonly digest: Sha256Hex;
  /** In bytes. */
  readonly size: number;
}

/**
 * The images, for those who only look. All methods, here and below, throw TakoError of kind `storage`
 * for what the file system refuses.
 */
export class ImageStore {
  readonly path: string;

  /** @param directory the one that `store/` lies in */
  constructor(directory: string) {
    this.path = join(directory, STORE);
  }

  pathOf(digest: Sha256Hex): string {
    return join(this.path, digest);
  }

  /** The images that are there, by their names; whether they are whole is not looked at. */
  digests(): ReadonlySet<Sha256Hex> {
    return new Set(
      this.names()
        .map(parseSha256Hex)
        .filter((digest) => digest !== undefined),
    );
  }

  /**
   * All that is there, by its name, as the system describes it; no file is read. What a run beside this one takes
   * away meanwhile is not among it.
   */
  files(): ReadonlyMap<string, Stats> {
    return naming(this.path, "look at", () => {
      const found = this.names().flatMap((name): [string, Stats][] => {
        const stats = lstatSync(join(this.path, name), { throwIfNoEntry: false });
        return stats === undefined ? [] : [[name, stats]];
      });
      return new Map(found);
    });
  }

  /** The bytes of each image that is there, by its name, and of each partial download. */
  sizes(): Record<"images" | "partials", ReadonlyMap<Sha256Hex, number>> {
    const images = new Map<Sha256Hex, number>();
    const partials = new Map<Sha256Hex, number>();
    for (const [name, stats] of this.files()) {
      // What is none of ours stays where it is (DST-27).
      if (!stats.isFile()) continue;
      const [image, unfinished] = [parseSha256Hex(name), imageOfPartial(name)];
      if (image !== undefined) images.set(image, stats.size);
      if (unfinished !== undefined) partials.set(unfinished, stats.size);
    }
    return { images, partials };
  }

  /** The names of all that is there. */
  names(): readonly string[] {
    if (!isPresent(this.path, "directory")) return [];
    return naming(this.path, "read", () => readdirSync(this.path));
  }

  /** Whether hosts take an image that is not there for removed on purpose: by its mark, and what is in it (FET-111). */
  isMarked(digest: Sha256Hex): boolean {
    const path = join(this.path, goneName(digest));
    const bytes = readRegularFile(path, IMAGE_RECORD_BYTES, "absent");
    return bytes !== undefined && decodeImageRecord(new TextDecoder().decode(bytes)) === digest;
  }

  /** In bytes, of what has this name; 0 if that is gone. */
  sizeOf(name: string): number {
    const path = join(this.path, name);
    return naming(path, "look at", () => lstatSync(path, { throwIfNoEntry: false }))?.size ?? 0;
  }

  /**
   * Whether an image is there, and whole as far as its size tells.
   *
   * @param found how the system describes its file
   */
  stateBySize(
    { digest, size }: ImageIdentity,
    found = statRegularFile(this.pathOf(digest)),
  ): ImageState {
    if (found === undefined) return "absent";
    if (!found.isFile()) throw notA("regular file", this.pathOf(digest));
    return found.size === size ? stateOfWhole(found, this.path) : "damaged";
  }

  /**
   * Whether an image is there, and whole.
   *
   * @param verify false: look at its size only, unless others could change it (FET-54)
   * @param onProgress is told how many bytes of it have been hashed
   */
  async check(
    image: ImageIdentity,
    verify: boolean,
    onProgress?: (done: number) => void,
  ): Promise<ImageState> {
    // A link in the place of `store` would be followed to its images (DST-27).
    if (!isPresent(this.path, "directory")) return "absent";
    const state = this.stateBySize(image);
    if (state === "absent" || state === "damaged") return state;
    if (state === "present" && !verify) return state;
    const digest = await hashFile(this.pathOf(image.digest), onProgress);
    return digest === image.digest ? state : "damaged";
  }
}

/** The images, for who holds the lock on the directory. */
export class LockedImageStore extends ImageStore {
  readonly #lock: Lock;

  constructor(directory: string, lock: Lock) {
    super(directory);
    this.#lock = lock;
  }

  /**
   * Opens `<hex>.partial` for a download. It is continued (FET-60) unless it is too long to be a
   * part of the image (FET-61), or another user or another name of the file could change it after
   * the check (FET-67). Partials of other images are removed (FET-65).
   */
  async openPartial({ digest, size }: ImageIdentity, onProgress: Progress): Promise<ImageWriter> {
    this.#lock.requireHeld();
    await this.#make();
    this.removeStalePartials(digest);
    const path = join(this.path, partialName(digest));
    const found = statRegularFile(path);
    const isOurs =
      found !== undefined &&
      found.uid === process.geteuid?.() &&
      stateOfWhole(found, this.path) === "present";
    if (isOurs && found.size <= size) return ImageWriter.resume(path, onProgress);
    removeIfPresent(path);
    return ImageWriter.create(path, onProgress);
  }

  /**
   * Removes what is left of downloads of other images (FET-65).
   *
   * @returns whether there was any
   */
  removeStalePartials(wanted: Sha256Hex | undefined): boolean {
    const stale = stalePartials(this.names(), wanted);
    for (const name of stale) removeIfPresent(join(this.path, name));
    return stale.length > 0;
  }

  /**
   * Begins the copy of an image that is being published (PUB-11).
   *
   * @param original a file whose blocks it shares, where the file system can do that; else the copy
   *   is empty
   */
  async openCopy(original: string | undefined, onProgress: Progress): Promise<ImageWriter> {
    await this.#make();
    const path = join(this.path, NEW_IMAGE);
    const isClone = original !== undefined && (await clone(original, path));
    return isClone ? ImageWriter.resume(path, onProgress) : ImageWriter.create(path, onProgress);
  }

  /** Puts what was written on disk under its digest (DST-21, FET-66). */
  async keep(image: ImageWriter): Promise<void> {
    await image.finish(0o444);
    this.#lock.requireHeld();
    await moveIntoPlace(image.path, this.path, image.digest());
  }

  /** Takes an image away. */
  async remove(digest: Sha256Hex): Promise<void> {
    this.#lock.requireHeld();
    removeIfPresent(this.pathOf(digest));
    await this.sync();
  }

  /** Takes away a file that nothing needs; `sync` follows the last of several. */
  drop(digest: Sha256Hex, what: "image" | "partial"): void {
    this.#lock.requireHeld();
    removeIfPresent(join(this.path, what === "image" ? digest : partialName(digest)));
  }

  /** Leaves the mark that an image was removed on purpose (PRU-22); one that is there is written anew. */
  async mark(digest: Sha256Hex): Promise<void> {
    this.#lock.requireHeld();
    const bytes = new TextEncoder().encode(encodeImageRecord(digest));
    await writeFileAtomically(this.path, goneName(digest), bytes, 0o444, NEW_IMAGE);
  }

  /** Takes the mark of an image away that is here again (PUB-68). @returns whether there was one */
  async unmark(digest: Sha256Hex): Promise<boolean> {
    const path = join(this.path, goneName(digest));
    if (!isPresent(path, "regular file")) return false;
    this.#lock.requireHeld();
    removeIfPresent(path);
    await this.sync();
    return true;
  }

  /** Relies on what earlier runs did there, which may have been killed before their sync (DST-29, PUB-36, PRU-8). */
  async sync(): Promise<void> {
    if (isPresent(this.path, "directory")) await syncDirectory(this.path);
  }

  /** Removes the copy of a publisher that was killed. */
  removeLeftovers(): void {
    if (isPresent(this.path, "directory")) removeIfPresent(join(this.path, NEW_IMAGE));
  }

  #make(): Promise<void> {
    return makeDirectory(this.path, 0o755);
  }
}

/** Who else could change a file, by its owner or its mode, or has another name of it (FET-67, DST-34). */
function stateOfWhole({ uid, nlink, mode }: Stats, directory: string): ImageState {
  if (!isTrustedOwner(uid, directory) || (mode & 0o022) !== 0) return "exposed";
  return nlink === 1 ? "present" : "linked";
}

/** Makes a copy that shares its blocks with the original (PUB-10), if the file system can do that. */
async function clone(original: string, copy: string): Promise<boolean> {
  const { COPYFILE_EXCL, COPYFILE_FICLONE_FORCE } = constants;
  try {
    await promisify(copyFile)(original, copy, COPYFILE_EXCL | COPYFILE_FICLONE_FORCE);
    return true;
  } catch {
    // Most file systems cannot. Whatever else is wrong, the plain copy meets it and tells it.
    return false;
  }
}
