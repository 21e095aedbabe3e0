// Bringing the image of a plan into the store (FET-50 to FET-68). What is to be done, the plan says (core/plan.ts);
// how it comes into use is activate.ts.

import type { RecordStep } from "../../core/activation.ts";
import type { Sha256Hex } from "../../core/digest.ts";
import { asTakoError } from "../../core/error.ts";
import type { Entry } from "../../core/manifest.ts";
import { imageLocation } from "../../core/origin-url.ts";
import type { Plan } from "../../core/plan.ts";
import type { LockedDestination } from "../../shell/destination.ts";
import type { LockedImageStore } from "../../shell/disk/image-store.ts";
import { isLackOfRoom } from "../../shell/disk/storage-error.ts";
import { downloadImage } from "../../shell/download.ts";
import type { Origin } from "../../shell/origin/origin.ts";
import { tellVerifying } from "./check-image.ts";
import { isWorthAsking, obtainPacked } from "./packed.ts";
import type { Run } from "./run.ts";
import { unitsOf } from "./standing.ts";

/** Whether the origin has the image, as far as it was asked. */
type Obtained = "there" | "gone";

/**
 * Does what a plan needs before its image can come into use.
 *
 * @returns `gone` if the origin no longer has the image
 * @throws TakoError of kind `origin`, `digest` or `storage`
 */
export async function obtain(
  run: Run,
  destination: LockedDestination,
  origin: Origin,
  { entry, obtain: step }: Pick<Plan, "entry" | "obtain">,
): Promise<Obtained> {
  switch (step.step) {
    case "rely":
      await destination.images.sync();
      return "there";
    case "download":
      return await download(run, destination, origin, entry);
    case "repair":
      return await repair(step.records, run, destination, origin, entry);
  }
}

/**
 * Does something that writes. Where there is no room for it, what is left of downloads that nobody wants any
 * more makes some, and it is done once more (FET-74).
 */
export async function withRoom<T>(
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

/** Nothing may start from a damaged image that stays broken (FET-56). */
async function repair(
  records: readonly RecordStep[],
  run: Run,
  destination: LockedDestination,
  origin: Origin,
  entry: Entry,
): Promise<Obtained> {
  let [recorded, repaired] = [false, false];
  const record = async () => {
    for (const step of records) await destination.perform(step);
    recorded = true;
  };
  try {
    await record();
    const obtained = await download(run, destination, origin, entry);
    repaired = obtained === "there";
    return obtained;
  } finally {
    if (!repaired) {
      try {
        await destination.removeDamaged(entry.digest);
      } finally {
        // There may be room for it now (DST-66).
        if (!recorded) await record().catch((error) => lostRestart(error, run));
      }
    }
  }
}

/** Nobody but its reader will see to that restart any more (DST-66). */
function lostRestart(caught: unknown, run: Run): never {
  const error = asTakoError(caught);
  const units = unitsOf(run).join(" ");
  throw error.with({
    rule: "DST-66",
    hint: `The restart of ${units} is not on record: do it by hand once an image is in use again.${error.hint === undefined ? "" : ` ${error.hint}`}`,
  });
}

async function download(
  run: Run,
  destination: LockedDestination,
  origin: Origin,
  entry: Entry,
): Promise<Obtained> {
  const { config, effects } = run;
  const { size, digest } = entry;
  destination.requireLinks(digest);
  const about = { version: entry.version.text, size };
  const url = imageLocation(config.origin, digest).shown;
  const { report } = effects;
  // What has travelled counts, whatever became of it.
  let received = 0;
  const onReceived = (bytes: number) => {
    received += bytes;
  };
  const packed = { run, destination, origin, entry, onReceived };
  const by = isWorthAsking(packed) ? await obtainPacked(packed) : undefined;
  if (by === undefined) {
    // Of what an earlier run has got; then the download is told.
    using silence = tellVerifying(entry, effects);
    const result = await downloadImage({
      origin,
      images: destination.images,
      entry,
      onStart: (offset) => {
        silence[Symbol.dispose]();
        report({ event: "download", ...about, url, offset, by: "image", bytes: size });
      },
      onProgress: (done) => report({ event: "progress", ...about, done }),
      onReceived,
    });
    if (result === "gone") {
      report({ event: "gone", version: about.version, url });
      return "gone";
    }
  }
  report({ event: "downloaded", ...about, sha256: digest, by: by ?? "image", received });
  return "there";
}
