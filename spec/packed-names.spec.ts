// The names of what a packed download leaves on a host while it goes on (spec/packed.md, PCK-55 and PCK-56).

import { describe, expect, test } from "bun:test";
import type { Sha256Hex } from "../src/core/digest.ts";
import {
  imageOfPartial,
  partsOf,
  stalePartials,
  travellingSize,
  unpackedName,
} from "../src/core/layout.ts";
import { filesOfList, filesOfWay } from "../src/core/packed/packed-file.ts";

const [one, two, three] = ["1", "2", "3"].map((digit) => digit.repeat(64)) as [
  Sha256Hex,
  Sha256Hex,
  Sha256Hex,
];
const patches = [
  { old: one, new: two, size: 5 },
  { old: two, new: three, size: 6 },
];
const frame = { name: `${three}.zst`, part: `${three}.part-zst-7`, size: 7 };
const travelling = [
  {
    name: `${two}.from-${one}.patch`,
    part: `${three}.part-1111111111111111-2222222222222222-5`,
    size: 5,
  },
  {
    name: `${three}.from-${two}.patch`,
    part: `${three}.part-2222222222222222-3333333333333333-6`,
    size: 6,
  },
];

describe("PCK-55", () => {
  test("PCK-55: all that a list names has a name on the way to its image", () => {
    expect(filesOfList(three, { zst: 7, patches })).toEqual([frame, ...travelling]);
    expect(filesOfList(three, { zst: undefined, patches: [] })).toEqual([]);
  });

  test("PCK-55: what travels on a way, in its order", () => {
    expect(filesOfWay(three, { by: "zst", size: 7, missing: 7 })).toEqual([frame]);
    const way = { by: "patches", from: one, patches, missing: 11 } as const;
    expect(filesOfWay(three, way)).toEqual(travelling);
  });

  test("PCK-55: the name of what travels tells how large it is", () => {
    const sizes = [frame, ...travelling].map(({ part }) => travellingSize(part));
    expect(sizes).toEqual([7, 5, 6]);
    for (const other of [`${one}.part-image-7`, `${one}.partial`, `${one}.part-zst`, one]) {
      expect(travellingSize(other)).toBeUndefined();
    }
  });

  test("PCK-55: images that are written have numbers", () => {
    expect(unpackedName(three, 2)).toBe(`${three}.part-image-2`);
  });
});

test("PCK-56: they belong to the image that is wanted, and no other name does", () => {
  const [partial, part] = [`${one}.partial`, `${one}.part-zst-7`];
  const others = [
    one,
    `${one}.zst`,
    `${one}.part`,
    `${one}.partial2`,
    "x.part-zst",
    `${one}part-zst`,
  ];
  const names = [partial, part, `${two}.part-image-1`, ...others];
  expect(names.map(imageOfPartial)).toEqual([one, one, two, ...others.map(() => undefined)]);
  expect(partsOf(names, one)).toEqual([part]);
  expect(stalePartials(names, one)).toEqual([`${two}.part-image-1`]);
});
