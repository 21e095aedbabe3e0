// tako store: publishes an image under a version, and rotates the key (spec/publish.md).
// The story in its order; how each step touches the disk is shell/publication.ts.

import { existsSync } from "node:fs";
import type { Sha256Hex } from "../core/digest.ts";
import { TakoError } from "../core/error.ts";
import { type PublicKey, parsePublicKey, type SecretKey } from "../core/keys.ts";
import {
  decodeManifest,
  decodeUnverified,
  EMPTY_MANIFEST,
  encodeManifest,
  insertEntry,
  MAX_MANIFEST_BYTES,
  type Manifest,
} from "../core/manifest.ts";
import { compareVersions, parseVersion, type Version } from "../core/version.ts";
import { shownPath } from "../shell/disk/storage-error.ts";
import "../shell/native-hash.ts";
import {
  type ImageSource,
  type LockedPublication,
  lockPublication,
  openedImage,
  openImage,
} from "../shell/publication.ts";
import { findSecretKey } from "../shell/secret-key.ts";
import type { Report } from "./events.ts";

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
}

export interface StoreEffects {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The file descriptor of standard input. */
  readonly stdin: number;
  readonly report: Report;
}

export interface StoreResult {
  /** What was stored, absent if the manifest was only signed anew. */
  readonly version?: string;
  readonly sha256?: Sha256Hex;
  /** Whether the manifest is another one now. */
  readonly changed: boolean;
}

interface Image {
  readonly version: Version;
  readonly source: ImageSource;
}

/**
 * Publishes an image in a directory that a web server can serve as it is.
 *
 * @throws TakoError of kind `usage`, `version`, `key`, `storage`, `signature`, or `failed` if the
 *   version is published already
 */
export async function store(options: StoreOptions, effects: StoreEffects): Promise<StoreResult> {
  const { directory } = options;
  const { environment, report } = effects;
  refuseSwapped(options);
  const version = parseImageVersion(options);
  const replaced = options.rotateKey === undefined ? undefined : parsePublicKey(options.rotateKey);
  const warn = (message: string) => report({ event: "warning", message });
  const key = await findSecretKey({ ...options, environment, warn });

  await using source = await openSource(options.image, effects.stdin);
  using publication = await lockPublication(directory, () =>
    report({ event: "waiting", directory }),
  );
  const image = version && source && { version, source };
  return await publish(publication, image, key, replaced, warn);
}

/** With the lock: first the image, then the manifest that names it (PUB-13). */
async function publish(
  publication: LockedPublication,
  image: Image | undefined,
  key: SecretKey,
  replaced: PublicKey | undefined,
  warn: (message: string) => void,
): Promise<StoreResult> {
  const bytes = publication.readManifest();
  const manifest = decodeLocal(bytes, publication.manifestPath, key, replaced);
  if (bytes === undefined) {
    warn(
      `starting a new manifest, ${shownPath(publication.manifestPath)}: hosts that know an earlier one will refuse it`,
    );
  }
  if (image === undefined) {
    return { changed: await writeIfNew(publication, bytes, encodeManifest(manifest, key)) };
  }

  const { version, source } = image;
  if (/^v\d/i.test(version.text)) {
    warn(
      `v10 sorts before v9, and every v version before all numbers; publish ${version.text.slice(1)} instead`,
    );
  }
  if (!manifest.entries.some((entry) => compareVersions(entry.version, version) === 0)) {
    const line = `${version.text} ${source.size ?? 0} ${"0".repeat(64)}\n`;
    refuseOversized((bytes?.length ?? 0) + line.length, publication.manifestPath);
  }
  await using copy = await publication.copyImage(source);
  const { size, digest } = copy;
  if (size === 0) warn(`the image is empty: ${shownPath(source.name)} has 0 bytes`);
  const next = encodeManifest(insertEntry(manifest, { version, size, digest }), key);
  refuseOversized(next.length, publication.manifestPath);
  await copy.keep();
  const changed = await writeIfNew(publication, bytes, next);
  return { version: version.text, sha256: digest, changed };
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

/** `tako store 1.0.0 app.img` is a likely slip (PUB-57). */
function refuseSwapped({ image = "-", version = "" }: StoreOptions): void {
  if (image === "-" || existsSync(image) || !existsSync(version)) return;
  throw new TakoError("storage", "there is no such image", {
    rule: "PUB-57",
    source: shownPath(image),
    hint: "IMAGE comes before VERSION.",
  });
}

/** IMAGE and VERSION come together; only a rotation goes without (PUB-54). */
function parseImageVersion({ image, version, rotateKey }: StoreOptions): Version | undefined {
  if (version?.includes("SECRET+")) {
    throw new TakoError("usage", "the version is a secret key, which would be published", {
      rule: "PUB-27",
      hint: "A key is given with --key-file FILE; treat this one as exposed.",
    });
  }
  if (image !== undefined && version !== undefined) return parseVersion(version);
  if (image === undefined && version === undefined && rotateKey !== undefined) return undefined;
  throw new TakoError("usage", `${image === undefined ? "IMAGE" : "VERSION"} is missing`, {
    rule: "PUB-54",
  });
}

async function openSource(image: string | undefined, stdin: number) {
  if (image === undefined) return undefined;
  return image === "-" ? openedImage(stdin, "standard input") : await openImage(image);
}

/**
 * The manifest that was published until now, signed by the key or by the one that it replaces.
 *
 * @throws TakoError of kind `signature` for a manifest of another key, `storage` for one that is
 *   damaged, or missing in a rotation
 */
function decodeLocal(
  bytes: Uint8Array | undefined,
  source: string,
  key: SecretKey,
  replaced: PublicKey | undefined,
): Manifest {
  if (bytes === undefined) {
    if (replaced === undefined) return EMPTY_MANIFEST;
    const hint = "Rotating a key needs the manifest that the old one signed.";
    throw new TakoError("storage", "there is no manifest", { rule: "PUB-55", source, hint });
  }
  try {
    return decodeManifest(bytes, replaced ? [key.publicKey, replaced] : [key.publicKey]);
  } catch (error) {
    if (!(error instanceof TakoError)) throw error;
    throw error.kind === "signature" && isWellFormed(bytes)
      ? wrongKey(source, replaced, error)
      : damaged(source, error);
  }
}

/** Whether only the key is wrong: bytes that changed are another matter, for another advice. */
function isWellFormed(bytes: Uint8Array): boolean {
  try {
    decodeUnverified(bytes);
    return true;
  } catch (error) {
    if (error instanceof TakoError) return false;
    throw error;
  }
}

function wrongKey(source: string, replaced: PublicKey | undefined, cause: TakoError): TakoError {
  if (replaced !== undefined) {
    const message = "the manifest is signed neither by the old nor by the new key";
    return new TakoError("signature", message, {
      rule: "PUB-51",
      source,
      hint: "OLD_PUBLIC_KEY is the one that hosts have now, in their PublicKey=.",
      cause,
    });
  }
  return new TakoError("signature", "the manifest is signed by another key", {
    rule: "PUB-40",
    source,
    hint: "Use that key, or, after all hosts have the new PublicKey=, change to this one: tako store --rotate-key OLD_PUBLIC_KEY.",
    cause,
  });
}

function damaged(source: string, cause: TakoError): TakoError {
  return new TakoError("storage", `the manifest is damaged: ${cause.message}`, {
    rule: "PUB-41",
    source,
    line: cause.line,
    hint: "Restore it from a copy, such as a host's: hosts refuse a manifest without its entries.",
    cause,
  });
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
