// A version that a publisher is about to store: where it stands among those of the manifest, which patterns take it, and
// what may surprise (PUB-25, PUB-67, PUB-29). Nothing here refuses a version, and the order is version.ts's.

import { matches, type Pattern, parsePattern } from "./pattern.ts";
import { compareVersions, type Part, type Version } from "./version.ts";

/** What is odd about the spelling of a version, whatever else is published. */
export function spellingWarnings({ text, parts }: Version): readonly string[] {
  const warnings: string[] = [];
  if (/^v\d/i.test(text)) {
    warnings.push(
      `v10 sorts before v9, and every v version before all numbers; publish ${text.slice(1)} instead`,
    );
  }
  const index = parts.findIndex((part) => typeof part === "string" && /^[+~:]*\d/.test(part));
  if (index >= 0) {
    const zero = joined([...parts.slice(0, index), 0]);
    warnings.push(
      `"${parts[index]}" in ${text} is no number but text, which sorts before every number: ${text} counts as older than ${zero}`,
    );
  }
  return warnings;
}

/** What is odd about its place after what is published, in ascending order, without it. */
export function placeWarnings(version: Version, published: readonly Version[]): readonly string[] {
  const newest = published.at(-1);
  if (newest === undefined) return [];
  if (compareVersions(version, newest) < 0) {
    return [
      `${version.text} is not the newest, ${newest.text} is: hosts whose pattern allows both do not take ${version.text}`,
    ];
  }
  const leaps = leapWarnings(version, newest);
  return leaps.length > 0 ? leaps : skipWarnings(version, newest);
}

/** A `4.0` after a `2.7`: likely a slip, and hosts with `Version=*` take it at once (PUB-75). */
function skipWarnings({ text, parts: after }: Version, newest: Version): readonly string[] {
  const [to, from] = [after[0], newest.parts[0]];
  // A single number counts builds.
  if (after.length < 2 || typeof to !== "number" || typeof from !== "number") return [];
  if (to >= LEAP || to <= from + 1) return [];
  return [`${text} skips ${from + 1}: the newest version so far is ${newest.text}`];
}

/** A year after `1.3`, or a hash of digits after one with letters: it would stay the newest (PUB-29). */
function leapWarnings(version: Version, newest: Version): readonly string[] {
  const [after, before] = [version.parts, newest.parts];
  // Where the new version merely has fewer parts, nothing leaps: -1, and zeros.
  const index = after.findIndex((part, place) => part !== (before[place] ?? 0));
  const [to, from] = [after[index] ?? 0, before[index] ?? 0];
  if (typeof to === "string") return [];
  if (typeof from === "string") {
    const isUsual = index > 0 ? to < LEAP : /^v\d/i.test(from);
    return isUsual
      ? []
      : [
          `${to} is a number where ${newest.text} has "${from}": ${version.text} stays newer than all that have a word there`,
        ];
  }
  if (to < LEAP || BigInt(to) < 10n * BigInt(from)) return [];
  const next = joined([...before.slice(0, index), BigInt(from) + 1n]);
  return [
    `${to} is far beyond the ${from} of ${newest.text}: ${version.text} stays the newest, and a later ${next} would count as older`,
  ];
}

/** From here on a number may be a year, a date or a hash. */
const LEAP = 1000;

/** Where a new version would stand. */
export interface Place {
  /** The newest version that is older. */
  readonly after: Version | undefined;
  /** The oldest that is newer. */
  readonly before: Version | undefined;
  /** What hosts with a pattern would take, from the narrowest to `*`. */
  readonly patterns: readonly { readonly pattern: Pattern; readonly takes: Version }[];
}

/** @param published in ascending order, without the version */
export function placeOf(version: Version, published: readonly Version[]): Place {
  const older = published.filter((other) => compareVersions(other, version) < 0).length;
  const patterns = patternsFor(version).map((pattern) => {
    const takes = published.findLast((other) => matches(pattern, other));
    const isNewer = takes === undefined || compareVersions(takes, version) < 0;
    return { pattern, takes: isNewer ? version : takes };
  });
  return { after: published[older - 1], before: published[older], patterns };
}

/** The version itself, then its families. */
function patternsFor(version: Version): readonly Pattern[] {
  return [version.text, ...familiesOf(version)].map(parsePattern);
}

/** Patterns that a version belongs to, from the narrowest: of `1.2.3`, `1.2.*`, `1.*` and `*`. */
export function familiesOf({ text }: Version): readonly string[] {
  const ends = [...text.matchAll(/[^._-]+/g)].map(({ index, 0: part }) => index + part.length);
  const families = ends.slice(0, -1).map((end) => `${text.slice(0, end)}.*`);
  return [...families.toReversed(), "*"];
}

function joined(parts: readonly Part[]): string {
  return parts.join(".");
}
