// Proof of what `Skip=` means (spec/config.md, CFG-67, CFG-68; spec/fetch.md, FET-113, FET-114), as far as it needs no disk.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseConfig } from "../src/core/config.ts";
import { except, leavesOut, matches, parsePattern } from "../src/core/pattern.ts";
import { choose, chooseHere, type HostChoice } from "../src/core/plan.ts";
import { parseSize } from "../src/core/size.ts";
import { compareVersions, parseVersion } from "../src/core/version.ts";
import { runs } from "../tests/support/properties.ts";
import { bytesOf, digestOf, manifestOf, manifests, versions } from "./support/manifests.ts";
import { failureOf } from "./support/refusals.ts";

const config = (...lines: readonly string[]) =>
  parseConfig(
    bytesOf(
      [
        "Origin=https://images.example.com/app",
        "PublicKey=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
        "Destination=/var/lib/images/app",
        "Version=1.*",
        ...lines,
        "",
      ].join("\n"),
    ),
    "app.tako",
  );
const problems = (...lines: readonly string[]) =>
  failureOf(() => config(...lines)).problems.map(({ line, key, rule }) => [line, key, rule]);

describe("the keys", () => {
  test("CFG-67: versions, in any number of lines, of which an empty one clears those before it", () => {
    const skipped = (...lines: readonly string[]) => config(...lines).skip.map(({ text }) => text);
    expect(skipped()).toEqual([]);
    expect(skipped("Skip=1.2.0 1.3")).toEqual(["1.2.0", "1.3"]);
    expect(skipped("Skip=1.2.0", "Skip= 7.0\t9 ")).toEqual(["1.2.0", "7.0", "9"]);
    expect(skipped("Skip=1.2.0", "Skip=", "Skip=1.4")).toEqual(["1.4"]);
    expect(skipped("Skip=1.2.0", "Skip=")).toEqual([]);
  });

  test("CFG-67: a pattern, and what is no version, are problems", () => {
    expect(problems("Skip=1.2.*")).toEqual([[5, "Skip", "CFG-67"]]);
    expect(problems("Skip=1.2 *")).toEqual([[5, "Skip", "CFG-67"]]);
    expect(problems("", "Skip=1.2 <=")).toEqual([[6, "Skip", "VER-1"]]);
  });

  test("CFG-68: a number of images, once", () => {
    expect(config().keep).toBe(undefined);
    expect(config("Keep=0").keep).toBe(0);
    expect(config("Keep=12").keep).toBe(12);
    expect(problems("Keep=some")).toEqual([[5, "Keep", "CFG-68"]]);
    expect(problems("Keep=")).toEqual([[5, "Keep", "CFG-11"]]);
    expect(problems("Keep=1", "Keep=1")).toEqual([[6, "Keep", "CFG-9"]]);
  });
});

const rows = ["1.0", "1.1", "1.2", "2.0"];
const manifest = manifestOf(
  rows.map((version, index) => ({
    version: parseVersion(version),
    size: parseSize(1),
    digest: digestOf(`${index}`.repeat(64)),
  })),
);
const digest = (version: string) => digestOf(`${rows.indexOf(version)}`.repeat(64));
const bare: HostChoice = { inUse: undefined, hold: undefined, refusals: [], young: new Map() };
const chosen = (skip: string, host: Partial<HostChoice> = {}) => {
  const choice = choose(manifest, config(`Skip=${skip}`).pattern, { ...bare, ...host });
  if (choice.choice !== "take") return choice;
  return [choice.candidates.map(({ version }) => version.text).join(" "), choice.withheld];
};

describe("the pick", () => {
  test("FET-113: a skipped version is as if the pattern did not match it, however it is spelled", () => {
    expect(chosen("1.2.0")).toEqual(["1.1 1.0", { why: "skipped", version: "1.2" }]);
    expect(chosen("1.2", { inUse: digest("1.2") })).toMatchObject(["1.1 1.0", {}]);
    expect(chosen("1.1", { inUse: digest("1.0") })).toEqual(["1.2 1.0", undefined]);
    const pattern = config("Skip=1.2").pattern;
    const here = chooseHere(manifest, pattern, { ...bare, inUse: digest("1.2") });
    expect(here.map(({ version }) => version.text)).toEqual(["1.1", "1.0"]);
  });

  test("FET-113: one that was refused is no floor any more", () => {
    const refusals = [{ digest: digest("1.2"), instead: digest("1.0"), time: 1, reason: "failed" }];
    const host = { inUse: digest("1.0"), refusals };
    expect(chosen("7", host)).toMatchObject(["1.0", { why: "refused" }]);
    expect(chosen("1.2", host)).toEqual(["1.1 1.0", { why: "skipped", version: "1.2" }]);
  });

  test("FET-114: only what is newer than what is taken is told, and nothing that the pattern would not match", () => {
    expect(chosen("1.0")).toEqual(["1.2 1.1", undefined]);
    expect(chosen("2.0 3")).toEqual(["1.2 1.1 1.0", undefined]);
    expect(chosen("1.0 1.1 1.2")).toEqual({
      choice: "no-match",
      pattern: "1.*",
      skips: true,
      offered: ["2.0", "1.2", "1.1", "1.0"],
    });
  });

  test("FET-113: no version of Skip= is ever taken, and no other one is lost by it", () => {
    const lists = fc.array(versions, { maxLength: 4 });
    fc.assert(
      fc.property(manifests, lists, versions, (local, skip, other) => {
        const own = local.entries.slice(0, 2).map(({ version }) => version);
        const all = parsePattern("*");
        const pattern = except(all, [...skip, ...own]);
        const isSkipped = [...skip, ...own].some((each) => compareVersions(each, other) === 0);
        expect(matches(pattern, other)).toBe(!isSkipped);
        expect(leavesOut(pattern, other)).toBe(isSkipped);
        const choice = choose(local, pattern, bare);
        const taken = choice.choice === "take" ? choice.candidates[0].version : undefined;
        const expected = local.entries.findLast(({ version }) => matches(pattern, version));
        expect(taken).toEqual(expected?.version);
      }),
      runs,
    );
  });
});
