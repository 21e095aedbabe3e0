// tako store: publishes an image under a version, and rotates the key (spec/publish.md).
// The story in its order; how each step touches the disk is shell/publication.ts.

import type { Sha256Hex } from "../core/digest.ts";
import { TakoError } from "../core/error.ts";
import type { PublicKey } from "../core/keys.ts";
import {
  type Entry,
  encodeManifest,
  insertEntry,
  MAX_MANIFEST_BYTES,
  type Manifest,
} from "../core/manifest.ts";
import { type Place, placeOf, placeWarnings, spellingWarnings } from "../core/new-version.ts";
import { parseSize } from "../core/size.ts";
import { compareVersions, type Version } from "../core/version.ts";
import type { Progress } from "../shell/disk/image-writer.ts";
import { platformSha512 } from "../shell/platform-crypto.ts";
import {
  hashImage,
  type ImageSource,
  type LockedPublication,
  lockPublication,
  openedImage,
  openImage,
  openPublication,
} from "../shell/publication.ts";
import { findSecretKey } from "../shell/secret-key.ts";
import type { Effects } from "./effects.ts";
import type { Report } from "./events.ts";
import { type ExpectedImage, requireExpected } from "./expected-image.ts";
import { readOurs, requireBegun, type Signer } from "./own-manifest.ts";
import {
  parseImageVersion,
  parseReplaced,
  refuseSwapped,
  type StoreOptions,
} from "./store-options.ts";

export type StoreResult = {
  /** Whether the manifest is another one now. */
  readonly changed: boolean;
} & (
  | {
      readonly stored: "image";
      readonly version: string;
      readonly sha256: Sha256Hex;
      /** Whether the store did not have the image. */
      readonly isKept: boolean;
      /** Whether a mark that it was removed is gone now (PUB-68). */
      readonly isUnmarked: boolean;
    }
  /** A rotation of the key, which signed the manifest anew. */
  | { readonly stored: "signature"; readonly publicKey: PublicKey }
  /** Nothing: a dry run (PUB-66). */
  | {
      readonly stored: "nothing";
      readonly version: string;
      readonly sha256: Sha256Hex;
      /** Of the image, in bytes. */
      readonly size: number;
      readonly place: Place;
      /** The version, if it is published already, with these bytes: a run changes nothing then. */
      readonly published: string | undefined;
    }
);

interface Image {
  readonly version: Version;
  readonly source: ImageSource;
  readonly expected: ExpectedImage;
  readonly onProgress: Progress;
}

/**
 * Publishes an image in a directory that a web server can serve as it is.
 *
 * @throws TakoError of kind `usage`, `version`, `key`, `storage`, `signature`, `digest`, or `failed`
 *   if the version is published already
 */
export async function store(options: StoreOptions, effects: Effects): Promise<StoreResult> {
  const { directory, isNew = false, isWatched = false } = options;
  const { clock, environment, report } = effects;
  refuseSwapped(options);
  const version = parseImageVersion(options);
  const replaced = parseReplaced(options);
  const warn = (message: string) => report({ event: "warning", message });
  const key = await findSecretKey({ ...options, environment, warn });
  const signer = { key, replaced, isNew, isWatched, warn };

  await using source = await openSource(options.image, effects.stdin);
  const image = version && source && imageOf(version, source, options.expected ?? {}, report);
  if (options.dryRun && image !== undefined) return await planStore(directory, image, signer);
  const onWait = () => report({ event: "waiting", directory });
  const lock = () => lockPublication(directory, { clock, onWait });
  const { pack } = options;
  if (pack === undefined || image === undefined) {
    using publication = await lock();
    return await publish(publication, image, signer);
  }
  return await publishPacked(lock, image, signer, async (manifest, entry) => {
    const { packNew } = await import("./pack/pack-new.ts");
    await packNew(manifest, entry, { directory, ...pack }, effects);
  });
}

/** With the lock only while names come and go: the image, what is packed of it, and then the manifest (PUB-85). */
async function publishPacked(
  lock: () => Promise<LockedPublication>,
  image: Image,
  signer: Signer,
  pack: (grown: Manifest, entry: Entry) => Promise<void>,
): Promise<StoreResult> {
  const keepImage = async () => {
    using publication = await lock();
    return await keep(publication, image, signer);
  };
  const kept = await keepImage();
  await pack(kept.grown, kept.entry);
  using publication = await lock();
  // What there was to say of it is said.
  const silent = { ...signer, isNew: signer.isNew || kept.bytes === undefined, warn: () => {} };
  const { bytes, manifest } = readOurs(publication, silent);
  const next = encode(insertEntry(manifest, kept.entry), signer, publication.manifestPath);
  return await name(publication, { ...kept, bytes, next });
}

/** What shows how far it is, if that is known (PUB-79). */
function imageOf(
  version: Version,
  source: ImageSource,
  expected: ExpectedImage,
  report: Report,
): Image {
  const size = source.size ?? expected.size;
  const about = { version: version.text, size: size ?? 0 };
  let isTold = false;
  const onProgress = (done: number) => {
    if (size === undefined) return;
    if (!isTold) report({ event: "reading", ...about });
    isTold = true;
    report({ event: "progress", ...about, done });
  };
  return { version, source, expected, onProgress };
}

/**
 * Where the version would stand, and everything that a run would warn of or refuse of the image (PUB-78). Nothing is
 * written, and no lock taken.
 */
async function planStore(
  directory: string,
  { version, source, expected, onProgress }: Image,
  signer: Signer,
): Promise<StoreResult> {
  const publication = openPublication(directory);
  const { manifest } = readOurs(publication, signer);
  if (signer.isNew) requireBegun(manifest, version, publication.manifestPath);
  const published = manifest.entries.map((entry) => entry.version);
  const same = warnOfVersion(version, published, signer.warn);
  const others = published.filter((other) => other !== same);
  const found = await hashImage(source, onProgress);
  requireExpected(found, expected, source.name);
  const entry = { version, digest: found.digest, size: parseSize(found.size) };
  warnOfTwin(manifest, entry, signer.warn);
  insertEntry(manifest, entry);
  return {
    stored: "nothing",
    changed: false,
    version: version.text,
    sha256: entry.digest,
    size: entry.size,
    place: placeOf(version, others),
    published: same?.text,
  };
}

/** @returns the equivalent version that is published already */
function warnOfVersion(
  version: Version,
  published: readonly Version[],
  warn: (message: string) => void,
): Version | undefined {
  const same = published.find((other) => compareVersions(other, version) === 0);
  const aboutPlace = same === undefined ? placeWarnings(version, published) : [];
  for (const message of [...spellingWarnings(version), ...aboutPlace]) warn(message);
  return same;
}

/** The same bytes as another version: a build that was not done anew, likely (PUB-76). */
function warnOfTwin(
  { entries }: Manifest,
  { version, digest }: Entry,
  warn: (message: string) => void,
): void {
  if (entries.some((other) => compareVersions(other.version, version) === 0)) return;
  const twin = entries.findLast((other) => other.digest === digest);
  if (twin === undefined) return;
  warn(`${version.text} has the same bytes as ${twin.version.text}, which is published already`);
}

/** With the lock: first the image, then the manifest that names it (PUB-13). */
async function publish(
  publication: LockedPublication,
  image: Image | undefined,
  signer: Signer,
): Promise<StoreResult> {
  if (image !== undefined) {
    return await name(publication, await keep(publication, image, signer));
  }
  const { key } = signer;
  const { bytes, manifest } = readOurs(publication, signer);
  const next = encodeManifest(manifest, key, platformSha512);
  const changed = await writeIfNew(publication, bytes, next);
  return { stored: "signature", publicKey: key.publicKey, changed };
}

/** An image that is in the store, and the manifest that is to name it. */
interface Kept {
  readonly entry: Entry;
  readonly isKept: boolean;
  readonly isUnmarked: boolean;
  /** The manifest until now. */
  readonly bytes: Uint8Array | undefined;
  readonly grown: Manifest;
  /** The same as bytes. */
  readonly next: Uint8Array;
}

async function keep(
  publication: LockedPublication,
  { version, source, expected, onProgress }: Image,
  signer: Signer,
): Promise<Kept> {
  const { manifestPath } = publication;
  const { warn } = signer;
  const { bytes, manifest } = readOurs(publication, signer);
  if (signer.isNew) requireBegun(manifest, version, manifestPath);
  const published = manifest.entries.map((entry) => entry.version);
  if (warnOfVersion(version, published, warn) === undefined) {
    const line = `${version.text} ${source.size ?? 0} ${"0".repeat(64)}\n`;
    refuseOversized((bytes?.length ?? 0) + line.length, manifestPath);
  }
  await using copy = await publication.copyImage(source, onProgress);
  const { digest } = copy;
  requireExpected(copy, expected, source.name);
  const entry = { version, size: parseSize(copy.size), digest };
  warnOfTwin(manifest, entry, warn);
  const grown = insertEntry(manifest, entry);
  const next = encode(grown, signer, manifestPath);
  return { entry, bytes, grown, next, ...(await copy.keep()) };
}

function encode(manifest: Manifest, { key }: Signer, source: string): Uint8Array {
  const bytes = encodeManifest(manifest, key, platformSha512);
  refuseOversized(bytes.length, source);
  return bytes;
}

async function name(
  publication: LockedPublication,
  { entry: { version, digest }, bytes, next, isKept, isUnmarked }: Kept,
): Promise<StoreResult> {
  const changed = await writeIfNew(publication, bytes, next);
  return { stored: "image", version: version.text, sha256: digest, isKept, isUnmarked, changed };
}

/** The same manifest and key give the same bytes: then nothing is written (PUB-30, PUB-52). */
async function writeIfNew(
  publication: LockedPublication,
  old: Uint8Array | undefined,
  next: Uint8Array,
): Promise<boolean> {
  const isSame = old !== undefined && Buffer.from(old).equals(next);
  await (isSame ? publication.syncManifest() : publication.writeManifest(next));
  return !isSame;
}

async function openSource(image: string | undefined, stdin: number) {
  if (image === undefined) return undefined;
  return image === "-" ? openedImage(stdin, "standard input") : await openImage(image);
}

/** Hosts take no more (PUB-21). */
function refuseOversized(length: number, source: string): void {
  if (length <= MAX_MANIFEST_BYTES) return;
  throw new TakoError("failed", `the manifest would exceed ${MAX_MANIFEST_BYTES} bytes`, {
    rule: "PUB-21",
    source,
    hint: "No more versions fit; start a new origin.",
  });
}
