// tako store: publishes an image under a version, and rotates the key (spec/publish.md).
// The story in its order; how each step touches the disk is shell/publication.ts.

import { existsSync } from "node:fs";
import type { Sha256Hex } from "../core/digest.ts";
import { asTakoError, TakoError } from "../core/error.ts";
import { type PublicKey, parsePublicKey, type SecretKey } from "../core/keys.ts";
import {
  EMPTY_MANIFEST,
  encodeManifest,
  insertEntry,
  MAX_MANIFEST_BYTES,
  type Manifest,
} from "../core/manifest.ts";
import { parseSize } from "../core/size.ts";
import { compareVersions, parseVersion, type Version } from "../core/version.ts";
import type { ManifestFile } from "../shell/disk/manifest-file.ts";
import { shownPath } from "../shell/disk/storage-error.ts";
import { platformSha512 } from "../shell/platform-crypto.ts";
import {
  type ImageSource,
  type LockedPublication,
  lockPublication,
  openedImage,
  openImage,
} from "../shell/publication.ts";
import { findSecretKey } from "../shell/secret-key.ts";
import type { Effects } from "./effects.ts";

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

export type StoreResult = {
  /** Whether the manifest is another one now. */
  readonly changed: boolean;
} & (
  | { readonly stored: "image"; readonly version: string; readonly sha256: Sha256Hex }
  /** A rotation of the key, which signed the manifest anew. */
  | { readonly stored: "signature" }
);

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
export async function store(options: StoreOptions, effects: Effects): Promise<StoreResult> {
  const { directory } = options;
  const { clock, environment, report } = effects;
  refuseSwapped(options);
  const version = parseImageVersion(options);
  const replaced = parseReplaced(options);
  const warn = (message: string) => report({ event: "warning", message });
  const key = await findSecretKey({ ...options, environment, warn });

  await using source = await openSource(options.image, effects.stdin);
  const onWait = () => report({ event: "waiting", directory });
  using publication = await lockPublication(directory, { clock, onWait });
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
  const keys = replaced === undefined ? [key.publicKey] : [key.publicKey, replaced];
  const { manifestPath } = publication;
  const { bytes, manifest } = requireOurs(publication.readManifest(keys), manifestPath, replaced);
  if (bytes === undefined) {
    warn(
      `starting a new manifest, ${shownPath(manifestPath)}: hosts that know an earlier one will refuse it`,
    );
  }
  if (image === undefined) {
    const next = encodeManifest(manifest, key, platformSha512);
    const changed = await writeIfNew(publication, bytes, next);
    return { stored: "signature", changed };
  }

  const { version, source } = image;
  if (/^v\d/i.test(version.text)) {
    warn(
      `v10 sorts before v9, and every v version before all numbers; publish ${version.text.slice(1)} instead`,
    );
  }
  if (!manifest.entries.some((entry) => compareVersions(entry.version, version) === 0)) {
    const line = `${version.text} ${source.size ?? 0} ${"0".repeat(64)}\n`;
    refuseOversized((bytes?.length ?? 0) + line.length, manifestPath);
  }
  await using copy = await publication.copyImage(source);
  const { digest } = copy;
  const size = parseSize(copy.size);
  if (size === 0) warn(`the image is empty: ${shownPath(source.name)} has 0 bytes`);
  const grown = insertEntry(manifest, { version, size, digest });
  const next = encodeManifest(grown, key, platformSha512);
  refuseOversized(next.length, manifestPath);
  await copy.keep();
  const changed = await writeIfNew(publication, bytes, next);
  return { stored: "image", version: version.text, sha256: digest, changed };
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

/** The key that is replaced (PUB-50). */
function parseReplaced({ rotateKey }: StoreOptions): PublicKey | undefined {
  try {
    return rotateKey === undefined ? undefined : parsePublicKey(rotateKey);
  } catch (error) {
    throw asTakoError(error).with({ source: "--rotate-key" });
  }
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
function requireOurs(
  file: ManifestFile,
  source: string,
  replaced: PublicKey | undefined,
): { readonly manifest: Manifest; readonly bytes?: Uint8Array } {
  switch (file.state) {
    case "signed":
      return file;
    case "foreign":
      throw wrongKey(source, replaced);
    case "damaged":
      throw damaged(source, file.error);
    case "absent":
      if (replaced === undefined) return { manifest: EMPTY_MANIFEST };
      throw new TakoError("storage", "there is no manifest", {
        rule: "PUB-55",
        source,
        hint: "Rotating a key needs the manifest that the old one signed.",
      });
  }
}

function wrongKey(source: string, replaced: PublicKey | undefined): TakoError {
  if (replaced !== undefined) {
    const message = "the manifest is signed neither by the old nor by the new key";
    return new TakoError("signature", message, {
      rule: "PUB-51",
      source,
      hint: "OLD_PUBLIC_KEY is the one that hosts have now, in their PublicKey=.",
    });
  }
  return new TakoError("signature", "the manifest is signed by another key", {
    rule: "PUB-40",
    source,
    hint: "Use that key, or, after all hosts have the new PublicKey=, change to this one: tako store --rotate-key OLD_PUBLIC_KEY.",
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
