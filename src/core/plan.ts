// The plan of a run, decided once from the config, the manifest and what is on the disk: `--dry-run` tells
// it and a run carries it out, so that they cannot disagree (FET-91). What carries it out is
// commands/fetch/.

import {
  type RecordStep,
  type Standing,
  standingAfter,
  stepsBeforeRepair,
  stepsToActivate,
} from "./activation.ts";
import { byAge, nextRipe, ripeOf, type Waiting, type Young } from "./ages.ts";
import type { Sha256Hex } from "./digest.ts";
import type { Entry, Manifest } from "./manifest.ts";
import { leavesOut, matches, type Pattern } from "./pattern.ts";
import { type Refusal, type Refusals, refusalOf } from "./refusals.ts";
import { allowedEntries, entryInUse, fallbacks, newestVersions } from "./select.ts";
import { compareVersions, type Version } from "./version.ts";

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

/** What has to be done before an image can be put into use. */
export type ObtainStep =
  /** What an earlier run put into the store is synced before it is relied on (DST-29). */
  | { readonly step: "rely" }
  | { readonly step: "download" }
  /** A damaged image is downloaded again, after these records; if that fails, it is taken away (FET-56). */
  | { readonly step: "repair"; readonly records: readonly RecordStep[] };

/** What brings one version into use. */
export interface Plan {
  readonly entry: Entry;
  readonly obtain: ObtainStep;
  /** Whether `latest` names another image now (FET-70). */
  readonly swaps: boolean;
  /** Why it is not the newest that the config allows, if it is not. */
  readonly withheld: Withheld | undefined;
}

/** What this host has made up its mind about, beside the config. */
export interface HostChoice {
  /** The image that `latest` names. */
  readonly inUse: Sha256Hex | undefined;
  /** The image that it was told to stay on, `.hold`. */
  readonly hold: Sha256Hex | undefined;
  /** The images that did not work here, `.refused`. */
  readonly refusals: Refusals;
  /** The images that are not old enough yet, `.seen` and `MinAge=`. */
  readonly young: Young;
}

/** Why a host does not take the newest version that its config allows. */
export type Withheld =
  | { readonly why: "held" }
  /** `version` did not work here, and nothing newer is on offer. */
  | { readonly why: "refused"; readonly version: string; readonly reason: string }
  /** `version` is the newest that the pattern of the config matches, and its `Skip=` names it (FET-114). */
  | { readonly why: "skipped"; readonly version: string };

/** What a host may take of a manifest. */
export type Choice =
  | {
      readonly choice: "take";
      /** The newest that is allowed, then what takes its place while the origin says that it is gone. */
      readonly candidates: readonly [Entry, ...Entry[]];
      readonly withheld: Withheld | undefined;
      /** The version that would be taken next if it were old enough. */
      readonly waiting: Waiting | undefined;
    }
  /** Nothing but what is in use, which the manifest does not list. */
  | {
      readonly choice: "stay";
      readonly withheld: Withheld | undefined;
      readonly waiting: Waiting | undefined;
    }
  | NoMatch;

/** Nothing, since the pattern matches no version. */
export interface NoMatch {
  readonly choice: "no-match";
  readonly pattern: string;
  /** Whether it would match one that `Skip=` names. */
  readonly skips: boolean;
  /** The newest versions, newest first. */
  readonly offered: readonly string[];
}

/** How many of the newest versions are shown when none matches. */
const OFFERED = 5;

/** Picks from a manifest (FET-40, FET-50 to FET-52, ACT-30 to ACT-36, ACT-62 to ACT-69). */
export function choose(manifest: Manifest, pattern: Pattern, host: HostChoice): Choice {
  const { inUse, hold, young } = host;
  const current = inUse && entryInUse(manifest, inUse, pattern);
  const held = heldEntry(manifest, pattern, host);
  if (held !== undefined) return stay(held, { why: "held" });
  if (hold !== undefined && inUse !== undefined) return stay(current, { why: "held" });

  const allowed = allowedEntries(manifest, pattern);
  if (allowed.length === 0) {
    const offered = newestVersions(manifest, OFFERED);
    const skips = newestLeftOut(manifest, pattern) !== undefined;
    return { choice: "no-match", pattern: pattern.text, skips, offered };
  }
  const refused = newestRefused(manifest, pattern, host.refusals);
  const fresh = allowed.filter((entry) => isNewer(entry, refused));
  const ripe = ripeOf(fresh, young, inUse);
  const picked = ripe.at(-1);
  const take = (entry: Entry, among: readonly Entry[], floor?: Version): Choice => ({
    choice: "take",
    candidates: [entry, ...fallbacks({ entries: among }, pattern, entry, floor)],
    withheld: skippedFor(manifest, pattern, entry),
    waiting: nextRipe(fresh.slice(fresh.indexOf(entry) + 1), young),
  });
  if (picked !== undefined) return take(picked, ripe, current?.version);
  const waiting = nextRipe(fresh, young);
  if (refused === undefined && inUse !== undefined) return stay(current, undefined, waiting);

  const instead = refused && entryInUse(manifest, refused.refusal.instead, pattern);
  const mayStay = current !== undefined && mayStayInUse(manifest, pattern, current, host);
  const found = mayStay ? current : (instead ?? current);
  // With nothing in use and nothing to put back, waiting would keep nobody from harm (ACT-68).
  const [known] = inUse === undefined && found === undefined ? byAge(fresh, young) : [];
  if (known !== undefined) return take(known, fresh);
  return stay(found, refused && refusedBy(refused), waiting);
}

/** The image that a host is to stay on, if it can: where a run died on the way to it, it is not in use yet (ACT-30). */
function heldEntry(
  manifest: Manifest,
  pattern: Pattern,
  { hold, refusals }: Pick<HostChoice, "hold" | "refusals">,
): Entry | undefined {
  const isRefused = refusalOf(refusals, hold) !== undefined;
  return hold === undefined || isRefused ? undefined : entryInUse(manifest, hold, pattern);
}

function stay(entry: Entry | undefined, withheld: Withheld | undefined, waiting?: Waiting): Choice {
  return entry === undefined
    ? { choice: "stay", withheld, waiting }
    : { choice: "take", candidates: [entry], withheld, waiting };
}

/** Whether a newer version would be taken, if `Skip=` did not name it. */
function skippedFor(manifest: Manifest, pattern: Pattern, taken: Entry): Withheld | undefined {
  const version = newestLeftOut(manifest, pattern)?.version;
  if (version === undefined || compareVersions(version, taken.version) < 0) return undefined;
  return { why: "skipped", version: version.text };
}

function newestLeftOut(manifest: Manifest, pattern: Pattern): Entry | undefined {
  return manifest.entries.findLast(({ version }) => leavesOut(pattern, version));
}

function refusedBy({ entry, refusal }: Refused): Withheld {
  return { why: "refused", version: entry.version.text, reason: refusal.reason };
}

interface Refused {
  readonly entry: Entry;
  readonly refusal: Refusal;
}

function isNewer({ version }: Entry, refused: Refused | undefined): boolean {
  return refused === undefined || compareVersions(version, refused.entry.version) > 0;
}

/** The newest allowed version that did not work here: nothing up to it is taken (ACT-31). */
function newestRefused(
  manifest: Manifest,
  pattern: Pattern,
  refusals: Refusals,
): Refused | undefined {
  const entry = manifest.entries.findLast(
    ({ version, digest }) => refusalOf(refusals, digest) !== undefined && matches(pattern, version),
  );
  const refusal = entry && refusalOf(refusals, entry.digest);
  return refusal && { entry, refusal };
}

/**
 * Whether an image in use is one that a unit may start from: the config allows it, or it was put back in the place of
 * one that did not work, or the host is held on it (ACT-37).
 */
export function mayStayInUse(
  manifest: Manifest,
  pattern: Pattern,
  { version, digest }: Entry,
  { hold, refusals }: Pick<HostChoice, "hold" | "refusals">,
): boolean {
  if (hold === digest || matches(pattern, version)) return true;
  return newestRefused(manifest, pattern, refusals)?.refusal.instead === digest;
}

/**
 * What a host may do by the manifest that it has, while the origin's cannot be had (FET-26): entries, of
 * which the first whose image is here, and whole, is to be in use. Whatever is in use and allowed stays,
 * so that nobody who keeps news away can order a downgrade.
 */
export function chooseHere(local: Manifest, pattern: Pattern, host: HostChoice): readonly Entry[] {
  const { inUse, hold, refusals, young } = host;
  const current = inUse && entryInUse(local, inUse, pattern);
  const held = heldEntry(local, pattern, host);
  const mayStay = current !== undefined && mayStayInUse(local, pattern, current, host);
  if (mayStay || (hold !== undefined && inUse !== undefined)) {
    return [...new Set([held, current])].filter((entry) => entry !== undefined);
  }
  const refused = newestRefused(local, pattern, refusals);
  const instead = refused && entryInUse(local, refused.refusal.instead, pattern);
  const allowed = allowedEntries(local, pattern).filter((entry) => isNewer(entry, refused));
  return [
    ...(held === undefined ? [] : [held]),
    ...ripeOf(allowed, young, inUse).toReversed(),
    ...(instead === undefined ? [] : [instead]),
    ...(inUse === undefined ? byAge(allowed, young) : []),
  ];
}

/** Plans what brings a version into use, from the state of its image and of the destination. */
export function planFor(
  entry: Entry,
  image: ImageState,
  standing: Standing,
  withheld?: Withheld,
): Plan {
  return {
    entry,
    obtain: stepFor(entry, image, standing),
    swaps: standing.inUse !== entry.digest,
    withheld,
  };
}

function stepFor({ digest }: Entry, image: ImageState, standing: Standing): ObtainStep {
  switch (image) {
    case "present":
      return { step: "rely" };
    case "absent":
    case "linked":
    case "exposed":
      return { step: "download" };
    case "damaged":
      return { step: "repair", records: stepsBeforeRepair(standing, digest) };
  }
}

/** Where the destination will stand when the plan is carried out, and no unit stays stopped. */
export function standingAfterPlan(
  standing: Standing,
  { entry, obtain }: Plan,
  mode: Mode,
): Standing {
  const repaired = obtain.step === "repair" ? obtain.records : [];
  const reached = repaired.reduce(standingAfter, standing);
  const circumstances = { startsUnit: startsUnit(mode), stopped: [], isSound: false };
  return stepsToActivate(reached, entry.digest, circumstances).reduce(standingAfter, reached);
}
