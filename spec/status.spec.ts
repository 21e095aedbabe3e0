// Proof of what spec/status.md says of states, and of the record of the last look (spec/destination.md, DST-111 to
// DST-113). What is read from a disk, and how it looks, is proved in tests/status.

import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import {
  type Checked,
  decodeChecked,
  encodeChecked,
  goneNow,
  type Look,
  lookNow,
  triesNow,
} from "../src/core/checked.ts";
import { TakoError } from "../src/core/error.ts";
import { type Severity, STATES, severityOf, statesOf, worstSeverity } from "../src/core/status.ts";
import { type Case, casesOf, title } from "../tests/support/fixtures.ts";
import { runs } from "../tests/support/properties.ts";
import { digestOf, digests, garbage } from "./support/manifests.ts";
import { imageOf, sightOf } from "./support/sights.ts";

interface CheckedCase extends Case {
  readonly text: string;
  readonly time?: number;
  readonly outcome?: string;
  readonly since?: number;
  readonly message?: string;
  readonly image?: string;
  readonly count?: number;
  readonly gone?: readonly string[];
}

const DAY = 86_400;

describe("fixtures of .checked", () => {
  for (const each of casesOf<CheckedCase>("fetch/checked.toml")) {
    test(title(each), () => {
      const { text, time, outcome, since, message = "", image, count, gone = [] } = each;
      const checked = decodeChecked(text);
      if (time === undefined || outcome === undefined || since === undefined) {
        expect(checked).toBeUndefined();
        return;
      }
      const tries =
        image === undefined || count === undefined ? undefined : { image: digestOf(image), count };
      expect<unknown>(checked).toEqual({
        look: { time, outcome, since, message },
        tries,
        gone,
      });
      expect(checked && encodeChecked(checked)).toBe(text);
    });
  }
});

describe("what a run adds to .checked", () => {
  const origin = new TakoError("origin", "refused", { source: "http://a.example/manifest" });
  const stale = new TakoError("stale", "older");
  const look = (missed: TakoError | undefined, time: number, before?: Look) =>
    lookNow(before, missed, time);

  test("DST-111: the first look begins its series", () => {
    expect(look(undefined, 5)).toEqual({ time: 5, outcome: "ok", since: 5, message: "" });
    const message = "http://a.example/manifest: refused";
    expect(look(origin, 5)).toEqual({ time: 5, outcome: "origin", since: 5, message });
  });

  test("DST-111: a series goes on until a look ends otherwise, whatever the error", () => {
    const first = look(origin, 5);
    const second = look(stale, 9, first);
    expect([second.since, second.outcome, second.message]).toEqual([5, "stale", "older"]);
    const third = look(undefined, 12, second);
    expect([third.since, look(undefined, 20, third).since, look(origin, 30, third).since]).toEqual([
      12, 12, 30,
    ]);
  });

  test("DST-115: what was gone is what the last look was told; one that failed before keeps it", () => {
    const [a, b] = [digestOf("a".repeat(64)), digestOf("b".repeat(64))];
    expect(goneNow([a], undefined, [b])).toEqual([b]);
    expect(goneNow([a], undefined, [])).toEqual([]);
    expect(goneNow([a], origin, [])).toEqual([a]);
    expect(goneNow([a], origin, [b])).toEqual([b]);
  });

  test("DST-112: tries count for one image, and end with what is owed", () => {
    const [a, b] = [digestOf("a".repeat(64)), digestOf("b".repeat(64))];
    const first = triesNow(undefined, a);
    expect(first).toEqual({ image: a, count: 1 });
    expect(triesNow(first, a)).toEqual({ image: a, count: 2 });
    expect(triesNow(first, b)).toEqual({ image: b, count: 1 });
    expect(triesNow(first, undefined)).toBeUndefined();
  });
});

describe("laws of .checked", () => {
  const times = fc.nat(999_999_999);
  const kinds = fc.constantFrom("origin", "digest", "storage", "newer-format", "failed" as const);

  test("DST-111, DST-112, DST-115: whatever an error says, its record is read back as it was written", () => {
    fc.assert(
      fc.property(
        fc.option(fc.tuple(kinds, fc.string({ unit: "binary", maxLength: 400 }))),
        times,
        fc.option(fc.tuple(digests, fc.integer({ min: 1, max: 999_999_999 }))),
        fc.array(digests, { maxLength: 9 }),
        (failure, time, owed, gone) => {
          const missed =
            failure === null ? undefined : new TakoError(failure[0] as "failed", failure[1]);
          const tries = owed === null ? undefined : { image: owed[0], count: owed[1] };
          const checked: Checked = { look: lookNow(undefined, missed, time), tries, gone };
          const text = encodeChecked(checked);
          expect(decodeChecked(text)).toEqual(checked);
          expect(text).toMatch(/^[ -~\n]*$/);
        },
      ),
      runs,
    );
  });

  test("DST-113: garbage counts as absent, or is a record", () => {
    fc.assert(
      fc.property(garbage, (text) => {
        const read = decodeChecked(text);
        if (read !== undefined) expect(decodeChecked(encodeChecked(read))).toEqual(read);
      }),
      runs,
    );
  });
});

/** The rows of the table of STS-10. */
function tableOfStates(): readonly (readonly string[])[] {
  const page = readFileSync(join(import.meta.dir, "status.md"), "utf8");
  return [...page.matchAll(/^\| `([a-z-]+)` \| (.*?) \| (.*?) \|$/gm)].map((row) => row.slice(1));
}

describe("states", () => {
  const names = (changes: Parameters<typeof sightOf>[0]) =>
    statesOf(sightOf(changes)).map(({ state }) => state);

  test("STS-10, STS-11: the states are those of the table, in its order", () => {
    expect(tableOfStates().map(([name = ""]) => name)).toEqual([...STATES]);
  });

  test("PCK-58: a version that is behind says how many bytes of it are not here", () => {
    const sight = sightOf({ inUse: "1.0" });
    const [behind, next] = [statesOf(sight)[0], sight.manifest?.entries.at(-1)];
    expect(behind).toMatchObject({ state: "behind", isHere: false, missing: 1 });
    for (const [part, missing] of [
      [1, 0],
      [2, 1],
    ] as const) {
      const partial = { image: part, packed: 0, packedSize: 0 };
      const partials = new Map(next === undefined ? [] : [[next, partial] as const]);
      expect(statesOf({ ...sight, partials })).toContainEqual({ ...behind, missing } as never);
    }
    const packed = { image: 0, packed: 30, packedSize: 70 };
    const travels = new Map(next === undefined ? [] : [[next, packed] as const]);
    const partial = { state: "partial", version: next?.version.text, bytes: 30, size: 70 };
    expect(statesOf({ ...sight, partials: travels })).toContainEqual(partial as never);
    const images = new Map(next === undefined ? [] : [[next, "present"] as const]);
    const here = { ...behind, isHere: true, missing: 0 };
    expect(statesOf({ ...sight, images })).toContainEqual(here as never);
  });

  test("STS-10: nothing newer, and whole: current", () => {
    expect(names({ inUse: "1.1" })).toEqual(["current"]);
  });

  test.each([
    [{ inUse: undefined }, ["no-image", "behind"]],
    [{ inUse: "1.0" }, ["behind"]],
    [{ inUse: "1.1", pattern: "1.*", versions: ["1.0", "1.1", "2.0"] }, ["beyond", "current"]],
    [{ inUse: "1.1", pattern: "3.*" }, ["no-match"]],
    [{ inUse: "1.1", images: { "1.1": "damaged" } }, ["damaged"]],
    [{ inUse: "1.1", images: { "1.0": "damaged" } }, ["damaged", "current"]],
    [{ inUse: "1.1", images: { "1.1": "absent" } }, ["damaged"]],
    [{ inUse: "1.1", images: { "1.1": "present" } }, ["current"]],
    [{ inUse: "1.1", partial: "1.0" }, ["partial", "current"]],
    [{ inUse: "1.0", hold: "1.0" }, ["held"]],
    [{ inUse: "1.0", refused: "1.1" }, ["skipped"]],
    [{ inUse: "1.0", young: "1.1" }, ["waiting", "current"]],
    [{ inUse: "1.0", withdrawn: ["1.1"] }, ["withdrawn", "current"]],
    [
      { inUse: "1.0", versions: ["1.0", "1.1", "1.2"], withdrawn: ["1.2"] },
      ["behind", "withdrawn"],
    ],
    [{ inUse: undefined, withdrawn: ["1.1", "1.0"] }, ["no-image", "withdrawn", "withdrawn"]],
    [{ inUse: "0.9" }, ["unlisted", "behind"]],
    [{ inUse: "0.9", hold: "0.9" }, ["unlisted", "held"]],
    [{ inUse: "1.1", isSigned: false }, ["foreign", "current"]],
    [{ inUse: "1.1", damagedRecords: [".hold is damaged"] }, ["record", "current"]],
    [{ inUse: "1.1", units: ["a.service"], owed: [] }, ["restart-owed"]],
    [{ inUse: "1.1", units: ["a.service"], owed: ["a.service"] }, ["current"]],
    [{ inUse: "1.1", watches: true }, ["on-trial"]],
    [{ inUse: "1.1", watches: true, good: "1.1" }, ["current"]],
    [{ inUse: "1.1", watches: true, good: "1.0", refused: "1.1" }, ["skipped", "going-back"]],
  ] as const)("STS-10: %j is %j", (changes, expected) => {
    expect(names(changes)).toEqual([...expected]);
  });

  test.each([
    ["ok", {}, ["current"]],
    ["origin", {}, ["outage", "current"]],
    ["stale", {}, ["outage", "current"]],
    ["signature", {}, ["rejected", "current"]],
    ["history", {}, ["rejected", "current"]],
    ["digest", {}, ["rejected", "current"]],
    ["storage", {}, ["failed", "current"]],
    ["ok", { ago: 2 * DAY + 1 }, ["unchecked", "current"]],
    ["ok", { ago: 2 * DAY }, ["current"]],
    ["ok", { changedAgo: 30 * DAY + 1 }, ["no-news", "current"]],
    ["ok", { changedAgo: 30 * DAY }, ["current"]],
    ["origin", { changedAgo: 31 * DAY }, ["outage", "current"]],
  ] as const)(
    "STS-10, STS-13: after a look that ended with %s, %j: %j",
    (outcome, ago, expected) => {
      expect(names({ inUse: "1.1", look: { outcome, ...ago } })).toEqual([...expected]);
    },
  );

  test("STS-10: their severities are those of the table", () => {
    const said = new Map(tableOfStates().map(([name = "", , severity = ""]) => [name, severity]));
    const now = 10 * DAY;
    const severities: readonly (readonly [Parameters<typeof severityOf>[0], Severity])[] = [
      [
        {
          state: "damaged",
          ...{ version: "1", sha256: digestOf("a".repeat(64)) },
          isInUse: true,
          isMissing: false,
        },
        "critical",
      ],
      [
        {
          state: "damaged",
          ...{ version: "1", sha256: digestOf("a".repeat(64)) },
          isInUse: false,
          isMissing: false,
        },
        "warning",
      ],
      [{ state: "restart-owed", units: ["a.service"], tries: 0 }, "ok"],
      [{ state: "restart-owed", units: ["a.service"], tries: 1 }, "critical"],
      [{ state: "outage", kind: "origin", message: "x", since: 8 * DAY }, "ok"],
      [{ state: "outage", kind: "origin", message: "x", since: 8 * DAY - 1 }, "warning"],
    ];
    for (const [state, severity] of severities) {
      expect(severityOf(state, now)).toBe(severity);
      expect(said.get(state.state)).toContain(severity);
    }
    const plain = [
      "no-image",
      "unchecked",
      "skipped",
      "no-match",
      "unlisted",
      "foreign",
      "record",
    ] as const;
    const more = [
      "rejected",
      "failed",
      "going-back",
      "on-trial",
      "held",
      "behind",
      "waiting",
      "beyond",
      "partial",
      "no-news",
      "current",
    ] as const;
    for (const state of [...plain, ...more]) {
      const severity: string = severityOf({ state } as Parameters<typeof severityOf>[0], now);
      expect([state, severity]).toEqual([state, said.get(state) ?? ""]);
    }
  });

  test("STS-11: a state that wants a person comes first", () => {
    expect(names({ inUse: "1.0", hold: "1.0", images: { "1.0": "damaged" } })).toEqual([
      "damaged",
      "held",
    ]);
  });

  test("STS-10: how many runs could not restart is told for the image in use alone", () => {
    const owed = { inUse: "1.1", units: ["a.service"], owed: [] } as const;
    const tries = (of: string) => statesOf(sightOf({ ...owed, tries: of }))[0];
    expect(tries("1.1")).toMatchObject({ units: ["a.service"], tries: 3 });
    expect(tries("1.0")).toMatchObject({ tries: 0 });
  });

  test("STS-10: without a manifest, what is in use has its digest for a name, and nothing is next", () => {
    const bare = { ...sightOf({ inUse: "1.1", watches: true }), manifest: undefined };
    expect(statesOf({ ...bare, choice: undefined, checked: undefined })).toEqual([
      { state: "unlisted", sha256: imageOf("1.1") },
      { state: "on-trial", version: imageOf("1.1") },
    ]);
  });

  test("STS-10: with slots, the unit that is to be started is the one whose restart is owed", () => {
    const sight = sightOf({ inUse: "1.1", units: ["app@b.service"], owed: [] });
    const [owed] = statesOf({ ...sight, slotOwed: "app@a.service" });
    expect(owed).toMatchObject({ state: "restart-owed", units: ["app@a.service"] });
  });

  test("STS-10: a record of a hold that is damaged holds on what is in use", () => {
    const sight = { ...sightOf({ inUse: "1.0", hold: "1.0" }), hold: undefined };
    expect(statesOf(sight)).toEqual([{ state: "held", version: "1.0" }]);
    const standing = { ...sight.standing, inUse: undefined };
    expect(statesOf({ ...sight, standing })).toContainEqual({ state: "held", version: "nothing" });
  });

  test("STS-25: of several severities the worst counts", () => {
    expect(worstSeverity(["ok", "warning", "unknown", "critical"])).toBe("critical");
    expect(worstSeverity(["ok", "warning", "unknown"])).toBe("unknown");
    expect(worstSeverity(["ok", "warning"])).toBe("warning");
    expect(worstSeverity([])).toBe("ok");
  });
});
