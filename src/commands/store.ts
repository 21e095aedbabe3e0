// tako store: publishes an image under a version, and rotates the key (spec/publish.md).
// The story in its order; how each step is done in a directory or a bucket is shell/publication/ and shell/bucket/.

import { refusePacking } from "../core/bucket.ts";
import type { Sha256Hex } from "../core/digest.ts";
import type { PublicKey } from "../core/keys.ts";
import { type Entry, insertEntry, type Manifest } from "../core/manifest.ts";
import { type Place, placeOf, placeWarnings, spellingWarnings } from "../core/new-version.ts";
import { parseSize } from "../core/size.ts";
import { compareVersions, type Version } from "../core/version.ts";
import type { Progress } from "../shell/disk/image-writer.ts";
import {
  hashImage,
  type ImageSource,
  openedImage,
  openImage,
} from "../shell/publication/image-source.ts";
import type { Kept, Publication, WritablePublication } from "../shell/publication/publication.ts";
import { lockPublication, openPublication } from "../shell/publication.ts";
import { findSecretKey } from "../shell/secret-key.ts";
import {
  type Change,
  type NextManifest,
  nextManifest,
  putInPlace,
  refuseOversized,
  signingAgain,
} from "./change-manifest.ts";
import type { Effects } from "./effects.ts";
import type { Report } from "./events.ts";
import { type ExpectedImage, requireExpected } from "./expected-image.ts";
import { readOurs, requireBegun, type Signer } from "./own-manifest.ts";
import { publicationEffects } from "./publication-effects.ts";
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
 * Publishes an image in a directory that a web server can serve as it is, or in a bucket.
 *
 * @throws TakoError of kind `usage`, `version`, `key`, `storage`, `signature`, `digest`, or `failed`
 *   if the version is published already
 */
export async function store(options: StoreOptions, effects: Effects): Promise<StoreResult> {
  const { directory, isNew = false, isWatched = false, isUnsafeAllowed = false } = options;
  const { environment, report } = effects;
  refuseSwapped(options);
  if (options.pack !== undefined) refusePacking(directory);
  const version = parseImageVersion(options);
  const replaced = parseReplaced(options);
  const warn = (message: string) => report({ event: "warning", message });
  const key = await findSecretKey({ ...options, environment, warn });
  const signer = { key, replaced, isNew, isWatched, warn };

  await using source = await openSource(options.image, effects.stdin);
  const image = version && source && imageOf(version, source, options.expected ?? {}, report);
  const way = { ...publicationEffects(directory, effects), isUnsafeAllowed };
  if (options.dryRun && image !== undefined) {
    return await planStore(await openPublication(directory, way), image, signer);
  }
  const lock = () => lockPublication(directory, way);
  if (image === undefined) return await signAnew(lock, signer, effects);
  const { pack } = options;
  if (pack === undefined) return await publish(lock, image, signer, effects);
  return await publishPacked(lock, image, signer, effects, async ({ manifest }, entry) => {
    const { packNew } = await import("./pack/pack-new.ts");
    await packNew(manifest, entry, { directory, ...pack }, effects);
  });
}

type Lock = () => Promise<WritablePublication>;

/** The manifest as it is, by another key (PUB-50). */
async function signAnew(lock: Lock, signer: Signer, effects: Effects): Promise<StoreResult> {
  await using publication = await lock();
  const asItIs = (manifest: Manifest) => manifest;
  const ours = await readOurs(publication, signer);
  const next = nextManifest(ours, asItIs, signer, publication.manifestPath);
  const changed = await putInPlace(publication, next, asItIs, signer, effects);
  return { stored: "signature", publicKey: signer.key.publicKey, changed };
}

/** First the image, then the manifest that names it (PUB-13). */
async function publish(
  lock: Lock,
  image: Image,
  signer: Signer,
  effects: Effects,
): Promise<StoreResult> {
  await using publication = await lock();
  const kept = await keep(publication, image, signer);
  return await name(publication, kept, signer, effects);
}

/** With the lock only while names come and go: the image, what is packed of it, and then the manifest (PUB-85). */
async function publishPacked(
  lock: Lock,
  image: Image,
  signer: Signer,
  effects: Effects,
  pack: (next: NextManifest, entry: Entry) => Promise<void>,
): Promise<StoreResult> {
  const keepImage = async () => {
    await using publication = await lock();
    return await keep(publication, image, signer);
  };
  const kept = await keepImage();
  await pack(kept.next, kept.entry);
  await using publication = await lock();
  const ours = await readOurs(publication, signingAgain(signer, kept.next.old));
  const next = nextManifest(ours, kept.change, signer, publication.manifestPath);
  return await name(publication, { ...kept, next }, signer, effects);
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
  publication: Publication,
  { version, source, expected, onProgress }: Image,
  signer: Signer,
): Promise<StoreResult> {
  const { manifest } = await readOurs(publication, signer);
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

/** An image that is in the store, and the manifest that is to name it. */
interface KeptImage extends Kept {
  readonly entry: Entry;
  readonly change: Change;
  readonly next: NextManifest;
}

async function keep(
  publication: WritablePublication,
  { version, source, expected, onProgress }: Image,
  signer: Signer,
): Promise<KeptImage> {
  const { manifestPath } = publication;
  const { warn, isNew } = signer;
  const ours = await readOurs(publication, signer);
  const { bytes, manifest } = ours;
  if (isNew) requireBegun(manifest, version, manifestPath);
  const published = manifest.entries.map((entry) => entry.version);
  if (warnOfVersion(version, published, warn) === undefined) {
    const line = `${version.text} ${source.size ?? 0} ${"0".repeat(64)}\n`;
    refuseOversized((bytes?.length ?? 0) + line.length, manifestPath);
  }
  await using taken = await publication.takeImage(source, onProgress);
  const { digest } = taken;
  requireExpected(taken, expected, source.name);
  const entry = { version, size: parseSize(taken.size), digest };
  warnOfTwin(manifest, entry, warn);
  const change = (found: Manifest) => {
    if (isNew) requireBegun(found, version, manifestPath);
    return insertEntry(found, entry);
  };
  // Refused before the image is kept, if it is to be refused.
  const next = nextManifest(ours, change, signer, manifestPath);
  return { entry, change, next, ...(await taken.keep()) };
}

async function name(
  publication: WritablePublication,
  { entry: { version, digest }, change, next, isKept, isUnmarked }: KeptImage,
  signer: Signer,
  effects: Effects,
): Promise<StoreResult> {
  const changed = await putInPlace(publication, next, change, signer, effects);
  return { stored: "image", version: version.text, sha256: digest, isKept, isUnmarked, changed };
}

async function openSource(image: string | undefined, stdin: number) {
  if (image === undefined) return undefined;
  return image === "-" ? openedImage(stdin, "standard input") : await openImage(image);
}
