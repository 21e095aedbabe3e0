// Putting an image into use, and what that owes to the units which use it (FET-70 to FET-79, DST-60 to
// DST-64): one state machine. Where a destination stands follows from `latest`, `.owed` and the config
// alone, and each step is on disk before the next one relies on it. So a run that is killed anywhere is
// continued by the next from the phase that it finds. What carries the steps out is commands/fetch/.

import type { Sha256Hex } from "./digest.ts";
import type { Owed } from "./records.ts";

/** What the disk and the config say. */
export interface Standing {
  /** The image that `latest` names. */
  readonly inUse: Sha256Hex | undefined;
  /** What `.owed` holds. */
  readonly owed: Owed;
  /** The units of the config's present `Restart=`. */
  readonly units: readonly string[];
}

/** How far the activation of the image in use has come. */
export type Phase =
  /** Nothing was ever activated, or what was is gone. */
  | { readonly phase: "no-image" }
  /** Every unit of the config runs the image in use, as far as Tako is to see to it. */
  | { readonly phase: "at-rest" }
  /** `latest` was swapped, and these units still run what it named before (DST-61, DST-63). */
  | {
      readonly phase: "restart-owed";
      readonly image: Sha256Hex;
      readonly units: readonly string[];
    };

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

/** The units are restarted in one call. */
export interface RestartStep {
  readonly step: "restart";
  readonly units: readonly string[];
}

/** One effect of an activation. */
export type ActivationStep = RecordStep | SwapStep | RestartStep;

/** The phase that a run finds, or has come to. */
export function phaseOf({ inUse, owed, units }: Standing): Phase {
  if (inUse === undefined) return { phase: "no-image" };
  const open = owed.find(({ digest }) => digest === inUse);
  const left = open === undefined ? [] : units.filter((unit) => !open.done.includes(unit));
  if (left.length === 0) return { phase: "at-rest" };
  return { phase: "restart-owed", image: inUse, units: left };
}

/**
 * The steps that put an image of the store into use; none if it is in use already (FET-70).
 *
 * @param startsUnit whether the run is a part of the start of the unit that uses the image: for its
 *   first image, that start is all the restart it needs (FET-83)
 */
export function stepsToActivate(
  { inUse, owed, units }: Standing,
  image: Sha256Hex,
  startsUnit: boolean,
): readonly (RecordStep | SwapStep)[] {
  if (inUse === image) return [];
  const isFirst = inUse === undefined && owed.length === 0;
  const owes = units.length > 0 && !(startsUnit && isFirst);
  // Until the swap, a restart for the image that is still in use stays on record (DST-60).
  const open = owed.filter(({ digest }) => digest === inUse);
  const record = owes ? [{ digest: image, done: [] }, ...open] : open;
  return [
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
 * The steps at the end of a run (FET-75). Without `Restart=` the record stays as it is: the key may be
 * back in the next run (DST-65).
 */
export function stepsToSettle(standing: Standing): readonly (RecordStep | RestartStep)[] {
  const phase = phaseOf(standing);
  // A damaged image took `latest` with it: what runs is still to be restarted on the next one (DST-66).
  if (phase.phase === "no-image") return [];
  if (phase.phase === "restart-owed") return [{ step: "restart", units: phase.units }];
  const { owed, units } = standing;
  return owed.length > 0 && units.length > 0 ? [{ step: "record", owed: [] }] : [];
}

/**
 * What is on record after a restart: nothing if all went well (FET-77), or else which units are done,
 * those of earlier runs included (FET-78).
 *
 * @param failed the units of the call that did not restart
 */
export function recordAfterRestart(
  { inUse, units }: Standing,
  failed: readonly string[],
): RecordStep {
  if (inUse === undefined || failed.length === 0) return { step: "record", owed: [] };
  const done = units.filter((unit) => !failed.includes(unit));
  return { step: "record", owed: [{ digest: inUse, done }] };
}

/** Where a destination stands after a step that went well. */
export function standingAfter(standing: Standing, done: ActivationStep): Standing {
  switch (done.step) {
    case "record":
      return { ...standing, owed: done.owed };
    case "swap":
      return { ...standing, inUse: done.image };
    case "restart":
      return standingAfter(standing, recordAfterRestart(standing, []));
  }
}
