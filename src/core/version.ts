// Versions: what is one, and which of two is newer (spec/versions.md).

import { TakoError } from "./error.ts";
import { printable } from "./text.ts";

/** A numeric part by its exact value (a bigint past 2^53 - 1), any other part as its text. */
export type Part = string | number | bigint;

declare const version: unique symbol;

/**
 * A valid version: its text as published, and the parts that its order comes from. Of a large
 * manifest the parts would take several times the memory of the text, so they are read from it
 * each time.
 */
class ParsedVersion {
  readonly text: string;
  declare readonly [version]: true;

  constructor(text: string) {
    this.text = text;
  }

  get parts(): readonly Part[] {
    return readParts(this.text);
  }
}

export type Version = ParsedVersion;

/** The most bytes of a version (VER-2). */
const MAX_VERSION_BYTES = 255;

/** 0x21..0x7E without `*`, `<`, `=` and `>` (VER-1). */
const ALLOWED = /^[\x21-\x29\x2b-\x3b\x3f-\x7e]+$/;

/**
 * Parses a version.
 *
 * @throws TakoError of kind `version`
 */
export function parseVersion(text: string): Version {
  if (text.length > MAX_VERSION_BYTES) {
    throw invalid(text, `expected at most ${MAX_VERSION_BYTES} bytes`, "VER-2");
  }
  if (!ALLOWED.test(text)) {
    throw invalid(
      text,
      "expected printable ASCII without white space and without * < = >",
      "VER-1",
    );
  }
  if (!/[^._-]/.test(text)) throw invalid(text, "expected at least one part", "VER-5");
  return new ParsedVersion(text);
}

/** Splits at `.`, `-` and `_`, drops empty parts, and reads runs of digits as numbers. */
function readParts(text: string): readonly Part[] {
  const parts: Part[] = [];
  for (let start = 0, end = 0; end <= text.length; end++) {
    if (end < text.length && !isSeparator(text.charCodeAt(end))) continue;
    if (end > start) parts.push(parsePart(text, start, end));
    start = end + 1;
  }
  return parts;
}

function isSeparator(code: number): boolean {
  return code === 0x2e || code === 0x2d || code === 0x5f;
}

function parsePart(text: string, start: number, end: number): Part {
  let value = 0;
  for (let index = start; index < end; index++) {
    const digit = text.charCodeAt(index) - 0x30;
    if (digit < 0 || digit > 9) return text.slice(start, end);
    value = value * 10 + digit;
  }
  // Up to 2^53 - 1 the sum is exact; past it, it is at least 2^53, thus not safe.
  return Number.isSafeInteger(value) ? value : BigInt(text.slice(start, end));
}

/** Orders two versions: below zero if `a` is older, zero if they are equivalent (VER). */
export function compareVersions(a: Version, b: Version): number {
  return compareParts(a.parts, b.parts);
}

/** Compares the first `count` parts of each, all by default, the shorter one padded with numeric zeros. */
export function compareParts(
  a: readonly Part[],
  b: readonly Part[],
  count = Math.max(a.length, b.length),
): number {
  for (let index = 0; index < count; index++) {
    const order = comparePart(a[index] ?? 0, b[index] ?? 0);
    if (order !== 0) return order;
  }
  return 0;
}

function comparePart(a: Part, b: Part): number {
  if (a === b) return 0;
  const aIsText = typeof a === "string";
  // A string part is less than any numeric part, so that 1.0-rc < 1.0.
  if (aIsText !== (typeof b === "string")) return aIsText ? -1 : 1;
  // Both are ASCII text, whose UTF-16 order is its byte order, or both are numbers, which compare
  // exactly also between number and bigint. The same value is never both.
  return a < b ? -1 : 1;
}

function invalid(text: string, expected: string, rule: string): TakoError {
  return new TakoError("version", `invalid version "${printable(text)}": ${expected}`, { rule });
}
