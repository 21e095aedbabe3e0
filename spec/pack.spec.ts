// Proof of what spec/packed.md says of `tako pack` without a disk: what is planned, what is worth keeping, and what the lists say.

import { describe, expect, test } from "bun:test";
import type { Sha256Hex } from "../src/core/digest.ts";
import {
  packedFileOf,
  packedName,
  packedNamesOf,
  patchName,
  unfinishedName,
  unfinishedOf,
  zstName,
} from "../src/core/layout.ts";
import { EMPTY_MANIFEST, insertEntry, type Manifest, sizesOf } from "../src/core/manifest.ts";
import {
  encodeOwnList,
  NOTHING_PACKED,
  type OwnPacked,
  parseOwnPacked,
} from "../src/core/packed/own-list.ts";
import { isFrameWorth, isPatchWorth, planPacking } from "../src/core/packed/pack-plan.ts";
import { parsePackedList } from "../src/core/packed/packed-list.ts";
import { parseSize } from "../src/core/size.ts";
import { parseVersion } from "../src/core/version.ts";

const digest = (letter: string) => letter.repeat(64) as Sha256Hex;
const [a, b, c, d] = ["a", "b", "c", "d"].map(digest) as [
  Sha256Hex,
  Sha256Hex,
  Sha256Hex,
  Sha256Hex,
];
const manifest = [a, b, c, d].reduce(
  (grown: Manifest, each, at) =>
    insertEntry(grown, { version: parseVersion(`1.${at}`), size: parseSize(1000), digest: each }),
  EMPTY_MANIFEST,
);
const sizes = new Map([a, b, c, d].map((each) => [each, 1000]));
const plan = (here: readonly Sha256Hex[], patches: number, ...versions: readonly string[]) =>
  planPacking(manifest, new Set(here), patches, versions).map(({ entry, from }) => [
    entry.digest,
    ...from.map((old) => old.digest),
  ]);

describe("which images", () => {
  test("PCK-60, PCK-62: the newest and those from which patches lead to it, oldest first", () => {
    expect(plan([a, b, c, d], 2)).toEqual([
      [b, a],
      [c, b, a],
      [d, c, b],
    ]);
    expect(plan([a, b, d], 1)).toEqual([
      [b, a],
      [d, b],
    ]);
    expect(plan([a, b, d], 0)).toEqual([[d]]);
    expect(plan([a], 3)).toEqual([[a]]);
    expect(plan([], 3)).toEqual([]);
  });

  test("PCK-60: those that are named, by any spelling; the same bytes once", () => {
    expect(plan([a, b, c, d], 1, "1.3", "1.1.0")).toEqual([
      [b, a],
      [d, c],
    ]);
    const again = insertEntry(manifest, {
      version: parseVersion("2"),
      size: parseSize(1000),
      digest: a,
    });
    const twice = planPacking(again, new Set([a, b]), 1, ["1.0"]);
    expect(twice).toMatchObject([{ entry: { digest: a }, from: [{ digest: b }] }]);
    expect(() => plan([a], 1, "1.9")).toThrow("version 1.9 is not published");
    expect(() => plan([a], 1, "1.3")).toThrow("the image of 1.3 is not here");
    expect(() => plan([a], 1, "")).toThrow();
  });
});

test("PCK-46: the manifest says how large each image is", () => {
  expect<unknown>(sizesOf(manifest.entries)).toEqual(sizes);
});

describe("what is kept", () => {
  test("PCK-61: a frame that saves 5 % of the image", () => {
    expect([950, 951].map((size) => isFrameWorth(size, 1000))).toEqual([true, false]);
  });

  test("PCK-63: a patch that is smaller than the image, the frame, and other patches one after the other", () => {
    const worth = (
      size: number,
      zst?: number,
      ...others: readonly [Sha256Hex, Sha256Hex, number][]
    ) => {
      const lines = others.map(([old, next, bytes]) => ({ old, new: next, size: bytes }));
      return isPatchWorth({ old: a, new: c, size }, { digest: c, size: 1000 }, zst, lines, sizes);
    };
    expect([worth(999), worth(1000)]).toEqual([true, false]);
    expect([worth(499, 500), worth(500, 500)]).toEqual([true, false]);
    const steps = [
      [a, b, 100],
      [b, c, 200],
    ] as const;
    const chain = steps.map((step): [Sha256Hex, Sha256Hex, number] => [...step]);
    expect([worth(299, 500, ...chain), worth(300, 500, ...chain)]).toEqual([true, false]);
    // A chain from another image is none of this host's.
    expect(worth(499, 500, [d, c, 1])).toBe(true);
    // The line that is there already is not compared with itself.
    expect(worth(499, 500, [a, c, 10])).toBe(true);
  });
});

describe("lists", () => {
  const own = (part: Partial<OwnPacked>): OwnPacked => ({ ...NOTHING_PACKED, ...part });
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

  test("PCK-68, PCK-69: what an image has itself, what was left out, then the patches of chains", () => {
    const packed = new Map([
      [b, own({ zst: 5, patches: new Map([[a, 10]]) })],
      [
        c,
        own({
          patches: new Map([
            [b, 20],
            [a, 25],
          ]),
        }),
      ],
      [d, own({ zst: 900, patches: new Map([[c, 30]]), tried: new Map([[b, 999]]) })],
    ]);
    const bytes = encodeOwnList(d, packed);
    expect(text(bytes)).toBe(
      [
        "Tako Packed 1",
        "zst 900",
        `tried ${b} 999`,
        `patch ${c} ${d} 30`,
        `patch ${b} ${c} 20`,
        `patch ${a} ${c} 25`,
        `patch ${a} ${b} 10`,
        "",
      ].join("\n"),
    );
    expect(parseOwnPacked(d, bytes)).toEqual(packed.get(d) ?? NOTHING_PACKED);
    expect(parseOwnPacked(c, bytes).patches).toEqual(
      new Map([
        [b, 20],
        [a, 25],
      ]),
    );
    expect(parsePackedList(bytes).patches).toHaveLength(4);
  });

  test("PCK-68: notes of a frame, ones that are none, and a list that is damaged", () => {
    const list = `Tako Packed 1\ntried zst 7\ntried ${a} 8\ntried x 9\ntried zst\ntried ${b} 0\n`;
    const { tried } = parseOwnPacked(c, new TextEncoder().encode(list));
    expect(tried).toEqual(
      new Map<Sha256Hex | "zst", number>([
        ["zst", 7],
        [a, 8],
      ]),
    );
    expect(parseOwnPacked(c, new TextEncoder().encode(`${list}zst`))).toEqual(NOTHING_PACKED);
  });

  test("PCK-69: chains of 8 patches, and 64 KiB", () => {
    const name = (number: number) => number.toString(16).padStart(64, "0") as Sha256Hex;
    const steps = Array.from({ length: 12 }, (_, at): [Sha256Hex, OwnPacked] => [
      name(at + 1),
      own({ patches: new Map([[name(at), 1]]) }),
    ]);
    expect(parsePackedList(encodeOwnList(name(12), new Map(steps))).patches).toHaveLength(8);
    const many = Array.from({ length: 600 }, (_, at): [Sha256Hex, number] => [name(at), 1000]);
    const wide = new Map([[d, own({ zst: 7, patches: new Map(many) })]]);
    const bytes = encodeOwnList(d, wide);
    expect(bytes.length).toBeLessThanOrEqual(65_536);
    expect(parsePackedList(bytes)).toMatchObject({ zst: 7, patches: { 0: { old: name(0) } } });
    expect(text(encodeOwnList(a, new Map()))).toBe("Tako Packed 1\n");
  });

  test("PCK-66: the names of what is made, and under which it is made", () => {
    const name = patchName(a, b);
    expect(packedFileOf(name)).toEqual({ what: "patch", image: b, from: a });
    expect(unfinishedOf(unfinishedName(name))).toEqual({ what: "patch", image: b, from: a });
    for (const other of [
      `${a}.gone`,
      `${a}.zst.new`,
      `${a}.from-${a}.patch`,
      `${a}.from-x.patch`,
      "x",
    ]) {
      expect(packedFileOf(other)).toBeUndefined();
    }
    for (const other of [`.${a}.new`, `${name}.new`, `.${name}`, name, ".new"])
      expect(unfinishedOf(other)).toBeUndefined();
  });

  test("PRU-28: what is for an image, or needs it, made or being made", () => {
    const own = [zstName(a), packedName(a), patchName(b, a), patchName(a, b)];
    const others = [a, `${a}.gone`, zstName(b), "x"];
    const unfinished = unfinishedName(zstName(a));
    const found = packedNamesOf([...own, unfinished, ...others], (image) => image === a);
    expect(found).toEqual([...own, unfinished]);
  });
});
