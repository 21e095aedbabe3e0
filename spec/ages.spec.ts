// Proof of MinAge= (spec/activation.md, ACT-62 to ACT-69) and of `.seen` (spec/destination.md), as far as they need no
// disk: examples written down by hand, then laws.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { decodeSeen, encodeSeen, type Seen, seenNow, youngOf } from "../src/core/ages.ts";
import type { Sha256Hex } from "../src/core/digest.ts";
import type { Entry, Manifest } from "../src/core/manifest.ts";
import { parsePattern } from "../src/core/pattern.ts";
import { type Choice, choose, chooseHere, type HostChoice } from "../src/core/plan.ts";
import type { Refusal } from "../src/core/refusals.ts";
import { parseSize } from "../src/core/size.ts";
import { parseVersion } from "../src/core/version.ts";
import { type Case, casesOf, title } from "../tests/support/fixtures.ts";
import { runs } from "../tests/support/properties.ts";
import { digestOf, digests, garbage, manifestOf, manifests } from "./support/manifests.ts";

interface SeenCase extends Case {
  readonly text: string;
  readonly images?: readonly { readonly digest: string; readonly time: number }[];
}

const [a, b, c, d] = ["a", "b", "c", "d"].map((letter) => digestOf(letter.repeat(64))) as [
  Sha256Hex,
  Sha256Hex,
  Sha256Hex,
  Sha256Hex,
];

function entryOf(version: string, digest: Sha256Hex): Entry {
  return { version: parseVersion(version), size: parseSize(1), digest };
}

const DAY = 86_400_000;
const HOUR = 3600;
/** Of a day in 2026, in seconds. */
const today = 1_795_000_000;
const entries = [entryOf("1.0", a), entryOf("1.1", b), entryOf("1.2", c), entryOf("2.0", d)];
const manifest: Manifest = manifestOf(entries);
const sighting = { entries, history: entries, now: today * 1000, minAgeMs: DAY };

describe("what is young", () => {
  test("ACT-62: what a manifest lists that the local one does not, since now", () => {
    const history = entries.slice(0, 2);
    expect([...seenNow({ ...sighting, history, seen: new Map() })]).toEqual([
      [c, today],
      [d, today],
    ]);
  });

  test("ACT-62: until it has been listed for that long, to the second", () => {
    const seen: Seen = new Map([
      [b, today - 24 * HOUR],
      [c, today - 24 * HOUR + 1],
    ]);
    expect([...seenNow({ ...sighting, seen })]).toEqual([[c, today - 24 * HOUR + 1]]);
  });

  test("DST-90: a part of a second counts as one that has begun, so that nothing is taken too early", () => {
    const news = { ...sighting, history: [], seen: new Map(), now: today * 1000 + 1 };
    const seen = seenNow({ ...news, entries: [entryOf("1.0", a)] });
    expect([...seen]).toEqual([[a, today + 1]]);
    const early = { ...sighting, seen, now: today * 1000 + DAY + 999 };
    expect([...seenNow(early)]).toEqual([[a, today + 1]]);
    expect([...seenNow({ ...early, now: early.now + 1 })]).toEqual([]);
  });

  test("ACT-62: the same bytes under a new version are as old as they were", () => {
    const again = [...entries, entryOf("3.0", a)];
    expect([...seenNow({ ...sighting, entries: again, seen: new Map() })]).toEqual([]);
  });

  test("ACT-63: without a local manifest nothing is, whatever is on record", () => {
    const first = { ...sighting, history: undefined };
    expect([...seenNow({ ...first, seen: new Map([[a, today]]) })]).toEqual([]);
    expect([...seenNow({ ...first, seen: "damaged" })]).toEqual([]);
  });

  test("ACT-63: a longer MinAge= makes nothing young that was old", () => {
    const seen = seenNow({ ...sighting, seen: new Map([[b, today - 25 * HOUR]]) });
    expect([...seenNow({ ...sighting, seen, minAgeMs: 7 * DAY })]).toEqual([]);
  });

  test("ACT-64: a time in the future counts as now", () => {
    const seen: Seen = new Map([[b, today + 365 * 24 * HOUR]]);
    expect([...seenNow({ ...sighting, seen })]).toEqual([[b, today]]);
  });

  test("ACT-65: a clock that is ahead makes an image older", () => {
    const seen: Seen = new Map([[b, today]]);
    expect([...seenNow({ ...sighting, seen, now: today * 1000 + DAY })]).toEqual([]);
  });

  test("DST-90: nothing is without MinAge=, nor what no manifest lists", () => {
    const seen: Seen = new Map([[b, today]]);
    expect([...seenNow({ ...sighting, seen, minAgeMs: 0 })]).toEqual([]);
    expect([...seenNow({ ...sighting, entries: [], seen })]).toEqual([]);
  });

  test("DST-91: by a damaged record, everything since now", () => {
    const all = entries.map(({ digest }): [Sha256Hex, number] => [digest, today]);
    expect([...seenNow({ ...sighting, seen: "damaged" })]).toEqual(all);
  });

  test("DST-92: a run that dies between the record and the manifest makes nothing old, and the next one nothing younger", () => {
    const history = entries.slice(0, 2);
    const seen = seenNow({ ...sighting, history, seen: new Map() });
    const later = { ...sighting, history, now: sighting.now + 1000 * HOUR };
    expect([...seenNow({ ...later, seen })]).toEqual([
      [c, today],
      [d, today],
    ]);
  });
});

/** A host that has nothing in use, refused or held. */
const bare: HostChoice = {
  inUse: undefined,
  hold: undefined,
  refusals: [],
  young: new Map(),
};
const until = (...days: readonly (readonly [Sha256Hex, number])[]) =>
  youngOf(new Map(days.map(([digest, day]) => [digest, today - day * 24 * HOUR])), 7 * DAY);
const at = (day: number) => today + day * 24 * HOUR;

function told(choice: Choice) {
  if (choice.choice === "no-match") return "no match";
  const versions =
    choice.choice === "stay" ? [] : choice.candidates.map(({ version }) => version.text);
  return { versions, withheld: choice.withheld?.why, waiting: choice.waiting };
}
const chosen = (pattern: string, host: Partial<HostChoice>) =>
  told(choose(manifest, parsePattern(pattern), { ...bare, ...host }));

describe("what is taken", () => {
  test("ACT-67, ACT-69: the newest that is old enough; told is what comes next, and when", () => {
    expect(chosen("1.*", { inUse: a, young: until([c, 2], [d, 1]) })).toEqual({
      versions: ["1.1", "1.0"],
      withheld: undefined,
      waiting: { version: "1.2", at: at(5) },
    });
  });

  test("ACT-69: of two that wait, the one that is old enough first, which may be the newer one", () => {
    const waiting = (young: HostChoice["young"]) => chosen("1.*", { inUse: a, young });
    expect(waiting(until([b, 3], [c, 2]))).toMatchObject({
      waiting: { version: "1.1", at: at(4) },
    });
    expect(waiting(until([b, 2], [c, 3]))).toMatchObject({
      waiting: { version: "1.2", at: at(4) },
    });
    expect(waiting(until([b, 3], [c, 3]))).toMatchObject({
      waiting: { version: "1.2", at: at(4) },
    });
  });

  test("ACT-69: nothing waits that is older than what is taken", () => {
    expect(chosen("1.*", { inUse: a, young: until([b, 1]) })).toMatchObject({
      versions: ["1.2", "1.0"],
      waiting: undefined,
    });
  });

  test("ACT-66: what is in use stays, however young", () => {
    const young = until([b, 1], [c, 1]);
    expect(chosen("1.*", { inUse: b, young })).toMatchObject({ versions: ["1.1"] });
  });

  test("ACT-67: if nothing is old enough, what is in use stays, allowed or not, listed or not", () => {
    const young = until([d, 1]);
    const waiting = { version: "2.0", at: at(6) };
    expect(chosen("2.*", { inUse: a, young })).toEqual({
      versions: ["1.0"],
      withheld: undefined,
      waiting,
    });
    const foreign = digestOf("f".repeat(64));
    expect(chosen("2.*", { inUse: foreign, young })).toEqual({
      versions: [],
      withheld: undefined,
      waiting,
    });
  });

  test("ACT-68: with nothing in use, what is known longest, then what is older than it", () => {
    expect(chosen("1.*", { young: until([a, 1], [b, 3], [c, 2]) })).toEqual({
      versions: ["1.1", "1.0"],
      withheld: undefined,
      waiting: { version: "1.2", at: at(5) },
    });
    expect(chosen("1.*", { young: until([a, 1], [b, 1], [c, 1]) })).toMatchObject({
      versions: ["1.2", "1.1", "1.0"],
    });
    // But one that is old enough is not passed over for it.
    expect(chosen("1.*", { young: until([b, 3], [c, 2]) })).toMatchObject({ versions: ["1.0"] });
  });

  const refusal: Refusal = { digest: b, instead: a, time: today, reason: "app.service: failed" };

  test("ACT-31, ACT-67: past a refused version nothing but what is old enough, and told are both", () => {
    expect(chosen("1.*", { inUse: a, refusals: [refusal], young: until([c, 1]) })).toEqual({
      versions: ["1.0"],
      withheld: "refused",
      waiting: { version: "1.2", at: at(6) },
    });
    expect(chosen("1.*", { inUse: a, refusals: [refusal] })).toMatchObject({ versions: ["1.2"] });
  });

  test("ACT-68: what was put back goes before what is too young; too young goes before nothing", () => {
    const host = { refusals: [refusal], young: until([c, 1]) };
    expect(chosen("1.*", host)).toMatchObject({ versions: ["1.0"], withheld: "refused" });
    const gone = { ...refusal, instead: digestOf("f".repeat(64)) };
    expect(chosen("1.*", { ...host, refusals: [gone] })).toMatchObject({
      versions: ["1.2"],
      withheld: undefined,
    });
  });

  test("FET-41: no match is none, young or not", () => {
    expect(chosen("7.*", { young: until([a, 1]) })).toBe("no match");
  });

  const here = (pattern: string, host: Partial<HostChoice>) =>
    chooseHere(manifest, parsePattern(pattern), { ...bare, ...host }).map(
      ({ version }) => version.text,
    );

  test("FET-26, ACT-67: without the origin, too", () => {
    const young = until([c, 1]);
    expect(here("1.*", { inUse: d, young })).toEqual(["1.1", "1.0"]);
    expect(here("1.*", { inUse: c, young })).toEqual(["1.2"]);
  });

  test("FET-26, ACT-68: with nothing in use, what is too young comes last, the longest known first", () => {
    expect(here("1.*", { young: until([b, 1], [c, 2]) })).toEqual(["1.0", "1.2", "1.1"]);
  });
});

describe("fixtures of .seen", () => {
  for (const each of casesOf<SeenCase>("fetch/seen.toml")) {
    test(title(each), () => {
      const seen = decodeSeen(each.text);
      if (each.images === undefined) {
        expect(seen).toBeUndefined();
      } else {
        expect([...(seen ?? [])].map(([digest, time]) => ({ digest: `${digest}`, time }))).toEqual([
          ...each.images,
        ]);
        expect(seen && encodeSeen(seen)).toBe(each.text);
      }
    });
  }
});

describe("laws", () => {
  const times = fc.integer({ min: 0, max: 2 * today });
  const records: fc.Arbitrary<Seen> = fc
    .array(fc.tuple(digests, times), { maxLength: 5 })
    .map((rows) => new Map(rows));

  test("DST-90: a record comes back as it was, and garbage is none", () => {
    fc.assert(
      fc.property(records, garbage, (seen, text) => {
        if (seen.size > 0) expect(decodeSeen(encodeSeen(seen))).toEqual(new Map(seen));
        const read = decodeSeen(text);
        if (read !== undefined) expect(encodeSeen(read)).toBe(text);
      }),
      runs,
    );
  });

  const situations = fc.record({
    next: manifests,
    history: fc.option(manifests, { nil: undefined }),
    seen: fc.oneof(records, fc.constant("damaged" as const)),
    now: times.map((time) => time * 1000),
    minAgeMs: fc.nat(365 * DAY),
  });

  test("ACT-64: whatever a clock has shown, an image is young for MinAge= at most, and not at all after it", () => {
    fc.assert(
      fc.property(situations, ({ next, history, ...rest }) => {
        const first = seenNow({ entries: next.entries, history: history?.entries, ...rest });
        const end = rest.now + rest.minAgeMs + 1000;
        const later = { entries: next.entries, history: next.entries, now: end };
        expect([...seenNow({ ...later, seen: first, minAgeMs: rest.minAgeMs })]).toEqual([]);
      }),
      runs,
    );
  });

  test("DST-92: a second run at the same time finds what the first one left", () => {
    fc.assert(
      fc.property(situations, ({ next: { entries }, history, ...rest }) => {
        const first = seenNow({ entries, history: history?.entries, ...rest });
        const second = seenNow({ ...rest, entries, history: entries, seen: first });
        expect(encodeSeen(second)).toBe(encodeSeen(first));
      }),
      runs,
    );
  });
});
