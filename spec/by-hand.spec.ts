// Proof of what `tako rollback` goes back to and of what a hold means (spec/activation.md, ACT-30, ACT-70 to ACT-77), as
// far as they need no disk: examples written down by hand, then laws.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Host, rollbackTarget } from "../src/core/by-hand.ts";
import type { Sha256Hex } from "../src/core/digest.ts";
import type { Entry } from "../src/core/manifest.ts";
import { matches, parsePattern } from "../src/core/pattern.ts";
import { choose, chooseHere, type HostChoice } from "../src/core/plan.ts";
import type { Refusal } from "../src/core/refusals.ts";
import { parseSize } from "../src/core/size.ts";
import { compareVersions, parseVersion } from "../src/core/version.ts";
import { runs } from "../tests/support/properties.ts";
import { digestOf, digests, manifestOf, manifests } from "./support/manifests.ts";
import { failureOf, refusalOf } from "./support/refusals.ts";

const image = (letter: string): Sha256Hex => digestOf(letter.repeat(64));
const [a, b, c, d] = [image("a"), image("b"), image("c"), image("d")];
const foreign = image("f");
const rows: readonly (readonly [string, Sha256Hex])[] = [
  ["0.9", a],
  ["1.0", b],
  ["1.1", c],
  ["1.2", d],
];
const manifest = manifestOf(
  rows.map(([version, digest]): Entry => {
    return { version: parseVersion(version), size: parseSize(1), digest };
  }),
);
const refusal = (digest: Sha256Hex): Refusal => ({ digest, instead: a, time: 1, reason: "failed" });

const host: Host = {
  manifest,
  pattern: parsePattern("1.*"),
  inUse: d,
  good: undefined,
  refusals: [],
  images: new Set([a, b, c, d]),
};
const target = (more: Partial<Host>, version?: string) =>
  rollbackTarget(
    { ...host, ...more },
    version === undefined ? undefined : parseVersion(version),
    "app.tako",
  ).version.text;
const failure = (more: Partial<Host>, version?: string) => {
  const { kind, rule, message, hint } = failureOf(() => target(more, version));
  return [kind, rule, message, hint];
};

describe("what rollback goes back to", () => {
  test("ACT-72: the newest older version whose image is here", () => {
    expect(target({})).toBe("1.1");
    expect(target({ images: new Set([a, b, d]) })).toBe("1.0");
    expect(target({ inUse: c })).toBe("1.0");
  });

  test("ACT-72: none that was refused, and none that the config does not allow", () => {
    expect(target({ refusals: [refusal(c)] })).toBe("1.0");
    const nothing = { inUse: b };
    expect(failure(nothing)).toEqual([
      "failed",
      "ACT-72",
      "there is no earlier version on this host that the config allows",
      "Here are 1.2, 1.1, 1.0 (in use), 0.9. One that is named is taken whatever Version= says.",
    ]);
  });

  test("ACT-88: of older versions that are not here, the newest are named", () => {
    const hint = (more: Partial<Host>) => failure({ pattern: parsePattern("7"), ...more })[3];
    expect(hint({ images: new Set([d]) })).toBe(
      "Here is 1.2 (in use). One that is named is taken whatever Version= says. Not here are 1.1, 1.0, 0.9: name one, and it is downloaded.",
    );
    expect(hint({ images: new Set([a, b]), inUse: c })).toEndWith("whatever Version= says.");
    expect(hint({ images: new Set([a, c]), inUse: c })).toEndWith(
      "Not here is 1.0: name one, and it is downloaded.",
    );
    expect(hint({ images: new Set(), inUse: undefined })).toContain("Not here are 1.2, 1.1, 1.0: ");
  });

  test("ACT-71: before it the last one that proved itself, here or not", () => {
    expect(target({ good: b })).toBe("1.0");
    expect(target({ good: b, images: new Set([d]) })).toBe("1.0");
  });

  test("ACT-71: but not the one in use, a newer one, one that is not allowed, or not listed", () => {
    expect(target({ good: d })).toBe("1.1");
    expect(target({ inUse: c, good: d })).toBe("1.0");
    expect(target({ good: a })).toBe("1.1");
    expect(target({ good: foreign })).toBe("1.1");
  });

  test("ACT-72: without an image in use, or one that nobody lists, the newest that is here", () => {
    expect(target({ inUse: undefined })).toBe("1.2");
    expect(target({ inUse: foreign, images: new Set([b, c]) })).toBe("1.1");
  });

  test("ACT-73: a version that is asked for, however it is spelled, here or not, allowed or not, refused or not", () => {
    expect(target({}, "1.0.0")).toBe("1.0");
    expect(target({ images: new Set() }, "1.1")).toBe("1.1");
    expect(target({}, "0.9")).toBe("0.9");
    expect(target({ refusals: [refusal(c)] }, "1.1")).toBe("1.1");
    expect(target({}, "1.2")).toBe("1.2");
    expect(target({ inUse: undefined }, "1.2")).toBe("1.2");
  });

  test("ACT-73, ACT-87: one that is newer, or not listed, is refused, and what is here is named", () => {
    expect(failure({ inUse: c, images: new Set([c, b]) }, "1.2")).toEqual([
      "failed",
      "ACT-73",
      "1.2 is newer than 1.1, which is in use",
      'Here are 1.1 (in use), 1.0. For a newer one: "tako release app.tako", then "tako fetch app.tako".',
    ]);
    expect(failure({ images: new Set([d]) }, "1.0.7")).toEqual([
      "failed",
      "ACT-73",
      "the local manifest lists no version 1.0.7",
      "Here is 1.2 (in use).",
    ]);
    expect(failure({ images: new Set([foreign]) }, "1.0.7")[3]).toBe("No image of it is here.");
  });

  test("ACT-87: of versions with the same bytes, one is in use", () => {
    const entries = [
      ...manifest.entries,
      { ...manifest.entries[3]!, version: parseVersion("2.0") },
    ];
    const hint = failure({ manifest: manifestOf(entries), images: new Set([d, c]) }, "7")[3];
    expect(hint).toBe("Here are 2.0, 1.2 (in use), 1.1.");
  });

  test("ACT-87: of many, the newest are named", () => {
    const many = manifestOf(
      Array.from({ length: 12 }, (_, minor): Entry => {
        const digest = digestOf(minor.toString(16).repeat(64));
        return { version: parseVersion(`1.${minor}`), size: parseSize(1), digest };
      }),
    );
    const images = new Set(many.entries.map(({ digest }) => digest));
    const [, , , hint] = failure({ manifest: many, images, inUse: undefined }, "7");
    expect(hint).toBe(
      "Here are 1.11, 1.10, 1.9, 1.8, 1.7, 1.6, 1.5, 1.4, 1.3, 1.2, and older ones.",
    );
  });
});

const bare: HostChoice = {
  inUse: undefined,
  hold: undefined,
  refusals: [],
  young: new Map(),
};

describe("what a hold means", () => {
  const chosen = (more: Partial<HostChoice>, pattern = "1.*") => {
    const choice = choose(manifest, parsePattern(pattern), { ...bare, ...more });
    if (choice.choice === "no-match") return "no match";
    const versions =
      choice.choice === "stay" ? [] : choice.candidates.map(({ version }) => version.text);
    return { versions, why: choice.withheld?.why };
  };

  test("ACT-30: the image in use stays, whatever is newer, allowed or listed", () => {
    expect(chosen({ inUse: b, hold: b })).toEqual({ versions: ["1.0"], why: "held" });
    expect(chosen({ inUse: a, hold: a })).toEqual({ versions: ["0.9"], why: "held" });
    expect(chosen({ inUse: foreign, hold: foreign })).toEqual({ versions: [], why: "held" });
    expect(chosen({ inUse: b, hold: b }, "7.*")).toEqual({ versions: ["1.0"], why: "held" });
  });

  test("ACT-30: another image is swapped in: the run that wrote the hold died before that", () => {
    expect(chosen({ inUse: d, hold: b })).toEqual({ versions: ["1.0"], why: "held" });
    expect(chosen({ inUse: undefined, hold: a })).toEqual({ versions: ["0.9"], why: "held" });
  });

  test("ACT-30, ACT-77: one that was refused, or is not listed, holds what is in use", () => {
    expect(chosen({ inUse: c, hold: b, refusals: [refusal(b)] })).toEqual({
      versions: ["1.1"],
      why: "held",
    });
    expect(chosen({ inUse: c, hold: foreign })).toEqual({ versions: ["1.1"], why: "held" });
  });

  test("ACT-30: and with nothing in use, nothing", () => {
    expect(chosen({ hold: foreign })).toMatchObject({ versions: ["1.2", "1.1", "1.0"] });
    expect(chosen({ hold: d, refusals: [{ ...refusal(d), instead: c }] })).toEqual({
      versions: ["1.1"],
      why: "refused",
    });
  });

  const here = (more: Partial<HostChoice>, pattern = "1.*") =>
    chooseHere(manifest, parsePattern(pattern), { ...bare, ...more }).map(
      ({ version }) => version.text,
    );

  test("FET-26, ACT-30: without the origin, too, if the image is here; else what is in use stays", () => {
    expect(here({ inUse: d, hold: b })).toEqual(["1.0", "1.2"]);
    expect(here({ inUse: b, hold: b })).toEqual(["1.0"]);
    expect(here({ inUse: a, hold: a })).toEqual(["0.9"]);
    expect(here({ inUse: d, hold: b, refusals: [refusal(b)] })).toEqual(["1.2"]);
    expect(here({ inUse: a, hold: b })).toEqual(["1.0", "0.9"]);
    expect(here({ inUse: a, hold: foreign })).toEqual(["0.9"]);
    expect(here({ inUse: foreign, hold: foreign })).toEqual([]);
  });
});

describe("laws", () => {
  const hosts: fc.Arbitrary<Host> = manifests.chain((local) => {
    const own = local.entries.map(({ digest }) => digest);
    const some = own.length === 0 ? digests : fc.oneof(fc.constantFrom(...own), digests);
    return fc.record({
      manifest: fc.constant(local),
      pattern: fc.constantFrom("*", "1.*", "0.0 <= v < 7").map(parsePattern),
      inUse: fc.option(some, { nil: undefined }),
      good: fc.option(some, { nil: undefined }),
      refusals: fc.array(some.map(refusal), { maxLength: 2 }),
      images: fc.array(some, { maxLength: 5 }).map((all) => new Set(all)),
    });
  });

  test("ACT-71, ACT-72: unasked, never to what is in use, to a newer version, or to one that is not allowed", () => {
    fc.assert(
      fc.property(hosts, (known) => {
        const isNone = refusalOf(() => rollbackTarget(known, undefined, "app.tako")) !== undefined;
        if (isNone) return;
        const { version, digest } = rollbackTarget(known, undefined, "app.tako");
        expect(digest).not.toBe(known.inUse);
        expect(matches(known.pattern, version)).toBe(true);
        const current = known.manifest.entries.filter((entry) => entry.digest === known.inUse);
        const newest = current.at(-1);
        if (newest !== undefined) {
          expect(compareVersions(version, newest.version)).toBeLessThan(0);
        }
      }),
      runs,
    );
  });
});
