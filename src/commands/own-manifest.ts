// The manifest that a publisher goes on with: its own, signed by its key, or by the one that this key replaces
// (spec/publish.md). Anything else ends the run before something is written.

import { TakoError } from "../core/error.ts";
import type { PublicKey, SecretKey } from "../core/keys.ts";
import { EMPTY_MANIFEST, type Manifest } from "../core/manifest.ts";
import { shownPath } from "../core/text.ts";
import type { ManifestFile } from "../shell/disk/manifest-file.ts";
import type { Publication } from "../shell/publication.ts";

/**
 * The manifest until now; that there is none is said (PUB-19).
 *
 * @throws as requireOurs
 */
export function readOurs(
  publication: Publication,
  key: SecretKey,
  replaced: PublicKey | undefined,
  warn: (message: string) => void,
): { readonly manifest: Manifest; readonly bytes?: Uint8Array } {
  const keys = replaced === undefined ? [key.publicKey] : [key.publicKey, replaced];
  const { manifestPath } = publication;
  const ours = requireOurs(publication.readManifest(keys), manifestPath, replaced);
  if (ours.bytes === undefined) {
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

/** One that cannot be decoded is never passed over (PUB-41). */
export function damaged(source: string, cause: TakoError): TakoError {
  return new TakoError("storage", `the manifest is damaged: ${cause.message}`, {
    rule: "PUB-41",
    source,
    line: cause.line,
    hint: "Restore it from a copy, such as a host's: hosts refuse a manifest without its entries.",
    cause,
  });
}
