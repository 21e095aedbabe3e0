// The file `manifest` of a host and of a publisher: how it is read, and put in place. What each of them
// makes of one that somebody else signed, or that is damaged, is their own business.

import { join } from "node:path";
import { asTakoError, type TakoError } from "../../core/error.ts";
import type { PublicKey } from "../../core/keys.ts";
import { MANIFEST } from "../../core/layout.ts";
import {
  decodeSignedManifest,
  decodeUnverified,
  MAX_MANIFEST_BYTES,
  type Manifest,
  type SignedManifest,
} from "../../core/manifest.ts";
import { platformVerify } from "../platform-crypto.ts";
import { syncDirectory, writeFileAtomically } from "./files.ts";
import { readRegularFile } from "./read-files.ts";

/** A manifest on disk, by what is known of it. */
export type ManifestFile =
  | { readonly state: "absent" }
  | ({
      /** By one of the keys. */
      readonly state: "signed";
      readonly bytes: Uint8Array;
    } & SignedManifest)
  | {
      /** Well-formed, and by none of the keys. */
      readonly state: "foreign";
      readonly bytes: Uint8Array;
      readonly manifest: Manifest;
    }
  | {
      readonly state: "damaged";
      readonly bytes: Uint8Array;
      /** What is wrong with it. */
      readonly error: TakoError;
    };

/**
 * @param keys without any, nobody asks who signed it
 * @throws TakoError of kind `storage` if it cannot be read, or is no regular file
 */
export function readManifestFile(directory: string, keys: readonly PublicKey[]): ManifestFile {
  const bytes = readRegularFile(join(directory, MANIFEST), MAX_MANIFEST_BYTES);
  return bytes === undefined ? { state: "absent" } : manifestFileOf(bytes, keys);
}

/** What these bytes are, wherever they were read. */
export function manifestFileOf(bytes: Uint8Array, keys: readonly PublicKey[]): ManifestFile {
  if (keys.length === 0) return readForeign(bytes);
  try {
    return { state: "signed", bytes, ...decodeSignedManifest(bytes, keys, platformVerify) };
  } catch (caught) {
    const error = asTakoError(caught);
    return error.kind === "signature" ? readForeign(bytes) : { state: "damaged", bytes, error };
  }
}

/** Bytes that changed are another matter than another key. */
function readForeign(bytes: Uint8Array): ManifestFile {
  try {
    return { state: "foreign", bytes, manifest: decodeUnverified(bytes) };
  } catch (caught) {
    return { state: "damaged", bytes, error: asTakoError(caught) };
  }
}

export function writeManifestFile(directory: string, bytes: Uint8Array): Promise<void> {
  return writeFileAtomically(directory, MANIFEST, bytes, 0o444);
}

/** Relies on what an earlier run put there, which may have been killed before its sync (DST-29, PUB-36). */
export function syncManifestFile(directory: string): Promise<void> {
  return syncDirectory(directory);
}
