// Versions: what is one, and which of two is newer (spec/versions.md).

import { TakoError } from "./error.ts";
import { printable } from "./text.ts";

/** A numeric part by its exact value (a bigint past 2^53 - 1), any other part as its text. */
export type Part = string | number | bigint;

/** A valid version, which {@link parseVersion} alone makes. */
class Version {
  /** As published. */
  readonly text: string;
  #parts: readonly Part[] | undefined;

  constructor(text: string) {
    this.text = text;
  }

  /** What its order comes from (VER-3 to VER-7), kept for the next look. */
  get parts(): readonly Part[] {
    this.#parts ??= readParts(this.text);
    return this.#parts;
  }
}

export type { Version };

/** The most bytes of a version (VER-2). */
const MAX_VERSION_BYTES = 255;

/** 0x21..0x7E without `*`, `<`, `=` and `>` (VER-1). */
const ALLOWED = /^[\x21-\x29\x2b-\x3b\x3f-\x7e]+$/;

/**
 * Parses a version: printable ASCII, at most 255 bytes (VER-1, VER-2, VER-5).
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
  return new Version(text);
}

/** The runs between `.`, `-` and `_` that are not empty, those of digits as numbers (VER-3 to VER-7). */
function readParts(text: string): readonly Part[] {
  const parts: Part[] = [];
  for (let start = startOfPart(text, 0); start < text.length; ) {
    const end = endOfPart(text, start);
    parts.push(readPart(text, start, end));
    start = startOfPart(text, end);
  }
  return parts;
}

function startOfPart(text: string, from: number): number {
  let start = from;
  while (start < text.length && isSeparator(text.charCodeAt(start))) start++;
  return start;
}

function endOfPart(text: string, start: number): number {
  let end = start;
  while (end < text.length && !isSeparator(text.charCodeAt(end))) end++;
  return end;
}

function isSeparator(code: number): boolean {
  return code === 0x2e || code === 0x2d || code === 0x5f;
}

/** One part. Past the last there is none to read, which gives the zero that pads it (VER-12). */
function readPart(text: string, start: number, end: number): Part {
  let value = 0;
  for (let index = start; index < end; index++) {
    const digit = text.charCodeAt(index) - 0x30;
    if (digit < 0 || digit > 9) return text.slice(start, end);
    value = value * 10 + digit;
  }
  // Up to 2^53 - 1 the sum is exact; past it, it is at least 2^53, thus not safe.
  return Number.isSafeInteger(value) ? value : BigInt(text.slice(start, end));
}

/** Orders two versions: below zero if `a` is older, zero if they are equivalent (VER-11 to VER-18). */
export function compareVersions(a: Version, b: Version): number {
  // Neighbours in a manifest often differ in their last part only.
  return compareTexts(a.text, b.text, startOfDifference(a.text, b.text), Infinity);
}

/** The same, of the first `count` parts of each alone. */
export function compareBeginnings(a: Version, b: Version, count: number): number {
  return compareTexts(a.text, b.text, 0, count);
}

/** Where the part begins in which two texts differ first. */
function startOfDifference(a: string, b: string): number {
  let start = 0;
  while (start < a.length && a.charCodeAt(start) === b.charCodeAt(start)) start++;
  while (start > 0 && !isSeparator(a.charCodeAt(start - 1))) start--;
  return start;
}

/**
 * Compares `count` parts from `start` on, straight from the texts and no further than to the first
 * difference: kept, the parts of a large manifest would take several times the memory of its text.
 */
function compareTexts(a: string, b: string, start: number, count: number): number {
  let [aEnd, bEnd] = [start, start];
  for (let index = 0; index < count; index++) {
    const aStart = startOfPart(a, aEnd);
    const bStart = startOfPart(b, bEnd);
    if (aStart === a.length && bStart === b.length) return 0;
    aEnd = endOfPart(a, aStart);
    bEnd = endOfPart(b, bStart);
    const order = comparePart(readPart(a, aStart, aEnd), readPart(b, bStart, bEnd));
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
