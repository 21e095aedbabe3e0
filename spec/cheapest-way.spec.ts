// Proof of what spec/packed.md says of the cheapest way: which files travel, given what is here and what the origin has.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseSha256Hex, type Sha256Hex } from "../src/core/digest.ts";
import { patchName, zstName } from "../src/core/layout.ts";
import { cheapestWay, type Here, MOST_PATCHES, type Way } from "../src/core/packed/cheapest-way.ts";
import type { PatchLine } from "../src/core/packed/packed-list.ts";
import { runs } from "../tests/support/properties.ts";

const image = (letter: string): Sha256Hex => parseSha256Hex(letter.repeat(64))!;
const [A, B, C, D] = [image("a"), image("b"), image("c"), image("d")];
const patch = (old: Sha256Hex, next: Sha256Hex, size: number): PatchLine => ({
  ...{ old, new: next, size },
});
const sizes = new Map([A, B, C, D].map((each) => [each, 1000]));
const wanted = { digest: D, size: 1000 };

function here({ images = [A], partial = 0, parts = {} }: Partial<Record<string, unknown>>): Here {
  return {
    images: new Set(images as Sha256Hex[]),
    partial: partial as number,
    parts: new Map(Object.entries(parts as object)),
  };
}

function way(zst: number | undefined, patches: readonly PatchLine[], is: object = {}): Way {
  return cheapestWay(wanted, { zst, patches }, here(is), sizes);
}

const plain = (missing: number): Way => ({ by: "plain", missing });

describe("the cheapest way", () => {
  test("PCK-41: without a list it is the plain image, or the rest of it", () => {
    expect(cheapestWay(wanted, undefined, here({}), sizes)).toEqual(plain(1000));
    expect(cheapestWay(wanted, undefined, here({ partial: 300 }), sizes)).toEqual(plain(700));
    expect(cheapestWay(wanted, undefined, here({ partial: 2000 }), sizes)).toEqual(plain(0));
  });

  test("PCK-40, PCK-42: a frame, unless less is missing of the image", () => {
    expect(way(400, [])).toEqual({ by: "zst", size: 400, missing: 400 });
    expect(way(400, [], { partial: 599 })).toEqual({ by: "zst", size: 400, missing: 400 });
    expect(way(400, [], { partial: 601 })).toEqual(plain(399));
    const parts = { [zstName(D)]: 390 };
    expect(way(400, [], { partial: 601, parts })).toEqual({ by: "zst", size: 400, missing: 10 });
  });

  test("PCK-40, PCK-43: a patch from an image that is here", () => {
    const lines = [patch(A, D, 50), patch(B, D, 10)];
    expect(way(400, lines)).toEqual({ by: "patches", from: A, patches: [lines[0]!], missing: 50 });
    expect(way(400, lines, { images: [A, B] })).toMatchObject({ from: B, missing: 10 });
    expect(way(400, lines, { images: [C] })).toMatchObject({ by: "zst" });
    expect(way(400, lines, { images: [] })).toMatchObject({ by: "zst" });
    const parts = { [patchName(A, D)]: 45 };
    expect(way(400, lines, { images: [A, B], parts })).toMatchObject({ from: A, missing: 5 });
  });

  test("PCK-43: a part that is larger than the file counts for nothing", () => {
    const parts = { [patchName(A, D)]: 51 };
    expect(way(undefined, [patch(A, D, 50)], { parts })).toMatchObject({ missing: 50 });
  });

  test("PCK-43: a host three versions behind takes the chain, or one long step if that is less", () => {
    const chain = [patch(C, D, 10), patch(B, C, 20), patch(A, B, 30)];
    const taken = [...chain].reverse();
    expect(way(400, chain)).toEqual({ by: "patches", from: A, patches: taken, missing: 60 });
    expect(way(400, [...chain, patch(A, D, 59)])).toMatchObject({ patches: [patch(A, D, 59)] });
    expect(way(400, [...chain, patch(A, C, 49)])).toMatchObject({
      patches: [patch(A, C, 49), patch(C, D, 10)],
    });
    expect(way(400, [...chain].slice(1))).toMatchObject({ by: "zst" });
  });

  test("PCK-44: of the same number of bytes, the plain image, the frame, the shorter chain", () => {
    expect(way(1000, [patch(A, D, 1000)])).toEqual(plain(1000));
    expect(way(60, [patch(A, D, 60)])).toMatchObject({ by: "zst" });
    const chain = [patch(A, B, 30), patch(B, D, 30)];
    expect(way(400, [...chain, patch(A, D, 60)])).toMatchObject({ patches: [patch(A, D, 60)] });
    expect(way(400, [...chain, patch(C, D, 60)], { images: [A, C] })).toMatchObject({ from: C });
  });

  test("PCK-45: eight patches, and not nine", () => {
    const images = Array.from("0123456789", image);
    const all = new Map(images.map((each) => [each, 1000]));
    const lines = images.slice(1).map((next, at) => patch(images[at]!, next, 1));
    const to = (last: number) =>
      cheapestWay(
        { digest: images[last]!, size: 1000 },
        { zst: undefined, patches: lines },
        here({ images: [images[0]!] }),
        all,
      );
    expect(to(8)).toMatchObject({ by: "patches", missing: 8 });
    expect(to(9)).toEqual(plain(1000));
  });

  test("PCK-46: what is larger than its image, or makes one that nobody lists, is no part of a way", () => {
    expect(way(1001, [])).toEqual(plain(1000));
    expect(way(undefined, [patch(A, D, 1001)], { partial: 1 })).toEqual(plain(999));
    const unknown = image("e");
    expect(way(undefined, [patch(A, unknown, 1), patch(unknown, D, 1)])).toEqual(plain(1000));
    const chain = [patch(A, B, 1001), patch(B, D, 1)];
    expect(way(undefined, chain)).toEqual(plain(1000));
  });

  test("PCK-40 to PCK-45: no chain of these patches is cheaper than the way that is taken", () => {
    const letters = fc.constantFrom(A, B, C, D);
    const lines = fc.uniqueArray(
      fc.record({ old: letters, new: letters, size: fc.integer({ min: 1, max: 1000 }) }),
      { selector: (line) => line.old + line.new, maxLength: 12 },
    );
    fc.assert(
      fc.property(lines, fc.subarray([A, B, C]), fc.nat(1000), (all, images, partial) => {
        const patches = all.filter((line) => line.old !== line.new);
        const taken = way(undefined, patches, { images, partial });
        expect(taken.missing).toBe(least(patches, images, partial));
        if (taken.by !== "patches") return;
        const steps = [taken.from, ...taken.patches.map((line) => line.new)];
        expect(taken.patches.map((line) => line.old)).toEqual(steps.slice(0, -1));
        expect(steps.at(-1)).toBe(D);
        expect(taken.patches.length).toBeLessThanOrEqual(MOST_PATCHES);
      }),
      runs,
    );
  });

  /** The least sum by trying every path. */
  function least(patches: readonly PatchLine[], images: readonly Sha256Hex[], partial: number) {
    const from = (at: Sha256Hex, seen: readonly Sha256Hex[]): number =>
      at === D
        ? 0
        : Math.min(
            Number.POSITIVE_INFINITY,
            ...patches
              .filter((line) => line.old === at && !seen.includes(line.new))
              .map((line) => line.size + from(line.new, [...seen, line.new])),
          );
    return Math.min(1000 - partial, ...images.map((each) => from(each, [each])));
  }
});
