// Keys, signatures, manifests and bodies that properties are made of. Signatures come from the
// platform's OpenSSL, not from the library under test.

import { createPrivateKey, sign as signNatively } from "node:crypto";
import fc from "fast-check";
import { parseSha256Hex, type Sha256Hex } from "../../src/core/digest.ts";
import { SecretKey } from "../../src/core/keys.ts";
import { EMPTY_MANIFEST, type Entry, insertEntry, type Manifest } from "../../src/core/manifest.ts";
import { parseSize, type Size } from "../../src/core/size.ts";
import { compareVersions, parseVersion, type Version } from "../../src/core/version.ts";

/** The seed of RFC 8032 section 7.1, TEST 1. */
export const SEED = Uint8Array.fromHex(
  "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
);
export const KEY = new SecretKey(SEED);

/** TEST 2 of RFC 8032: a key that signs nothing here. */
export const OTHER_KEY = new SecretKey(
  Uint8Array.fromHex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"),
);

/** What stands before the 32 bytes of a seed in PKCS #8 (RFC 8410 section 7). */
const PKCS8 = Uint8Array.fromHex("302e020100300506032b657004220420");

const NATIVE_KEY = createPrivateKey({
  key: Buffer.concat([PKCS8, SEED]),
  format: "der",
  type: "pkcs8",
});

/** OpenSSL's signature with {@link KEY}. */
export function signature(message: Uint8Array): Uint8Array {
  return new Uint8Array(signNatively(null, message, NATIVE_KEY));
}

/** Latin-1, so that a text can stand for any bytes. */
export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** A body and its valid signature, whatever the body is. */
export function signed(body: string): Uint8Array {
  return bytesOf(`${body}${signature(bytesOf(body)).toBase64()}\n`);
}

const joined = (parts: readonly string[]) => parts.join("");

const separator = fc.constantFrom(".", "-", "_");
const part = fc.oneof(
  { weight: 4, arbitrary: fc.nat(12).map(String) },
  { weight: 1, arbitrary: fc.bigInt({ min: 0n, max: 1n << 70n }).map(String) },
  { weight: 1, arbitrary: fc.constantFrom("alpha", "beta", "rc", "a", "b", "v1", "2a", "007", "") },
);

export const versionTexts: fc.Arbitrary<string> = fc
  .tuple(part, fc.array(fc.tuple(separator, part).map(joined), { maxLength: 3 }))
  .map(([first, rest]) => first + joined(rest))
  .filter((text) => /[^._-]/.test(text));

export const versions: fc.Arbitrary<Version> = versionTexts.map(parseVersion);

export const sizes: fc.Arbitrary<Size> = fc
  .oneof(fc.nat(99), fc.maxSafeNat(), fc.constantFrom(0, 2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER))
  .map(parseSize);

/** A text that is known to be a digest. */
export function digestOf(text: string): Sha256Hex {
  const digest = parseSha256Hex(text);
  if (digest === undefined) throw new Error(`not a digest: ${text}`);
  return digest;
}

/** Few digests, so that equal ones come up, and any other. */
export const digests: fc.Arbitrary<Sha256Hex> = fc
  .oneof(
    fc.constantFrom("00", "ab", "ff").map((byte) => byte.repeat(32)),
    fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => bytes.toHex()),
  )
  .map(digestOf);

export const entries: fc.Arbitrary<Entry> = fc.record({
  version: versions,
  size: sizes,
  digest: digests,
});

/** The manifest of these entries, without those that an earlier one is equivalent to. */
export function manifestOf(all: readonly Entry[]): Manifest {
  return all.reduce((manifest, entry) => {
    const taken = manifest.entries.some((e) => compareVersions(e.version, entry.version) === 0);
    return taken ? manifest : insertEntry(manifest, entry);
  }, EMPTY_MANIFEST);
}

export const manifests: fc.Arbitrary<Manifest> = fc
  .array(entries, { maxLength: 8 })
  .map(manifestOf);

/** The line of an entry, written out here. */
export function lineOf({ version, size, digest }: Entry): string {
  return `${version.text} ${size} ${digest}\n`;
}

/** What the signature of a manifest covers, written out here. */
export function bodyOf({ entries }: Manifest): string {
  return `Tako Manifest 1\n\n${joined(entries.map(lineOf))}\n`;
}

/** Any bytes as a Latin-1 text. */
export const garbage: fc.Arbitrary<string> = fc
  .uint8Array({ maxLength: 120 })
  .map((bytes) => joined(Array.from(bytes, (byte) => String.fromCharCode(byte))));

/** A change of one byte: replaced by another, removed, or a new one put before it. */
export type Edit = (bytes: Uint8Array) => Uint8Array;

export function replaceAt(index: number, mask: number): Edit {
  return (bytes) => bytes.map((byte, at) => (at === index ? byte ^ mask : byte));
}

export function removeAt(index: number): Edit {
  return (bytes) => bytes.filter((_, at) => at !== index);
}

export function insertAt(index: number, byte: number): Edit {
  return (bytes) => Uint8Array.of(...bytes.subarray(0, index), byte, ...bytes.subarray(index));
}

/** Bytes that mean something to the format come up more often than others. */
const byteValues = fc.oneof(
  fc.constantFrom(...bytesOf(" \n\r\t\0=.-0129afAF+/*<>\x7f\x80\xff")),
  fc.integer({ min: 0, max: 255 }),
);

export const edits = (length: number): fc.Arbitrary<Edit> =>
  fc.oneof(
    fc
      .tuple(fc.nat(length - 1), fc.integer({ min: 1, max: 255 }))
      .map(([index, mask]) => replaceAt(index, mask)),
    fc.nat(length - 1).map(removeAt),
    fc.tuple(fc.nat(length), byteValues).map(([index, byte]) => insertAt(index, byte)),
  );

/** A text that differs from the given one in up to four bytes. */
export const nearly = (text: string): fc.Arbitrary<string> =>
  fc
    .array(edits(text.length), { minLength: 1, maxLength: 4 })
    .map((changes) => changes.reduce((bytes, change) => change(bytes), bytesOf(text)))
    .map((bytes) => joined(Array.from(bytes, (byte) => String.fromCharCode(byte))));

/**
 * The form of MAN-1 as one regular expression, and the order by MAN-8: what a signed body must be,
 * said a second time.
 */
export function isValidBody(body: string): boolean {
  const form = /^Tako Manifest 1\n\n(?:[!-)+-;?-~]{1,255} (?:0|[1-9][0-9]*) [0-9a-f]{64}\n)*\n$/;
  if (!form.test(body)) return false;
  const lines = body.split("\n").slice(2, -2);
  const [texts, numbers] = [0, 1].map((field) => lines.map((line) => line.split(" ")[field] ?? ""));
  const tooLarge = numbers?.some((size) => BigInt(size) >= 1n << 53n);
  if (tooLarge || texts?.some((text) => /^[._-]+$/.test(text))) return false;
  const versions = texts?.map(parseVersion) ?? [];
  return versions.every((version, index) => {
    const previous = versions[index - 1];
    return previous === undefined || compareVersions(previous, version) < 0;
  });
}

/** An entry's line with at most one thing wrong. The fields are put together by hand. */
const roughLines = fc
  .tuple(
    entries,
    fc.constantFrom<((version: string, size: number, digest: string) => string)[]>(
      (v, s, d) => `${v} ${s} ${d}\n`,
      (v, s, d) => `${v}  ${s} ${d}\n`,
      (v, s, d) => `${v} ${s}\t${d}\n`,
      (v, s, d) => ` ${v} ${s} ${d}\n`,
      (v, s, d) => `${v} ${s} ${d} \n`,
      (v, s, d) => `${v} ${s} ${d} x\n`,
      (v, s, d) => `${v} ${s} ${d}\r\n`,
      (v, s, d) => `${v} ${s} ${d}\n\n`,
      (v, s, d) => `${v} ${s} ${d}`,
      (v, _, d) => `${v} ${d}\n`,
      (v, s, d) => `${v}* ${s} ${d}\n`,
      (v, s, d) => `<${v} ${s} ${d}\n`,
      (v, s, d) => `${v}\xe9 ${s} ${d}\n`,
      (v, s, d) => `${v}\t ${s} ${d}\n`,
      (v, s, d) => `${v}${"9".repeat(256)} ${s} ${d}\n`,
      (_, s, d) => `.-_ ${s} ${d}\n`,
      (v, s, d) => `${v} 0${s} ${d}\n`,
      (v, s, d) => `${v} +${s} ${d}\n`,
      (v, s, d) => `${v} -${s} ${d}\n`,
      (v, s, d) => `${v} ${s}.0 ${d}\n`,
      (v, s, d) => `${v} ${s}e0 ${d}\n`,
      (v, _, d) => `${v} 9007199254740992 ${d}\n`,
      (v, s, d) => `${v} ${2n ** 64n + BigInt(s)} ${d}\n`,
      (v, s, d) => `${v} ${s} ${d.toUpperCase()}\n`,
      (v, s, d) => `${v} ${s} ${d.slice(1)}\n`,
      (v, s, d) => `${v} ${s} ${d}0\n`,
    ),
  )
  .map(([{ version, size, digest }, write]) => write(version.text, size, digest));

/** Few versions, so that neighbours are often equivalent. */
const closeEntries = fc.record({
  version: fc
    .constantFrom("0-a", "0.a.0", "1", "01", "1-0", "1.0.0", "1.0.1", "1.1")
    .map(parseVersion),
  size: sizes,
  digest: digests,
});

/** Lines for a manifest in any order, often the right one but for equivalent versions. */
export const closeRows: fc.Arbitrary<readonly Entry[]> = fc.oneof(
  fc.array(entries, { maxLength: 4 }),
  fc.array(closeEntries, { maxLength: 4 }),
  fc
    .array(closeEntries, { maxLength: 4 })
    .map((rows) => rows.toSorted((a, b) => compareVersions(a.version, b.version))),
);

const HEADER = "Tako Manifest 1\n";

/** Bodies for the publisher's signature: right, almost right, rough and garbage. */
export const bodies: fc.Arbitrary<string> = fc.oneof(
  manifests.map(bodyOf),
  manifests.chain((manifest) => nearly(bodyOf(manifest))),
  closeRows.map((rows) => `${HEADER}\n${joined(rows.map(lineOf))}\n`),
  roughLines.map((line) => `${HEADER}\n${line}\n`),
  manifests.map((manifest) => bodyOf(manifest).replace("\n\n", "\n")),
  garbage.map((text) => `${HEADER}\n${text}\n\n`),
  garbage.map((text) => `${HEADER}${text}`),
  garbage,
);

/** Entries from a small stock, so that manifests of them often hold each other's. */
const stock = ["1", "1.0", "1.1", "2", "2.0-rc"].flatMap((version) =>
  [7, 8].flatMap((size) =>
    ["00", "ff"].map((byte) => ({
      version: parseVersion(version),
      size: parseSize(size),
      digest: byte.repeat(32) as Sha256Hex,
    })),
  ),
);

export const related: fc.Arbitrary<Manifest> = fc
  .array(fc.constantFrom(...stock), { maxLength: 6 })
  .map(manifestOf);

/** Manifests that hold this one. */
export const grown = (manifest: Manifest): fc.Arbitrary<Manifest> =>
  fc
    .array(fc.constantFrom(...stock), { maxLength: 4 })
    .map((more) => manifestOf([...manifest.entries, ...more]));
