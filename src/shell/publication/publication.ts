// What a publisher publishes into, an origin in one of its two forms: a directory or a bucket. Commands know this
// interface alone (spec/publish.md, spec/buckets.md).

import type { Sha256Hex } from "../../core/digest.ts";
import type { PublicKey } from "../../core/keys.ts";
import type { ImageIdentity } from "../disk/image-store.ts";
import type { Progress } from "../disk/image-writer.ts";
import type { Waiting } from "../disk/lock.ts";
import type { ManifestFile } from "../disk/manifest-file.ts";
import type { RetryEffects } from "../origin/retry.ts";
import type { ImageSource } from "./image-source.ts";

/** An origin as its publisher reads it. */
export interface Publication {
  /** For people. */
  readonly manifestPath: string;
  /** Whether there is something by the name of its store. */
  hasStore(): Promise<boolean>;
  readManifest(keys: readonly PublicKey[]): Promise<ManifestFile>;
  /** The images that are here, by their names. */
  images(): Promise<ReadonlySet<Sha256Hex>>;
  /** The names of the packed files of images that were removed, and of those that are to be (PRU-28). */
  packedOf(going: ReadonlySet<Sha256Hex>): Promise<readonly string[]>;
}

/** An origin that is published into, until it is disposed of. */
export interface WritablePublication extends Publication, AsyncDisposable {
  /**
   * Reads an image to its end; nothing of it counts before it is kept.
   *
   * @param onProgress told how many bytes are done
   */
  takeImage(source: ImageSource, onProgress: Progress): Promise<TakenImage>;
  /**
   * Puts a manifest in the place of the one that was read last.
   *
   * @returns false if another one came between, or if it is not known what became of it: it is to be read again
   */
  writeManifest(bytes: Uint8Array): Promise<boolean>;
  /** Makes sure of the manifest that is there. */
  syncManifest(): Promise<void>;
  /** Takes an image away that no host is to ask for any more; the mark says so from before that on (PRU-22). */
  retire(digest: Sha256Hex): Promise<void>;
  /** Takes packed files away. */
  removePacked(names: readonly string[]): Promise<void>;
  /** Makes sure of the images that are there. */
  syncImages(): Promise<void>;
}

/** An image that was read to its end; it goes away unless it is kept. */
export interface TakenImage extends ImageIdentity, AsyncDisposable {
  /** Puts the image into the store under its digest, unless it is there. */
  keep(): Promise<Kept>;
}

/** What was done that an image is in the store. */
export interface Kept {
  /** Whether the store did not have it. */
  readonly isKept: boolean;
  /** Whether a mark that it was removed is gone now (PUB-68). */
  readonly isUnmarked: boolean;
}

export interface PublicationEffects extends RetryEffects {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly warn: (message: string) => void;
  readonly onWait: Waiting["onWait"];
  /** Whether a bucket that keeps no conditions is written all the same (BKT-33). */
  readonly isUnsafeAllowed?: boolean;
}
