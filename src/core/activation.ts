// Putting an image into use, what that owes to the units which use it, and the way back from one that does not
// work (spec/activation.md; FET-70 to FET-79, DST-60 to DST-82): one state machine. Where a destination stands
// follows from `latest`, its records and the config alone, and each step is on disk before the next one relies on
// it. So a run that is killed anywhere is continued by the next from the phase that it finds. What carries the
// steps out is commands/fetch/.

import type { Sha256Hex } from "./digest.ts";
import type { Owed } from "./records.ts";
import { type Refusal, type Refusals, refusalOf, withoutRefusal, withRefusal } from "./refusals.ts";

/** What the disk and the config say. */
export interface Standing {
  /** The image that `latest` names. */
  readonly inUse: Sha256Hex | undefined;
  /** What `.owed` holds. */
  readonly owed: Owed;
  /** The units of the config's present `Restart=` and `Reload=`. */
  readonly units: readonly string[];
  /** Whether the config has a `WatchSec=`, so that an image has to prove itself. */
  readonly watches: boolean;
  /** The last image that proved itself, `.good`. */
  readonly good: Sha256Hex | undefined;
  /** Whether that one may be gone back to: it is listed, and the config allows it (ACT-51). */
  readonly canGoBack: boolean;
  /** The images that did not work here, `.refused`. */
  readonly refusals: Refusals;
}

/** How far the activation of the image in use has come. */
export type Phase =
  /** Nothing was ever activated, or what was is gone. */
  | { readonly phase: "no-image" }
  /** Every unit of the config runs the image in use, as far as Tako is to see to it. */
  | { readonly phase: "at-rest" }
  /** `latest` was swapped, and these units still run what it named before (DST-61, DST-63). */
  | { readonly phase: "restart-owed"; readonly image: Sha256Hex; readonly units: readonly string[] }
  /** The image has still to prove itself, once these units are restarted (ACT-40). */
  | { readonly phase: "on-trial"; readonly image: Sha256Hex; readonly units: readonly string[] }
  /** It was refused, and the good one is to be put back (ACT-54). */
  | { readonly phase: "way-back"; readonly refusal: Refusal; readonly to: Sha256Hex }
  /** The good one is back; whether it works, once these units are restarted, is still to be seen (ACT-56). */
  | { readonly phase: "control"; readonly refusal: Refusal; readonly units: readonly string[] };

/** `.owed` holds this from now on; there is no file if it is empty. */
export interface RecordStep {
  readonly step: "record";
  readonly owed: Owed;
}

/** `latest` names the image from now on. */
export interface SwapStep {
  readonly step: "swap";
  readonly image: Sha256Hex;
}

/** `.good` names the image from now on; there is no file without one. */
export interface GoodStep {
  readonly step: "good";
  readonly image: Sha256Hex | undefined;
}

/** `.refused` holds this from now on; there is no file if it is empty. */
export interface RefuseStep {
  readonly step: "refuse";
  readonly refusals: Refusals;
}

/** One effect of an activation on the disk. */
export type ActivationStep = RecordStep | SwapStep | GoodStep | RefuseStep;

/** The phase that a run finds, or has come to. */
export function phaseOf({
  inUse,
  owed,
  units,
  watches,
  good,
  canGoBack,
  refusals,
}: Standing): Phase {
  if (inUse === undefined) return { phase: "no-image" };
  const open = owed.find(({ digest }) => digest === inUse);
  const left = open === undefined ? [] : units.filter((unit) => !open.done.includes(unit));
  if (watches && inUse !== good) {
    const refusal = refusalOf(refusals, inUse);
    if (refusal !== undefined && good !== undefined && canGoBack) {
      return { phase: "way-back", refusal, to: good };
    }
    return { phase: "on-trial", image: inUse, units: left };
  }
  const last = refusals.at(-1);
  // Its group is still there, unlike when the good image is restarted for another reason (ACT-50).
  const isReplaced = last?.instead === inUse && owed.some(({ digest }) => digest === last.digest);
  if (watches && open !== undefined && isReplaced) {
    return { phase: "control", refusal: last, units: left };
  }
  return left.length === 0
    ? { phase: "at-rest" }
    : { phase: "restart-owed", image: inUse, units: left };
}

/** What a run knows when it puts an image into use. */
export interface Circumstances {
  /** The run is a part of the start of the unit that uses the image: for its first image, that start is all the restart it needs (FET-83). */
  readonly startsUnit: boolean;
  /** Units that stay stopped, and need no restart (ACT-5). */
  readonly stopped: readonly string[];
  /** No unit is known to be down now, so that the image in use may count as good (ACT-41). */
  readonly isSound: boolean;
}

/** The steps that put an image of the store into use; none if it is in use already (FET-70). */
export function stepsToActivate(
  standing: Standing,
  image: Sha256Hex,
  { startsUnit, stopped, isSound }: Circumstances,
): readonly (GoodStep | RecordStep | SwapStep)[] {
  const { inUse, owed, units, watches, good } = standing;
  if (inUse === image) return [];
  const isFirst = inUse === undefined && owed.length === 0;
  const owes = units.length > 0 && !(startsUnit && isFirst);
  // Until the swap, a restart for the image that is still in use stays on record (DST-60).
  const open = owed.filter(({ digest }) => digest === inUse);
  const record = owes ? [{ digest: image, done: stopped }, ...open] : open;
  // An image on which a restart is still owed has not been tried, and is nothing to go back to.
  const becomesGood =
    watches && good === undefined && inUse !== undefined && isSound && open.length === 0;
  const isForgotten = !watches && good !== undefined;
  return [
    ...(becomesGood ? [{ step: "good", image: inUse } as const] : []),
    ...(isForgotten ? [{ step: "good", image: undefined } as const] : []),
    { step: "record", owed: record },
    { step: "swap", image },
  ];
}

/**
 * The steps before a damaged image is replaced: what runs from it is to be restarted once it is whole
 * again (FET-55).
 */
export function stepsBeforeRepair(
  { inUse, units }: Standing,
  image: Sha256Hex,
): readonly RecordStep[] {
  if (inUse !== image || units.length === 0) return [];
  return [{ step: "record", owed: [{ digest: image, done: [] }] }];
}

/**
 * The steps at the end of a run in which no unit is to be restarted or watched (FET-75). Without `Restart=`
 * the record stays as it is: the key may be back in the next run (DST-65).
 */
export function stepsToSettle(standing: Standing): readonly RecordStep[] {
  const { owed, units } = standing;
  const isSettled = phaseOf(standing).phase === "at-rest" && owed.length > 0 && units.length > 0;
  return isSettled ? [{ step: "record", owed: [] }] : [];
}

/**
 * What is on record after a restart: nothing if all went well (FET-77), or else which units are done,
 * those of earlier runs included (FET-78). While an image is watched the record stays, so that it can be told
 * from one that nobody judged (ACT-42).
 *
 * @param undone the units that did not restart
 */
export function recordAfterRestart(standing: Standing, undone: readonly string[]): RecordStep {
  const { inUse, owed, units } = standing;
  const { phase } = phaseOf(standing);
  const isWatched = phase === "on-trial" || phase === "control";
  if (inUse === undefined || (undone.length === 0 && !isWatched)) {
    return { step: "record", owed: [] };
  }
  const done = units.filter((unit) => !undone.includes(unit));
  const others = phase === "control" ? owed.filter(({ digest }) => digest !== inUse) : [];
  return { step: "record", owed: [{ digest: inUse, done }, ...others] };
}

/** The steps once the image in use has proved itself (ACT-43). */
export function stepsOfProof({
  inUse,
  owed,
  refusals,
}: Standing): readonly (RefuseStep | GoodStep | RecordStep)[] {
  const refusal = refusalOf(refusals, inUse);
  return [
    ...(refusal === undefined
      ? []
      : [{ step: "refuse", refusals: withoutRefusal(refusals, refusal.digest) } as const]),
    { step: "good", image: inUse },
    ...(owed.length === 0 ? [] : [{ step: "record", owed: [] } as const]),
  ];
}

/**
 * The steps that take the image in use out of use for the good one (ACT-50 to ACT-54); none where there is no way
 * back. An image is refused before anything else, so that no later run takes it again whatever becomes of this one.
 *
 * @param stopped units that stay stopped
 */
export function stepsToGoBack(
  standing: Standing,
  { time, reason }: Pick<Refusal, "time" | "reason">,
  stopped: readonly string[],
): readonly (RefuseStep | RecordStep | SwapStep)[] {
  const { inUse, owed, units, good, canGoBack, refusals } = standing;
  if (inUse === undefined || good === undefined || good === inUse || !canGoBack) return [];
  const isRefused = refusalOf(refusals, inUse) !== undefined;
  const refusal = { digest: inUse, instead: good, time, reason };
  const open = owed.find(({ digest }) => digest === inUse) ?? { digest: inUse, done: units };
  const record = [{ digest: good, done: stopped }, open];
  return [
    ...(isRefused ? [] : [{ step: "refuse", refusals: withRefusal(refusals, refusal) } as const]),
    { step: "record", owed: record },
    { step: "swap", image: good },
  ];
}

/**
 * The steps once it is known whether the image that was put back works. If it does not either, the other one is not
 * to blame, and its refusal is taken back (ACT-57).
 *
 * @param left what is still owed a start on it: what is bad, and what systemd cannot restart
 */
export function stepsOfControl(
  { inUse, units, refusals }: Standing,
  { digest }: Refusal,
  works: boolean,
  left: readonly string[],
): readonly (RefuseStep | RecordStep)[] {
  const forgiven = { step: "refuse", refusals: withoutRefusal(refusals, digest) } as const;
  const done = units.filter((unit) => !left.includes(unit));
  const isLeft = inUse !== undefined && done.length < units.length;
  return [
    ...(works ? [] : [forgiven]),
    { step: "record", owed: isLeft ? [{ digest: inUse, done }] : [] },
  ];
}

/** Where a destination stands after a step that went well. */
export function standingAfter(standing: Standing, done: ActivationStep): Standing {
  switch (done.step) {
    case "record":
      return { ...standing, owed: done.owed };
    case "swap":
      return { ...standing, inUse: done.image };
    case "good":
      return { ...standing, good: done.image };
    case "refuse":
      return { ...standing, refusals: done.refusals };
  }
}
