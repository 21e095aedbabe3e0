// Proof of what a host does not take, though its config allows it (spec/activation.md, ACT-30 to ACT-37): examples
// written down by hand, then laws.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Sha256Hex } from "../src/core/digest.ts";
import { matches, parsePattern } from "../src/core/pattern.ts";
import { choose, chooseHere, type HostChoice, mayStayInUse } from "../src/core/plan.ts";
import type { Refusals } from "../src/core/refusals.ts";
import { entryInUse } from "../src/core/select.ts";
import { parseSize } from "../src/core/size.ts";
import { compareVersions, parseVersion } from "../src/core/version.ts";
import { runs } from "../tests/support/properties.ts";
import { digestOf, manifestOf } from "./support/manifests.ts";

const VERSIONS = ["1.0", "1.1", "1.2", "1.3", "2.0", "2.1"];

/** The image of a version. */
const image = (version: string): Sha256Hex =>
  digestOf(Buffer.from(version).toString("hex").padStart(64, "0"));

const manifest = manifestOf(
  VERSIONS.map((text) => ({
    version: parseVersion(text),
    size: parseSize(1),
    digest: image(text),
  })),
);

/** As `1.2>1.1`: 1.2 did not work, and 1.1 was put back. */
const refusalsOf = (words: string): Refusals =>
  words
    .split(" ")
    .filter(Boolean)
    .map((word) => {
      const [refused = "", instead = ""] = word.split(">");
      return { digest: image(refused), instead: image(instead), time: 0, reason: "down" };
    });

const hostOf = (inUse: string, hold: string, refused: string): HostChoice => ({
  inUse: inUse === "" ? undefined : image(inUse),
  hold: hold === "" ? undefined : image(hold),
  refusals: refusalsOf(refused),
  young: new Map(),
});

/** What is chosen, in words: the candidates, or why there are none; and why it is not the newest. */
function chosen(pattern: string, host: HostChoice): string {
  const choice = choose(manifest, parsePattern(pattern), host);
  if (choice.choice === "no-match") return "no match";
  const { withheld } = choice;
  const why = withheld === undefined ? "" : ` ${withheld.why}`;
  const version = withheld?.why === "refused" ? ` ${withheld.version}: ${withheld.reason}` : "";
  const entries = choice.choice === "take" ? choice.candidates : [];
  return `${entries.map((entry) => entry.version.text).join(" ")}${why}${version}`;
}

/** [why, pattern, in use, hold, refused, chosen] */
const rows: readonly (readonly [string, string, string, string, string, string])[] = [
  ["ACT-30: on hold, what is in use stays", "*", "1.1", "1.1", "", "1.1 held"],
  ["ACT-30: also where the pattern does not allow it", "2.*", "1.1", "1.1", "", "1.1 held"],
  ["ACT-30: also one that the manifest does not list", "*", "9", "9", "", " held"],
  [
    "ACT-30: another one is swapped in, which a run that died left to do",
    "*",
    "2.0",
    "1.1",
    "",
    "1.1 held",
  ],
  ["ACT-30: unless it did not work", "*", "2.0", "1.1", "1.1>2.0", "2.0 held"],
  ["ACT-30: without one in use, the held one is taken", "2.*", "", "1.1", "", "1.1 held"],
  ["ACT-30: if the manifest lists it", "1.*", "", "9", "", "1.3 1.2 1.1 1.0"],
  [
    "ACT-31: what did not work is not tried again",
    "1.*",
    "1.2",
    "",
    "1.3>1.2",
    "1.2 refused 1.3: down",
  ],
  ["ACT-31: nor anything older than that", "1.*", "1.0", "", "1.3>1.0", "1.0 refused 1.3: down"],
  ["ACT-31: but what is newer is", "*", "1.1", "", "2.0>1.1", "2.1"],
  [
    "ACT-31: the newest that was refused counts",
    "1.*",
    "1.0",
    "",
    "1.1>1.0 1.3>1.0",
    "1.0 refused 1.3: down",
  ],
  [
    "ACT-31: one that the pattern does not allow says nothing",
    "1.*",
    "1.2",
    "",
    "2.1>1.2",
    "1.3 1.2",
  ],
  ["ACT-31, FET-50: no replacement is as old as that", "*", "1.1", "", "1.3>1.1", "2.1 2.0"],
  [
    "ACT-32: an image in use that is allowed stays",
    "*",
    "1.3",
    "",
    "2.1>1.1",
    "1.3 refused 2.1: down",
  ],
  [
    "ACT-32: else the one that was put back is taken",
    "2.*",
    "1.3",
    "",
    "2.1>2.0",
    "2.0 refused 2.1: down",
  ],
  ["ACT-32: it stays if it is in use", "2.*", "1.3", "", "2.1>1.3", "1.3 refused 2.1: down"],
  ["ACT-32: without an image in use, too", "1.*", "", "", "1.3>1.1", "1.1 refused 1.3: down"],
  [
    "ACT-32: if nothing was put back, what is in use stays",
    "2.*",
    "1.3",
    "",
    "2.1>9",
    "1.3 refused 2.1: down",
  ],
  ["ACT-36: without any of them there is nothing", "1.*", "", "", "1.3>9", " refused 1.3: down"],
  ["FET-41: no match is no match", "7.*", "1.1", "", "1.3>1.1", "no match"],
];

describe("what is chosen", () => {
  test.each(rows)("%s", (_, pattern, inUse, hold, refused, expected) => {
    expect(chosen(pattern, hostOf(inUse, hold, refused))).toBe(expected);
  });
});

describe("without the origin", () => {
  const here = (pattern: string, host: HostChoice) =>
    chooseHere(manifest, parsePattern(pattern), host).map(({ version }) => version.text);

  test("ACT-30, ACT-37, FET-26: what may stay in use stays", () => {
    expect(here("1.*", hostOf("1.0", "", "1.3>1.1"))).toEqual(["1.0"]);
    expect(here("2.*", hostOf("1.0", "1.0", ""))).toEqual(["1.0"]);
    expect(here("2.*", hostOf("1.3", "", "2.1>1.3"))).toEqual(["1.3"]);
  });

  test("ACT-30 to ACT-32: else the held one, what is newer than all that was refused, and what was put back", () => {
    expect(here("*", hostOf("", "1.1", ""))).toEqual([
      "1.1",
      "2.1",
      "2.0",
      "1.3",
      "1.2",
      "1.1",
      "1.0",
    ]);
    expect(here("*", hostOf("", "", "2.0>1.0"))).toEqual(["2.1", "1.0"]);
  });
});

describe("what a unit may start from", () => {
  const may = (pattern: string, inUse: string, hold: string, refused: string) => {
    const entry = entryInUse(manifest, image(inUse), parsePattern(pattern));
    if (entry === undefined) throw new Error(`${inUse} is not listed`);
    return mayStayInUse(manifest, parsePattern(pattern), entry, hostOf(inUse, hold, refused));
  };

  test("ACT-37: what the config allows, what was put back, and what the host is held on", () => {
    expect(may("1.*", "1.0", "", "")).toBe(true);
    expect(may("2.*", "1.0", "", "")).toBe(false);
    expect(may("2.*", "1.0", "1.0", "")).toBe(true);
    expect(may("2.*", "1.0", "1.1", "")).toBe(false);
    expect(may("2.*", "1.0", "", "2.1>1.0")).toBe(true);
    // What was put back in the place of an older one is history.
    expect(may("2.*", "1.0", "", "2.0>1.0 2.1>2.0")).toBe(false);
    expect(may("2.*", "1.0", "", "1.3>1.0")).toBe(false);
  });
});

describe("laws", () => {
  const words = fc.constantFrom(...VERSIONS);
  const refused = fc.array(
    fc.tuple(words, words).map(([version, instead]) => `${version}>${instead}`),
    { maxLength: 4 },
  );
  const hosts = fc
    .tuple(fc.option(words, { nil: "" }), fc.option(words, { nil: "" }), refused)
    .map(([inUse, hold, all]) => hostOf(inUse, hold, all.join(" ")));
  const patterns = fc.constantFrom("*", "1.*", "2.*", "1.1");

  test("ACT-31: nothing comes into use that is not newer than all that was refused, but what was there, was put back or is held", () => {
    fc.assert(
      fc.property(hosts, patterns, (host, pattern) => {
        const choice = choose(manifest, parsePattern(pattern), host);
        if (choice.choice !== "take") return;
        const known = [host.inUse, host.hold, ...host.refusals.map(({ instead }) => instead)];
        const refusedHere = manifest.entries.filter(
          ({ digest, version }) =>
            matches(parsePattern(pattern), version) &&
            host.refusals.some((refusal) => refusal.digest === digest),
        );
        for (const entry of choice.candidates.filter(({ digest }) => !known.includes(digest))) {
          for (const { version } of refusedHere) {
            expect(compareVersions(entry.version, version)).toBeGreaterThan(0);
          }
        }
      }),
      runs,
    );
  });

  test("ACT-30: a host on hold is to use what it is held on, or if that did not work stays on what it uses", () => {
    fc.assert(
      fc.property(hosts, patterns, words, words, (host, pattern, inUse, hold) => {
        const held = { ...host, inUse: image(inUse), hold: image(hold) };
        const isRefused = host.refusals.some(({ digest }) => digest === held.hold);
        expect(chosen(pattern, held)).toBe(`${isRefused ? inUse : hold} held`);
      }),
      runs,
    );
  });
});
