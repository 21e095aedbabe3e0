// The manifest that a publisher goes on with: its own, signed by its key, or by the one that this key replaces
// (spec/publish.md). Anything else ends the run before something is written.

import { TakoError } from "../core/error.ts";
import type { PublicKey, SecretKey } from "../core/keys.ts";
import { EMPTY_MANIFEST, type Manifest } from "../core/manifest.ts";
import { shownPath } from "../core/text.ts";
import { compareVersions, type Version } from "../core/version.ts";
import type { ManifestFile } from "../shell/disk/manifest-file.ts";
import type { Publication } from "../shell/publication/publication.ts";

/** Who signs, and whether a manifest may be begun. */
export interface Signer {
  readonly key: SecretKey;
  /** The key that signed until now (PUB-50). */
  readonly replaced: PublicKey | undefined;
  /** `--new` (PUB-70). */
  readonly isNew: boolean;
  /** Somebody sees what is warned of. */
  readonly isWatched: boolean;
  readonly warn: (message: string) => void;
}

/** The manifest until now; without bytes if there is none. */
export interface Ours {
  readonly manifest: Manifest;
  readonly bytes?: Uint8Array;
}

/**
 * The manifest until now; that there is none is said (PUB-19).
 *
 * @throws as requireOurs; TakoError of kind `storage` if there is none and none may be begun
 */
export async function readOurs(
  publication: Publication,
  { key, replaced, isNew, isWatched, warn }: Signer,
): Promise<Ours> {
  const keys = replaced === undefined ? [key.publicKey] : [key.publicKey, replaced];
  const { manifestPath } = publication;
  const ours = requireOurs(await publication.readManifest(keys), manifestPath, replaced);
  if (ours.bytes === undefined) {
    if (!isNew && !(isWatched && !(await publication.hasStore()))) throw noManifest(manifestPath);
    warn(
      `starting a new manifest, ${shownPath(manifestPath)}: hosts that know an earlier one will refuse it`,
    );
  }
  return ours;
}

/**
 * The manifest that was published until now, signed by the key or by the one that it replaces.
 *
 * @throws TakoError of kind `signature` for a manifest of another key, `storage` for one that is
 *   damaged, or missing in a rotation
 */
function requireOurs(file: ManifestFile, source: string, replaced: PublicKey | undefined): Ours {
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

/**
 * The manifest of an origin of which nothing in it changes: whose key signed it does not matter.
 *
 * @param absent what is said if there is none
 * @throws TakoError of kind `storage` for one that is damaged or missing
 */
export async function readPublished(
  publication: Publication,
  absent: { readonly rule: string; readonly hint: string },
): Promise<Manifest> {
  const { manifestPath: source } = publication;
  const file = await publication.readManifest([]);
  switch (file.state) {
    case "signed":
    case "foreign":
      return file.manifest;
    case "damaged":
      throw damaged(source, file.error);
    case "absent":
      throw new TakoError("storage", "there is no manifest", { ...absent, source });
  }
}

/**
 * A manifest that `--new` begins has no version but the one that is stored: so the run may be done again, and a job
 * that always says `--new` is noticed at the second version (PUB-71).
 *
 * @throws TakoError of kind `failed`
 */
export function requireBegun({ entries }: Manifest, version: Version, source: string): void {
  const other = entries.find((entry) => compareVersions(entry.version, version) !== 0);
  if (other === undefined) return;
  throw new TakoError("failed", `it is not new: version ${other.version.text} is in it`, {
    rule: "PUB-71",
    source,
    hint: "--new is for the first version of an origin alone; leave it out.",
  });
}

function noManifest(source: string): TakoError {
  return new TakoError("storage", "there is no manifest", {
    rule: "PUB-70",
    source,
    hint: "Get the one that is published: hosts refuse any without its entries. --new begins an origin.",
  });
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

/** One that cannot be decoded is never passed over (PUB-41). */
function damaged(source: string, cause: TakoError): TakoError {
  return new TakoError("storage", `the manifest is damaged: ${cause.message}`, {
    rule: "PUB-41",
    source,
    line: cause.line,
    hint: "Restore it from a copy, such as a host's: hosts refuse a manifest without its entries.",
    cause,
  });
}
