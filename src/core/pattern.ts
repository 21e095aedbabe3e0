// Version patterns: which versions a host allows (spec/patterns.md).

import { TakoError } from "./error.ts";
import { printable } from "./text.ts";
import { compareParts, compareVersions, type Part, parseVersion, type Version } from "./version.ts";

/** A parsed pattern. `text` is its canonical form. */
export type Pattern =
  | { readonly text: string; readonly form: "any" }
  | { readonly text: string; readonly form: "prefix"; readonly prefix: readonly Part[] }
  | { readonly text: string; readonly form: "exact"; readonly version: Version }
  | {
      readonly text: string;
      readonly form: "range";
      readonly low: Version;
      /** HIGH without its trailing zeros: the start of what lies outside. */
      readonly family: readonly Part[];
    };

const FORMS =
  'expected "*" or "1.2.*", an exact version as "1.2.3", or a range as "1.2 <= v < 2.0"';

/**
 * Parses a pattern.
 *
 * @throws TakoError of kind `pattern`, whose message shows the three forms
 */
export function parsePattern(text: string): Pattern {
  if (text === "*") return { text, form: "any" };

  const range = /^(\S+) +<= +v +< +(\S+)$/.exec(text);
  if (range?.[1] !== undefined && range[2] !== undefined)
    return parseRange(text, range[1], range[2]);

  const prefix = /^(.+)[._-]\*$/.exec(text)?.[1];
  if (prefix !== undefined) {
    return { text, form: "prefix", prefix: versionIn(text, prefix).parts };
  }
  return { text, form: "exact", version: versionIn(text, text) };
}

function parseRange(text: string, lowText: string, highText: string): Pattern {
  const low = versionIn(text, lowText);
  const high = versionIn(text, highText);
  const family = withoutTrailingZeros(high.parts);
  if (!isBelowFamily(low, family)) {
    throw new TakoError(
      "pattern",
      `invalid version pattern "${printable(text)}": it can match nothing; expected the lower bound below ${printable(highText)} and all its pre-releases`,
      { rule: "PAT-9" },
    );
  }
  return { text: `${low.text} <= v < ${high.text}`, form: "range", low, family };
}

/** Whether the pattern allows the version. */
export function matches(pattern: Pattern, version: Version): boolean {
  switch (pattern.form) {
    case "any":
      return true;
    case "prefix":
      return compareParts(version.parts, pattern.prefix, pattern.prefix.length) === 0;
    case "exact":
      return compareVersions(version, pattern.version) === 0;
    case "range":
      return compareVersions(version, pattern.low) >= 0 && isBelowFamily(version, pattern.family);
  }
}

/** Whether the version is below everything that begins with these parts. */
function isBelowFamily(version: Version, family: readonly Part[]): boolean {
  return compareParts(version.parts, family, family.length) < 0;
}

function withoutTrailingZeros(parts: readonly Part[]): readonly Part[] {
  return parts.slice(0, parts.findLastIndex((part) => part !== 0) + 1);
}

function versionIn(pattern: string, text: string): Version {
  try {
    return parseVersion(text);
  } catch (cause) {
    throw new TakoError("pattern", `invalid version pattern "${printable(pattern)}": ${FORMS}`, {
      rule: "PAT-10",
      cause,
    });
  }
}
