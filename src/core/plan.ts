// The plan of a run, decided once from the config, the manifest and what is on the disk: `--dry-run` tells
// it and a run carries it out, so that they cannot disagree (FET-91). What carries it out is
// commands/fetch/.

import {
  type RecordStep,
  type Standing,
  type SwapStep,
  standingAfter,
  stepsBeforeRepair,
  stepsToActivate,
} from "./activation.ts";
import type { Sha256Hex } from "./digest.ts";
import type { Entry, Manifest } from "./manifest.ts";
import { matches, type Pattern } from "./pattern.ts";
import { entryInUse, fallbacks, newestMatch, newestVersions } from "./select.ts";

/** What a run is for. Both forms of `init` are a part of the start of the unit that uses the image. */
export type Mode = "run" | "init" | "dry-run" | "dry-init";

/** Whether a run only tells its plan (FET-90). */
export function isDry(mode: Mode): boolean {
  return mode === "dry-run" || mode === "dry-init";
}

/** Whether a run is a part of a unit's start, and so never calls systemctl (FET-82). */
export function startsUnit(mode: Mode): boolean {
  return mode === "init" || mode === "dry-init";
}

/** An image of the store, as far as its file tells. */
export type ImageState =
  | "present"
  | "absent"
  | "damaged"
  /** Whole, but with another name (DST-34), by which nobody else may write either: got anew, and kept until then. */
  | "linked"
  /** Whole, but others could change it, by owner or mode (DST-34): the same. */
  | "exposed";

/** One effect of a plan. */
export type Step =
  /** What an earlier run put into the store is synced before it is relied on (DST-29). */
  | { readonly step: "rely" }
  | { readonly step: "download" }
  /** A damaged image is downloaded again, after these records; if that fails, it is taken away (FET-56). */
  | { readonly step: "repair"; readonly records: readonly RecordStep[] }
  | RecordStep
  | SwapStep;

/** What brings one version into use. */
export interface Plan {
  readonly entry: Entry;
  /** In this order. */
  readonly steps: readonly Step[];
}

/** What a host may take of a manifest. */
export type Choice =
  | {
      readonly choice: "take";
      /** The newest that is allowed, then what takes its place while the origin says that it is gone. */
      readonly candidates: readonly [Entry, ...Entry[]];
    }
  | NoMatch;

/** Nothing, since the pattern matches no version. */
export interface NoMatch {
  readonly choice: "no-match";
  readonly pattern: string;
  /** The newest versions, newest first. */
  readonly offered: readonly string[];
}

/** How many of the newest versions are shown when none matches. */
const OFFERED = 5;

/** Picks from a manifest (FET-40, FET-50 to FET-52). */
export function choose(manifest: Manifest, pattern: Pattern, inUse: Sha256Hex | undefined): Choice {
  const picked = newestMatch(manifest, pattern);
  if (picked === undefined) {
    const offered = newestVersions(manifest, OFFERED);
    return { choice: "no-match", pattern: pattern.text, offered };
  }
  const floor = inUse && entryInUse(manifest, inUse, pattern)?.version;
  return {
    choice: "take",
    candidates: [picked, ...fallbacks(manifest, pattern, picked, floor)],
  };
}

/**
 * What a host may do by the manifest that it has, while the origin's cannot be had (FET-26): entries, of
 * which the first whose image is here, and whole, is to be in use. Whatever is in use and allowed stays,
 * so that nobody who keeps news away can order a downgrade.
 */
export function chooseHere(
  local: Manifest,
  pattern: Pattern,
  inUse: Sha256Hex | undefined,
): readonly Entry[] {
  const current = inUse && entryInUse(local, inUse, pattern);
  if (current !== undefined && matches(pattern, current.version)) return [current];
  return local.entries.filter(({ version }) => matches(pattern, version)).toReversed();
}

/** Plans what brings a version into use, from the state of its image and of the destination. */
export function planFor(entry: Entry, image: ImageState, standing: Standing, mode: Mode): Plan {
  const activation = stepsToActivate(standing, entry.digest, startsUnit(mode));
  switch (image) {
    case "present":
      return { entry, steps: [{ step: "rely" }, ...activation] };
    case "absent":
    case "linked":
    case "exposed":
      return { entry, steps: [{ step: "download" }, ...activation] };
    case "damaged": {
      const records = stepsBeforeRepair(standing, entry.digest);
      return { entry, steps: [{ step: "repair", records }, ...activation] };
    }
  }
}

/** Where the destination will stand when the plan is carried out. */
export function standingAfterPlan(standing: Standing, { steps }: Plan): Standing {
  return steps.reduce((reached, step) => {
    if (step.step === "repair") return step.records.reduce(standingAfter, reached);
    return step.step === "record" || step.step === "swap" ? standingAfter(reached, step) : reached;
  }, standing);
}
