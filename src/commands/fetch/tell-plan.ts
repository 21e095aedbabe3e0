// What a run would do, told and not done (FET-91).

import { phaseOf } from "../../core/activation.ts";
import { type Plan, planFor, standingAfterPlan, startsUnit } from "../../core/plan.ts";
import type { Destination } from "../../shell/destination.ts";
import { checkImage } from "./check-image.ts";
import { type Cost, costOf } from "./cost.ts";
import { isShared } from "./exposed.ts";
import { ended, type Outcome } from "./result.ts";
import type { Run } from "./run.ts";
import { slotToStart } from "./slots.ts";
import { listedEntry, readStanding } from "./standing.ts";

/**
 * Tells a plan, and the restart that follows it (FET-91).
 *
 * @param cost of its download, if more is known than what it is at most
 * @returns whether there is something to do
 */
export function tellPlan(
  run: Run,
  destination: Destination,
  plan: Plan | undefined,
  cost?: Cost,
): boolean {
  const { mode, activates } = run;
  let isSomething = false;
  const would = (action: "activate" | "restart", what: string) => {
    isSomething = true;
    run.effects.report({ event: "would", action, what });
  };
  const version = plan?.entry.version.text ?? "";
  if (plan !== undefined && plan.obtain.step !== "rely") {
    isSomething = true;
    const known = cost ?? costOf(run, destination, plan.entry);
    run.effects.report({ event: "would", action: "download", what: version, ...known });
  }
  if (!activates) return isSomething;
  if (plan?.swaps) would("activate", version);
  if (run.config.slots !== undefined) {
    const unit = plan?.swaps ? undefined : slotToStart(run, destination);
    if (unit !== undefined) would("restart", unit);
    return isSomething;
  }
  const standing = readStanding(run, destination);
  const phase = phaseOf(plan === undefined ? standing : standingAfterPlan(standing, plan, mode));
  const owed = "units" in phase ? phase.units : [];
  if (!startsUnit(mode) && owed.length > 0) would("restart", owed.join(" "));
  return isSomething;
}

/** A way back on which a run died is gone to its end by the next, which asks for no news (ACT-54). */
export async function tellWayBack(
  run: Run,
  destination: Destination,
): Promise<Outcome | undefined> {
  if (startsUnit(run.mode) || !run.activates) return undefined;
  const standing = readStanding(run, destination);
  const phase = phaseOf(standing);
  const entry = phase.phase === "way-back" ? listedEntry(run, destination, phase.to) : undefined;
  if (entry === undefined) return undefined;
  const image = await checkImage(destination.images, entry, true, run.effects);
  tellPlan(run, destination, planFor(entry, isShared(image) ? "present" : image, standing));
  return ended("planned", entry);
}
