// The manifest to go by, and what its news mean for this host: asked for, put on disk, and told (FET-24, FET-33,
// ACT-62 to ACT-65). What is taken of it is update.ts.

import { type Seen, seenNow, youngOf } from "../../core/ages.ts";
import type { TakoError } from "../../core/error.ts";
import type { Manifest } from "../../core/manifest.ts";
import type { HostChoice } from "../../core/plan.ts";
import type { Destination, LockedDestination } from "../../shell/destination.ts";
import { hashBytes } from "../../shell/disk/hash.ts";
import type { Origin } from "../../shell/origin/origin.ts";
import { type ReceivedManifest, receiveManifest } from "./receive-manifest.ts";
import type { Run } from "./run.ts";

/** The manifest to go by. */
export interface News {
  readonly manifest: Manifest;
  /** What this host has made up its mind about, by now. */
  readonly host: HostChoice;
  /** Why it is the local one, if the origin's could not be had (FET-24). */
  readonly missed: TakoError | undefined;
}

/** What a host makes of a manifest. */
interface View {
  readonly host: HostChoice;
  /** What `.seen` is to hold. */
  readonly seen: Seen;
}

/** @param use what is to be done with its bytes, which are gone after that */
export async function takeNews(
  run: Run,
  destination: Destination,
  origin: Origin,
  use: (received: ReceivedManifest, view: View) => Promise<void>,
): Promise<News> {
  try {
    const received = await receiveManifest(run.config, destination, origin, run.effects.clock);
    const { manifest } = received;
    const history = isLocal(received) ? manifest : received.history;
    const view = viewOf(run, destination, manifest, history);
    await use(received, view);
    const missed = received.news === "none" ? received.error : undefined;
    return { manifest, host: view.host, missed };
  } finally {
    origin.forgetManifest();
  }
}

/**
 * Beside the config, it is the host's own records that say what it may take.
 *
 * @param history the local manifest, if there is one
 */
export function viewOf(
  { config: { minAgeMs }, effects: { clock } }: Pick<Run, "config" | "effects">,
  destination: Destination,
  { entries }: Manifest,
  history: Manifest | undefined,
): View {
  const { hold, refusals, seen: before } = destination.records();
  const now = clock.now();
  const seen = seenNow({ entries, history: history?.entries, seen: before, now, minAgeMs });
  const inUse = destination.readLatest();
  return { host: { inUse, hold, refusals, young: youngOf(seen, minAgeMs) }, seen };
}

/** Puts a manifest on disk before an image of it is asked for (FET-33), and before it what is young in it (DST-92). */
export async function accept(
  received: ReceivedManifest,
  seen: Seen,
  destination: LockedDestination,
): Promise<void> {
  if (received.news !== "none") await destination.writeSeen(seen);
  if (isLocal(received)) return;
  const { news, bytes, url, etag } = received;
  await (news === "same" ? destination.syncManifest() : destination.writeManifest(bytes));
  await destination.writeEtag(url, etag, bytes);
}

/** Whether the local manifest stays. */
export function isLocal(
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

export function reportManifest({ effects }: Run, received: ReceivedManifest): void {
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
