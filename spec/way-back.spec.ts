// Proof that the end of a way back (spec/activation.md, ACT-50, ACT-56) is told from any other restart of the good image.

import { describe, expect, test } from "bun:test";
import {
  phaseOf,
  recordAfterRestart,
  type Standing,
  standingAfter,
  stepsBeforeRepair,
  stepsOfControl,
  stepsToActivate,
  stepsToGoBack,
} from "../src/core/activation.ts";
import type { Refusal } from "../src/core/refusals.ts";
import { digestOf } from "./support/manifests.ts";

const [good, bad, next] = [
  digestOf("a".repeat(64)),
  digestOf("b".repeat(64)),
  digestOf("c".repeat(64)),
];
const units = ["app.service", "web.service"];
const why = { time: 1, reason: "app.service: failed" };
const refusal: Refusal = { digest: bad, instead: good, ...why };

/** An image that is bad, with a good one to go back to. */
const onTrial: Standing = {
  inUse: bad,
  owed: [{ digest: bad, done: units }],
  units,
  watches: true,
  good,
  canGoBack: true,
  refusals: [],
};
const steps = stepsToGoBack(onTrial, why, []);
const back = steps.reduce(standingAfter, onTrial);

describe("the control", () => {
  test("ACT-50: the group of the refused image is on record beside that of the good one", () => {
    expect(steps).toEqual([
      { step: "refuse", refusals: [refusal] },
      {
        step: "record",
        owed: [
          { digest: good, done: [] },
          { digest: bad, done: units },
        ],
      },
      { step: "swap", image: good },
    ]);
    const without = stepsToGoBack({ ...onTrial, owed: [] }, why, []);
    expect(without).toEqual(steps);
  });

  test("ACT-56: it is found before the restart, after some of it and after all of it", () => {
    expect(phaseOf(back)).toEqual({ phase: "control", refusal, units });
    const some = standingAfter(back, recordAfterRestart(back, ["web.service"]));
    expect(phaseOf(some)).toEqual({ phase: "control", refusal, units: ["web.service"] });
    const all = standingAfter(some, recordAfterRestart(some, []));
    expect(phaseOf(all)).toEqual({ phase: "control", refusal, units: [] });
    const end = stepsOfControl(all, refusal, true, []).reduce(standingAfter, all);
    expect(phaseOf(end)).toEqual({ phase: "at-rest" });
  });

  const atRest = stepsOfControl(back, refusal, true, []).reduce(standingAfter, back);

  test("FET-55, ACT-56: a good image that is got anew owes a restart, and nobody went back again", () => {
    const repaired = stepsBeforeRepair(atRest, good).reduce(standingAfter, atRest);
    expect(phaseOf(repaired)).toEqual({ phase: "restart-owed", image: good, units });
    const done = standingAfter(repaired, recordAfterRestart(repaired, []));
    expect(phaseOf(done)).toEqual({ phase: "at-rest" });
    expect(done.owed).toEqual([]);
  });

  test("ACT-56: nor did a host that somebody takes back to the good image from a later one", () => {
    const circumstances = { startsUnit: false, stopped: [], isSound: true };
    const later = stepsToActivate(atRest, next, circumstances).reduce(standingAfter, atRest);
    expect(phaseOf(later)).toEqual({ phase: "on-trial", image: next, units });
    const taken = stepsToActivate(later, good, circumstances).reduce(standingAfter, later);
    expect(phaseOf(taken)).toEqual({ phase: "restart-owed", image: good, units });
  });
});
