// tako store: publishes an image under a version, and rotates the key (spec/publish.md).
// The story in its order; how each step is done in a directory or a bucket is shell/publication/ and shell/bucket/.

import { existsSync } from "node:fs";
import type { Sha256Hex } from "../core/digest.ts";
import { asTakoError, TakoError } from "../core/error.ts";
import { type PublicKey, parsePublicKey } from "../core/keys.ts";
import {
  type Entry,
  encodeManifest,
  insertEntry,
  MAX_MANIFEST_BYTES,
  type Manifest,
} from "../core/manifest.ts";
import { type Place, placeOf, placeWarnings, spellingWarnings } from "../core/new-version.ts";
import { parseSize } from "../core/size.ts";
import { shownPath } from "../core/text.ts";
import { compareVersions, parseVersion, type Version } from "../core/version.ts";
import type { Progress } from "../shell/disk/image-writer.ts";
import { platformSha512 } from "../shell/platform-crypto.ts";
import {
  hashImage,
  type ImageSource,
  openedImage,
  openImage,
} from "../shell/publication/image-source.ts";
import type { Publication, WritablePublication } from "../shell/publication/publication.ts";
import { lockPublication, openPublication } from "../shell/publication.ts";
import { findSecretKey } from "../shell/secret-key.ts";
import type { Effects } from "./effects.ts";
import type { Report } from "./events.ts";
import { type ExpectedImage, expectation, requireExpected } from "./expected-image.ts";
import { type Ours, readOurs, requireBegun, type Signer } from "./own-manifest.ts";
import { publicationEffects } from "./publication-effects.ts";

/** The options and arguments of the command line, as they were given. */
export interface StoreOptions {
  /** The path of the image; `-` is standard input. */
  readonly image?: string;
  readonly version?: string;
  readonly directory: string;
  readonly key?: string;
  readonly keyFile?: string;
  /** The public key that signed the manifest until now. */
  readonly rotateKey?: string;
  /** Only tell where the version would stand. */
  readonly dryRun?: boolean;
  /** Begin a manifest (PUB-70, PUB-71). */
  readonly isNew?: boolean;
  /** Somebody sees what is warned of, as on a terminal (PUB-70). */
  readonly isWatched?: boolean;
  readonly expected?: ExpectedImage;
  /** A bucket that keeps no conditions is written all the same (BKT-33). */
  readonly isUnsafeAllowed?: boolean;
}

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
  await using publication = await lockPublication(directory, way);
  return await publish(publication, image, signer, effects);
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

/** First the image, then the manifest that names it (PUB-13). */
async function publish(
  publication: WritablePublication,
  image: Image | undefined,
  signer: Signer,
  effects: Effects,
): Promise<StoreResult> {
  const { manifestPath } = publication;
  const { key, warn } = signer;
  const ours = await readOurs(publication, signer);
  // What is to be said of the manifest was said.
  const again = { ...signer, warn: () => {} };
  const change = (next: (manifest: Manifest) => Manifest) =>
    changeManifest(publication, ours, next, again, effects);
  if (image === undefined) {
    const changed = await change((manifest) => manifest);
    return { stored: "signature", publicKey: key.publicKey, changed };
  }

  const { version, source, expected } = image;
  if (signer.isNew) requireBegun(ours.manifest, version, manifestPath);
  const published = ours.manifest.entries.map((entry) => entry.version);
  if (warnOfVersion(version, published, warn) === undefined) {
    const line = `${version.text} ${source.size ?? 0} ${"0".repeat(64)}\n`;
    refuseOversized((ours.bytes?.length ?? 0) + line.length, manifestPath);
  }
  await using taken = await publication.takeImage(source, image.onProgress);
  const { digest } = taken;
  requireExpected(taken, expected, source.name);
  const entry = { version, size: parseSize(taken.size), digest };
  warnOfTwin(ours.manifest, entry, warn);
  const grown = (manifest: Manifest) => {
    if (signer.isNew) requireBegun(manifest, version, manifestPath);
    return insertEntry(manifest, entry);
  };
  // Refused before the image is kept, if it is to be refused.
  refuseOversized(encodeManifest(grown(ours.manifest), key, platformSha512).length, manifestPath);
  const kept = await taken.keep();
  const changed = await change(grown);
  return { stored: "image", version: version.text, sha256: digest, ...kept, changed };
}

/** The most times that a manifest is written because another publisher came between (BKT-13). */
const MAX_TRIES = 20;
/**
 * The longest wait before the first further try; it doubles up to {@link MAX_PAUSE_MS}. They are short: of those that try again
 * one gets in each time, while whoever begins anew has a longer way to go.
 */
const PAUSE_MS = 10;
const MAX_PAUSE_MS = 400;

/**
 * Puts the manifest in place that follows from the one that is there, anew if another publisher came between. The same
 * manifest and key give the same bytes: then nothing is written (PUB-30, PUB-52).
 *
 * @returns whether it is another one now
 * @throws TakoError of kind `failed` if others came between each time
 */
async function changeManifest(
  publication: WritablePublication,
  first: Ours,
  next: (manifest: Manifest) => Manifest,
  signer: Signer,
  { clock, random }: Effects,
): Promise<boolean> {
  const { manifestPath } = publication;
  let ours = first;
  for (let tries = 1; ; tries++) {
    const bytes = encodeManifest(next(ours.manifest), signer.key, platformSha512);
    refuseOversized(bytes.length, manifestPath);
    if (ours.bytes !== undefined && Buffer.from(ours.bytes).equals(bytes)) {
      await publication.syncManifest();
      // A write of which nothing was known has landed, then.
      return tries > 1;
    }
    if (await publication.writeManifest(bytes)) return true;
    if (tries === MAX_TRIES) {
      throw new TakoError("failed", `the manifest was not put in place in ${MAX_TRIES} tries`, {
        rule: "BKT-13",
        source: manifestPath,
        hint: "Others published at the same time, and nothing of theirs is lost: run it again.",
      });
    }
    await clock.sleep(random() * Math.min(PAUSE_MS * 2 ** (tries - 1), MAX_PAUSE_MS));
    ours = await readOurs(publication, signer);
  }
}

/** `tako store 1.0.0 app.img` is a likely slip (PUB-57). */
function refuseSwapped({ image = "-", version = "" }: StoreOptions): void {
  if (image === "-" || existsSync(image) || !existsSync(version)) return;
  throw new TakoError("storage", "there is no such image", {
    rule: "PUB-57",
    source: shownPath(image),
    hint: "IMAGE comes before VERSION.",
  });
}

/** The key that is replaced (PUB-50). */
function parseReplaced({ rotateKey }: StoreOptions): PublicKey | undefined {
  try {
    return rotateKey === undefined ? undefined : parsePublicKey(rotateKey);
  } catch (error) {
    throw asTakoError(error).with({ source: "--rotate-key" });
  }
}

/**
 * IMAGE and VERSION come together; only a rotation goes without, and not a dry one (PUB-54, PUB-66), nor one that says
 * what the image has to be (PUB-82).
 */
function parseImageVersion(options: StoreOptions): Version | undefined {
  const { image, version, rotateKey, dryRun } = options;
  if (options.isNew && rotateKey !== undefined) {
    const message = "--new and --rotate-key exclude each other";
    throw new TakoError("usage", message, { rule: "PUB-72" });
  }
  if (version?.includes("SECRET+")) {
    throw new TakoError("usage", "the version is a secret key, which would be published", {
      rule: "PUB-27",
      hint: "A key is given with --key-file FILE; treat this one as exposed.",
    });
  }
  if (image !== undefined && version !== undefined) return parseVersion(version);
  const isRotation = rotateKey !== undefined && dryRun !== true;
  if (image === undefined && version === undefined && isRotation) {
    refuseExpectation(options.expected ?? {});
    return undefined;
  }
  throw new TakoError("usage", `${image === undefined ? "IMAGE" : "VERSION"} is missing`, {
    rule: "PUB-54",
  });
}

function refuseExpectation(expected: ExpectedImage): void {
  const option = expectation(expected);
  if (option === undefined) return;
  throw new TakoError("usage", `option ${option} is for an image, and there is none`, {
    rule: "PUB-82",
    hint: "--rotate-key alone signs the manifest anew, and stores nothing.",
  });
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
