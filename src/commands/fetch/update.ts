// From the manifest to the swap of `latest`: planned once for each version that may be taken, and then
// either carried out or told (FET-20 to FET-71, FET-90 to FET-92).

import type { Sha256Hex } from "../../core/digest.ts";
import { asTakoError, type ErrorKind, TakoError } from "../../core/error.ts";
import type { Entry, Manifest } from "../../core/manifest.ts";
import { imageLocation } from "../../core/origin-url.ts";
import { choose, chooseHere, type Plan, planFor, startsUnit } from "../../core/plan.ts";
import type { Destination, LockedDestination } from "../../shell/destination.ts";
import { hashBytes } from "../../shell/disk/hash.ts";
import type { LockedImageStore } from "../../shell/disk/image-store.ts";
import { isLackOfRoom } from "../../shell/disk/storage-error.ts";
import { type Origin, openOrigin, timeoutsOf } from "../../shell/origin/origin.ts";
import { carryOut } from "./carry-out.ts";
import { isShared, warnOfExposed } from "./exposed.ts";
import { type ReceivedManifest, receiveManifest } from "./receive-manifest.ts";
import { type Ended, ended, noMatch, type Outcome } from "./result.ts";
import type { Run } from "./run.ts";

/**
 * Updates a destination.
 *
 * @throws TakoError of kind `origin`, `stale`, `manifest`, `newer-format`, `signature`, `history`, `digest`
 *   or `storage`; `failed` if no version matches and a unit needs one. When no manifest could be had, what
 *   the local one allows has been done (FET-26)
 */
export async function update(run: Run, destination: LockedDestination): Promise<Outcome> {
  try {
    return await takeNewest(run, destination);
  } catch (caught) {
    return await startWithoutNews(run, destination, asTakoError(caught));
  }
}

async function takeNewest(run: Run, destination: LockedDestination): Promise<Outcome> {
  const { config } = run;
  const origin = originOf(run);
  const { images } = destination;
  const { manifest, missed } = await takeNews(run, destination, origin, async (received) => {
    const wanted = choose(received.manifest, config.pattern, destination.readLatest());
    const digest = wanted.choice === "take" ? wanted.candidates[0].digest : undefined;
    await withRoom(images, digest, () => accept(received, destination));
    reportManifest(run, received);
  });
  if (missed !== undefined) {
    const plan = await planHere(run, destination, manifest);
    if (plan !== undefined) await carryOut(run, destination, origin, plan);
    return endedHere(run, plan, missed);
  }

  const choice = choose(manifest, config.pattern, destination.readLatest());
  if (choice.choice === "no-match") return noMatch(run, choice);
  return await takeFirst(run, destination, origin, choice.candidates);
}

/** What keeps news away, and has nothing to say of what is here. */
const WITHOUT_NEWS: readonly ErrorKind[] = [
  "origin",
  "stale",
  "manifest",
  "newer-format",
  "signature",
  "history",
  "digest",
];

/**
 * A unit that is about to start can do with what is in use, if that is allowed and whole (FET-101).
 *
 * @throws TakoError the given one, if not
 */
async function startWithoutNews(
  run: Run,
  destination: LockedDestination,
  error: TakoError,
): Promise<Ended> {
  if (!startsUnit(run.mode) || !WITHOUT_NEWS.includes(error.kind)) throw error;
  const local = destination.readManifest(run.config.publicKeys);
  if (local?.signer === undefined) throw error;
  const plan = await planHere(run, destination, local.manifest);
  const stays = plan?.entry.digest === destination.readLatest();
  return endedHere(run, stays ? plan : undefined, error);
}

/** Brings the first of some versions into use whose image can be had (FET-50 to FET-52). */
async function takeFirst(
  run: Run,
  destination: LockedDestination,
  origin: Origin,
  candidates: readonly [Entry, ...Entry[]],
): Promise<Ended> {
  for (const entry of candidates) {
    const plan = await planOrTakeAway(run, destination, entry);
    const step = () => carryOut(run, destination, origin, plan);
    if ((await withRoom(destination.images, entry.digest, step)) === "gone") continue;
    return endedBy(plan);
  }
  const [{ version, digest }] = candidates;
  throw new TakoError(
    "origin",
    `the origin no longer has version ${version.text}, nor an older one that may be taken`,
    { rule: "FET-52", source: imageLocation(run.config.origin, digest).shown },
  );
}

/**
 * Does something that writes. Where there is no room for it, what is left of downloads that nobody wants any
 * more makes some, and it is done once more (FET-74).
 */
async function withRoom<T>(
  images: LockedImageStore,
  wanted: Sha256Hex | undefined,
  write: () => Promise<T>,
): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (!isLackOfRoom(error) || !images.removeStalePartials(wanted)) throw error;
    return await write();
  }
}

/** Nothing may start from a damaged image, also where it cannot be told what its repair owes (FET-56). */
async function planOrTakeAway(
  { config, mode, verify, effects }: Run,
  destination: LockedDestination,
  entry: Entry,
): Promise<Plan> {
  const image = await destination.images.check(entry, verify);
  const path = destination.images.pathOf(entry.digest);
  if (image === "damaged") {
    effects.report({ event: "damaged", version: entry.version.text, path });
  }
  if (isShared(image)) {
    warnOfExposed(effects.report, entry, path, "so it is got anew");
  }
  try {
    return planFor(entry, image, destination.readStanding(config.restart), mode);
  } catch (error) {
    if (image === "damaged") await destination.removeDamaged(entry.digest);
    throw error;
  }
}

/** What a run would do first; or that it would end without doing anything. */
export type Planned =
  | {
      readonly plan: Plan | undefined;
      /** How it would end after that. @throws as {@link update} */
      readonly end: () => Ended;
    }
  | Outcome;

/**
 * What {@link update} would do, with every check and nothing written.
 *
 * @throws TakoError as {@link update}
 */
export async function planUpdate(run: Run, destination: Destination): Promise<Planned> {
  const { config } = run;
  const origin = originOf(run);
  const { manifest, missed } = await takeNews(run, destination, origin, async (received) => {
    if (isLocal(received)) reportManifest(run, received);
  });
  if (missed !== undefined) {
    const plan = await planHere(run, destination, manifest);
    return { plan, end: () => endedHere(run, plan, missed) };
  }
  const choice = choose(manifest, config.pattern, destination.readLatest());
  if (choice.choice === "no-match") return noMatch(run, choice);
  const [entry] = choice.candidates;
  const image = await destination.images.check(entry, run.verify);
  const plan = planFor(entry, image, destination.readStanding(config.restart), run.mode);
  return { plan, end: () => endedBy(plan) };
}

/**
 * What can be done without the origin: to use an image that is here, and whole (FET-26). One that others could
 * change stays in use, since nothing better is to be had, and does not come into use (FET-102).
 */
async function planHere(
  { config, mode, verify, effects: { report } }: Run,
  destination: Destination,
  manifest: Manifest,
): Promise<Plan | undefined> {
  const inUse = destination.readLatest();
  for (const entry of chooseHere(manifest, config.pattern, inUse)) {
    const image = await destination.images.check(entry, verify);
    const stays = isShared(image) && entry.digest === inUse;
    if (stays) warnOfExposed(report, entry, destination.images.pathOf(entry.digest));
    if (image !== "present" && !stays) continue;
    return planFor(entry, "present", destination.readStanding(config.restart), mode);
  }
  return undefined;
}

/** A unit can start with what is here; but nobody could look for news (FET-27). */
function endedHere(
  { mode, effects: { report } }: Run,
  plan: Plan | undefined,
  missed: TakoError,
): Ended {
  if (plan === undefined || !startsUnit(mode)) throw missed;
  const source = missed.source === undefined ? "" : `${missed.source}: `;
  report({ event: "warning", message: `${source}${missed.message}` });
  return endedBy(plan);
}

function endedBy({ entry, steps }: Plan): Ended {
  return ended(steps.some(({ step }) => step === "swap") ? "updated" : "current", entry);
}

/** The manifest to go by. */
interface News {
  readonly manifest: Manifest;
  /** Why it is the local one, if the origin's could not be had (FET-24). */
  readonly missed: TakoError | undefined;
}

/** @param use what is to be done with its bytes, which are gone after that */
async function takeNews(
  { config, effects: { clock } }: Run,
  destination: Destination,
  origin: Origin,
  use: (received: ReceivedManifest) => Promise<void>,
): Promise<News> {
  try {
    const received = await receiveManifest(config, destination, origin, clock);
    await use(received);
    return {
      manifest: received.manifest,
      missed: received.news === "none" ? received.error : undefined,
    };
  } finally {
    origin.forgetManifest();
  }
}

function originOf({
  config,
  largeManifests,
  effects: { clock, random, environment, report },
}: Run): Origin {
  return openOrigin(config.origin, {
    clock,
    random,
    environment,
    timeouts: timeoutsOf(config.timeoutMs),
    largeManifests,
    onRetry: (url, reason, delayMs) => report({ event: "retry", url, reason, delayMs }),
  });
}

/** Puts a manifest on disk before an image of it is asked for (FET-33). */
async function accept(received: ReceivedManifest, destination: LockedDestination): Promise<void> {
  if (isLocal(received)) return;
  const { news, bytes, url, etag } = received;
  await (news === "same" ? destination.syncManifest() : destination.writeManifest(bytes));
  await destination.writeEtag(url, etag, bytes);
}

/** Whether the local manifest stays. */
function isLocal(
  received: ReceivedManifest,
): received is Extract<ReceivedManifest, { news: "not-modified" | "older-key" | "none" }> {
  return ["not-modified", "older-key", "none"].includes(received.news);
}

const STATES = {
  new: "new",
  updated: "updated",
  same: "unchanged",
  "not-modified": "unchanged",
  "older-key": "unchanged",
  none: "local",
} as const;

function reportManifest({ effects }: Run, received: ReceivedManifest): void {
  const { news, manifest, bytes, signer } = received;
  if (received.news === "older-key") {
    const message = `the origin's manifest has the same entries, signed by ${received.olderKey.text}; the local one stays, since its key ${signer.text} is in a later PublicKey= and so counts as the newer one`;
    effects.report({ event: "warning", message });
  }
  const versions = manifest.entries.length;
  const sha256 = hashBytes(bytes);
  effects.report({
    event: "manifest",
    state: STATES[news],
    versions,
    sha256,
    signedBy: signer.text,
  });
}
