// A host's directory of images: the manifest, the images, `latest` and Tako's two records
// (spec/destination.md). How each is read and written; when is the story of commands/.

import { closeSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";
import { MAX_CONFIG_BYTES } from "../core/config.ts";
import type { Sha256Hex } from "../core/digest.ts";
import { ownError, TakoError } from "../core/error.ts";
import type { PublicKey } from "../core/keys.ts";
import {
  ETAG,
  HOST_FILES,
  imageOfLink,
  LATEST,
  linkTarget,
  MANIFEST,
  OWED,
  temporaryName,
} from "../core/layout.ts";
import {
  decodeManifest,
  decodeUnverified,
  MAX_MANIFEST_BYTES,
  type Manifest,
} from "../core/manifest.ts";
import { decodeEtag, decodeOwed, encodeEtag, encodeOwed, type Owed } from "../core/records.ts";
import {
  isPresent,
  openDirectory,
  readRegularFile,
  removeIfPresent,
  replaceSymlink,
  syncDirectory,
  writeFileAtomically,
} from "./disk/files.ts";
import { hashBytes } from "./disk/hash.ts";
import { LockedImageStore } from "./disk/image-store.ts";

/** The manifest that a host has accepted earlier. */
export interface LocalManifest {
  readonly bytes: Uint8Array;
  readonly manifest: Manifest;
  /** Whether a key of the config signed it. If not, it counts as history all the same. */
  readonly signed: boolean;
}

/** The most bytes of `.etag` and `.owed` that are looked at: a config has no more units to note. */
const MAX_RECORD_BYTES = 2 * MAX_CONFIG_BYTES;

/** All methods throw TakoError of kind `storage` for what the file system refuses. */
export class Destination {
  readonly path: string;
  readonly manifestPath: string;
  readonly images: LockedImageStore;
  readonly #latestPath: string;
  readonly #etagPath: string;
  readonly #owedPath: string;

  constructor(path: string) {
    this.path = path;
    this.manifestPath = join(path, MANIFEST);
    this.images = new LockedImageStore(path);
    this.#latestPath = join(path, LATEST);
    this.#etagPath = join(path, ETAG);
    this.#owedPath = join(path, OWED);
  }

  /** Refuses a directory that is missing, or is none (DST-5): for those who take no lock on it. */
  requireDirectory(): void {
    closeSync(openDirectory(this.path));
  }

  /**
   * The accepted manifest, `undefined` before the first. It holds the history also when its key
   * was replaced since; one that cannot be decoded is never passed over (FET-23, FET-32).
   */
  readManifest(keys: readonly PublicKey[]): LocalManifest | undefined {
    const bytes = readRegularFile(this.manifestPath, MAX_MANIFEST_BYTES);
    if (bytes === undefined) return undefined;
    try {
      return { bytes, manifest: decodeManifest(bytes, keys), signed: true };
    } catch (error) {
      const own = ownError(error);
      if (own.kind !== "signature") throw this.#damagedManifest(own);
      return { bytes, manifest: this.#decodeHistory(bytes), signed: false };
    }
  }

  #decodeHistory(bytes: Uint8Array): Manifest {
    try {
      return decodeUnverified(bytes);
    } catch (error) {
      throw this.#damagedManifest(ownError(error));
    }
  }

  #damagedManifest(cause: TakoError): TakoError {
    return new TakoError("storage", `the local manifest is damaged: ${cause.message}`, {
      rule: "FET-23",
      source: this.manifestPath,
      line: cause.line,
      hint: `Restore it, or remove ${this.manifestPath} to start the history anew.`,
      cause,
    });
  }

  writeManifest(bytes: Uint8Array): Promise<void> {
    return writeFileAtomically(this.path, MANIFEST, bytes, 0o444);
  }

  /** Relies on the manifest that an earlier run put there (DST-29). */
  syncManifest(): Promise<void> {
    return syncDirectory(this.path);
  }

  /** The ETag with which the local manifest came from this URL, if that is known (DST-53). */
  readEtag(url: string, manifest: Uint8Array): string | undefined {
    const bytes = readRegularFile(this.#etagPath, MAX_RECORD_BYTES, "absent");
    const record = bytes && decodeEtag(asText(bytes));
    return record?.url === url && record.digest === hashBytes(manifest) ? record.etag : undefined;
  }

  /** Keeps the ETag with which a manifest came; without one, nothing is kept (DST-54). */
  async writeEtag(url: string, etag: string | undefined, manifest: Uint8Array): Promise<void> {
    if (etag === undefined) {
      removeIfPresent(this.#etagPath);
    } else if (this.readEtag(url, manifest) !== etag) {
      const text = encodeEtag({ url, etag, digest: hashBytes(manifest) });
      await writeFileAtomically(this.path, ETAG, new TextEncoder().encode(text), 0o644);
    }
  }

  /** What is owed. A record that is damaged owes every unit on the image in use (DST-62). */
  readOwed(inUse: Sha256Hex | undefined): Owed {
    if (!isPresent(this.#owedPath, "regular file")) return [];
    const bytes = readRegularFile(this.#owedPath, MAX_RECORD_BYTES, "absent");
    const everything = inUse === undefined ? [] : [{ digest: inUse, done: [] }];
    return (bytes && decodeOwed(asText(bytes))) ?? everything;
  }

  /** Puts on disk what is owed; nothing owed means no file. */
  async writeOwed(owed: Owed): Promise<void> {
    if (owed.length > 0) {
      await writeFileAtomically(this.path, OWED, new TextEncoder().encode(encodeOwed(owed)), 0o644);
    } else if (isPresent(this.#owedPath, "regular file")) {
      removeIfPresent(this.#owedPath);
      await syncDirectory(this.path);
    }
  }

  /** The image in use, `undefined` if `latest` is absent or names none. */
  readLatest(): Sha256Hex | undefined {
    if (!isPresent(this.#latestPath, "symbolic link")) return undefined;
    return imageOfLink(readlinkSync(this.#latestPath));
  }

  /** One rename of a finished link (DST-11), after which the directory is synced (DST-22). */
  swapLatest(digest: Sha256Hex): Promise<void> {
    return replaceSymlink(this.path, LATEST, linkTarget(digest));
  }

  /** Takes a damaged image away, and `latest` before it if it names that image (FET-56). */
  async removeDamaged(digest: Sha256Hex): Promise<void> {
    if (this.readLatest() === digest) {
      removeIfPresent(this.#latestPath, "symbolic link");
      await syncDirectory(this.path);
    }
    await this.images.remove(digest);
  }

  /** Removes the temporary files of a run that was killed (DST-24). Needs the lock. */
  removeLeftovers(): void {
    for (const name of HOST_FILES) removeIfPresent(join(this.path, temporaryName(name)));
    removeIfPresent(join(this.path, temporaryName(LATEST)), "symbolic link");
  }

  /** As root: how others could tamper with the images, if they could (DST-33). */
  distrust(): readonly string[] {
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

function asText(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
