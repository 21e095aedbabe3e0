// Proof of which images a publisher's directory may do without (spec/prune.md, PRU-20 to PRU-23), as far as it needs no
// disk: examples written down by hand, then laws.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Sha256Hex } from "../src/core/digest.ts";
import { matches, parsePattern } from "../src/core/pattern.ts";
import { parseSize } from "../src/core/size.ts";
import { parseVersion } from "../src/core/version.ts";
import { planWithdrawal } from "../src/core/withdrawal.ts";
import { runs } from "../tests/support/properties.ts";
import { digestOf, manifestOf, manifests } from "./support/manifests.ts";

const published = (...rows: readonly (readonly [version: string, letter: string])[]) =>
  manifestOf(
    rows.map(([version, letter]) => ({
      version: parseVersion(version),
      size: parseSize(9),
      digest: digestOf(letter.repeat(64)),
    })),
  );
const manifest = published(
  ["1.0.0", "1"],
  ["1.0.1", "2"],
  ["1.1.0", "3"],
  ["1.2.0", "4"],
  ["2.0.0", "5"],
);
const stored = (letters: string) =>
  new Set([...letters].map((letter) => digestOf(letter.repeat(64))));
const planned = (pattern: string, keep: number, letters = "12345", of = manifest) =>
  planWithdrawal(of, parsePattern(pattern), keep, stored(letters));
const gone = (...words: Parameters<typeof planned>) =>
  planned(...words).remove.map(({ version }) => version);

describe("what goes", () => {
  test("PRU-20: all that the pattern matches but the newest, of which one stays in any case", () => {
    expect(gone("1.*", 2)).toEqual(["1.0.0", "1.0.1"]);
    expect(gone("1.*", 0)).toEqual(["1.0.0", "1.0.1", "1.1.0"]);
    expect(gone("1.*", 1)).toEqual(gone("1.*", 0));
    expect(gone("*", 1)).toEqual(["1.0.0", "1.0.1", "1.1.0", "1.2.0"]);
    expect(gone("2.*", 0)).toEqual([]);
    expect(gone("7", 0)).toEqual([]);
    expect(planned("1.*", 2).stay).toEqual(["1.2.0", "1.1.0"]);
  });

  test("PRU-20: nothing that is not here, and no bytes that another version needs", () => {
    expect(gone("1.*", 1, "25")).toEqual(["1.0.1"]);
    const shared = published(["1.0", "1"], ["1.1", "2"], ["1.2", "1"], ["2.0", "2"]);
    expect(gone("1.*", 1, "12", shared)).toEqual([]);
    const twice = published(["1.0", "1"], ["1.1", "1"], ["1.2", "3"]);
    expect(gone("*", 1, "13", twice)).toEqual(["1.1"]);
  });

  test("PRU-23: of patterns whose newest goes, what hosts take in its place", () => {
    expect(planned("1.*", 2).effects).toEqual([
      { pattern: "1.0.*", newest: "1.0.1", instead: undefined },
    ]);
    expect(planned("1.0.1", 0).effects).toEqual([]);
    expect(planned("1.0 <= v < 1.2", 1, "12345").effects).toEqual([
      { pattern: "1.0.*", newest: "1.0.1", instead: undefined },
    ]);
    const more = published(["1.0", "1"], ["1.1", "2"], ["1.2", "3"], ["2.0", "4"]);
    expect(planned("1.1 <= v < 3", 1, "1234", more).effects).toEqual([
      { pattern: "1.*", newest: "1.2", instead: "1.0" },
    ]);
    expect(planned("1.1 <= v < 3", 1, "234", more).effects).toEqual([
      { pattern: "1.*", newest: "1.2", instead: undefined },
    ]);
  });

  test("PRU-23, FET-52: no further back than hosts go", () => {
    const rows = Array.from({ length: 12 }, (_, n) => [`1.${n}`, n.toString(16)] as const);
    const many = published(...rows, ["2", "f"]);
    const instead = (low: number) =>
      planned(`1.${low} <= v < 3`, 1, "0123456789abf", many).effects.map((each) => each.instead);
    expect(instead(4)).toEqual(["1.3"]);
    expect(instead(3)).toEqual([undefined]);
  });
});

describe("laws", () => {
  test("PRU-20: the newest of the pattern stays, and so does all that it does not match", () => {
    fc.assert(
      fc.property(
        manifests,
        fc.constantFrom("*", "1.*", "0.0 <= v < 7").map(parsePattern),
        fc.nat(4),
        (local, pattern, keep) => {
          const images = new Set(local.entries.map(({ digest }) => digest));
          const { remove, stay } = planWithdrawal(local, pattern, keep, images);
          const removed = new Set<Sha256Hex>(remove.map(({ digest }) => digest));
          expect(removed.size).toBe(remove.length);
          const matching = local.entries.filter(({ version }) => matches(pattern, version));
          const others = local.entries.filter((entry) => !matching.includes(entry));
          const newest = matching.slice(-Math.max(1, keep));
          for (const { digest } of [...others, ...newest]) expect(removed.has(digest)).toBe(false);
          const left = matching.filter(({ digest }) => !removed.has(digest));
          expect([...stay].reverse()).toEqual(left.map(({ version }) => version.text));
        },
      ),
      runs,
    );
  });
});
