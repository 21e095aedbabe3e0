// Proof of what is said of each version of a manifest, and of which are shown (spec/status.md, STS-31 to STS-34), as far as it
// needs no disk.

import { describe, expect, test } from "bun:test";
import { listingOf, shortened } from "../src/core/listing.ts";
import { parsePattern } from "../src/core/pattern.ts";
import type { HostChoice } from "../src/core/plan.ts";
import { parseSize } from "../src/core/size.ts";
import { parseVersion } from "../src/core/version.ts";
import { manifestOf } from "./support/manifests.ts";
import { imageOf } from "./support/sights.ts";

const NOTHING: HostChoice = { inUse: undefined, hold: undefined, refusals: [], young: new Map() };

/** What is said of these versions to a host on which this differs from one that has nothing. */
function listed(
  versions: readonly string[],
  pattern: string,
  host: Partial<HostChoice> = {},
  withdrawn: readonly string[] = [],
) {
  const entries = versions.map((version) => ({
    ...{ version: parseVersion(version), size: parseSize(1), digest: imageOf(version) },
  }));
  const gone = new Set(withdrawn.map(imageOf));
  return listingOf(manifestOf(entries), parsePattern(pattern), { ...NOTHING, ...host }, gone);
}

/** The versions of which this is true. */
function those(all: ReturnType<typeof listed>, is: (one: (typeof all)[number]) => unknown) {
  return all.filter(is).map(({ entry }) => entry.version.text);
}

describe("a version", () => {
  test("STS-31, STS-32: each is listed, oldest first, and told whether the pattern allows it", () => {
    const all = listed(["1.0", "1.1", "2.0"], "1.*");
    expect(those(all, () => true)).toEqual(["1.0", "1.1", "2.0"]);
    expect(those(all, ({ isAllowed }) => isAllowed)).toEqual(["1.0", "1.1"]);
  });

  test("STS-33: what is in use, and what a run takes next", () => {
    const all = listed(["1.0", "1.1", "2.0"], "1.*", { inUse: imageOf("1.0") });
    expect(those(all, ({ isInUse }) => isInUse)).toEqual(["1.0"]);
    expect(those(all, ({ isNext }) => isNext)).toEqual(["1.1"]);
    const current = listed(["1.0", "1.1"], "1.*", { inUse: imageOf("1.1") });
    expect(those(current, ({ isNext }) => isNext)).toEqual([]);
    const none = listed(["1.0"], "3.*");
    expect(those(none, ({ isNext, isInUse }) => isNext || isInUse)).toEqual([]);
  });

  test("STS-33: what the host is held on, what it skips and why, and what is too young", () => {
    const refusal = { digest: imageOf("1.1"), instead: imageOf("1.0"), time: 0, reason: "down" };
    const all = listed(["1.0", "1.1", "1.2"], "*", {
      ...{ inUse: imageOf("1.0"), hold: imageOf("1.0"), refusals: [refusal] },
      young: new Map([[imageOf("1.2"), 7]]),
    });
    expect(those(all, ({ isHeld }) => isHeld)).toEqual(["1.0"]);
    expect(all.map(({ skipped }) => skipped)).toEqual([undefined, "down", undefined]);
    expect(all.map(({ youngUntil }) => youngUntil)).toEqual([undefined, undefined, 7]);
    expect(those(all, ({ isNext }) => isNext)).toEqual([]);
  });
});

test("STS-38: what was withdrawn is said to be, and what takes its place is next", () => {
  const all = listed(["1.0", "1.1", "1.2"], "*", { inUse: imageOf("1.0") }, ["1.2"]);
  expect(those(all, ({ isWithdrawn }) => isWithdrawn)).toEqual(["1.2"]);
  expect(those(all, ({ isNext }) => isNext)).toEqual(["1.1"]);
  const none = listed(["1.1", "1.2"], "*", { inUse: imageOf("1.1") }, ["1.2"]);
  expect(those(none, ({ isNext }) => isNext)).toEqual([]);
});

test("STS-31: shown are the twenty newest, and what is in use, next or held", () => {
  const versions = Array.from({ length: 30 }, (_, index) => `1.${index}`);
  const shown = (host: Partial<HostChoice>, pattern = "*") =>
    those(shortened(listed(versions, pattern, host)), () => true);
  const newest = versions.slice(10);
  expect(shown({})).toEqual(newest);
  expect(shown({ inUse: imageOf("1.3") })).toEqual(["1.3", ...newest]);
  expect(shown({ inUse: imageOf("1.3"), hold: imageOf("1.5") })).toEqual(["1.3", "1.5", ...newest]);
  expect(shown({}, "1.7")).toEqual(["1.7", ...newest]);
  expect(shown({ inUse: imageOf("1.29") })).toEqual(newest);
});
