// How the small command line reads manifests: with the second decoder and OpenSSL, which starts in a
// tenth of the time.

import { parseSha256Hex } from "../../../src/core/digest.ts";
import type { PublicKey } from "../../../src/core/keys.ts";
import {
  EMPTY_MANIFEST,
  type Entry,
  insertEntry,
  type Manifest,
} from "../../../src/core/manifest.ts";
import { parseSize } from "../../../src/core/size.ts";
import { parseVersion } from "../../../src/core/version.ts";
import { decode, type PlainEntry } from "./lenient-manifest.ts";

/** @throws Error unless the manifest is valid and one of the keys signed it */
export function readManifest(bytes: Uint8Array, keys: readonly PublicKey[]): Manifest {
  return manifestOf(
    decode(
      bytes,
      keys.map(({ text }) => text),
    ),
  );
}

/** @throws Error unless the manifest is valid, whoever signed it */
export function readUnverified(bytes: Uint8Array): Manifest {
  return manifestOf(decode(bytes, [], "signature-unchecked"));
}

function manifestOf(entries: readonly PlainEntry[]): Manifest {
  return entries.map(entryOf).reduce(insertEntry, EMPTY_MANIFEST);
}

function entryOf({ version, size, digest }: PlainEntry): Entry {
  const known = parseSha256Hex(digest);
  if (known === undefined) throw new Error("not a digest");
  return { version: parseVersion(version), size: parseSize(size), digest: known };
}
