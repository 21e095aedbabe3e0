// The slots of a config, of which one takes over from the other (spec/activation.md, ACT-100 to ACT-113): what their links say,
// and what is to be done for it. A run that is killed anywhere leaves links from which the next one sees what to do; what
// does it is commands/fetch/slots.ts.

import type { GoodStep, RecordStep, Standing, SwapStep } from "./activation.ts";
import type { Sha256Hex } from "./digest.ts";
import type { UnitState } from "./unit-state.ts";

/** One of the two slots, as its link has it. */
export interface Slot {
  readonly name: string;
  /** The instance that it stands for. */
  readonly unit: string;
  readonly isLinked: boolean;
  /** What its link names, if that is an image. */
  readonly image: Sha256Hex | undefined;
}

export type SlotPair = readonly [Slot, Slot];

/** What the links of both slots say together. */
export interface FoundSlots {
  /** Those that have the image in use. Two of them only after a run died. */
  readonly current: readonly Slot[];
  /** Left by a run that died: to be stopped, and their links removed (ACT-101). */
  readonly stale: readonly Slot[];
}

/**
 * While `latest` is absent, for it named a damaged image that could not be had anew (FET-56), the slot whose image has
 * proved itself goes on serving.
 */
export function findSlots(
  slots: SlotPair,
  { inUse, good }: Pick<Standing, "inUse" | "good">,
): FoundSlots {
  const wanted = inUse ?? good;
  const linked = slots.filter(({ isLinked }) => isLinked);
  const isCurrent = ({ image }: Slot) => image !== undefined && image === wanted;
  return {
    current: linked.filter(isCurrent),
    stale: linked.filter((slot) => !isCurrent(slot)),
  };
}

/** The one that is not at work; the first if neither is. */
export function freeSlot([first, second]: SlotPair, current: Slot | undefined): Slot {
  return current?.name === first.name ? second : first;
}

/** What a run has to do with the image in use, before or without any other. */
export type SlotsTask =
  | "rest"
  /** No slot runs it, or it is not on record that it works there (ACT-108). */
  | "prove"
  /** It was damaged and is whole again, so the other slot starts from it (FET-55, ACT-109). */
  | "renew";

/** @param swaps whether another image is about to take its place anyway */
export function taskOf(
  { inUse, good, owed }: Standing,
  current: Slot | undefined,
  swaps: boolean,
): SlotsTask {
  if (inUse === undefined) return "rest";
  if (current === undefined) return "prove";
  if (swaps) return "rest";
  if (owed.some(({ digest }) => digest === inUse)) return "renew";
  return good === inUse ? "rest" : "prove";
}

/**
 * The steps once an image has proved itself in its slot (ACT-105). The swap is what decides: a run that dies before it leaves the
 * new slot behind as stale, and one that dies after it the old slot.
 */
export function stepsOfTakeover(
  { inUse, owed }: Standing,
  image: Sha256Hex,
): readonly (RecordStep | SwapStep | GoodStep)[] {
  const good = { step: "good", image } as const;
  if (image === inUse) return [good];
  const others = owed.filter(({ digest }) => digest !== image);
  return [
    ...(others.length === owed.length ? [] : [{ step: "record", owed: others } as const]),
    { step: "swap", image },
    good,
  ];
}

/**
 * The steps once only one slot is left, and has what is in use. Not before: of two it could be the other one that read what
 * was damaged (ACT-109).
 */
export function stepsToSettleSlots({ inUse, owed }: Standing): readonly RecordStep[] {
  return inUse === undefined || owed.length === 0 ? [] : [{ step: "record", owed: [] }];
}

/** Whether what a slot runs is there for those who ask. */
export function isServing(state: UnitState | undefined): boolean {
  return ["active", "reloading", "refreshing"].includes(state?.active ?? "");
}
