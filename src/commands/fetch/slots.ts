// Bringing an image into use by slots (spec/activation.md, ACT-100 to ACT-113): the free one starts it beside the one that
// serves, and takes over once it has proved itself. The one that serves is not touched before that.

import type { Sha256Hex } from "../../core/digest.ts";
import { TakoError } from "../../core/error.ts";
import { type Refusal, refusalOf, withRefusal } from "../../core/refusals.ts";
import {
  findSlots,
  freeSlot,
  isServing,
  type Slot,
  type SlotPair,
  stepsOfTakeover,
  stepsToSettleSlots,
  taskOf,
} from "../../core/slots.ts";
import type { Destination } from "../../shell/destination.ts";
import { withRoom } from "./carry-out.ts";
import { finish, startAfter } from "./follow.ts";
import { type Member, versionOf } from "./member.ts";
import { asFailure } from "./result.ts";
import { requireStartable, startSlot, stopSlot } from "./slot-units.ts";
import { readSlots, readStanding, type Subject } from "./standing.ts";
import { survey } from "./survey.ts";
import { accuse, endUnconfirmed } from "./trial.ts";
import { askStates, type UnitStates } from "./units.ts";
import type { Culprit } from "./watch.ts";

/** Brings what is here into use. Nothing is thrown: what goes wrong is noted with the member. */
export async function activateSlots(member: Member): Promise<void> {
  await member.attempt(async () => {
    const current = await cleanUp(member);
    const standing = member.standing();
    const task = taskOf(standing, current, member.swaps);
    const { inUse } = standing;
    if (task !== "rest" && inUse !== undefined) {
      const work = () =>
        task === "prove" ? prove(member, current, inUse) : takeOver(member, current, inUse);
      // A newer image may mend it.
      if (!member.swaps) return await work();
      await work().catch((error) => tellTrouble(member, error));
    }
    const plan = member.prepared?.plan;
    if (!plan?.swaps) return await settle(member);
    // What counts from here on is the newer one.
    member.outcome = undefined;
    await takeOver(member, currentOf(member), plan.entry.digest);
  });
}

/** The unit that a run without another image would start. */
export function slotToStart(run: Subject, destination: Destination): string | undefined {
  const slots = readSlots(run, destination);
  if (slots === undefined) return undefined;
  const standing = readStanding(run, destination);
  const [current] = findSlots(slots, standing).current;
  const task = taskOf(standing, current, false);
  if (task === "rest") return undefined;
  return (task === "prove" && current ? current : freeSlot(slots, current)).unit;
}

/**
 * Takes away what a run left that died: a slot with another image than the one in use, and one of two with the same
 * (ACT-101).
 *
 * @returns the slot with the image in use
 */
async function cleanUp(member: Member): Promise<Slot | undefined> {
  const { current, stale } = findSlots(slotsOf(member), member.standing());
  const [first, second] = current;
  if (first !== undefined && second !== undefined) {
    const states = await survey([member], member.run.effects);
    const isSecond = !isServing(states?.get(first.unit)) && isServing(states?.get(second.unit));
    await remove(member, isSecond ? first : second);
    return isSecond ? second : first;
  }
  const { refusals } = member.standing();
  for (const slot of stale) {
    const refusal = refusalOf(refusals, slot.image);
    if (refusal === undefined) warnOfStale(member, slot);
    await remove(member, slot);
    // The run that refused it came to no end (ACT-114).
    if (refusal !== undefined) await tellRefusal(member, refusal);
  }
  return first;
}

function warnOfStale({ run }: Member, { unit }: Slot): void {
  const message = `${unit} is stopped: an earlier run that ended too soon has left it on another image than the one in use`;
  run.effects.report({ event: "warning", message });
}

/** Makes sure that what is in use works in a slot, where that is not on record (ACT-108). */
async function prove(member: Member, current: Slot | undefined, image: Sha256Hex): Promise<void> {
  const slot = current ?? freeSlot(slotsOf(member), current);
  const before = await ready(member, slot);
  if (current === undefined) await link(member, slot, image);
  const { verdict, culprit } = await startSlot(member, slot, before);
  if (verdict === "good") return await commit(member, slot, image, undefined, before);
  if (culprit === undefined) return endUnconfirmed(member);
  await accuse([member], member.run.effects, culprit);
  throw doesNotWork(
    culprit,
    "and it stays in use: there is no earlier version to go back to",
    "ACT-108",
  );
}

/** Starts an image in the free slot, which takes the place of the other one if it works (ACT-103 to ACT-107). */
async function takeOver(
  member: Member,
  current: Slot | undefined,
  image: Sha256Hex,
): Promise<void> {
  const slot = freeSlot(slotsOf(member), current);
  const before = await ready(member, slot);
  await link(member, slot, image);
  let isGood = false;
  let refusal: Refusal | undefined;
  let culprit: Culprit | undefined;
  try {
    const seen = await startSlot(member, slot, before);
    isGood = seen.verdict === "good";
    culprit = seen.culprit;
    if (culprit !== undefined) refusal = await judge(member, current, image, culprit);
  } finally {
    if (!isGood) await remove(member, slot, before);
  }
  if (isGood) await commit(member, slot, image, current, before);
  else if (culprit === undefined) endUnconfirmed(member);
  else if (refusal !== undefined) await tellRefusal(member, refusal);
  else throw doesNotWork(culprit, whyNotRefused(member, current, image), "ACT-106");
}

/** Both instances as they are, if nothing forbids to start this one (ACT-1, ACT-102). */
async function ready(member: Member, slot: Slot): Promise<UnitStates | undefined> {
  const before = await survey([member], member.run.effects);
  requireStartable(member, slot, before);
  return before;
}

/** The image comes into use, then the other slot ends (ACT-105). */
async function commit(
  member: Member,
  { name, unit }: Slot,
  image: Sha256Hex,
  old: Slot | undefined,
  before: UnitStates | undefined,
): Promise<void> {
  const { run } = member;
  const standing = member.standing();
  for (const step of stepsOfTakeover(standing, image)) await member.perform(step);
  const previous = standing.inUse;
  if (image !== previous) {
    const version = versionOf(member, image);
    run.effects.report({ event: "activated", version, sha256: image, previous });
  }
  run.effects.report({ event: "switched", slot: name, unit });
  if (old !== undefined) await remove(member, old, before);
  await settle(member);
  await finish(member);
}

async function settle(member: Member): Promise<void> {
  for (const step of stepsToSettleSlots(member.standing())) await member.perform(step);
}

/** Refuses an image that does not work, if what it was to replace does: else it is nobody's fault (ACT-106). */
async function judge(
  member: Member,
  current: Slot | undefined,
  image: Sha256Hex,
  culprit: Culprit,
): Promise<Refusal | undefined> {
  const { effects } = member.run;
  const why = await accuse([member], effects, culprit);
  const { inUse, refusals } = member.standing();
  if (current === undefined || inUse === undefined || inUse === image) return undefined;
  const states = await askStates(effects.systemd, [current.unit]);
  if (!isServing(states?.get(current.unit))) return undefined;
  const refusal = { digest: image, instead: inUse, ...why };
  await member.perform({ step: "refuse", refusals: withRefusal(refusals, refusal) });
  return refusal;
}

async function tellRefusal(member: Member, { digest, instead, reason }: Refusal): Promise<void> {
  const { report } = member.run.effects;
  const [version, refused] = [versionOf(member, instead), versionOf(member, digest)];
  report({ event: "rolled-back", version, sha256: instead, refused, reason });
  await startAfter(member, member.run.config.onRollback);
  member.outcome = { outcome: "rolled-back", version, sha256: instead, refused, reason };
}

function whyNotRefused(member: Member, current: Slot | undefined, image: Sha256Hex): string {
  if (current === undefined) return "and there is no earlier version in a slot";
  return member.standing().inUse === image
    ? `and ${current.unit} goes on with what it read of the damaged image`
    : `nor does ${current.unit}: look at the host, not at the image`;
}

function doesNotWork({ unit, what }: Culprit, consequence: string, rule: string): TakoError {
  return new TakoError("unit", `${unit}: ${what}; ${consequence}`, {
    rule,
    hint: `See "journalctl -u ${unit}"; the next run tries again.`,
  });
}

/** A newer image is tried all the same. */
function tellTrouble(member: Member, thrown: unknown): void {
  const { message } = asFailure(thrown);
  member.run.effects.report({ event: "warning", message });
}

async function link({ destination }: Member, { name }: Slot, image: Sha256Hex): Promise<void> {
  await withRoom(destination.images, image, () => destination.linkSlot(name, image));
}

/** In this order: the link is what tells a run that the unit is still to be stopped. */
async function remove(member: Member, slot: Slot, before?: UnitStates): Promise<void> {
  await stopSlot(member, slot, before);
  await member.destination.linkSlot(slot.name, undefined);
}

function currentOf(member: Member): Slot | undefined {
  return findSlots(slotsOf(member), member.standing()).current[0];
}

function slotsOf({ run, destination }: Member): SlotPair {
  const slots = readSlots(run, destination);
  if (slots === undefined) throw new Error("a config without slots");
  return slots;
}
