// A second decoder of manifests, for faults: every rule of spec/manifest.md is one condition here,
// and one of them at a time is relaxed.

import { createPublicKey, type KeyObject, verify } from "node:crypto";
import { type ErrorKind, TakoError } from "../../../src/core/error.ts";
import { compareVersions, parseVersion } from "../../../src/core/version.ts";

export const LENIENCIES = {
  "bom-skipped": "a byte order mark is skipped",
  "cr-skipped": "CRLF ends a line as LF does",
  "trailing-data-accepted": "bytes after the signature's line are ignored",
  "final-newline-optional": "the last line may lack its LF",
  "any-format-accepted": "a manifest of format 2 is read as format 1",
  "newer-format-not-told-apart": "format 2 is no manifest at all",
  "long-header-is-newer": "a first line of any length may be a newer format's",
  "second-line-not-checked": "the line after the header may hold anything",
  "blank-lines-skipped": "there may be empty lines between entries",
  "comments-skipped": "lines that begin with # are skipped",
  "spaces-and-tabs": "any white space separates fields",
  "more-fields-accepted": "a fourth field is ignored",
  "version-not-checked": "a version may hold any bytes",
  "size-with-sign": "+12 is 12",
  "size-with-leading-zero": "012 is 12",
  "size-beyond-doubles": "a size may exceed 2^53 - 1",
  "size-wraps": "a size has 64 bits",
  "upper-case-digest": "digits of a digest may be in upper case",
  "digest-of-any-length": "a digest is any hex",
  "unsorted-accepted": "entries may stand in any order",
  "duplicate-accepted": "the same version may come twice",
  "equivalent-accepted": "1.0 and 1.0.0 may both be listed",
  "sorted-by-text": "entries are in the order of their texts",
  "signature-unchecked": "the signature is not verified",
  "first-key-only": "only the first of the given keys is tried",
  "covers-entries-only": "the signature covers the entries alone",
  "covers-up-to-entries": "the signature leaves out the last empty line",
  "covers-without-cr": "the signature covers the text with CRLF made LF",
  "s-not-reduced": "S of the signature may exceed the group's order",
  "padding-optional": "the base64 of the signature needs no padding",
  "stray-bits-accepted": "unused bits of base64 may be set",
  "white-space-in-signature": "white space in the signature is ignored",
  "url-safe-signature": "the URL-safe alphabet is accepted",
  "no-blank-before-signature": "the signature may follow the entries at once",
  "entries-before-signature": "entries are checked before the signature",
  "lines-from-0": "lines are counted from 0",
  "earlier-line-named": "of two lines in the wrong order the earlier one is named",
} as const;

export type Leniency = keyof typeof LENIENCIES;

export interface PlainEntry {
  readonly version: string;
  readonly size: number;
  readonly digest: string;
}

const L = 2n ** 252n + 27742317777372353535851937790883648493n;

/** @throws TakoError as the right decoder does, the relaxed rule aside */
export function decode(
  bytes: Uint8Array,
  keys: readonly string[],
  leniency?: Leniency,
): readonly PlainEntry[] {
  const is = (name: Leniency) => name === leniency;
  const fail = (line: number, kind: ErrorKind = "manifest") =>
    new TakoError(kind, "refused", { line: is("lines-from-0") ? line - 1 : line });

  let text = latin1(bytes);
  if (is("bom-skipped")) text = text.replace(/^\xef\xbb\xbf/, "");
  checkHeader();
  if (is("final-newline-optional") && !text.endsWith("\n")) text += "\n";
  if (is("trailing-data-accepted")) text = text.replace(/(\n\n[^\n]{86}==\n).*$/s, "$1");

  const lines = text.split("\n");
  const last = text.endsWith("\n") ? lines.length - 1 : lines.length;
  const signatureLine = text.endsWith("\n") ? (lines.at(-2) ?? "") : undefined;
  const signature = signatureLine === undefined ? undefined : decodeSignature(signatureLine);
  if (signatureLine === undefined || signature === undefined || last < 2) throw fail(last);
  const signed = text.slice(0, text.length - signatureLine.length - 1);
  const hasBlank = ending(signed).endsWith("\n\n");
  if (!hasBlank && !is("no-blank-before-signature")) throw fail(last);

  if (is("entries-before-signature")) decodeEntries();
  if (!is("signature-unchecked") && !isSigned(signature)) throw fail(last, "signature");
  return decodeEntries();

  /** CRLF as LF, if that is the fault. */
  function ending(part: string): string {
    return is("cr-skipped") ? part.replaceAll("\r\n", "\n") : part;
  }

  function checkHeader(): void {
    const start = is("long-header-is-newer") ? text : text.slice(0, 256);
    if (ending(start).startsWith("Tako Manifest 1\n")) return;
    if (!/^Tako Manifest [^\n]+\n/.test(start)) throw fail(1);
    if (is("any-format-accepted")) return;
    throw fail(1, is("newer-format-not-told-apart") ? "manifest" : "newer-format");
  }

  function decodeSignature(line: string): Uint8Array | undefined {
    let word = ending(`${line}\n`).slice(0, -1);
    if (is("white-space-in-signature")) word = word.replace(/\s/g, "");
    if (is("url-safe-signature")) word = word.replaceAll("-", "+").replaceAll("_", "/");
    if (is("padding-optional")) word = word.replace(/=*$/, "==");
    if (!/^[A-Za-z0-9+/]{86}==$/.test(word)) return undefined;
    const decoded = Uint8Array.fromBase64(word, { lastChunkHandling: "loose" });
    return decoded.toBase64() === word || is("stray-bits-accepted") ? decoded : undefined;
  }

  function isSigned(given: Uint8Array): boolean {
    const tried = is("first-key-only") ? keys.slice(0, 1) : keys;
    const message = Buffer.from(covered(), "latin1");
    const reduced = is("s-not-reduced") ? reduceS(given) : given;
    return tried.some((key) => verify(null, message, nativeKey(key), reduced));
  }

  function covered(): string {
    if (is("covers-entries-only")) return signed.slice("Tako Manifest 1\n\n".length, -1);
    if (is("covers-up-to-entries")) return signed.slice(0, -1);
    return is("covers-without-cr") ? signed.replaceAll("\r\n", "\n") : signed;
  }

  function decodeEntries(): readonly PlainEntry[] {
    const [, second, ...rest] = ending(signed).split("\n");
    if (second !== "" && !is("second-line-not-checked")) throw fail(2);
    // What follows the last LF is not a line, and the one before it is the empty one.
    const body = rest.slice(0, hasBlank ? -2 : -1);
    if (hasBlank && rest.length < 2) throw fail(3);
    const entries: PlainEntry[] = [];
    for (const [index, line] of body.entries()) {
      if (is("blank-lines-skipped") && line === "") continue;
      if (is("comments-skipped") && line.startsWith("#")) continue;
      // An empty line ends the entries, so what is wrong is that something follows it.
      if (line === "") throw fail(index + 4);
      entries.push(decodeEntry(line, index + 3, entries.at(-1)));
    }
    return entries;
  }

  function decodeEntry(text: string, line: number, before: PlainEntry | undefined): PlainEntry {
    const fields = text.split(is("spaces-and-tabs") ? /[ \t]+/ : " ");
    if (is("more-fields-accepted")) fields.splice(3);
    const [version = "", size = "", digest = ""] = fields;
    if (fields.length !== 3) throw fail(line);
    if (!is("version-not-checked") && !isVersion(version)) throw fail(line);
    const value = decodeSize(size);
    if (value === undefined) throw fail(line);
    const isDigest = is("upper-case-digest") ? /^[0-9a-fA-F]{64}$/ : /^[0-9a-f]{64}$/;
    if (!(is("digest-of-any-length") ? /^[0-9a-f]*$/ : isDigest).test(digest)) throw fail(line);
    if (before !== undefined && !isAscending(before.version, version)) {
      throw fail(is("earlier-line-named") ? line - 1 : line);
    }
    return { version, size: value, digest: digest.toLowerCase() };
  }

  function decodeSize(digits: string): number | undefined {
    const form = is("size-with-sign")
      ? /^\+?(0|[1-9][0-9]*)$/
      : is("size-with-leading-zero")
        ? /^[0-9]+$/
        : /^(0|[1-9][0-9]*)$/;
    if (!form.test(digits)) return undefined;
    const value = Number(is("size-wraps") ? BigInt.asUintN(64, BigInt(digits)) : digits);
    return Number.isSafeInteger(value) || is("size-beyond-doubles") ? value : undefined;
  }

  function isAscending(a: string, b: string): boolean {
    if (is("unsorted-accepted")) return true;
    if (is("sorted-by-text")) return a < b;
    if (a === b) return is("duplicate-accepted");
    if (!isVersion(a) || !isVersion(b)) return a < b;
    const order = compareVersions(parseVersion(a), parseVersion(b));
    return order < 0 || (order === 0 && is("equivalent-accepted"));
  }
}

/** What stands before the 32 bytes of a public key in SPKI (RFC 8410 section 4). */
const SPKI = Buffer.from("302a300506032b6570032100", "hex");

/** A key for OpenSSL, whose checks are enough for the honest keys of the fixtures. */
export function nativeKey(key: string): KeyObject {
  const der = Buffer.concat([SPKI, Buffer.from(key, "base64")]);
  return createPublicKey({ key: der, format: "der", type: "spki" });
}

function isVersion(text: string): boolean {
  try {
    parseVersion(text);
    return true;
  } catch {
    return false;
  }
}

/** The same signature with S below the group's order. */
export function reduceS(signature: Uint8Array): Uint8Array {
  const s = BigInt(`0x${signature.slice(32).reverse().toHex()}`) % L;
  const reduced = Uint8Array.fromHex(s.toString(16).padStart(64, "0")).reverse();
  return Uint8Array.of(...signature.subarray(0, 32), ...reduced);
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1");
}
