// Proof of the state machine of an activation (spec/fetch.md, Swap and Restart; spec/destination.md,
// .owed) and of the plan of a run, which need no disk: examples written down by hand, then laws, with a run
// that is killed after any step.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  type ActivationStep,
  phaseOf,
  recordAfterRestart,
  type Standing,
  standingAfter,
  stepsBeforeRepair,
  stepsToActivate,
  stepsToSettle,
} from "../src/core/activation.ts";
import { parseSha256Hex, type Sha256Hex } from "../src/core/digest.ts";
import type { Entry } from "../src/core/manifest.ts";
import { parsePattern } from "../src/core/pattern.ts";
import {
  choose,
  type ImageState,
  isDry,
  type Mode,
  planFor,
  type Step,
  standingAfterPlan,
  startsUnit,
} from "../src/core/plan.ts";
import { parseSize } from "../src/core/size.ts";
import { parseVersion } from "../src/core/version.ts";
import { runs } from "../tests/support/properties.ts";
import { manifestOf } from "./support/manifests.ts";

function digestOf(letter: string): Sha256Hex {
  const digest = parseSha256Hex(letter.repeat(64));
  if (digest === undefined) throw new Error(`${letter} is no hexadecimal digit`);
  return digest;
}

const [old, next, other] = [digestOf("a"), digestOf("b"), digestOf("c")];
const both = ["app.service", "web.service"];
const settled: Standing = { inUse: old, owed: [], units: both };

describe("the phase that a run finds", () => {
  test("DST-61: without an image in use nothing is owed, whatever is on record", () => {
    const owed = [{ digest: next, done: [] }];
    expect(phaseOf({ inUse: undefined, owed, units: both })).toEqual({ phase: "no-image" });
  });

  test("DST-61, DST-63: owed are the units that the group of the image in use does not note", () => {
    const owed = [{ digest: old, done: ["web.service"] }];
    expect(phaseOf({ ...settled, owed })).toEqual({
      phase: "restart-owed",
      image: old,
      units: ["app.service"],
    });
    expect(phaseOf({ ...settled, owed, units: ["web.service"] })).toEqual({ phase: "at-rest" });
  });

  test("DST-64: a group of another image owes nothing: the run died before the swap", () => {
    const owed = [{ digest: next, done: [] }];
    expect(phaseOf({ ...settled, owed })).toEqual({ phase: "at-rest" });
  });
});

describe("the steps of an activation", () => {
  test("FET-71, DST-15: the record is before the swap", () => {
    expect(stepsToActivate(settled, next, false)).toEqual([
      { step: "record", owed: [{ digest: next, done: [] }] },
      { step: "swap", image: next },
    ]);
  });

  test("FET-70: none for the image in use", () => {
    expect(stepsToActivate(settled, old, false)).toEqual([]);
  });

  test("DST-60: what is open for the image in use stays on record until the swap", () => {
    const open = { digest: old, done: ["web.service"] };
    const owed = [{ digest: other, done: [] }, open];
    expect(stepsToActivate({ ...settled, owed }, next, false)[0]).toEqual({
      step: "record",
      owed: [{ digest: next, done: [] }, open],
    });
  });

  test("FET-83: the first image of a unit that is starting owes nothing; a later one does", () => {
    const first = { inUse: undefined, owed: [], units: both };
    expect(stepsToActivate(first, next, true)[0]).toEqual({ step: "record", owed: [] });
    expect(stepsToActivate(first, next, false)[0]).toEqual({
      step: "record",
      owed: [{ digest: next, done: [] }],
    });
    expect(stepsToActivate(settled, next, true)[0]).toEqual({
      step: "record",
      owed: [{ digest: next, done: [] }],
    });
  });

  test("DST-66, FET-83: without an image in use, what is on record stays, also in the start of a unit", () => {
    const owed = [{ digest: next, done: ["web.service"] }];
    const without: Standing = { inUse: undefined, owed, units: both };
    expect(stepsToSettle(without)).toEqual([]);
    expect(stepsToActivate(without, next, true)[0]).toEqual({
      step: "record",
      owed: [{ digest: next, done: [] }],
    });
  });

  test("FET-71, DST-65: without Restart= a swap owes nothing, and takes nothing from the record", () => {
    const open = { digest: old, done: ["web.service"] };
    const standing = { inUse: old, owed: [{ digest: next, done: [] }, open], units: [] };
    expect(stepsToActivate(standing, next, false)[0]).toEqual({ step: "record", owed: [open] });
  });

  test("FET-55: before an image in use is repaired, all its units are owed; else none", () => {
    const owed = [{ digest: old, done: both }];
    expect(stepsBeforeRepair({ ...settled, owed }, old)).toEqual([
      { step: "record", owed: [{ digest: old, done: [] }] },
    ]);
    expect(stepsBeforeRepair(settled, next)).toEqual([]);
    expect(stepsBeforeRepair({ ...settled, units: [] }, old)).toEqual([]);
  });
});

describe("the end of a run", () => {
  const open: Standing = { ...settled, owed: [{ digest: old, done: ["web.service"] }] };

  test("FET-75, FET-79: what is owed is restarted, and nothing else is done", () => {
    expect(stepsToSettle(open)).toEqual([{ step: "restart", units: ["app.service"] }]);
    expect(stepsToSettle(settled)).toEqual([]);
  });

  test("DST-64: a record that owes nothing goes", () => {
    const owed = [{ digest: next, done: [] }];
    expect(stepsToSettle({ ...settled, owed })).toEqual([{ step: "record", owed: [] }]);
  });

  test("DST-65: without Restart= the record stays", () => {
    expect(stepsToSettle({ ...open, units: [] })).toEqual([]);
  });

  test("FET-77: after a restart that went well nothing is on record", () => {
    expect(recordAfterRestart(open, [])).toEqual({ step: "record", owed: [] });
    expect(recordAfterRestart({ ...open, inUse: undefined }, both).owed).toEqual([]);
  });

  test("FET-78: after one that failed, what is done is, that of earlier runs included", () => {
    const units = ["app.service", "web.service", "tidy.timer"];
    expect(recordAfterRestart({ ...open, units }, ["tidy.timer"])).toEqual({
      step: "record",
      owed: [{ digest: old, done: ["app.service", "web.service"] }],
    });
  });
});

describe("the plan of a run", () => {
  const entry: Entry = { version: parseVersion("1.1.0"), size: parseSize(1), digest: next };
  const rows: readonly (readonly [why: string, ImageState, Standing, readonly Step["step"][]])[] = [
    [
      "DST-29: one that is here and in use is synced",
      "present",
      { ...settled, inUse: next },
      ["rely"],
    ],
    ["FET-54: one that is here is not downloaded", "present", settled, ["rely", "record", "swap"]],
    ["FET-58: one that is not is", "absent", settled, ["download", "record", "swap"]],
    [
      "FET-70: one that is in use is not swapped in",
      "absent",
      { ...settled, inUse: next },
      ["download"],
    ],
    ["FET-55: a damaged one is repaired", "damaged", { ...settled, inUse: next }, ["repair"]],
    [
      "DST-34: one that others could change is got anew, and owes nothing",
      "exposed",
      { ...settled, inUse: next },
      ["download"],
    ],
    ["DST-34: so is one with another name", "linked", { ...settled, inUse: next }, ["download"]],
    ["FET-55: also one that is not in use", "damaged", settled, ["repair", "record", "swap"]],
  ];
  test.each(rows)("%s", (_, image, standing, steps) => {
    const plan = planFor(entry, image, standing, "run");
    expect(plan.entry).toBe(entry);
    expect(plan.steps.map(({ step }) => step)).toEqual([...steps]);
  });

  test("FET-55, FET-91: a repair of the image in use restarts its units", () => {
    const standing = { ...settled, inUse: next };
    const plan = planFor(entry, "damaged", standing, "run");
    expect(phaseOf(standingAfterPlan(standing, plan))).toEqual({
      phase: "restart-owed",
      image: next,
      units: both,
    });
  });

  test("FET-83, FET-91: a plan is that of its mode", () => {
    const first: Standing = { inUse: undefined, owed: [], units: both };
    const phaseIn = (mode: Mode) =>
      phaseOf(standingAfterPlan(first, planFor(entry, "absent", first, mode))).phase;
    expect((["run", "dry-run", "init", "dry-init"] as const).map(phaseIn)).toEqual([
      "restart-owed",
      "restart-owed",
      "at-rest",
      "at-rest",
    ]);
  });

  test("FET-82, FET-90: what a mode stands for", () => {
    expect((["run", "init", "dry-run", "dry-init"] as const).filter(isDry)).toEqual([
      "dry-run",
      "dry-init",
    ]);
    expect((["run", "init", "dry-run", "dry-init"] as const).filter(startsUnit)).toEqual([
      "init",
      "dry-init",
    ]);
  });

  test("FET-40, FET-41, FET-50, FET-51: what is chosen of a manifest", () => {
    const rowsOf = ["1.0.0", "1.1.0", "1.2.0", "2.0.0"].map((text, index) => ({
      version: parseVersion(text),
      size: parseSize(1),
      digest: digestOf("abcd"[index] ?? ""),
    }));
    const manifest = manifestOf(rowsOf);
    const chosen = (pattern: string, inUse: Sha256Hex | undefined) => {
      const choice = choose(manifest, parsePattern(pattern), inUse);
      return choice.choice === "take"
        ? choice.candidates.map(({ version }) => version.text)
        : { pattern: choice.pattern, offered: choice.offered };
    };
    expect(chosen("1.*", undefined)).toEqual(["1.2.0", "1.1.0", "1.0.0"]);
    expect(chosen("1.*", digestOf("b"))).toEqual(["1.2.0", "1.1.0"]);
    // Of another manifest: no floor.
    expect(chosen("1.*", digestOf("e"))).toEqual(["1.2.0", "1.1.0", "1.0.0"]);
    expect(chosen("7.*", digestOf("b"))).toEqual({
      pattern: "7.*",
      offered: ["2.0.0", "1.2.0", "1.1.0", "1.0.0"],
    });
  });
});

describe("laws", () => {
  const digests = fc.constantFrom(old, next, other);
  const names = fc.constantFrom<string>("a.service", "b.service", "c.timer", "d.socket");
  const units = fc.uniqueArray(names, { maxLength: 4 });
  const someUnits = fc.uniqueArray(names, { minLength: 1, maxLength: 4 });
  const owed = fc.uniqueArray(fc.record({ digest: digests, done: units }), {
    selector: ({ digest }) => digest,
    maxLength: 3,
  });
  const standings: fc.Arbitrary<Standing> = fc.record({
    inUse: fc.option(digests, { nil: undefined }),
    owed,
    units,
  });

  /** Where a destination stands when a run is killed after as many of the steps. */
  function killedAfter(
    standing: Standing,
    steps: readonly ActivationStep[],
    count: number,
  ): Standing {
    return steps.slice(0, count).reduce(standingAfter, standing);
  }

  test("DST-15: killed after any step, what was owed is, or all units for the new image are", () => {
    fc.assert(
      fc.property(standings, digests, someUnits, fc.nat(2), (found, image, all, count) => {
        const standing = { ...found, units: all };
        const steps = stepsToActivate(standing, image, false);
        const killed = killedAfter(standing, steps, count);
        const isSwapped = killed.inUse !== standing.inUse;
        expect(phaseOf(killed)).toEqual(
          isSwapped ? { phase: "restart-owed", image, units: all } : phaseOf(standing),
        );
      }),
      runs,
    );
  });

  test("DST-65: without Restart=, killed after any step before the swap, nothing is forgotten when the key is back", () => {
    fc.assert(
      fc.property(standings, digests, someUnits, fc.nat(2), (found, image, back, count) => {
        const without = { ...found, units: [] };
        const steps = [...stepsToActivate(without, image, false), ...stepsToSettle(without)];
        const killed = killedAfter(without, steps, count);
        if (killed.inUse !== found.inUse) return;
        expect(phaseOf({ ...killed, units: back })).toEqual(phaseOf({ ...found, units: back }));
      }),
      runs,
    );
  });

  test("FET-75, FET-77, FET-79: one end of a run that goes well settles everything, and a second one does nothing", () => {
    fc.assert(
      fc.property(standings, (standing) => {
        const after = stepsToSettle(standing).reduce(standingAfter, standing);
        expect(phaseOf(after).phase).not.toBe("restart-owed");
        expect(stepsToSettle(after)).toEqual([]);
      }),
      runs,
    );
  });

  test("FET-78: run after run, a unit that was restarted is not restarted again, and one that failed is", () => {
    fc.assert(
      fc.property(someUnits, fc.array(units, { maxLength: 6 }), (all, failures) => {
        let standing: Standing = { inUse: old, owed: [{ digest: old, done: [] }], units: all };
        let left: readonly string[] = all;
        for (const failing of failures) {
          const phase = phaseOf(standing);
          expect(phase.phase === "restart-owed" ? phase.units : []).toEqual(left);
          left = left.filter((unit) => failing.includes(unit));
          standing = standingAfter(standing, recordAfterRestart(standing, left));
        }
        const phase = phaseOf(standing);
        expect(phase.phase === "restart-owed" ? phase.units : []).toEqual(left);
      }),
      runs,
    );
  });
});
