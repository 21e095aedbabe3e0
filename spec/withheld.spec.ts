// Proof of what a host does not take, though its config allows it (spec/activation.md, ACT-30 to ACT-37): the
// fixtures, then examples and laws.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Sha256Hex } from "../src/core/digest.ts";
import type { Entry } from "../src/core/manifest.ts";
import { matches, parsePattern } from "../src/core/pattern.ts";
import { choose, chooseHere, type HostChoice, mayStayInUse } from "../src/core/plan.ts";
import type { Refusals } from "../src/core/refusals.ts";
import { entryInUse } from "../src/core/select.ts";
import { parseSize } from "../src/core/size.ts";
import { compareVersions, parseVersion } from "../src/core/version.ts";
import { type Case, casesOf, title } from "../tests/support/fixtures.ts";
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

interface WithheldCase extends Case {
  readonly entries: readonly (readonly [version: string, image: string])[];
  readonly pattern: string;
  readonly "in-use"?: string;
  readonly hold?: string;
  readonly refused?: readonly (readonly [image: string, instead: string])[];
  readonly taken: readonly string[];
  readonly outcome?: string;
  readonly here: readonly string[];
}

/** A letter as the digest of an image. */
const lettered = (letter: string): Sha256Hex =>
  digestOf(letter.charCodeAt(0).toString(16).repeat(32));

const textsOf = (entries: readonly Entry[]) => entries.map(({ version }) => version.text);

describe("fixtures of what is withheld", () => {
  for (const each of casesOf<WithheldCase>("fetch/withheld.toml")) {
    test(title(each), () => {
      const offered = manifestOf(
        each.entries.map(([version, letter]) => ({
          version: parseVersion(version),
          size: parseSize(1),
          digest: lettered(letter),
        })),
      );
      const host: HostChoice = {
        inUse: each["in-use"] === undefined ? undefined : lettered(each["in-use"]),
        hold: each.hold === undefined ? undefined : lettered(each.hold),
        refusals: (each.refused ?? []).map(([refused, instead]) => {
          return { digest: lettered(refused), instead: lettered(instead), time: 0, reason: "down" };
        }),
        young: new Map(),
      };
      const pattern = parsePattern(each.pattern);
      const choice = choose(offered, pattern, host);
      if (choice.choice === "no-match") throw new Error("no version matches");
      expect(textsOf(choice.choice === "take" ? choice.candidates : [])).toEqual([...each.taken]);
      expect(choice.withheld?.why as string | undefined).toBe(each.outcome);
      expect(textsOf(chooseHere(offered, pattern, host))).toEqual([...each.here]);
    });
  }
});

describe("what is chosen", () => {
  test("ACT-32: it is said which version did not work, and why", () => {
    const host = hostOf("1.0", "", "1.1>1.0 1.3>1.0");
    expect(choose(manifest, parsePattern("1.*"), host)).toMatchObject({
      withheld: { why: "refused", version: "1.3", reason: "down" },
    });
  });

  test("FET-41: no match is no match", () => {
    const host = hostOf("1.1", "", "1.3>1.1");
    expect(choose(manifest, parsePattern("7.*"), host).choice).toBe("no-match");
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
  /** Also an image that the manifest does not list, and none at all. */
  const images = fc.oneof({ weight: 6, arbitrary: words }, fc.constantFrom("", "9"));
  const hosts = fc
    .tuple(images, images, refused)
    .map(([inUse, hold, all]) => hostOf(inUse, hold, all.join(" ")));
  const patterns = fc.constantFrom("*", "1.*", "2.*", "1.1");

  /** The newest version that the pattern allows and that did not work, by the words of ACT-31. */
  const floorOf = (pattern: string, { refusals }: HostChoice): Entry | undefined =>
    manifest.entries
      .filter(({ version }) => matches(parsePattern(pattern), version))
      .filter(({ digest }) => refusals.some((refusal) => refusal.digest === digest))
      .reduce<Entry | undefined>((newest, entry) => {
        const isNewer = newest === undefined || compareVersions(entry.version, newest.version) > 0;
        return isNewer ? entry : newest;
      }, undefined);

  test("ACT-31, ACT-32: nothing comes into use that is not newer than all that was refused, but what was there, was put back for it or is held", () => {
    fc.assert(
      fc.property(hosts, patterns, (host, pattern) => {
        const floor = floorOf(pattern, host);
        if (floor === undefined) return;
        const instead = host.refusals.find(({ digest }) => digest === floor.digest)?.instead;
        const known = [host.inUse, host.hold, instead];
        const choice = choose(manifest, parsePattern(pattern), host);
        const candidates = choice.choice === "take" ? choice.candidates : [];
        const here = chooseHere(manifest, parsePattern(pattern), host);
        for (const { version, digest } of [...candidates, ...here]) {
          if (known.includes(digest)) continue;
          expect(compareVersions(version, floor.version)).toBeGreaterThan(0);
        }
        for (const { version } of candidates.slice(1)) {
          expect(compareVersions(version, floor.version)).toBeGreaterThan(0);
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
        const choice = choose(manifest, parsePattern(pattern), held);
        expect(choice.choice === "take" && textsOf(choice.candidates)).toEqual([
          isRefused ? inUse : hold,
        ]);
        expect(choice).toMatchObject({ withheld: { why: "held" } });
      }),
      runs,
    );
  });

  test("FET-26, ACT-30 to ACT-32: what is withheld is so without the origin, too", () => {
    fc.assert(
      fc.property(hosts, patterns, (host, pattern) => {
        const choice = choose(manifest, parsePattern(pattern), host);
        if (choice.choice === "no-match" || choice.withheld === undefined) return;
        const [wanted] = choice.choice === "take" ? choice.candidates : [];
        const [here] = chooseHere(manifest, parsePattern(pattern), host);
        expect(here?.digest ?? host.inUse).toBe(wanted?.digest ?? host.inUse);
      }),
      runs,
    );
  });
});
