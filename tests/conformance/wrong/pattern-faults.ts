// Wrong ideas of what a pattern is, what it matches, and which version is picked.

import type { Arguments, Operation } from "../../../src/adapter/arguments.ts";
import { type AdapterFault, type AdapterFaults, text } from "./fault.ts";
import { partsOf, rightOrder } from "./version-faults.ts";

/** A fault of `match`: some patterns match otherwise. `undefined` leaves it to the right answer. */
function matchesBy(
  what: string,
  breaks: readonly string[],
  caught: readonly string[],
  decide: (pattern: string, version: string) => boolean | undefined,
): AdapterFault {
  function answer(args: Arguments, right: Operation): unknown {
    const rightly = right(args);
    return decide(text(args, "pattern"), text(args, "version")) ?? rightly;
  }
  return { op: "match", what, breaks, caught, answer };
}

/** The same for ranges alone, `high` without its trailing zeros. */
function rangesBy(
  what: string,
  breaks: readonly string[],
  caught: readonly string[],
  decide: (low: Parts, version: Parts, high: Parts) => boolean,
): AdapterFault {
  return matchesBy(what, breaks, caught, (pattern, version) => {
    const [low, , , , high] = pattern.split(/ +/);
    if (low === undefined || high === undefined) return undefined;
    return decide(partsOf(low), partsOf(version), partsOf(high));
  });
}

type Parts = readonly string[];

/** A fault of `parse-pattern`: a text is taken for another one. */
function reads(
  what: string,
  breaks: readonly string[],
  caught: readonly string[],
  change: (pattern: string) => string,
): AdapterFault {
  return {
    op: "parse-pattern",
    what,
    breaks,
    caught,
    answer: (args, right) => right({ ...args, text: change(text(args, "text")) }),
  };
}

/** A fault of `select`. */
function selects(
  what: string,
  breaks: readonly string[],
  caught: readonly string[],
  select: (allowed: readonly string[], all: readonly string[]) => string | undefined,
): AdapterFault {
  return {
    op: "select",
    what,
    breaks,
    caught,
    answer(args, right) {
      const all = args["versions"] as readonly string[];
      const isAllowed = (version: string) => right({ ...args, versions: [version] }) !== null;
      return select(all.filter(isAllowed), all) ?? null;
    },
  };
}

export const PATTERN_FAULTS: AdapterFaults = {
  "family-by-text": matchesBy(
    "1.* matches 10.0",
    ["PAT"],
    ["family-major", "family-leading-zeros", "family-mixed-separators"],
    (pattern, version) =>
      /^[^ ]+[._-]\*$/.test(pattern) ? version.startsWith(pattern.slice(0, -2)) : undefined,
  ),
  "family-without-padding": matchesBy(
    "1.0.* does not match 1",
    ["PAT-2", "PAT-14"],
    ["family-zero-part-last", "family-two-zero-parts"],
    (pattern, version) => {
      const prefix = partsOf(pattern).slice(0, -1);
      const isFamily = pattern !== "*" && pattern.endsWith("*");
      return isFamily && partsOf(version).length < prefix.length ? false : undefined;
    },
  ),
  "family-without-candidates": matchesBy(
    "a family holds no pre-releases",
    ["PAT-2", "PAT-3", "PAT-16"],
    ["family-major", "family-minor"],
    (pattern, version) =>
      /^[0-9._-]+\*$/.test(pattern) && /[A-Za-z]/.test(version) ? false : undefined,
  ),
  "any-without-candidates": matchesBy(
    "* matches no pre-releases",
    ["PAT-1"],
    ["any"],
    (pattern, version) => (pattern === "*" && /[A-Za-z]/.test(version) ? false : undefined),
  ),
  "exact-by-text": matchesBy(
    "1.2 does not match 1.2.0",
    ["PAT-4", "PAT-14"],
    ["exact-three-parts", "exact-trailing-zeros", "exact-separators"],
    (pattern, version) => (/[ *]/.test(pattern) ? undefined : pattern === version),
  ),
  "exact-is-family": matchesBy(
    "1.2 matches 1.2.3",
    ["PAT-4", "PAT-14"],
    ["exact-one-part", "exact-three-parts"],
    (pattern, version) => {
      const prefix = partsOf(pattern);
      if (/[ *]/.test(pattern)) return undefined;
      return rightOrder(partsOf(version).slice(0, prefix.length), prefix) === 0;
    },
  ),
  "low-excluded": rangesBy(
    "the lower bound itself does not match",
    ["PAT"],
    ["range-low-inclusive", "range-major"],
    (low, version, high) => rightOrder(low, version) < 0 && isBelow(version, high),
  ),
  "low-with-candidates": rangesBy(
    "1.0 <= v takes 1.0-beta",
    ["PAT"],
    ["range-major", "range-readme"],
    (low, version, high) =>
      (rightOrder(low, version) <= 0 || isFamily(version, low)) && isBelow(version, high),
  ),
  "low-ignored": rangesBy(
    "the lower bound does not count",
    ["PAT"],
    ["range-low-zero", "range-low-word", "range-major"],
    (_low, version, high) => isBelow(version, high),
  ),
  "high-included": rangesBy(
    "the upper bound itself matches",
    ["PAT"],
    ["range-major", "range-one-build"],
    (low, version, high) =>
      rightOrder(low, version) <= 0 && (isBelow(version, high) || rightOrder(version, high) === 0),
  ),
  "high-candidates-let-in": rangesBy(
    "v < 3.0 takes 3.0-beta",
    ["PAT"],
    ["range-readme", "range-major", "range-minor"],
    (low, version, high) => rightOrder(low, version) <= 0 && rightOrder(version, high) < 0,
  ),
  "high-zeros-significant": rangesBy(
    "v < 3.0 takes 3-beta",
    ["PAT-6", "PAT-8"],
    ["range-high-zeros-ignored", "range-high-zero-inside-and-last"],
    (low, version, high) =>
      rightOrder(low, version) <= 0 && rightOrder(version, high) < 0 && !isFamily(version, high),
  ),

  "star-after-digits": reads(
    "1* is 1.*",
    ["PAT-3"],
    ["pattern-invalid-star-after-digits"],
    (pattern) => pattern.replace(/^([0-9]+)\*$/, "$1.*"),
  ),
  "star-anywhere": reads(
    "1.*.2 is a pattern",
    ["PAT-3"],
    ["pattern-invalid-star-inside"],
    (pattern) => pattern.replace(/\.\*\./, ".0."),
  ),
  "empty-range-accepted": {
    op: "parse-pattern",
    what: "a range that nothing can match is accepted",
    breaks: ["PAT-9"],
    caught: [
      "empty-range-equal",
      "empty-range-reversed",
      "empty-range-prerelease-of-high",
      "empty-range-high-zero",
    ],
    answer(args, right) {
      const words = text(args, "text").split(/ +/);
      const [low = "", lessOrEqual, variable, less, high = "", ...more] = words;
      const isRange = lessOrEqual === "<=" && variable === "v" && less === "<";
      if (!isRange || more.length > 0 || words.join().includes("*")) return right(args);
      right({ text: low });
      right({ text: high });
      return { canonical: words.join(" ") };
    },
  },
  "pattern-trimmed": reads(
    "white space around a pattern is ignored",
    ["PAT-10"],
    [
      "pattern-invalid-space-before-any",
      "pattern-invalid-space-after-family",
      "pattern-invalid-exact-line-feed",
    ],
    (pattern) => pattern.trim(),
  ),
  "range-without-spaces": reads(
    "a range needs no spaces",
    ["PAT-10"],
    [
      "pattern-invalid-range-no-spaces",
      "pattern-invalid-range-no-space-1",
      "pattern-invalid-range-no-space-4",
    ],
    (pattern) => pattern.replace(/^([^ ]+?) *<= *v *< *([^ ]+)$/, "$1 <= v < $2"),
  ),
  "range-of-any-name": reads(
    "the variable may have any name",
    ["PAT-10"],
    ["pattern-invalid-range-capital-v", "pattern-invalid-range-other-name"],
    (pattern) => pattern.replace(/ [A-Za-z]+ < /, " v < "),
  ),
  "equals-means-exact": reads(
    "= before a version pins it",
    ["PAT-10"],
    ["pattern-invalid-equal", "pattern-invalid-equal-equal"],
    (pattern) => pattern.replace(/^==?/, ""),
  ),
  "spaces-kept": {
    op: "parse-pattern",
    what: "the canonical form is the text as written",
    breaks: ["PAT-13"],
    caught: [
      "canonical-range-spaces-everywhere",
      "canonical-range-gap-1",
      "canonical-range-many-spaces",
    ],
    answer(args, right) {
      right(args);
      return { canonical: text(args, "text") };
    },
  },
  "canonical-without-zeros": {
    op: "parse-pattern",
    what: "the canonical form drops leading zeros",
    breaks: ["PAT-13"],
    caught: ["canonical-family-spelling", "canonical-exact-spelling"],
    answer(args, right) {
      const { canonical } = right(args) as { canonical: string };
      return { canonical: canonical.replace(/(?<![0-9A-Za-z])0+(?=[0-9])/g, "") };
    },
  },

  "newest-of-all-selected": selects(
    "the pattern is ignored",
    ["FET-40", "FET-41"],
    ["pick-family", "pick-range", "pick-none-too-new"],
    (_allowed, all) => all.at(-1),
  ),
  "oldest-selected": selects(
    "the oldest version is picked",
    ["FET-40"],
    ["pick-any", "pick-family", "pick-range"],
    (allowed) => allowed[0],
  ),
  "newest-by-text-selected": selects(
    "1.9 is newer than 1.10",
    ["FET-40"],
    ["pick-numbers-by-value", "pick-string-part"],
    (allowed) => allowed.toSorted().at(-1),
  ),
  "candidates-never-selected": selects(
    "pre-releases are never picked",
    ["FET-40"],
    ["pick-any-pre-release", "pick-family-pre-release-of-its-own"],
    (allowed) => allowed.findLast((version) => !/[A-Za-z]/.test(version)),
  ),
};

function isFamily(version: Parts, prefix: Parts): boolean {
  const padded = prefix.map((_, index) => version[index] ?? "0");
  return rightOrder(padded, prefix) === 0;
}

/** PAT-8. */
function isBelow(version: Parts, high: Parts): boolean {
  const start = high.slice(0, high.findLastIndex((part) => !/^0+$/.test(part)) + 1);
  return rightOrder(version, high) < 0 && !isFamily(version, start);
}
