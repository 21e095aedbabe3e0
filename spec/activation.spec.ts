// Proof of the state machine of an activation (spec/activation.md; spec/fetch.md, Swap and Restart; spec/destination.md,
// .owed) and of the plan of a run, which need no disk: examples written down by hand, then laws, with a run
// that is killed after any step.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  type ActivationStep,
  type Circumstances,
  phaseOf,
  recordAfterRestart,
  type Standing,
  standingAfter,
  stepsBeforeRepair,
  stepsOfControl,
  stepsOfProof,
  stepsToActivate,
  stepsToGoBack,
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
  type ObtainStep,
  planFor,
  standingAfterPlan,
  startsUnit,
} from "../src/core/plan.ts";
import type { Refusal } from "../src/core/refusals.ts";
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
const settled: Standing = {
  inUse: old,
  owed: [],
  units: both,
  watches: false,
  good: undefined,
  canGoBack: false,
  refusals: [],
};
/** At rest on an image that has proved itself. */
const proven: Standing = { ...settled, watches: true, good: old };
/** The next one came into use, and was restarted; the old one is there to go back to. */
const onTrial: Standing = {
  ...proven,
  inUse: next,
  owed: [{ digest: next, done: both }],
  canGoBack: true,
};
const refusal: Refusal = { digest: next, instead: old, time: 1, reason: "app.service: failed" };
/** The run after that one. */
const plainRun: Circumstances = { startsUnit: false, stopped: [], isSound: true };
const unitStart: Circumstances = { startsUnit: true, stopped: [], isSound: false };

describe("the phase that a run finds", () => {
  test("DST-61: without an image in use nothing is owed, whatever is on record", () => {
    const owed = [{ digest: next, done: [] }];
    expect(phaseOf({ ...settled, inUse: undefined, owed })).toEqual({ phase: "no-image" });
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
    expect(stepsToActivate(settled, next, plainRun)).toEqual([
      { step: "record", owed: [{ digest: next, done: [] }] },
      { step: "swap", image: next },
    ]);
  });

  test("FET-70: none for the image in use", () => {
    expect(stepsToActivate(settled, old, plainRun)).toEqual([]);
  });

  test("DST-60: what is open for the image in use stays on record until the swap", () => {
    const open = { digest: old, done: ["web.service"] };
    const owed = [{ digest: other, done: [] }, open];
    expect(stepsToActivate({ ...settled, owed }, next, plainRun)[0]).toEqual({
      step: "record",
      owed: [{ digest: next, done: [] }, open],
    });
  });

  test("FET-83: the first image of a unit that is starting owes nothing; a later one does", () => {
    const first = { ...settled, inUse: undefined };
    expect(stepsToActivate(first, next, unitStart)[0]).toEqual({ step: "record", owed: [] });
    expect(stepsToActivate(first, next, plainRun)[0]).toEqual({
      step: "record",
      owed: [{ digest: next, done: [] }],
    });
    expect(stepsToActivate(settled, next, unitStart)[0]).toEqual({
      step: "record",
      owed: [{ digest: next, done: [] }],
    });
  });

  test("DST-66, FET-83: without an image in use, what is on record stays, also in the start of a unit", () => {
    const owed = [{ digest: next, done: ["web.service"] }];
    const without: Standing = { ...settled, inUse: undefined, owed };
    expect(stepsToSettle(without)).toEqual([]);
    expect(stepsToActivate(without, next, unitStart)[0]).toEqual({
      step: "record",
      owed: [{ digest: next, done: [] }],
    });
  });

  test("FET-71, DST-65: without Restart= a swap owes nothing, and takes nothing from the record", () => {
    const open = { digest: old, done: ["web.service"] };
    const standing = { ...settled, owed: [{ digest: next, done: [] }, open], units: [] };
    expect(stepsToActivate(standing, next, plainRun)[0]).toEqual({ step: "record", owed: [open] });
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

  test("FET-75, FET-79: what is owed stays on record until it is restarted, and nothing else is done", () => {
    expect(stepsToSettle(open)).toEqual([]);
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

describe("an image on trial", () => {
  test("ACT-40: it is so exactly while latest differs from .good, restarts that are owed included", () => {
    expect(phaseOf(proven)).toEqual({ phase: "at-rest" });
    expect(phaseOf(onTrial)).toEqual({ phase: "on-trial", image: next, units: [] });
    const owed = [{ digest: next, done: ["app.service"] }];
    expect(phaseOf({ ...onTrial, owed })).toEqual({
      phase: "on-trial",
      image: next,
      units: ["web.service"],
    });
    expect(phaseOf({ ...onTrial, owed: [], good: undefined })).toEqual({
      phase: "on-trial",
      image: next,
      units: [],
    });
    expect(phaseOf({ ...onTrial, watches: false })).toEqual({ phase: "at-rest" });
  });

  test("ACT-5: units that stay stopped are done in the record that precedes the swap", () => {
    const stopped = ["web.service"];
    expect(stepsToActivate(proven, next, { ...plainRun, stopped })).toEqual([
      { step: "record", owed: [{ digest: next, done: stopped }] },
      { step: "swap", image: next },
    ]);
  });

  test("ACT-41: the image in use becomes the good one before the swap, unless it is in doubt", () => {
    const unproven: Standing = { ...settled, watches: true };
    const isGoodFirst = (standing: Standing, circumstances = plainRun) =>
      stepsToActivate(standing, next, circumstances)[0]?.step === "good";
    expect(stepsToActivate(unproven, next, plainRun)[0]).toEqual({ step: "good", image: old });
    expect(isGoodFirst({ ...unproven, owed: [{ digest: old, done: ["app.service"] }] })).toBe(
      false,
    );
    expect(isGoodFirst(unproven, { ...plainRun, isSound: false })).toBe(false);
    expect(isGoodFirst({ ...unproven, inUse: undefined })).toBe(false);
    expect(isGoodFirst({ ...onTrial, inUse: other })).toBe(false);
  });

  test("ACT-41: without WatchSec= a good image is forgotten before the swap", () => {
    expect(stepsToActivate({ ...proven, watches: false }, next, plainRun)).toEqual([
      { step: "good", image: undefined },
      { step: "record", owed: [{ digest: next, done: [] }] },
      { step: "swap", image: next },
    ]);
  });

  test("ACT-42: the record stays until the verdict, with the units that are done", () => {
    const owed = [{ digest: next, done: [] }];
    expect(recordAfterRestart({ ...onTrial, owed }, [])).toEqual({
      step: "record",
      owed: [{ digest: next, done: both }],
    });
    expect(stepsToSettle(onTrial)).toEqual([]);
  });

  test("ACT-43: once it has proved itself, it is the good one, and then nothing is on record", () => {
    expect(stepsOfProof(onTrial)).toEqual([
      { step: "good", image: next },
      { step: "record", owed: [] },
    ]);
    expect(stepsOfProof({ ...onTrial, owed: [] })).toEqual([{ step: "good", image: next }]);
    const earlier = { ...refusal, digest: other };
    expect(stepsOfProof({ ...onTrial, owed: [], refusals: [earlier, refusal] })).toEqual([
      { step: "refuse", refusals: [earlier] },
      { step: "good", image: next },
    ]);
  });
});

describe("the way back", () => {
  const why = { time: 1, reason: "app.service: failed" };

  test("ACT-50, DST-18: refused, recorded and swapped, in this order", () => {
    expect(stepsToGoBack(onTrial, why, ["web.service"])).toEqual([
      { step: "refuse", refusals: [refusal] },
      {
        step: "record",
        owed: [
          { digest: old, done: ["web.service"] },
          { digest: next, done: both },
        ],
      },
      { step: "swap", image: old },
    ]);
  });

  test("ACT-50, ACT-56: so it is where only checks tell, and no unit is restarted", () => {
    const checked = { ...onTrial, units: [], owed: [] };
    const back = stepsToGoBack(checked, why, []).reduce(standingAfter, checked);
    expect(phaseOf(back)).toEqual({ phase: "control", refusal, units: [] });
    const end = stepsOfControl(back, refusal, true, []).reduce(standingAfter, back);
    expect([phaseOf(end), end.owed]).toEqual([{ phase: "at-rest" }, []]);
  });

  test("ACT-51: there is none without another good image that the config allows", () => {
    expect(stepsToGoBack({ ...onTrial, good: undefined }, why, [])).toEqual([]);
    expect(stepsToGoBack({ ...onTrial, canGoBack: false }, why, [])).toEqual([]);
    expect(stepsToGoBack({ ...onTrial, inUse: undefined }, why, [])).toEqual([]);
    expect(stepsToGoBack(proven, why, [])).toEqual([]);
  });

  test("ACT-54: a run that finds the image in use refused goes on there, and refuses nothing anew", () => {
    const died: Standing = { ...onTrial, refusals: [refusal] };
    expect(phaseOf(died)).toEqual({ phase: "way-back", refusal, to: old });
    expect(stepsToGoBack(died, { time: 2, reason: "" }, []).map(({ step }) => step)).toEqual([
      "record",
      "swap",
    ]);
    expect(phaseOf({ ...died, canGoBack: false }).phase).toBe("on-trial");
  });

  test("ACT-56, ACT-50: after the swap back it is the control, as long as both are on record", () => {
    const refused = { digest: next, done: both };
    const owed = [{ digest: old, done: ["app.service"] }, refused];
    const back: Standing = { ...proven, owed, refusals: [refusal] };
    expect(phaseOf(back)).toEqual({ phase: "control", refusal, units: ["web.service"] });
    expect(recordAfterRestart(back, []).owed).toEqual([{ digest: old, done: both }, refused]);
    expect(stepsOfControl(back, refusal, true, [])).toEqual([{ step: "record", owed: [] }]);
    expect(phaseOf({ ...back, owed: [] })).toEqual({ phase: "at-rest" });
    // What was refused in favour of another image has nothing to do with this one.
    const elsewhere = { ...refusal, instead: other };
    expect(phaseOf({ ...back, refusals: [elsewhere] }).phase).toBe("restart-owed");
  });

  test("ACT-4, ACT-56: what systemd could not restart stays owed, and the good image is at its end of the way", () => {
    const back: Standing = { ...proven, refusals: [refusal] };
    const steps = stepsOfControl(back, refusal, true, ["web.service"]);
    expect(steps).toEqual([{ step: "record", owed: [{ digest: old, done: ["app.service"] }] }]);
    expect(phaseOf(steps.reduce(standingAfter, back))).toEqual({
      phase: "restart-owed",
      image: old,
      units: ["web.service"],
    });
  });

  test("ACT-57: if the good image does not work either, the other one is not to blame, and what is down is owed", () => {
    const earlier = { ...refusal, digest: other };
    const owed = [
      { digest: old, done: both },
      { digest: next, done: both },
    ];
    const back: Standing = { ...proven, owed, refusals: [earlier, refusal] };
    const forgiven = { step: "refuse", refusals: [earlier] } as const;
    const steps = stepsOfControl(back, refusal, false, ["app.service"]);
    expect(steps).toEqual([
      forgiven,
      { step: "record", owed: [{ digest: old, done: ["web.service"] }] },
    ]);
    expect(phaseOf(steps.reduce(standingAfter, back))).toEqual({
      phase: "restart-owed",
      image: old,
      units: ["app.service"],
    });
    // A check is no unit that could be owed one.
    expect(stepsOfControl(back, refusal, false, ["probe.service"])).toEqual([
      forgiven,
      { step: "record", owed: [] },
    ]);
  });
});

describe("the plan of a run", () => {
  const entry: Entry = { version: parseVersion("1.1.0"), size: parseSize(1), digest: next };
  const used = { ...settled, inUse: next };
  const rows: readonly (readonly [
    why: string,
    ImageState,
    Standing,
    ObtainStep["step"],
    swaps: boolean,
  ])[] = [
    ["DST-29: one that is here and in use is synced", "present", used, "rely", false],
    ["FET-54: one that is here is not downloaded", "present", settled, "rely", true],
    ["FET-58: one that is not is", "absent", settled, "download", true],
    ["FET-70: one that is in use is not swapped in", "absent", used, "download", false],
    ["FET-55: a damaged one is repaired", "damaged", used, "repair", false],
    ["DST-34: one that others could change is got anew", "exposed", used, "download", false],
    ["DST-34: so is one with another name", "linked", used, "download", false],
    ["FET-55: also one that is not in use", "damaged", settled, "repair", true],
  ];
  test.each(rows)("%s", (_, image, standing, obtain, swaps) => {
    const plan = planFor(entry, image, standing);
    expect(plan.entry).toBe(entry);
    expect([plan.obtain.step, plan.swaps]).toEqual([obtain, swaps]);
  });

  test("FET-55, FET-91: a repair of the image in use restarts its units", () => {
    const standing = { ...settled, inUse: next };
    const plan = planFor(entry, "damaged", standing);
    expect(phaseOf(standingAfterPlan(standing, plan, "run"))).toEqual({
      phase: "restart-owed",
      image: next,
      units: both,
    });
  });

  test("FET-83, FET-91: a plan is that of its mode", () => {
    const first: Standing = { ...settled, inUse: undefined };
    const phaseIn = (mode: Mode) =>
      phaseOf(standingAfterPlan(first, planFor(entry, "absent", first), mode)).phase;
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
      const host = { inUse, hold: undefined, refusals: [], young: new Map() };
      const choice = choose(manifest, parsePattern(pattern), host);
      if (choice.choice === "take") return choice.candidates.map(({ version }) => version.text);
      return choice.choice === "stay" || { pattern: choice.pattern, offered: choice.offered };
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
  const standings: fc.Arbitrary<Standing> = fc
    .record({ inUse: fc.option(digests, { nil: undefined }), owed, units })
    .map((found) => ({ ...settled, ...found }));

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
        const steps = stepsToActivate(standing, image, plainRun);
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
        const steps = [...stepsToActivate(without, image, plainRun), ...stepsToSettle(without)];
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
        const isOwed = phaseOf(standing).phase === "restart-owed";
        const steps = isOwed ? [recordAfterRestart(standing, [])] : stepsToSettle(standing);
        const after = steps.reduce(standingAfter, standing);
        expect(phaseOf(after).phase).not.toBe("restart-owed");
        expect(stepsToSettle(after)).toEqual([]);
      }),
      runs,
    );
  });

  test("FET-78: run after run, a unit that was restarted is not restarted again, and one that failed is", () => {
    fc.assert(
      fc.property(someUnits, fc.array(units, { maxLength: 6 }), (all, failures) => {
        let standing: Standing = { ...settled, owed: [{ digest: old, done: [] }], units: all };
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
