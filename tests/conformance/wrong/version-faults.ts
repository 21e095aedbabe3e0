// Wrong ideas of what a version is, and of which of two is newer.

import type { Arguments, Operation } from "../../../src/adapter/arguments.ts";
import { type AdapterFault, type AdapterFaults, text } from "./fault.ts";

/** Below zero, zero or above, for two parts or two lists of them. */
type Order<T> = (a: T, b: T) => number;

function isNumber(part: string): boolean {
  return /^[0-9]+$/.test(part);
}

export function partsOf(version: string): readonly string[] {
  return version.split(/[._-]/).filter((part) => part !== "");
}

function byValue(a: string, b: string): number {
  return Number(BigInt(a) - BigInt(b) > 0n) - Number(BigInt(a) - BigInt(b) < 0n);
}

function byBytes(a: string, b: string): number {
  return Number(a > b) - Number(a < b);
}

/** VER-13 to VER-15, with one of the three replaced. */
function partOrder({ numbers = byValue, strings = byBytes, mixed = -1 }): Order<string> {
  return (a, b) => {
    if (isNumber(a) && isNumber(b)) return numbers(a, b);
    if (!isNumber(a) && !isNumber(b)) return strings(a, b);
    return isNumber(a) ? -mixed : mixed;
  };
}

/** VER-11 and VER-12. */
function partByPart(order: Order<string>): Order<readonly string[]> {
  return (a, b) => {
    for (let index = 0; index < Math.max(a.length, b.length); index++) {
      const result = order(a[index] ?? "0", b[index] ?? "0");
      if (result !== 0) return result;
    }
    return 0;
  };
}

export const rightOrder = partByPart(partOrder({}));

/** A fault of `compare`: another order of versions by their parts. */
function compares(
  what: string,
  breaks: readonly string[],
  caught: readonly string[],
  order: Order<readonly string[]>,
  split = partsOf,
): AdapterFault {
  function answer(args: Arguments, right: Operation): number {
    right(args); // refuses what is no version
    return Math.sign(order(split(text(args, "a")), split(text(args, "b"))));
  }
  return { op: "compare", what, breaks, caught, answer };
}

/** A fault of `parse-version`: a text is taken for another one. */
function reads(
  what: string,
  breaks: readonly string[],
  caught: readonly string[],
  change: (version: string) => string,
): AdapterFault {
  return {
    op: "parse-version",
    what,
    breaks,
    caught,
    answer: (args, right) => right({ ...args, text: change(text(args, "text")) }),
  };
}

export const VERSION_FAULTS: AdapterFaults = {
  "strings-after-numbers": compares(
    "a string part is greater than a number",
    ["VER"],
    ["order-readme", "order-words-below-numbers", "order-openssl"],
    partByPart(partOrder({ mixed: 1 })),
  ),
  "no-padding": compares(
    "1 is less than 1.0",
    ["VER"],
    ["order-zeros", "order-trailing-zeros", "order-around-one"],
    (a, b) => {
      const count = Math.min(a.length, b.length);
      return rightOrder(a.slice(0, count), b.slice(0, count)) || a.length - b.length;
    },
  ),
  "more-parts-are-newer": compares(
    "a version with more parts is always newer",
    ["VER"],
    ["order-semantic", "order-prerelease-depth"],
    (a, b) => {
      const count = Math.min(a.length, b.length);
      const common = rightOrder(a.slice(0, count), b.slice(0, count));
      const isOnlyPadded = rightOrder(a, b) === 0;
      return common || (isOnlyPadded ? 0 : a.length - b.length);
    },
  ),
  "numbers-wrap": compares(
    "numbers have 64 bits",
    ["VER-8"],
    ["order-64-bit", "order-128-bit", "order-hundred-digits"],
    partByPart(
      partOrder({
        numbers: (a, b) =>
          byValue(String(BigInt.asUintN(64, BigInt(a))), String(BigInt.asUintN(64, BigInt(b)))),
      }),
    ),
  ),
  "numbers-are-doubles": compares(
    "numbers are doubles",
    ["VER-8"],
    ["order-2-53", "order-hundred-digits"],
    partByPart(partOrder({ numbers: (a, b) => Math.sign(Number(a) - Number(b)) || 0 })),
  ),
  "numbers-as-text": compares(
    "1.10 is less than 1.9",
    ["VER"],
    ["order-not-decimal", "order-counter", "order-windows"],
    partByPart(partOrder({ numbers: (a, b) => byBytes(trimZeros(a), trimZeros(b)) })),
  ),
  "leading-zeros-significant": compares(
    "007 is not 7",
    ["VER"],
    ["order-leading-zeros", "order-leading-zeros-inside", "order-many-leading-zeros"],
    partByPart(partOrder({ numbers: (a, b) => byValue(a, b) || a.length - b.length })),
  ),
  "order-of-a-locale": compares(
    "string parts are in the order of a dictionary",
    ["VER"],
    ["order-case", "order-punctuation-between", "order-every-character"],
    partByPart(partOrder({ strings: (a, b) => a.localeCompare(b, "en") || byBytes(a, b) })),
  ),
  "case-ignored": compares(
    "RC and rc are the same",
    ["VER"],
    ["order-case", "order-case-of-candidates"],
    partByPart(partOrder({ strings: (a, b) => byBytes(a.toLowerCase(), b.toLowerCase()) })),
  ),
  "natural-order": compares(
    "rc2 is less than rc10",
    ["VER"],
    ["order-digits-in-words", "order-digits-first", "order-kernel"],
    partByPart(partOrder({ strings: naturally })),
  ),
  "words-have-meaning": compares(
    "dev is less than alpha, and post is greater than the release",
    ["VER-13"],
    ["order-words"],
    partByPart((a, b) => partOrder({})(meant(a), meant(b))),
  ),
  "separators-significant": {
    op: "compare",
    what: "1-0 is not 1.0",
    breaks: ["VER"],
    caught: ["order-separators"],
    answer: (args, right) =>
      Number(right(args)) || byBytes(separators(text(args, "a")), separators(text(args, "b"))),
  },
  "empty-parts-kept": compares(
    "1..2 is 1.0.2",
    ["VER-4", "VER-15"],
    ["order-empty-parts", "order-many-separators"],
    rightOrder,
    (version) => version.split(/[._-]/).map((part) => part || "0"),
  ),
  "plus-separates": compares(
    "a + separates parts",
    ["VER-13", "VER-15"],
    ["order-build-metadata", "order-every-character"],
    rightOrder,
    (version) => version.split(/[._+-]/).filter((part) => part !== ""),
  ),
  "v-ignored": compares("v1 is 1", ["VER-15"], ["order-describe"], rightOrder, (version) =>
    partsOf(version.replace(/^v(?=[0-9])/, "")),
  ),
  "three-parts-only": compares(
    "what follows the third part does not count",
    ["VER"],
    ["order-many-parts", "order-windows", "order-trailing-zeros"],
    (a, b) => rightOrder(a.slice(0, 3), b.slice(0, 3)),
  ),
  "version-trimmed": reads(
    "white space around a version is ignored",
    ["VER-1"],
    ["version-invalid-space-before", "version-invalid-space-after", "version-invalid-line-feed"],
    (version) => version.trim(),
  ),
  "version-cut-at-nul": reads(
    "a version ends at a NUL",
    ["VER-1"],
    ["version-invalid-nul"],
    (version) => version.replace(/\0.*$/s, ""),
  ),
  "version-cut-to-255": reads(
    "what exceeds 255 bytes is cut off",
    ["VER-2"],
    ["version-invalid-256-letters", "version-invalid-256-digits", "version-invalid-1000"],
    (version) => version.slice(0, 255),
  ),
  "digits-of-any-script": reads(
    "digits of other scripts are digits",
    ["VER-1"],
    ["version-invalid-arabic-digit"],
    (version) =>
      version.replace(/[\u0660-\u0669]/g, (digit) => String(digit.charCodeAt(0) - 0x660)),
  ),
  "operators-in-versions": reads(
    "a version may hold < = >",
    ["VER-1"],
    ["version-invalid-less", "version-invalid-equal", "version-invalid-greater"],
    (version) => version.replace(/[<=>]/g, "!"),
  ),
  "version-without-parts": reads(
    "separators alone are version 0",
    ["VER-5"],
    ["version-invalid-dot", "version-invalid-dots", "version-invalid-all-separators"],
    (version) => (/^[._-]+$/.test(version) ? "0" : version),
  ),
};

function trimZeros(digits: string): string {
  return digits.replace(/^0+(?=.)/, "");
}

function separators(version: string): string {
  return version.replace(/[^._-]/g, "");
}

/** Runs of digits inside of words by their value. */
function naturally(a: string, b: string): number {
  const widened = (word: string) => word.replace(/[0-9]+/g, (run) => run.padStart(255, "0"));
  return byBytes(widened(a), widened(b)) || byBytes(a, b);
}

function meant(part: string): string {
  if (part === "dev") return "!dev";
  return part === "post" ? "1" : part;
}
