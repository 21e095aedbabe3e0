// From the manifest to an image in the store: planned once for each version that may be taken, and then either
// brought here or told (FET-20 to FET-69, FET-90 to FET-92). How it comes into use is activate.ts.

import { phaseOf } from "../../core/activation.ts";
import type { Sha256Hex } from "../../core/digest.ts";
import { asTakoError, type ErrorKind, TakoError } from "../../core/error.ts";
import type { Entry, Manifest } from "../../core/manifest.ts";
import { imageLocation } from "../../core/origin-url.ts";
import {
  type Choice,
  choose,
  chooseHere,
  type HostChoice,
  type Plan,
  planFor,
  startsUnit,
  type Withheld,
} from "../../core/plan.ts";
import type { Destination, LockedDestination } from "../../shell/destination.ts";
import type { Origin } from "../../shell/origin/origin.ts";
import { obtain, withRoom } from "./carry-out.ts";
import { checkImage } from "./check-image.ts";
import type { Cost } from "./cost.ts";
import { isShared, warnOfExposed } from "./exposed.ts";
import { accept, isLocal, type News, reportManifest, takeNews, viewOf } from "./news.ts";
import type { LookEnd } from "./note-look.ts";
import { originOf } from "./origin.ts";
import { offeredCost } from "./packed.ts";
import { ended, noMatch, type Outcome, withheldOutcome } from "./result.ts";
import type { Run } from "./run.ts";
import { listedEntry, readStanding } from "./standing.ts";

/** What a run has brought here, or would bring, and how it ends once that is in use. */
export interface Prepared {
  /** None if nothing is to be put into use. */
  readonly plan: Plan | undefined;
  /** Of its download, in a dry run that asked for it. */
  readonly cost?: Cost | undefined;
  /** What kept the run from looking for news. */
  readonly missed?: TakoError | undefined;
  /** @throws TakoError for what kept a run from looking for news */
  readonly end: () => Outcome;
}

/**
 * Brings the image here that a destination is to use.
 *
 * @throws TakoError of kind `origin`, `stale`, `manifest`, `newer-format`, `signature`, `history`, `digest`
 *   or `storage`; `failed` if no version matches and a unit needs one
 * @param looked told how the look for news ended
 */
export async function prepare(
  run: Run,
  destination: LockedDestination,
  looked: (look: LookEnd) => void,
): Promise<Prepared> {
  const gone: Sha256Hex[] = [];
  try {
    const prepared = await bringNewest(run, destination, gone);
    looked({ missed: prepared.missed, gone });
    return prepared;
  } catch (caught) {
    const error = asTakoError(caught);
    looked({ missed: error, gone });
    return await startWithoutNews(run, destination, error);
  }
}

/** @param gone the images that the origin took away are added to them */
async function bringNewest(
  run: Run,
  destination: LockedDestination,
  gone: Sha256Hex[],
): Promise<Prepared> {
  const { config } = run;
  const origin = originOf(run);
  const { images } = destination;
  const news = await takeNews(run, destination, origin, async (received, { host, seen }) => {
    const wanted = choose(received.manifest, config.pattern, host);
    const digest = wanted.choice === "take" ? wanted.candidates[0].digest : undefined;
    await withRoom(images, digest, () => accept(received, seen, destination));
    reportManifest(run, received);
  });
  const { manifest, host, missed } = news;
  if (missed !== undefined) {
    const plan = await planHere(run, destination, manifest, host);
    if (plan !== undefined) await obtain(run, destination, origin, plan);
    return { plan, missed, end: () => endedHere(run, plan, missed) };
  }

  const choice = chooseAndTell(run, news);
  if (choice.choice === "take") return await bringFirst(run, destination, origin, choice, gone);
  return { plan: undefined, end: () => endedWithout(run, destination, choice) };
}

/** Which versions may be taken, and which one is only too young (ACT-69). */
function chooseAndTell({ config, effects }: Run, { manifest, host }: News): Choice {
  const choice = choose(manifest, config.pattern, host);
  const waiting = choice.choice === "no-match" ? undefined : choice.waiting;
  if (waiting !== undefined) effects.report({ event: "too-young", ...waiting });
  return choice;
}

/** What somebody can do whose host keeps away from what it refused. */
const TRY_AGAIN = "tako release lets what was refused here be tried again.";

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
): Promise<Prepared> {
  if (!startsUnit(run.mode) || !WITHOUT_NEWS.includes(error.kind)) throw error;
  const local = destination.readManifest(run.config.publicKeys);
  if (local?.signer === undefined) throw error;
  const { manifest } = local;
  const { host } = viewOf(run, destination, manifest, manifest);
  // Only what is in use may start, so what it is to be replaced by does not matter.
  const hold = host.hold === host.inUse ? host.hold : undefined;
  const plan = await planHere(run, destination, manifest, { ...host, hold });
  if (plan === undefined || plan.swaps) throw error;
  return { plan, end: () => endedHere(run, plan, error) };
}

type Take = Extract<Choice, { choice: "take" }>;

/** Brings the first of some versions here whose image can be had (FET-50 to FET-52). */
async function bringFirst(
  run: Run,
  destination: LockedDestination,
  origin: Origin,
  { candidates, withheld }: Take,
  gone: Sha256Hex[],
): Promise<Prepared> {
  for (const entry of candidates) {
    const plan = await planOrTakeAway(run, destination, entry, withheld);
    const step = () => obtain(run, destination, origin, plan);
    if ((await withRoom(destination.images, entry.digest, step)) === "gone") {
      gone.push(entry.digest);
      continue;
    }
    return { plan, end: () => endedOnWayBack(run, destination, plan) ?? endedBy(run, plan) };
  }
  throw allGone(run, candidates[0], withheld);
}

function allGone(
  { config }: Run,
  { version, digest }: Entry,
  withheld: Take["withheld"],
): TakoError {
  const message = `the origin no longer has version ${version.text}, nor an older one that may be taken`;
  return new TakoError("origin", message, {
    rule: "FET-52",
    source: imageLocation(config.origin, digest).shown,
    hint: withheld?.why === "refused" ? TRY_AGAIN : undefined,
  });
}

/** Nothing may start from a damaged image, also where it cannot be told what its repair owes (FET-56). */
export async function planOrTakeAway(
  run: Run,
  destination: LockedDestination,
  entry: Entry,
  withheld: Withheld | undefined,
): Promise<Plan> {
  const { verify, effects } = run;
  const image = await checkImage(destination.images, entry, verify, effects);
  const path = destination.images.pathOf(entry.digest);
  if (image === "damaged") {
    effects.report({ event: "damaged", version: entry.version.text, path });
  }
  if (isShared(image)) {
    warnOfExposed(effects.report, entry, path, "so it is got anew");
  }
  try {
    return planFor(entry, image, readStanding(run, destination), withheld);
  } catch (error) {
    if (image === "damaged") await destination.removeDamaged(entry.digest);
    throw error;
  }
}

/**
 * What {@link prepare} would do, with every check and nothing written.
 *
 * @throws TakoError as {@link prepare}
 */
export async function planUpdate(run: Run, destination: Destination): Promise<Prepared> {
  const origin = originOf(run);
  const news = await takeNews(run, destination, origin, async (received) => {
    if (isLocal(received)) reportManifest(run, received);
  });
  const { manifest, host, missed } = news;
  if (missed !== undefined) {
    const plan = await planHere(run, destination, manifest, host);
    return { plan, end: () => endedHere(run, plan, missed) };
  }
  const choice = chooseAndTell(run, news);
  if (choice.choice !== "take") {
    return { plan: undefined, end: () => endedWithout(run, destination, choice) };
  }
  const { candidates, withheld } = choice;
  // What the last look was told; a run asks anew (FET-115).
  const gone = new Set(destination.readChecked()?.gone);
  for (const entry of candidates) {
    const image = await checkImage(destination.images, entry, run.verify, run.effects);
    const plan = planFor(entry, image, readStanding(run, destination), withheld);
    if (plan.obtain.step !== "rely" && gone.has(entry.digest)) {
      const url = imageLocation(run.config.origin, entry.digest).shown;
      run.effects.report({ event: "gone", version: entry.version.text, url });
      continue;
    }
    const isDownload = plan.obtain.step !== "rely";
    const wish = { run, destination, origin, entry };
    const cost = isDownload ? await offeredCost(wish, manifest.entries) : undefined;
    return { plan, cost, end: () => endedBy(run, plan) };
  }
  throw allGone(run, candidates[0], withheld);
}

/**
 * What can be done without the origin: to use an image that is here, and whole (FET-26). One that others could
 * change stays in use, since nothing better is to be had, and does not come into use (FET-102).
 */
async function planHere(
  run: Run,
  destination: Destination,
  manifest: Manifest,
  host: HostChoice,
): Promise<Plan | undefined> {
  const { config, verify } = run;
  const { report } = run.effects;
  for (const entry of chooseHere(manifest, config.pattern, host)) {
    const image = await checkImage(destination.images, entry, verify, run.effects);
    const stays = isShared(image) && entry.digest === host.inUse;
    if (stays) warnOfExposed(report, entry, destination.images.pathOf(entry.digest));
    if (image !== "present" && !stays) continue;
    return planFor(entry, "present", readStanding(run, destination));
  }
  return undefined;
}

/** A unit can start with what is here; but nobody could look for news (FET-27). */
function endedHere(run: Run, plan: Plan | undefined, missed: TakoError): Outcome {
  const { mode, effects } = run;
  if (plan === undefined || !startsUnit(mode)) throw missed;
  const source = missed.source === undefined ? "" : `${missed.source}: `;
  effects.report({ event: "warning", message: `${source}${missed.message}` });
  return endedBy(run, plan);
}

function endedBy({ activates }: Run, { entry, swaps, withheld }: Plan): Outcome {
  const { version, digest } = entry;
  if (swaps && !activates) return ended("ready", entry);
  if (swaps && withheld?.why !== "held") return ended("updated", entry);
  return withheldOutcome(withheld, version.text, digest);
}

/** What did not work is still in use, and the next run puts the good image back (FET-112). */
function endedOnWayBack(run: Run, destination: Destination, { swaps }: Plan): Outcome | undefined {
  if (run.activates || swaps) return undefined;
  const phase = phaseOf(readStanding(run, destination));
  const good = phase.phase === "way-back" ? listedEntry(run, destination, phase.to) : undefined;
  return good && ended("ready", good);
}

/** The end of a run that found nothing to put into use. */
function endedWithout(
  run: Run,
  destination: Destination,
  choice: Exclude<Choice, { choice: "take" }>,
): Outcome {
  if (choice.choice === "no-match") return noMatch(run, choice);
  const inUse = destination.readLatest();
  if (inUse !== undefined) return withheldOutcome(choice.withheld, undefined, inUse);
  throw new TakoError("failed", "every version that the config allows was refused here", {
    rule: "ACT-36",
    source: run.config.file,
    hint: TRY_AGAIN,
  });
}
