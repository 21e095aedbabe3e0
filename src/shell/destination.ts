// A host's directory of images: the manifest, the images, `latest` and Tako's records
// (spec/destination.md). How each is read and written; when is the story of commands/fetch/. Who only
// looks gets the readers; the writers come with the lock, and end with it.

import { readdirSync, readlinkSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import type { ActivationStep } from "../core/activation.ts";
import { encodeSeen, type Seen } from "../core/ages.ts";
import { type Checked, decodeChecked, encodeChecked } from "../core/checked.ts";
import { parseSha256Hex, type Sha256Hex } from "../core/digest.ts";
import { asTakoError, TakoError } from "../core/error.ts";
import type { PublicKey } from "../core/keys.ts";
import {
  CHECKED,
  ETAG,
  GOOD,
  HOLD,
  HOST_FILES,
  imageOfLink,
  LATEST,
  linkTarget,
  MANIFEST,
  NEW_SLOT,
  OWED,
  REFUSED,
  SEEN,
  temporaryName,
} from "../core/layout.ts";
import type { Manifest } from "../core/manifest.ts";
import { decodeEtag, encodeEtag, isFreshEtag } from "../core/records.ts";
import { shownPath } from "../core/text.ts";
import {
  removeIfPresent,
  replaceSymlink,
  requireDirectory,
  requireSymlinks,
  syncDirectory,
  writeFileAtomically,
  writeFileUnsynced,
} from "./disk/files.ts";
import { hashBytes } from "./disk/hash.ts";
import { ImageStore, LockedImageStore } from "./disk/image-store.ts";
import { canLockDirectory, type Lock, lockDirectory, type Waiting } from "./disk/lock.ts";
import { readManifestFile, syncManifestFile, writeManifestFile } from "./disk/manifest-file.ts";
import { isPresent, readRegularFile, statRegularFile } from "./disk/read-files.ts";
import { naming } from "./disk/storage-error.ts";
import {
  damagedRecords,
  type HostRecords,
  hostRecords,
  MAX_RECORD_BYTES,
  writeGood,
  writeHold,
  writeOwed,
  writeRefusals,
  writeSeen,
} from "./host-records.ts";

/** The manifest that a host has accepted earlier. */
export interface LocalManifest {
  readonly bytes: Uint8Array;
  readonly manifest: Manifest;
  /** The key of the config that signed it. If none did, it counts as history all the same. */
  readonly signer: PublicKey | undefined;
}

/** What a damaged record stands for, in words. */
const COUNTS_AS: Readonly<Record<string, string>> = {
  [OWED]: "owing a restart to every unit",
  [GOOD]: "absent: there is no version to go back to",
  [REFUSED]: "empty: a version that did not work here may be tried again",
  [HOLD]: "holding what is in use now",
  [SEEN]: "having seen every version just now for the first time",
};

/** Opens a destination for those who only look; nothing of it is touched yet. */
export function openDestination(path: string): Destination {
  return new Destination(path, new ImageStore(path));
}

/**
 * Locks a destination for those who change it, for as long as they keep what they get (`using`), and
 * removes the temporary files of a run that was killed (DST-24).
 *
 * @throws TakoError of kind `storage` if it is missing, is no directory, or cannot be locked
 */
export async function lockDestination(path: string, waiting: Waiting): Promise<LockedDestination> {
  const destination = new LockedDestination(path, await lockDirectory(path, waiting));
  try {
    destination.removeLeftovers();
    return destination;
  } catch (error) {
    destination[Symbol.dispose]();
    throw error;
  }
}

/** What can be read. All methods throw TakoError of kind `storage` for what the file system refuses. */
class Destination<Images extends ImageStore = ImageStore> {
  readonly path: string;
  readonly manifestPath: string;
  readonly images: Images;

  constructor(path: string, images: Images) {
    this.path = path;
    this.manifestPath = join(path, MANIFEST);
    this.images = images;
  }

  protected at(name: string): string {
    return join(this.path, name);
  }

  /** Refuses a directory that is missing, or is none (DST-5): for those who take no lock on it. */
  requireDirectory(): void {
    requireDirectory(this.path, "destination");
  }

  /**
   * The accepted manifest, `undefined` before the first. It holds the history also when its key
   * was replaced since; one that cannot be decoded is never passed over (FET-23, FET-32).
   */
  readManifest(keys: readonly PublicKey[]): LocalManifest | undefined {
    const file = readManifestFile(this.path, keys);
    switch (file.state) {
      case "absent":
        return undefined;
      case "damaged":
        throw new TakoError("storage", `the local manifest is damaged: ${file.error.message}`, {
          rule: "FET-23",
          source: shownPath(this.manifestPath),
          line: file.error.line,
          hint: `Restore it, or remove ${shownPath(this.manifestPath)} to start the history anew.`,
          cause: file.error,
        });
      case "signed":
        return { bytes: file.bytes, manifest: file.manifest, signer: file.signer };
      case "foreign":
        return { bytes: file.bytes, manifest: file.manifest, signer: undefined };
    }
  }

  /** When the accepted manifest changed last, in milliseconds since the epoch. */
  manifestChanged(): number | undefined {
    return statRegularFile(this.manifestPath)?.mtimeMs;
  }

  /**
   * The ETag with which the local manifest came from this URL, if that is known, and not too long ago
   * (DST-53, DST-56).
   *
   * @param now milliseconds since the epoch
   */
  readEtag(url: string, manifest: Uint8Array, now: number): string | undefined {
    const bytes = readRegularFile(this.at(ETAG), MAX_RECORD_BYTES, "absent");
    const record = bytes && decodeEtag(asText(bytes));
    if (record?.url !== url || record.digest !== hashBytes(manifest)) return undefined;
    const written = statRegularFile(this.at(ETAG))?.mtimeMs ?? Number.NaN;
    return isFreshEtag(now - written) ? record.etag : undefined;
  }

  /** Whether this run could change it right now: another one may be at work here, or the user may not. */
  canBeLocked(): boolean {
    return canLockDirectory(this.path);
  }

  /** What the decisions of an activation are made from, beside `latest` (DST-60 to DST-82). */
  records(): HostRecords {
    return hostRecords(this.path, this.readLatest());
  }

  /** How the last look for news ended, as far as that is known: what cannot be read counts as absent (DST-113). */
  readChecked(): Checked | undefined {
    try {
      const bytes = readRegularFile(this.at(CHECKED), MAX_RECORD_BYTES, "absent");
      return bytes && decodeChecked(asText(bytes));
    } catch (caught) {
      asTakoError(caught);
      return undefined;
    }
  }

  /** When `.owed` was written, in milliseconds since the epoch. */
  owedSince(): number {
    return statRegularFile(this.at(OWED))?.mtimeMs ?? 0;
  }

  /** The image in use, `undefined` if `latest` is absent or names none. */
  readLatest(): Sha256Hex | undefined {
    return this.readLink(LATEST).image;
  }

  /** What `latest`, or the link of a slot, names (DST-2, DST-100). */
  readLink(name: string): { readonly isLinked: boolean; readonly image: Sha256Hex | undefined } {
    const path = this.at(name);
    const isLinked = isPresent(path, "symbolic link");
    return { isLinked, image: isLinked ? imageOfLink(readlinkSync(path)) : undefined };
  }

  /** The images that links in the destination name, Tako's own or not (PRU-2). */
  linkedImages(): ReadonlySet<Sha256Hex> {
    const entries = naming(this.path, "read", () =>
      readdirSync(this.path, { withFileTypes: true }),
    );
    const targets = entries
      .filter((entry) => entry.isSymbolicLink())
      .map(({ name }) => naming(this.at(name), "read", () => readlinkSync(this.at(name))));
    const images = targets.map((target) => parseSha256Hex(basename(target)));
    return new Set(images.filter((image) => image !== undefined));
  }

  /** Records that are damaged, and what they count as now (DST-62, DST-71, DST-77, DST-82). */
  recordWarnings(): readonly string[] {
    return damagedRecords(this.path).map(
      (name) => `${this.at(name)} is damaged, and counts as ${COUNTS_AS[name]}`,
    );
  }

  /** As root: how others could tamper with the images, if they could (DST-33). */
  permissionWarnings(): readonly string[] {
    if (process.getuid?.() !== 0) return [];
    return [this.path, this.images.path].flatMap((path) => {
      const stats = statSync(path, { throwIfNoEntry: false });
      if (stats === undefined) return [];
      const { uid, mode } = stats;
      if (uid !== 0) return [`${path} belongs to another user (uid ${uid}), who can change images`];
      return (mode & 0o022) === 0 ? [] : [`${path} can be written by its group or by others`];
    });
  }
}

/** What can be read, and written as long as the lock is held. */
class LockedDestination extends Destination<LockedImageStore> implements Disposable {
  readonly #lock: Lock;

  constructor(path: string, lock: Lock) {
    super(path, new LockedImageStore(path, lock));
    this.#lock = lock;
  }

  [Symbol.dispose](): void {
    this.#lock[Symbol.dispose]();
  }

  removeLeftovers(): void {
    for (const name of HOST_FILES) removeIfPresent(this.at(temporaryName(name)));
    for (const name of [temporaryName(LATEST), NEW_SLOT]) {
      removeIfPresent(this.at(name), "symbolic link");
    }
  }

  async writeManifest(bytes: Uint8Array): Promise<void> {
    this.#lock.requireHeld();
    return writeManifestFile(this.path, bytes);
  }

  syncManifest(): Promise<void> {
    return syncManifestFile(this.path);
  }

  /** Relies on the links and records that are here: the run that put them there may have been killed (DST-29). */
  sync(): Promise<void> {
    return syncDirectory(this.path);
  }

  /**
   * Keeps the ETag with which a manifest came, also if it is the one that is there, whose age begins
   * anew (DST-56); without one, nothing is kept (DST-54).
   */
  async writeEtag(url: string, etag: string | undefined, manifest: Uint8Array): Promise<void> {
    this.#lock.requireHeld();
    if (etag === undefined) removeIfPresent(this.at(ETAG));
    else {
      const text = encodeEtag({ url, etag, digest: hashBytes(manifest) });
      await writeFileAtomically(this.path, ETAG, new TextEncoder().encode(text), 0o644);
    }
  }

  /** Puts one step of an activation on disk. */
  async perform(step: ActivationStep): Promise<void> {
    this.#lock.requireHeld();
    switch (step.step) {
      case "record":
        return writeOwed(this.path, step.owed);
      case "good":
        return writeGood(this.path, step.image);
      case "refuse":
        return writeRefusals(this.path, step.refusals);
      case "swap":
        return replaceSymlink(this.path, LATEST, linkTarget(step.image));
    }
  }

  /** Lets a slot start from an image, or from none any more (DST-101). */
  async linkSlot(name: string, image: Sha256Hex | undefined): Promise<void> {
    this.#lock.requireHeld();
    if (image !== undefined) return replaceSymlink(this.path, name, linkTarget(image), NEW_SLOT);
    removeIfPresent(this.at(name), "symbolic link");
    await syncDirectory(this.path);
  }

  /** Keeps the host on an image, or no longer on one. */
  async writeHold(hold: Sha256Hex | undefined): Promise<void> {
    this.#lock.requireHeld();
    return writeHold(this.path, hold);
  }

  /** Keeps how long young images have been known; what says so already is not written again. */
  async writeSeen(seen: Seen): Promise<void> {
    this.#lock.requireHeld();
    const { seen: before } = this.records();
    if (before !== "damaged" && encodeSeen(before) === encodeSeen(seen)) return;
    return writeSeen(this.path, seen);
  }

  /** Keeps how the last look for news ended. If it cannot be kept, nothing is lost but that (DST-114). */
  async writeChecked(checked: Checked): Promise<void> {
    try {
      this.#lock.requireHeld();
      const bytes = new TextEncoder().encode(encodeChecked(checked));
      await writeFileUnsynced(this.path, CHECKED, bytes, 0o644);
    } catch (caught) {
      asTakoError(caught);
    }
  }

  /** Tells before a download that `latest` could not be made after it (DST-36). */
  requireLinks(digest: Sha256Hex): void {
    if (this.readLatest() === undefined) requireSymlinks(this.path, LATEST, linkTarget(digest));
  }

  /** Takes a damaged image away, and `latest` before it if it names that image (FET-56). */
  async removeDamaged(digest: Sha256Hex): Promise<void> {
    this.#lock.requireHeld();
    if (this.readLatest() === digest) {
      removeIfPresent(this.at(LATEST), "symbolic link");
      await syncDirectory(this.path);
    }
    await this.images.remove(digest);
  }
}

export type { Destination, LockedDestination };

function asText(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
