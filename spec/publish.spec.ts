// Proof of what spec/publish.md says of a new version without a disk: its warnings, and where it would stand.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { placeOf, placeWarnings, spellingWarnings } from "../src/core/new-version.ts";
import { matches } from "../src/core/pattern.ts";
import { compareVersions, parseVersion, type Version } from "../src/core/version.ts";
import { runs } from "../tests/support/properties.ts";
import { equivalentSpelled, versionParts } from "./support/versions.ts";

const spelling = (text: string) => spellingWarnings(parseVersion(text)).join("\n");
const ascending = (texts: readonly string[]) => texts.map(parseVersion).toSorted(compareVersions);
const place = (text: string, ...published: string[]) =>
  placeWarnings(parseVersion(text), ascending(published)).join("\n");

describe("warnings", () => {
  test.each([
    ["1.2.4+build.7", "4+build", "1.2.0"],
    ["1:2.0", "1:2", "0"],
    ["1.10rc1", "10rc1", "1.0"],
    ["1.0~rc1", "0~rc1", "1.0"],
    ["2.0b2", "0b2", "2.0"],
    ["1.0-+7", "+7", "1.0.0"],
    ["2024.01.15T1200", "15T1200", "2024.1.0"],
    ["4f2a9c1", "4f2a9c1", "0"],
  ])("PUB-29: %s is older than people expect, since %s is text", (text, part, older) => {
    expect(spelling(text)).toBe(
      `"${part}" in ${text} is no number but text, which sorts before every number: ${text} counts as older than ${older}`,
    );
    // What the warning claims is so.
    expect(compareVersions(parseVersion(text), parseVersion(older))).toBeLessThan(0);
  });

  test.each(["1.2.4", "1.0-rc.1", "1.0-rc1", "2024.01.15", "a1b2c3d", "1.0-beta", "latest"])(
    "PUB-29: %s gets no warning for its spelling",
    (text) => expect(spelling(text)).toBe(""),
  );

  test("PUB-25: a v before a number gets a warning of its own, too", () => {
    expect(spelling("v0.0.1+hf87h89")).toMatch(
      /^v10 sorts before v9.*\n"1\+hf87h89" in .* than v0\.0\.0$/,
    );
    expect(spelling("V2")).toEndWith("publish 2 instead");
    expect(spelling("version")).toBe("");
  });

  test("PUB-67: a version that is not the newest gets one, which names the newest", () => {
    expect(place("1.2.4", "1.2.3", "1.3.0")).toBe(
      "1.2.4 is not the newest, 1.3.0 is: hosts whose pattern allows both do not take 1.2.4",
    );
    expect(place("1.0-rc10", "1.0-rc9")).toContain("1.0-rc9 is");
    expect(place("1.4.0", "1.2.3", "1.3.0")).toBe("");
    expect(place("1.0")).toBe("");
  });

  test.each([
    // A date beside 1.x, also as the last part, and as a part that the newest does not have.
    ["2024.01.15", "1.3", "2024 is far beyond the 1 of 1.3", "a later 2 would"],
    ["20240115", "3", "20240115 is far beyond the 3", "a later 4 would"],
    ["1.2.20240115", "1.2.3", "20240115 is far beyond the 3", "a later 1.2.4 would"],
    ["1.0-20240115", "1.0", "20240115 is far beyond the 0", "a later 1.0.1 would"],
    [
      "1.99999999999999999999",
      "1.2",
      "99999999999999999999 is far beyond the 2",
      "a later 1.3 would",
    ],
    // A hash of digits only.
    ["1234567", "a1b2c3d", '1234567 is a number where a1b2c3d has "a1b2c3d"', "stays newer"],
    ["1.0-1234567", "1.0-a1b2c3d", '1234567 is a number where 1.0-a1b2c3d has "a1b2c3d"', "stays"],
  ])("PUB-29: %s after %s would stay the newest", (text, newest, what, effect) => {
    expect(place(text, newest)).toContain(what);
    expect(place(text, newest)).toContain(effect);
  });

  test.each([
    ["2025.1", "2024.12"],
    ["1.100", "1.99"],
    ["1.1000", "1.999"],
    ["1.0", "1.0-rc.3"],
    ["1.0-1", "1.0-rc.3"],
    ["2.0", "v1.9"],
    ["1.0-rc.2", "1.0-rc.1"],
    ["b2", "a9"],
    ["1.0-b", "1.0-a"],
  ])("PUB-29: %s after %s is as people expect", (text, newest) =>
    expect(place(text, newest)).toBe(""),
  );
});

describe("a jump of the first part", () => {
  test.each([
    ["3.0", "1.9", "3.0 skips 2: the newest version so far is 1.9"],
    ["2.0.0", "0.9", "2.0.0 skips 1: the newest version so far is 0.9"],
    ["999.0", "1.0", "999.0 skips 2: the newest version so far is 1.0"],
  ])("PUB-75: %s after %s", (text, newest, warning) => expect(place(text, newest)).toBe(warning));

  test.each([
    ["2.0", "1.9"],
    ["1.9", "1.2"],
    // Builds are counted by one number.
    ["19", "17"],
    ["19", "17.1"],
    // Years may be left out.
    ["2026.1", "2023.12"],
    ["3.0", "v1.0"],
  ])("PUB-75: not of %s after %s", (text, newest) => expect(place(text, newest)).toBe(""));
});

describe("where a version would stand", () => {
  const shown = (text: string, ...published: string[]) => {
    const { after, before, patterns } = placeOf(parseVersion(text), ascending(published));
    return [
      after?.text,
      before?.text,
      ...patterns.map(({ pattern, takes }) => `${pattern.text} ${takes.text}`),
    ];
  };

  test("PUB-66: between its neighbours, and for each pattern what hosts take", () => {
    expect(shown("1.2.4", "1.2.3", "1.3.0", "2.0")).toEqual([
      "1.2.3",
      "1.3.0",
      "1.2.4 1.2.4",
      "1.2.* 1.2.4",
      "1.* 1.3.0",
      "* 2.0",
    ]);
    expect(shown("1")).toEqual([undefined, undefined, "1 1", "* 1"]);
    expect(shown("1.0-rc", "1.0")).toEqual([
      undefined,
      "1.0",
      "1.0-rc 1.0-rc",
      "1.0.* 1.0",
      "1.* 1.0",
      "* 1.0",
    ]);
  });

  const versions = versionParts.chain(equivalentSpelled).map(parseVersion);
  const origins = fc
    .uniqueArray(versions, { comparator: (a, b) => compareVersions(a, b) === 0, minLength: 1 })
    .map(([version, ...rest]) => [version, rest.toSorted(compareVersions)] as const);

  test("PUB-66: every pattern takes the newest of all that it matches, and the neighbours are next", () => {
    fc.assert(
      fc.property(origins, ([first, published]) => {
        const version = first as Version;
        const { after, before, patterns } = placeOf(version, published);
        const all = [...published, version].toSorted(compareVersions);
        const index = all.indexOf(version);
        expect([after, before]).toEqual([all[index - 1], all[index + 1]]);
        for (const { pattern, takes } of patterns) {
          expect(matches(pattern, version)).toBe(true);
          expect(takes).toBe(all.filter((other) => matches(pattern, other)).at(-1) as Version);
        }
      }),
      runs,
    );
  });

  test("PUB-29: what a warning about spelling claims is so", () => {
    fc.assert(
      fc.property(versions, (version) => {
        const older = / counts as older than (\S+)$/.exec(spellingWarnings(version).join(""))?.[1];
        if (older !== undefined)
          expect(compareVersions(version, parseVersion(older))).toBeLessThan(0);
      }),
      runs,
    );
  });
});
