// Proof of what spec/verify.md says without a disk: what fits together in a destination, and which names are whose.

import { describe, expect, test } from "bun:test";
import { parseSha256Hex } from "../src/core/digest.ts";
import { doubtsAbout, type Pointers } from "../src/core/doubts.ts";
import { foreignNames } from "../src/core/layout.ts";

const digest = (digit: string) => parseSha256Hex(digit.repeat(64))!;
const [one, two, three] = [digest("1"), digest("2"), digest("3")];
const versions = new Map([
  [one, "1.0"],
  [two, "2.0"],
]);

/** At rest on 2.0, which has proved itself. */
const AT_REST: Pointers = {
  inUse: two,
  here: new Set([one, two]),
  listed: new Set([one, two]),
  owed: [],
  good: two,
  refusals: [],
  hold: undefined,
  units: ["app.service", "web.socket"],
  slots: undefined,
};

const refusal = { digest: two, instead: one, time: 1, reason: "it failed" };

function doubts(changed: Partial<Pointers>): readonly string[] {
  return doubtsAbout({ ...AT_REST, ...changed }, (image) => versions.get(image) ?? image);
}

describe("a destination", () => {
  test.each<[string, Partial<Pointers>]>([
    ["at rest", {}],
    ["before the first image", { inUse: undefined, good: undefined, here: new Set() }],
    ["without a manifest", { listed: undefined }],
    ["on trial", { good: one }],
    ["held on what is in use", { hold: two }],
    ["that refused another image", { refusals: [{ ...refusal, digest: one }] }],
    ["that died before the swap", { owed: [{ digest: one, done: [] }] }],
    ["whose units were all restarted", { owed: [{ digest: two, done: [...AT_REST.units] }] }],
    ["of a config without units", { owed: [{ digest: two, done: [] }], units: [] }],
    ["with one slot", { slots: new Map([["a", two]]) }],
    ["with slots, before the first image", { inUse: undefined, slots: new Map() }],
  ])("VFY-30 to VFY-35: nothing is doubtful of one %s", (_, changed) => {
    expect(doubts(changed)).toEqual([]);
  });

  test.each<[string, Partial<Pointers>, string]>([
    ["VFY-30", { inUse: three, good: three }, three],
    ["VFY-31", { owed: [{ digest: two, done: ["app.service"] }] }, "restart of web.socket is owed"],
    ["VFY-32", { refusals: [refusal] }, "2.0 is in use, and did not work here"],
    ["VFY-33", { hold: one }, "held on 1.0, and 2.0 is in use"],
    ["VFY-33", { hold: one, inUse: undefined }, "held on 1.0, and no image is in use"],
    ["VFY-34", { good: three }, `${three}, the version to go back to`],
    ["VFY-35", { slots: new Map() }, "no slot is"],
    ["VFY-35", { slots: new Map([["a", one]]) }, "linked as slots are a"],
    ["VFY-35", { slots: new Map([["a", undefined]]) }, "linked as slots are a"],
    [
      "VFY-35",
      {
        slots: new Map([
          ["a", one],
          ["b", two],
        ]),
      },
      "linked as slots are a, b",
    ],
    ["VFY-35", { inUse: undefined, slots: new Map([["a", one]]) }, "linked as slots are a"],
  ])("%s: %p is doubtful", (_, changed, said) => {
    expect(doubts(changed)).toEqual([expect.stringContaining(said)]);
  });

  test("VFY-32, VFY-33: what settles it is named", () => {
    for (const changed of [{ refusals: [refusal] }, { hold: one }]) {
      expect(doubts(changed)[0]).toMatch(/tako fetch.*tako release/);
    }
  });
});

test("VFY-15: a name of store/ is Tako's own if it begins with a digest, alone or before a dot and more", () => {
  const ours = [
    one,
    `${one}.partial`,
    `${one}.gone`,
    `${one}.zst`,
    `${one}.zst.partial`,
    `.${one}.zst.new`,
    ".new",
  ];
  const foreign = [
    "README",
    "",
    ".",
    ".partial",
    ".newer",
    one.slice(1),
    `${one}0`,
    `${one}.`,
    `${one}-old`,
    `x${one}.partial`,
    "A".repeat(64),
  ];
  expect(foreignNames([...ours, ...foreign])).toEqual(foreign);
});
