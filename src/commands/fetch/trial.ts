// The trial of an image that came into use: what is watched, the verdict, and what follows from it (ACT-40 to ACT-58).

import { recordAfterRestart, stepsOfProof, stepsToGoBack } from "../../core/activation.ts";
import { TakoError } from "../../core/error.ts";
import type { Refusal } from "../../core/refusals.ts";
import type { Watched } from "../../core/verdict.ts";
import type { Effects } from "../effects.ts";
import { finish } from "./follow.ts";
import { goBack } from "./go-back.ts";
import { allUnits, type Member } from "./member.ts";
import { isBlocked, type Restarted } from "./restart.ts";
import { ended } from "./result.ts";
import { lastWords, type UnitStates } from "./units.ts";
import { type Culprit, type Seen, watchAll, watchedRun } from "./watch.ts";

/** Watches what the members on trial run, and acts on the one verdict for all of them. */
export async function tryOut(
  members: readonly Member[],
  effects: Effects,
  before: UnitStates | undefined,
  restarted: Restarted,
): Promise<void> {
  const units = allUnits(members);
  const stopped = members.flatMap((member) => member.stopped);
  const left = units.filter((unit) => !stopped.includes(unit));
  const blocked = left.filter((unit) => isBlocked(unit, before, restarted));
  const watched = left
    .filter((unit) => !blocked.includes(unit))
    .map((unit) => watchedRun(unit, before, restarted));
  const ms = Math.max(...members.map(({ run }) => run.config.watchMs ?? 0));
  let [tried, replaced]: [readonly Member[], readonly Member[]] = [[], []];
  let seen: Seen;
  try {
    const images = new Map(members.map((member) => [member, member.destination.readLatest()]));
    const isReplaced = (member: Member) => member.destination.readLatest() !== images.get(member);
    seen = hanging(watched, restarted) ?? (await watchAll(members, effects, watched, ms));
    replaced = members.filter(isReplaced);
    tried = members.filter((member) => !replaced.includes(member));
  } catch (error) {
    for (const member of members) member.fail(error);
    return;
  }
  for (const member of replaced) member.fail(replacedByHand(member));
  if (seen.culprit !== undefined) await condemn(tried, effects, seen.culprit);
  else if (seen.verdict === "good" && blocked.length === 0) await proveAll(tried);
  else for (const member of tried) await member.attempt(() => leaveOpen(member, restarted));
}

/** What was watched says nothing of what is in use now (ACT-45). */
function replacedByHand({ destination }: Member): TakoError {
  const message = "it names another image than at the start of the watch, so nothing is decided";
  return new TakoError("unit", message, {
    rule: "ACT-45",
    source: `${destination.path}/latest`,
    hint: "tako rollback goes back to an earlier version, and waits for a run that is at work.",
  });
}

/** A unit that is not up when even the longest wait is over is bad (ACT-11). */
function hanging(watched: readonly Watched[], { isLate, states }: Restarted): Seen | undefined {
  const found = watched.find(({ unit }) => states?.get(unit)?.active === "activating");
  if (!isLate || found === undefined) return undefined;
  const { unit, invocation } = found;
  const culprit = { unit, what: "does not come up", state: states?.get(unit), invocation };
  return { verdict: "bad", culprit };
}

/** Nothing is decided; the next run judges again, without a restart (ACT-44). */
function leaveOpen(member: Member, { error }: Restarted): void {
  // Also a unit that was not restarted keeps the question open, and that is an error.
  if (error !== undefined) throw error;
  endUnconfirmed(member);
}

/** @throws TakoError for what kept the run from looking for news */
export function endUnconfirmed(member: Member): void {
  if (member.prepared === undefined) return;
  const { plan, end } = member.prepared;
  end();
  if (plan !== undefined) member.outcome = ended("unconfirmed", plan.entry);
}

async function proveAll(members: readonly Member[]): Promise<void> {
  for (const member of members) {
    await member.attempt(async () => {
      for (const step of stepsOfProof(member.standing())) await member.perform(step);
      await finish(member);
    });
  }
}

/** Takes a bad image out of use, where there is a way back; where there is none, it stays (ACT-50, ACT-58). */
async function condemn(
  members: readonly Member[],
  effects: Effects,
  culprit: Culprit,
): Promise<void> {
  const why = await accuse(members, effects, culprit);
  const hasWayBack = (member: Member) => stepsToGoBack(member.standing(), why, []).length > 0;
  const [back, stay] = [members.filter(hasWayBack), members.filter((each) => !hasWayBack(each))];
  for (const member of stay) await member.attempt(() => stayBad(member, culprit));
  if (back.length > 0) await goBack(back, effects, why);
}

/** Tells which unit is bad. @returns what a refusal says of it */
export async function accuse(
  members: readonly Member[],
  { systemd, clock }: Effects,
  { unit, what, state, invocation }: Culprit,
): Promise<Pick<Refusal, "time" | "reason">> {
  const log = await lastWords(systemd, { unit, invocation });
  for (const { run } of members) {
    const { result, status, restarts } = state ?? {};
    run.effects.report({ event: "unhealthy", unit, what, result, status, restarts, log });
  }
  return { time: Math.floor(clock.now() / 1000), reason: `${unit}: ${what}` };
}

async function stayBad(member: Member, { unit, what }: Culprit): Promise<never> {
  await member.perform(recordAfterRestart(member.standing(), [unit]));
  throw new TakoError("unit", `${unit}: ${what}; there is no earlier version to go back to`, {
    rule: "ACT-58",
    hint: `See "systemctl status ${unit}"; the next run tries again.`,
  });
}
