// Proof of which images may go (spec/prune.md), as far as it needs no disk: examples written down by hand, then laws.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Standing } from "../src/core/activation.ts";
import type { Sha256Hex } from "../src/core/digest.ts";
import { except, matches, parsePattern } from "../src/core/pattern.ts";
import { parseKeep, planPruning, type Shelf } from "../src/core/prune.ts";
import type { Refusal } from "../src/core/refusals.ts";
import { parseSize } from "../src/core/size.ts";
import { parseVersion } from "../src/core/version.ts";
import { runs } from "../tests/support/properties.ts";
import { digestOf, manifestOf } from "./support/manifests.ts";
import { failureOf } from "./support/refusals.ts";

const image = (letter: string): Sha256Hex => digestOf(letter.repeat(64));
const [a, b, c, d, e] = [image("a"), image("b"), image("c"), image("d"), image("e")];
const foreign = image("f");
const names = new Map([
  [a, "0.9"],
  [b, "1.0"],
  [c, "1.1"],
  [d, "1.2"],
  [e, "1.3"],
  [foreign, "foreign"],
]);
const SIZE = 7;
const manifest = manifestOf(
  [a, b, c, d, e].map((digest) => ({
    version: parseVersion(names.get(digest) ?? ""),
    size: parseSize(SIZE),
    digest,
  })),
);
const refusal = (digest: Sha256Hex): Refusal => ({ digest, instead: a, time: 1, reason: "failed" });
const all = (...digests: readonly Sha256Hex[]) =>
  new Map(digests.map((digest) => [digest, SIZE] as const));

const rest: Standing = {
  inUse: e,
  owed: [],
  units: ["app.service"],
  watches: false,
  good: undefined,
  canGoBack: false,
  refusals: [],
};
const shelf: Shelf = {
  manifest,
  pattern: parsePattern("1.*"),
  standing: rest,
  hold: undefined,
  linked: new Set(),
  wanted: [e],
  images: all(a, b, c, d, e),
  partials: new Map(),
};
const planned = (
  keep: number | undefined,
  more: Partial<Shelf> = {},
  standing: Partial<Standing> = {},
) => planPruning({ ...shelf, ...more, standing: { ...rest, ...standing } }, keep);
const gone = (...words: Parameters<typeof planned>) =>
  planned(...words).remove.map(({ digest }) => names.get(digest));
const stay = (...words: Parameters<typeof planned>) =>
  planned(...words).keep.map(({ digest, why }) => `${names.get(digest)} ${why}`);

describe("what goes", () => {
  test("PRU-2, PRU-4: all but what is in use, what rollback leads to, and the N newest, the oldest first", () => {
    expect(gone(0)).toEqual(["0.9", "1.0", "1.1"]);
    expect(gone(1)).toEqual(["0.9", "1.0"]);
    expect(gone(9)).toEqual([]);
    expect(stay(1)).toEqual(["1.3 in-use", "1.2 go-back", "1.1 newest"]);
  });

  test("PRU-2: nothing that a record or a link names", () => {
    expect(gone(0, { hold: b })).toEqual(["0.9", "1.1"]);
    expect(gone(0, { linked: new Set([a, e]) })).toEqual(["1.0", "1.1"]);
    expect(gone(0, {}, { good: c })).toEqual(["0.9", "1.0", "1.2"]);
    expect(gone(0, {}, { owed: [{ digest: b, done: [] }] })).toEqual(["0.9", "1.1"]);
  });

  test("PRU-2: nor what the next run puts into use, or else the first of its replacements that is here", () => {
    const downloaded = { inUse: c };
    expect(gone(0, { wanted: [e] }, downloaded)).toEqual(["0.9", "1.2"]);
    expect(gone(0, { wanted: [e, d], images: all(a, b, c, d) }, downloaded)).toEqual(["0.9"]);
  });

  test("PRU-4: what was refused, is skipped or not allowed goes before what works", () => {
    const refused = { refusals: [refusal(e)], inUse: d };
    expect(stay(1, { wanted: [d] }, refused)).toEqual(["1.2 in-use", "1.1 go-back", "1.0 newest"]);
    expect(gone(1, { wanted: [d] }, refused)).toEqual(["0.9", "1.3"]);
    expect(gone(2, { wanted: [d] }, refused)).toEqual(["0.9"]);
    const pattern = except(shelf.pattern, [parseVersion("1.1.0")]);
    expect(gone(1, { pattern })).toEqual(["0.9", "1.1"]);
  });

  test("PRU-4: what is listed in no version, or of another size, is none of the N", () => {
    const images = new Map(
      [...all(b, c, d, e, foreign)].map(
        ([digest, size]) => [digest, digest === c ? size - 1 : size] as const,
      ),
    );
    expect(gone(5, { images })).toEqual(["foreign", "1.1"]);
    expect(stay(5, { images })).toEqual(["1.3 in-use", "1.2 go-back", "1.0 newest"]);
    expect(gone(0, { images }, { inUse: foreign })).not.toContain("foreign");
  });

  test("PRU-3: not the last that could be started", () => {
    const nothing = { inUse: undefined };
    expect(stay(0, { wanted: [], images: all(a) }, nothing)).toEqual(["0.9 last"]);
    // What is in use is damaged.
    const images = new Map([...all(a), [e, 1] as const]);
    expect(stay(0, { images })).toEqual(["0.9 last", "1.3 in-use"]);
  });

  test("PRU-5: nothing while units may run what no record names", () => {
    const owed = [{ digest: e, done: [] }];
    const busy = (more: Partial<Standing>) => {
      const { remove, busy, keep } = planned(0, {}, more);
      return [busy, remove.length, keep.length];
    };
    expect(busy({ owed })).toEqual(["restart", 0, 5]);
    expect(busy({ owed, units: [] })).toEqual(["restart", 0, 5]);
    expect(busy({ inUse: undefined, owed })).toEqual(["restart", 0, 5]);
    expect(busy({ watches: true, good: d })).toEqual(["trial", 0, 5]);
    const back = { watches: true, good: d, canGoBack: true, refusals: [refusal(e)] };
    expect(busy(back)).toEqual(["way-back", 0, 5]);
    const control = [
      { digest: d, done: [] },
      { digest: e, done: [] },
    ];
    const replaced = [{ ...refusal(e), instead: d }];
    expect(busy({ ...back, refusals: replaced, inUse: d, owed: control })).toEqual([
      "way-back",
      0,
      5,
    ]);
    expect(busy({ owed: [{ digest: b, done: [] }] })).toEqual([undefined, 2, 3]);
    expect(busy({ watches: true, good: e })[0]).toBe(undefined);
  });

  test("PRU-6: nothing unless somebody said how many, and nothing that nobody can name", () => {
    expect(gone(undefined)).toEqual([]);
    expect(stay(undefined)).toEqual(["1.3 in-use", "1.2 go-back", "1.1 all", "1.0 all", "0.9 all"]);
    expect(gone(0, { manifest: undefined })).toEqual([]);
  });

  test("PRU-7: downloads that nobody goes on with", () => {
    const partials = new Map([a, c, d, foreign].map((digest) => [digest, 3] as const));
    const more = { partials, wanted: [e, d], hold: c };
    const left = (shelf: Partial<Shelf>) =>
      planned(undefined, shelf).partials.map(({ digest, size }) => [names.get(digest), size]);
    expect(left(more)).toEqual([
      ["0.9", 3],
      ["foreign", 3],
    ]);
    expect(left({ ...more, manifest: undefined })).toEqual([]);
  });

  test("CFG-68: N is a whole number", () => {
    expect(["0", "007", "1000000"].map(parseKeep)).toEqual([0, 7, 1_000_000]);
    for (const text of ["", "-1", "1.5", "1000001", "all", "1 2", "99999999999"]) {
      expect(failureOf(() => parseKeep(text)).rule).toBe("CFG-68");
    }
  });
});

describe("laws", () => {
  const digests = fc.constantFrom(a, b, c, d, e, foreign);
  const maybe = fc.option(digests, { nil: undefined });
  const some = fc.uniqueArray(digests);
  const owed = fc.array(fc.record({ digest: digests, done: fc.constant([]) }), { maxLength: 2 });
  const shelves: fc.Arbitrary<Shelf> = fc.record({
    manifest: fc.constantFrom(manifest, manifest, manifest, undefined),
    pattern: fc.constantFrom("*", "1.*", "1.1 <= v < 1.3", "7").map(parsePattern),
    standing: fc.record({
      inUse: maybe,
      owed: fc.oneof(fc.constant([]), owed),
      units: fc.constantFrom([], ["app.service"]),
      watches: fc.boolean(),
      good: maybe,
      canGoBack: fc.boolean(),
      refusals: some.map((each) => each.map(refusal)),
    }),
    hold: maybe,
    linked: some.map((each) => new Set(each.slice(0, 2))),
    wanted: some,
    images: fc
      .array(fc.tuple(digests, fc.constantFrom(SIZE, SIZE, SIZE, 3)))
      .map((each) => new Map(each)),
    partials: some.map((each) => all(...each)),
  });
  const keeps = fc.option(fc.nat(6), { nil: undefined });
  const digestsOf = (files: readonly { digest: Sha256Hex }[]) =>
    files.map(({ digest }) => digest).sort();

  test("PRU-4: each image goes or stays, and doing it once more removes nothing", () => {
    fc.assert(
      fc.property(shelves, keeps, (shelf, keep) => {
        const { remove, keep: kept } = planPruning(shelf, keep);
        expect(digestsOf([...remove, ...kept])).toEqual([...shelf.images.keys()].sort());
        const left = new Map(
          [...shelf.images].filter(([digest]) => kept.some((each) => each.digest === digest)),
        );
        const again = planPruning({ ...shelf, images: left }, keep);
        expect(again.remove).toEqual([]);
      }),
      runs,
    );
  });

  test("PRU-2: nothing goes that is named by latest, a record or a link", () => {
    fc.assert(
      fc.property(shelves, fc.nat(3), (shelf, keep) => {
        const { inUse, good, owed } = shelf.standing;
        const named = [
          inUse,
          good,
          shelf.hold,
          ...owed.map(({ digest }) => digest),
          ...shelf.linked,
        ];
        const { remove } = planPruning(shelf, keep);
        expect(remove.filter(({ digest }) => named.includes(digest))).toEqual([]);
      }),
      runs,
    );
  });

  test("PRU-3: what could be started before leaves something that can be started", () => {
    fc.assert(
      fc.property(shelves, fc.nat(3), (shelf, keep) => {
        const isStartable = (digest: Sha256Hex) =>
          digest !== foreign && shelf.images.get(digest) === SIZE;
        const { keep: kept } = planPruning(shelf, keep);
        const before = [...shelf.images.keys()].some(isStartable);
        expect(kept.some(({ digest }) => isStartable(digest))).toBe(before);
      }),
      runs,
    );
  });

  test("PRU-4: who keeps more keeps all of it, and nothing that works goes while something else of the others stays", () => {
    fc.assert(
      fc.property(shelves, fc.nat(3), (shelf, keep) => {
        const fewer = planPruning(shelf, keep);
        const more = digestsOf(planPruning(shelf, keep + 1).keep);
        expect(digestsOf(fewer.keep).filter((digest) => !more.includes(digest))).toEqual([]);
        const works = ({ digest }: { digest: Sha256Hex }) =>
          shelf.images.get(digest) === SIZE &&
          !shelf.standing.refusals.some((refusal) => refusal.digest === digest) &&
          manifest.entries.some(
            (entry) => entry.digest === digest && matches(shelf.pattern, entry.version),
          );
        const others = fewer.keep.filter(({ why }) => why === "newest");
        if (fewer.remove.some(works)) expect(others.filter((each) => !works(each))).toEqual([]);
        expect(others.length).toBeLessThanOrEqual(keep);
      }),
      runs,
    );
  });

  test("PRU-5, PRU-6: nothing goes while something is open, nobody said how many, or nobody knows what is what", () => {
    fc.assert(
      fc.property(shelves, keeps, (shelf, keep) => {
        const { remove, busy, partials } = planPruning(shelf, keep);
        if (keep === undefined || busy !== undefined || shelf.manifest === undefined)
          expect(remove).toEqual([]);
        if (shelf.manifest === undefined) expect(partials).toEqual([]);
        const isOwed = shelf.standing.owed.some(({ digest }) => digest === shelf.standing.inUse);
        if (isOwed) expect(busy).toBeDefined();
      }),
      runs,
    );
  });
});
