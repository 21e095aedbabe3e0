// From the manifest to the swap of `latest`: planned once for each version that may be taken, and then
// either carried out or told (FET-20 to FET-71, FET-90 to FET-92).

import type { Sha256Hex } from "../../core/digest.ts";
import { TakoError } from "../../core/error.ts";
import type { Entry } from "../../core/manifest.ts";
import { imageLocation } from "../../core/origin-url.ts";
import { choose, type Plan, planFor } from "../../core/plan.ts";
import type { Destination, LockedDestination } from "../../shell/destination.ts";
import type { LockedImageStore } from "../../shell/disk/image-store.ts";
import { isLackOfRoom } from "../../shell/disk/storage-error.ts";
import { type Origin, openOrigin } from "../../shell/origin/origin.ts";
import { carryOut } from "./carry-out.ts";
import { type ReceivedManifest, receiveManifest } from "./receive-manifest.ts";
import { ended, noMatch, type Outcome } from "./result.ts";
import type { Run } from "./run.ts";

/**
 * Updates a destination.
 *
 * @throws TakoError of kind `origin`, `manifest`, `newer-format`, `signature`, `history`, `digest` or
 *   `storage`; `failed` if no version matches and a unit needs one
 */
export async function update(run: Run, destination: LockedDestination): Promise<Outcome> {
  const { config } = run;
  const origin = originOf(run);
  const received = await receiveManifest(config, destination, origin);
  const choice = choose(received.manifest, config.pattern, destination.readLatest());
  const wanted = choice.choice === "no-match" ? undefined : choice.candidates[0].digest;
  const { images } = destination;
  await withRoom(images, wanted, () => accept(received, destination));
  reportManifest(run, received);

  if (choice.choice === "no-match") return noMatch(run, choice);
  for (const entry of choice.candidates) {
    const plan = await planOrTakeAway(run, destination, entry);
    const step = () => carryOut(run, destination, origin, plan);
    if ((await withRoom(images, entry.digest, step)) === "gone") continue;
    return ended(plan.steps.some(({ step }) => step === "swap") ? "updated" : "current", entry);
  }
  const [{ version, digest }] = choice.candidates;
  throw new TakoError(
    "origin",
    `the origin no longer has version ${version.text}, nor an older one that may be taken`,
    { rule: "FET-52", source: imageLocation(config.origin, digest).shown },
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
  if (image === "damaged") {
    const path = destination.images.pathOf(entry.digest);
    effects.report({ event: "damaged", version: entry.version.text, path });
  }
  try {
    return planFor(entry, image, destination.readStanding(config.restart), mode);
  } catch (error) {
    if (image === "damaged") await destination.removeDamaged(entry.digest);
    throw error;
  }
}

/**
 * What {@link update} would do first, with every check and nothing written; or how it would end
 * without doing anything.
 *
 * @throws TakoError as {@link update}
 */
export async function planUpdate(run: Run, destination: Destination): Promise<Plan | Outcome> {
  const { config } = run;
  const received = await receiveManifest(config, destination, originOf(run));
  if (received.news === "not-modified") reportManifest(run, received);
  const choice = choose(received.manifest, config.pattern, destination.readLatest());
  if (choice.choice === "no-match") return noMatch(run, choice);
  const [entry] = choice.candidates;
  const image = await destination.images.check(entry, run.verify);
  return planFor(entry, image, destination.readStanding(config.restart), run.mode);
}

function originOf({ config, effects: { clock, random, environment, report } }: Run): Origin {
  return openOrigin(config.origin, {
    clock,
    random,
    environment,
    onRetry: (url, reason, delayMs) => report({ event: "retry", url, reason, delayMs }),
  });
}

/** Puts a manifest on disk before an image of it is asked for (FET-33). */
async function accept(received: ReceivedManifest, destination: LockedDestination): Promise<void> {
  if (received.news === "not-modified") return;
  const { news, bytes, url, etag } = received;
  await (news === "same" ? destination.syncManifest() : destination.writeManifest(bytes));
  await destination.writeEtag(url, etag, bytes);
}

function reportManifest({ effects }: Run, { news, manifest }: ReceivedManifest): void {
  const state = news === "new" || news === "updated" ? news : "unchanged";
  effects.report({ event: "manifest", state, versions: manifest.entries.length });
}
