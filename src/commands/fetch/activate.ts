// What follows once the images of some configs are here: the swap, the restart, and where a config wants it the trial
// (spec/activation.md). What is decided, and what a crash in between means, is core/activation.ts.

import { phaseOf, stepsToActivate, stepsToSettle } from "../../core/activation.ts";
import { dutyOf } from "../../core/unit-duty.ts";
import { isDown } from "../../core/unit-state.ts";
import type { Effects } from "../effects.ts";
import { finish } from "./follow.ts";
import { finishReturn } from "./go-back.ts";
import type { Member } from "./member.ts";
import { restartOwed } from "./restart.ts";
import { activateSlots } from "./slots.ts";
import { unitsOf } from "./standing.ts";
import { refuseDeadlock, refuseDeadSocket, refuseMissingCheck, survey } from "./survey.ts";
import { tryOut } from "./trial.ts";
import { type UnitStates, wasStopped } from "./units.ts";

/**
 * Brings what is here into use, for configs that share units. Nothing is thrown: what goes wrong is noted with the
 * members that it concerns.
 */
export async function activate(members: readonly Member[], effects: Effects): Promise<void> {
  const [returning, active]: [Member[], Member[]] = [[], []];
  for (const member of members) {
    if (member.run.config.slots !== undefined) {
      await activateSlots(member);
      continue;
    }
    await member.attempt(async () => {
      // Unless something else was decided meanwhile, by hand (ACT-76).
      if (member.prepared === undefined && isReturning(member)) returning.push(member);
      else if (await isAtWork(member)) active.push(member);
    });
  }
  if (returning.length > 0) await finishReturn(returning, effects);
  if (active.length === 0) return;
  const before = await survey(active, effects);
  const going: Member[] = [];
  for (const member of active) {
    const isDone = await member.attempt(async () => {
      refuseDeadlock(member, before);
      refuseMissingCheck(member, before);
      await refuseDeadSocket(member, effects, before);
      await leaveAlone(member, before);
      await putIntoUse(member, before);
      return true;
    });
    if (isDone) going.push(member);
  }
  const restarted = await restartOwed(going, effects, before);
  if (restarted === undefined) return;

  const isOnTrial = (member: Member) => phaseOf(member.standing()).phase === "on-trial";
  const onTrial = going.filter(isOnTrial);
  for (const member of going.filter((each) => !onTrial.includes(each))) {
    await member.attempt(() => finish(member));
  }
  if (onTrial.length > 0) await tryOut(onTrial, effects, before, restarted);
}

/** Whether a run died on the way back, which is gone to its end before anything else (ACT-54). */
export function isReturning(member: Member): boolean {
  const { phase } = phaseOf(member.standing());
  return phase === "way-back" || phase === "control";
}

/** Whether there is something to swap, restart or watch. If not, the record is put in order (DST-64, DST-65). */
async function isAtWork(member: Member): Promise<boolean> {
  const standing = member.standing();
  const { phase } = phaseOf(standing);
  if (member.swaps || phase === "on-trial" || phase === "restart-owed") return true;
  for (const step of stepsToSettle(standing)) await member.perform(step);
  return false;
}

/** Finds the units that are not to be started, and says so (ACT-3 to ACT-6). */
async function leaveAlone(member: Member, before: UnitStates | undefined): Promise<void> {
  const { systemd, report } = member.run.effects;
  const phase = phaseOf(member.standing());
  const owed = "units" in phase ? phase.units : [];
  const stopped: string[] = [];
  for (const unit of unitsOf(member.run)) {
    const state = before?.get(unit);
    if (state === undefined) continue;
    const isOwed = owed.includes(unit);
    const duty = dutyOf(state, isOwed || phase.phase === "no-image");
    // What an earlier run was to start, or what ended by itself on an image that does not work, nobody has stopped.
    const isStopped =
      duty === "restart" && isOwed && state.active === "inactive"
        ? await wasStopped(systemd, unit, member.destination.owedSince())
        : duty === "leave-masked" || duty === "leave-stopped";
    if (!isStopped) continue;
    stopped.push(unit);
    // Those that are done already were told by the run that left them alone.
    if (!member.swaps && !isOwed) continue;
    report({ event: "skipped", unit, reason: duty === "leave-masked" ? "masked" : "stopped" });
  }
  member.stopped = stopped;
}

/** The swap, after the records that it needs (ACT-41, FET-71). */
async function putIntoUse(member: Member, before: UnitStates | undefined): Promise<void> {
  const { run, prepared, stopped } = member;
  const plan = prepared?.plan;
  if (!plan?.swaps) return;
  const { digest, version } = plan.entry;
  const standing = member.standing();
  const isSound = unitsOf(run).every((unit) => isUpIn(before, unit));
  const steps = stepsToActivate(standing, digest, { startsUnit: false, stopped, isSound });
  for (const step of steps) await member.perform(step);
  const previous = standing.inUse;
  run.effects.report({ event: "activated", version: version.text, sha256: digest, previous });
}

/** Whether a unit is known not to be down. */
function isUpIn(states: UnitStates | undefined, unit: string): boolean {
  const state = states?.get(unit);
  return state !== undefined && !isDown(state);
}
