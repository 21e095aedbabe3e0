// The way back from an image that does not work to the last one that did (ACT-50 to ACT-57). Each step is on record
// before the next one, so that a run which dies here is finished by the next.

import {
  type ActivationStep,
  phaseOf,
  stepsOfControl,
  stepsToGoBack,
} from "../../core/activation.ts";
import type { Sha256Hex } from "../../core/digest.ts";
import { asTakoError, type Facts, TakoError } from "../../core/error.ts";
import { imageLocation } from "../../core/origin-url.ts";
import { planFor } from "../../core/plan.ts";
import type { Refusal } from "../../core/refusals.ts";
import { dutyOf } from "../../core/unit-duty.ts";
import type { Effects } from "../effects.ts";
import { obtain } from "./carry-out.ts";
import { checkImage } from "./check-image.ts";
import { startAfter } from "./follow.ts";
import { allUnits, type Member, versionOf } from "./member.ts";
import { originOf } from "./origin.ts";
import { isBlocked, owedUnits, type Restarted, restartOwed } from "./restart.ts";
import { listedEntry } from "./standing.ts";
import { askStates, tell, type UnitStates, wasStopped } from "./units.ts";
import { type Seen, watchAll, watchedRun } from "./watch.ts";

/** How long the image that was put back is watched at most. */
const CONTROL_MS = 10_000;

/** Puts the good image of each member back into use, and looks whether that helps. */
export async function goBack(
  members: readonly Member[],
  effects: Effects,
  why: Pick<Refusal, "time" | "reason">,
): Promise<void> {
  const returned: Member[] = [];
  for (const member of members) {
    const isBack = await member.attempt(async () => {
      for (const step of stepsToGoBack(member.standing(), why, member.stopped)) {
        await performOnWayBack(member, step);
      }
      return true;
    });
    if (isBack) returned.push(member);
  }
  if (returned.length > 0) await control(returned, effects);
}

/** Goes to its end a way back on which a run died (ACT-54, ACT-56). */
export async function finishReturn(members: readonly Member[], effects: Effects): Promise<void> {
  const pending = members.filter((member) => phaseOf(member.standing()).phase === "way-back");
  const others = members.filter((member) => !pending.includes(member));
  if (others.length > 0) await control(others, effects);
  // They are refused already, so time and reason are on record.
  if (pending.length > 0) await goBack(pending, effects, { time: 0, reason: "" });
}

/** Nothing is swapped in that is not whole: what is missing is got from the origin (ACT-53). */
async function performOnWayBack(member: Member, step: ActivationStep): Promise<void> {
  if (step.step === "swap") await makeSure(member, step.image);
  await member.perform(step);
}

async function makeSure(member: Member, digest: Sha256Hex): Promise<void> {
  const { run, destination } = member;
  const entry = listedEntry(run, destination, digest);
  if (entry === undefined) return;
  const image = await checkImage(destination.images, entry, true, run.effects);
  // One that others could change is not got anew while a service is down.
  const found = image === "linked" || image === "exposed" ? "present" : image;
  const plan = planFor(entry, found, member.standing());
  const version = entry.version.text;
  try {
    if ((await obtain(run, destination, originOf(run), plan)) === "there") return;
  } catch (caught) {
    const cause = asTakoError(caught);
    throw cannotGoBack(version, cause.message, { source: cause.source, cause });
  }
  const source = imageLocation(run.config.origin, digest).shown;
  throw cannotGoBack(version, "the origin removed it", { source });
}

function cannotGoBack(version: string, reason: string, facts: Facts): TakoError {
  const message = `the image of ${version}, to go back to, cannot be had: ${reason}`;
  return new TakoError("unit", message, {
    rule: "ACT-53",
    hint: "The next run tries again; until then the version that does not work stays in use.",
    ...facts,
  });
}

/** Restarts the units on the image that is back, and looks for a while whether it works (ACT-55 to ACT-57). */
async function control(members: readonly Member[], effects: Effects): Promise<void> {
  const units = allUnits(members);
  const before = await askStates(effects.systemd, units);
  for (const member of members) await leaveStopped(member, effects, before);
  await reviveSockets(effects, before);
  const restarted = await restartOwed(members, effects, before);
  if (restarted === undefined) return;

  const stopped = members.flatMap((member) => member.stopped);
  const watched = units
    .filter((unit) => !stopped.includes(unit) && !isBlocked(unit, before, restarted))
    .map((unit) => watchedRun(unit, before, restarted));
  const longest = Math.max(...members.map(({ run }) => run.config.watchMs ?? 0));
  let seen: Seen;
  try {
    seen = await watchAll(members, effects, watched, Math.min(longest, CONTROL_MS));
  } catch (error) {
    for (const member of members) member.fail(error);
    return;
  }
  for (const member of members) await member.attempt(() => conclude(member, restarted, seen));
}

/** Units that are masked or that somebody stopped stay so; one that the bad image ended does not (ACT-52). */
async function leaveStopped(
  member: Member,
  { systemd }: Effects,
  before: UnitStates | undefined,
): Promise<void> {
  const stopped: string[] = [];
  for (const [unit, state] of before ?? []) {
    const isMasked = dutyOf(state, true) === "leave-masked";
    if (isMasked || (state.active === "inactive" && (await wasStopped(systemd, unit)))) {
      stopped.push(unit);
    }
  }
  member.stopped = [...new Set([...member.stopped, ...stopped])];
}

/**
 * A socket whose service failed again and again has failed, too. It starts only while that service is down, and
 * before it (ACT-55). A service that still fails is stopped first: else it may take its socket along just after the look.
 */
async function reviveSockets({ systemd }: Effects, before: UnitStates | undefined): Promise<void> {
  const triggered = [...(before?.values() ?? [])].filter(({ triggeredBy }) =>
    triggeredBy.some((unit) => unit.endsWith(".socket")),
  );
  const failing = triggered.filter(({ active }) => active === "activating");
  if (failing.length > 0) {
    await tell(
      systemd,
      ["stop"],
      failing.map(({ unit }) => unit),
    );
  }
  const sockets = [...new Set(triggered.flatMap(({ triggeredBy }) => triggeredBy))];
  const states = await askStates(systemd, sockets);
  const dead = sockets.filter((unit) => states?.get(unit)?.active === "failed");
  if (dead.length === 0) return;
  const services = triggered
    .filter(({ triggeredBy }) => triggeredBy.some((unit) => dead.includes(unit)))
    .map(({ unit }) => unit);
  await tell(systemd, ["stop"], services);
  await tell(systemd, ["reset-failed"], services);
  const { status } = await tell(systemd, ["start"], dead);
  if (status === 0) return;
  // Only its own start limit is in the way. Until here it was known by having failed, also to a run after this one.
  await tell(systemd, ["reset-failed"], dead);
  await tell(systemd, ["start"], dead);
}

/** The end of a way back, which is told in the run that comes to it (ACT-56, ACT-57). */
async function conclude(member: Member, { error }: Restarted, { culprit }: Seen): Promise<void> {
  const standing = member.standing();
  const { inUse, refusals } = standing;
  const refusal = refusals.findLast(({ instead }) => instead === inUse);
  if (inUse === undefined || refusal === undefined) return;
  const works = culprit === undefined;
  // A unit that was not restarted keeps it open: the next run goes on here.
  if (works && error !== undefined) throw error;
  const bad = works ? [] : [culprit.unit];
  const steps = stepsOfControl(standing, refusal, works, [...owedUnits(member), ...bad]);
  for (const step of steps) await member.perform(step);
  const { run } = member;
  const [version, refused] = [versionOf(member, inUse), versionOf(member, refusal.digest)];
  const { reason } = refusal;
  run.effects.report({ event: "rolled-back", version, sha256: inUse, refused, reason });
  await startAfter(member, run.config.onRollback);
  if (works) {
    member.outcome = { outcome: "rolled-back", version, sha256: inUse, refused, reason };
    return;
  }
  const message = `neither ${refused} nor ${version}, to which this host went back, works: ${culprit.unit}: ${culprit.what}`;
  throw new TakoError("unit", message, {
    rule: "ACT-57",
    hint: "Look at the host, not at the image: what both need may be away. The next run tries the newer one again.",
  });
}
