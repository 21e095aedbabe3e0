// Version patterns: which versions a host allows (spec/patterns.md).

import type { Branded } from "./branded.ts";
import { TakoError } from "./error.ts";
import { printable } from "./text.ts";
import { compareBeginnings, compareVersions, parseVersion, type Version } from "./version.ts";

/** All versions that begin as one does: the first parts of it, as many as `count`. */
interface Family {
  readonly of: Version;
  readonly count: number;
}

/** A parsed pattern, which {@link parsePattern} alone makes. `text` is its canonical form (PAT-13). */
export type Pattern = Branded<
  {
    readonly text: string;
    /** Versions that it does not match all the same, {@link except}. */
    readonly except?: readonly Version[];
  } & (
    | { readonly form: "any" }
    | { readonly form: "prefix"; readonly family: Family }
    | { readonly form: "exact"; readonly version: Version }
    | {
        readonly form: "range";
        readonly low: Version;
        /** HIGH without its trailing zeros: the start of what lies outside. */
        readonly outside: Family;
      }
  ),
  "Pattern"
>;

const FORMS =
  'expected "*" or "1.2.*", an exact version as "1.2.3", or a range as "1.2 <= v < 2.0"';

/**
 * Parses a pattern: `*`, a family as `1.2.*`, an exact version, or a range (PAT-1 to PAT-12).
 *
 * @throws TakoError of kind `pattern`, whose message shows the three forms
 */
export function parsePattern(text: string): Pattern {
  if (text === "*") return { text, form: "any" } as Pattern;

  const range = /^(\S+) +<= +v +< +(\S+)$/.exec(text);
  if (range?.[1] !== undefined && range[2] !== undefined)
    return parseRange(text, range[1], range[2]);

  const prefix = /^(.+)[._-]\*$/.exec(text)?.[1];
  if (prefix !== undefined) {
    const of = versionIn(text, prefix);
    return { text, form: "prefix", family: { of, count: of.parts.length } } as Pattern;
  }
  return { text, form: "exact", version: versionIn(text, text) } as Pattern;
}

function parseRange(text: string, lowText: string, highText: string): Pattern {
  const low = versionIn(text, lowText);
  const high = versionIn(text, highText);
  const outside = { of: high, count: high.parts.findLastIndex((part) => part !== 0) + 1 };
  if (compareToFamily(low, outside) >= 0) {
    throw new TakoError(
      "pattern",
      `invalid version pattern "${printable(text)}": it can match nothing; expected the lower bound below ${printable(highText)} and all its pre-releases`,
      { rule: "PAT-9" },
    );
  }
  return { text: `${low.text} <= v < ${high.text}`, form: "range", low, outside } as Pattern;
}

/** The same pattern, which matches none of these versions any more. */
export function except(pattern: Pattern, versions: readonly Version[]): Pattern {
  return versions.length === 0 ? pattern : ({ ...pattern, except: versions } as Pattern);
}

/** Whether the pattern allows the version. */
export function matches(pattern: Pattern, version: Version): boolean {
  return compareToPattern(version, pattern) === 0 && !isExcepted(pattern, version);
}

/** Whether the pattern would allow the version if it were not excepted. */
export function leavesOut(pattern: Pattern, version: Version): boolean {
  return isExcepted(pattern, version) && compareToPattern(version, pattern) === 0;
}

/** Whether the version is one that {@link except} took out. */
export function isExcepted({ except = [] }: Pattern, version: Version): boolean {
  return except.some((other) => compareVersions(other, version) === 0);
}

/**
 * Below zero if the version is older than all that the pattern allows, above if it is newer. What is excepted counts as
 * allowed: so there are no gaps.
 */
export function compareToPattern(version: Version, pattern: Pattern): number {
  switch (pattern.form) {
    case "any":
      return 0;
    case "prefix":
      return compareToFamily(version, pattern.family);
    case "exact":
      return compareVersions(version, pattern.version);
    case "range":
      if (compareVersions(version, pattern.low) < 0) return -1;
      return compareToFamily(version, pattern.outside) < 0 ? 0 : 1;
  }
}

/** Below zero if the version is older than the whole family, zero if it belongs to it. */
function compareToFamily(version: Version, { of, count }: Family): number {
  return compareBeginnings(version, of, count);
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
