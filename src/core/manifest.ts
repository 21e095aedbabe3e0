// The manifest, format 1: strict decoding, its inverse, and how an entry is added (spec/manifest.md).

import { decodeBase64, encodeBase64 } from "./base64.ts";
import type { Branded } from "./branded.ts";
import { parseSha256Hex, type Sha256Hex } from "./digest.ts";
import { asTakoError, TakoError } from "./error.ts";
import { type PublicKey, type SecretKey, type Sha512, type Verify, verify } from "./keys.ts";
import { parseSize, type Size } from "./size.ts";
import { printable } from "./text.ts";
import { compareVersions, parseVersion, type Version } from "./version.ts";

/** One published image. Each of the three comes from its own parser. */
export interface Entry {
  readonly version: Version;
  readonly size: Size;
  readonly digest: Sha256Hex;
}

/** A valid manifest: its entries ascend strictly in the order of versions (MAN-8). */
export type Manifest = Branded<{ readonly entries: readonly Entry[] }, "Manifest">;

/** The most bytes of a manifest (MAN-17). */
export const MAX_MANIFEST_BYTES = 64 * 1024 * 1024;

const MAGIC = "Tako Manifest ";
const HEADER = `${MAGIC}1\n`;
/** 88 characters of base64 and a line feed. */
const SIGNATURE_LINE_BYTES = 89;
const LF = 0x0a;

/** The manifest of an origin that has published nothing yet. */
export const EMPTY_MANIFEST = manifestOf([]);

/** A manifest, and the first of the given keys that signed it. */
export interface SignedManifest {
  readonly manifest: Manifest;
  readonly signer: PublicKey;
}

/**
 * Decodes a manifest that one of the keys signed. The signature is checked before the entries are
 * looked at, so that only the publisher reaches their parser (MAN-13).
 *
 * @param verifyBy the verifier of signatures: a faster one gives the same answers
 * @throws TakoError of kind `manifest`, `newer-format` or `signature`, with `rule` and `line`
 */
export function decodeManifest(
  bytes: Uint8Array,
  keys: readonly PublicKey[],
  verifyBy: Verify = verify,
): Manifest {
  return decodeSignedManifest(bytes, keys, verifyBy).manifest;
}

/** {@link decodeManifest}, and whose signature it was. */
export function decodeSignedManifest(
  bytes: Uint8Array,
  keys: readonly PublicKey[],
  verifyBy: Verify,
): SignedManifest {
  const { signed, signature } = splitSignature(bytes);
  const signer = keys.find((key) => verifyBy(signature, signed, key));
  if (signer === undefined) {
    throw new TakoError("signature", "the manifest is not signed by any of the given public keys", {
      rule: "MAN-12",
      line: countLines(bytes),
    });
  }
  return { manifest: decodeSigned(signed), signer };
}

/**
 * Decodes a manifest without checking who signed it: for the history that a host has accepted
 * earlier, under a key that its config no longer names. Everything else is checked (MAN-23).
 *
 * @throws TakoError of kind `manifest` or `newer-format`, with `rule` and `line`
 */
export function decodeUnverified(bytes: Uint8Array): Manifest {
  return decodeSigned(splitSignature(bytes).signed);
}

/** Whether bytes begin as a manifest of any format does; what does not is something else (ORG-31). */
export function beginsAsManifest(bytes: Uint8Array): boolean {
  return latin1(bytes.subarray(0, MAGIC.length)) === MAGIC;
}

/** Whether bytes are a manifest of format 1 as far as they go, and end before its last line does (ORG-33). */
export function isCutOff(bytes: Uint8Array): boolean {
  if (!HEADER.startsWith(latin1(bytes.subarray(0, HEADER.length)))) return false;
  for (let start = HEADER.length; ; ) {
    const end = bytes.indexOf(LF, start);
    if (end === -1) return true;
    // The first empty line after the second line ends the entries (MAN-10).
    if (end === start && start > HEADER.length) {
      return bytes.length - end - 1 < SIGNATURE_LINE_BYTES;
    }
    start = end + 1;
  }
}

/** Header and shape of the last two lines; then what is signed, and by what (MAN-13). */
function splitSignature(bytes: Uint8Array) {
  checkHeader(bytes);
  const start = bytes.length - SIGNATURE_LINE_BYTES;
  const text = latin1(bytes.subarray(Math.max(start, 0)));
  const signature = text.endsWith("\n") ? decodeBase64(text.slice(0, -1)) : undefined;
  if (signature?.length !== 64 || bytes[start - 1] !== LF) {
    const expected =
      "expected a signature as the last line: 88 characters of base64 and a line feed";
    throw invalid(countLines(bytes), expected, "MAN-11");
  }
  if (bytes[start - 2] !== LF) {
    throw invalid(countLines(bytes), "expected an empty line before the signature", "MAN-10");
  }
  return { signed: bytes.subarray(0, start), signature };
}

function checkHeader(bytes: Uint8Array): void {
  const start = latin1(bytes.subarray(0, 256));
  if (start.startsWith(HEADER)) return;
  if (/^Tako Manifest [^\n]+\n/.test(start)) {
    // Whoever wrote it is not known yet, so nothing of it is shown (ORG-90).
    throw new TakoError(
      "newer-format",
      "the manifest has a newer format than 1, the one that this version of Tako reads",
      { rule: "MAN-3", line: 1 },
    );
  }
  throw invalid(1, 'not a Tako manifest: expected "Tako Manifest 1"', "MAN-2");
}

/** The part that the signature covers: header, blank line, entries, blank line. */
function decodeSigned(signed: Uint8Array): Manifest {
  const text = latin1(signed);
  let line = 2;
  let start = HEADER.length;
  if (text[start] !== "\n") throw invalid(line, "expected an empty line after the header", "MAN-4");

  const entries: Entry[] = [];
  for (start += 1; ; ) {
    line += 1;
    const end = text.indexOf("\n", start);
    if (end === -1) throw invalid(line, "expected an empty line before the signature", "MAN-10");
    if (end === start) break;
    const entry = decodeEntry(text.slice(start, end), line);
    const previous = entries.at(-1);
    if (previous !== undefined && compareVersions(previous.version, entry.version) >= 0) {
      throw invalid(
        line,
        `version ${entry.version.text} must be newer than ${previous.version.text} on the line before it`,
        "MAN-8",
      );
    }
    entries.push(entry);
    start = end + 1;
  }
  if (start + 1 !== text.length) {
    throw invalid(line + 1, "expected the signature after the empty line", "MAN-10");
  }
  return manifestOf(entries);
}

/** Reads `VERSION SP SIZE SP SHA256`. */
function decodeEntry(text: string, line: number): Entry {
  // Not split(" "), which alone would take half of the decoder's time.
  const first = text.indexOf(" ");
  const second = text.indexOf(" ", first + 1);
  if (first === -1 || second === -1 || text.includes(" ", second + 1)) {
    throw invalid(
      line,
      `expected "VERSION SIZE SHA256" with one space between, not "${printable(text)}"`,
      "MAN-5",
    );
  }
  const version = decodeVersion(text.slice(0, first), line);
  const size = decodeSize(text.slice(first + 1, second), line);
  const digest = decodeDigest(text.slice(second + 1), line);
  return { version, size, digest };
}

function decodeVersion(text: string, line: number): Version {
  try {
    return parseVersion(text);
  } catch (cause) {
    throw invalid(line, asTakoError(cause).message, "MAN-5", cause);
  }
}

function decodeSize(text: string, line: number): Size {
  try {
    // Number() alone takes other spellings, too, such as 1e3 and an empty text.
    return parseSize(/^(0|[1-9][0-9]*)$/.test(text) ? Number(text) : NaN);
  } catch (cause) {
    const expected = "expected decimal bytes up to 2^53 - 1";
    throw invalid(line, `invalid size "${printable(text)}": ${expected}`, "MAN-6", cause);
  }
}

function decodeDigest(text: string, line: number): Sha256Hex {
  const digest = parseSha256Hex(text);
  if (digest !== undefined) return digest;
  throw invalid(
    line,
    `invalid SHA-256 "${printable(text)}": expected 64 lowercase hexadecimal digits`,
    "MAN-7",
  );
}

/**
 * Encodes and signs a manifest: the inverse of {@link decodeManifest}. The same manifest and key
 * always give the same bytes (MAN-18).
 *
 * @param hash a faster SHA-512 than the one in JavaScript, for large manifests
 */
export function encodeManifest(manifest: Manifest, key: SecretKey, hash?: Sha512): Uint8Array {
  const lines = manifest.entries.map((entry) => `${describeEntry(entry)}\n`);
  const body = `${HEADER}\n${lines.join("")}\n`;
  const encoder = new TextEncoder();
  const signature = key.sign(encoder.encode(body), hash);
  return encoder.encode(`${body}${encodeBase64(signature)}\n`);
}

/**
 * Adds an entry at its place in the order. An identical entry that is there already gives the
 * same manifest back (MAN-19, MAN-20).
 *
 * @throws TakoError of kind `failed` that names the entry in the way: an equivalent version with
 *   another spelling, size or digest
 */
export function insertEntry(manifest: Manifest, entry: Entry): Manifest {
  const { entries } = manifest;
  const index = entries.findLastIndex(
    (other) => compareVersions(other.version, entry.version) <= 0,
  );
  const before = entries[index];
  if (before !== undefined && compareVersions(before.version, entry.version) === 0) {
    if (sameEntry(before, entry)) return manifest;
    throw new TakoError(
      "failed",
      `version ${entry.version.text} is already published: ${describeEntry(before)}`,
      { rule: "MAN-20", hint: "Published versions never change; publish under a newer version." },
    );
  }
  return manifestOf([...entries.slice(0, index + 1), entry, ...entries.slice(index + 1)]);
}

/** An entry as its line in the manifest. */
export function describeEntry({ version, size, digest }: Entry): string {
  return `${version.text} ${size} ${digest}`;
}

/** Whether two entries are the same byte for byte. */
export function sameEntry(a: Entry, b: Entry): boolean {
  return a.version.text === b.version.text && a.size === b.size && a.digest === b.digest;
}

/** Brands entries whose order the caller has made sure of. */
function manifestOf(entries: readonly Entry[]): Manifest {
  return { entries } as Manifest;
}

/** The bytes of each image, by its digest. */
export function sizesOf(entries: readonly Entry[]): ReadonlyMap<Sha256Hex, number> {
  return new Map(entries.map(({ digest, size }) => [digest, size]));
}

/** Bytes as text, one character a byte; every byte above ASCII becomes some character above it. */
function latin1(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes);
}

function countLines(bytes: Uint8Array): number {
  let lines = bytes.at(-1) === LF ? 0 : 1;
  // By index, which is much faster than for...of: anybody can send 64 MiB to be counted.
  for (let index = 0; index < bytes.length; index++) if (bytes[index] === LF) lines += 1;
  return lines;
}

function invalid(line: number, message: string, rule: string, cause?: unknown): TakoError {
  return new TakoError("manifest", message, {
    rule,
    line,
    cause,
  });
}
