// Carrying a plan out: from an image that the origin has to one that `latest` names (FET-50 to FET-71).
// What is to be done, and in which order, the plan says (core/plan.ts).

import type { RecordStep } from "../../core/activation.ts";
import { asTakoError } from "../../core/error.ts";
import type { Entry } from "../../core/manifest.ts";
import { imageLocation } from "../../core/origin-url.ts";
import type { Plan, Step } from "../../core/plan.ts";
import type { LockedDestination } from "../../shell/destination.ts";
import { downloadImage } from "../../shell/download.ts";
import type { Origin } from "../../shell/origin/origin.ts";
import type { Run } from "./run.ts";

/** Whether the origin has the image, as far as it was asked. */
type Obtained = "there" | "gone";

/**
 * Does the steps of a plan.
 *
 * @returns `gone` if the origin no longer has the image: then nothing was put into use
 * @throws TakoError of kind `origin`, `digest` or `storage`
 */
export async function carryOut(
  run: Run,
  destination: LockedDestination,
  origin: Origin,
  { entry, steps }: Plan,
): Promise<Obtained> {
  for (const step of steps) {
    if ((await perform(step, run, destination, origin, entry)) === "gone") return "gone";
  }
  return "there";
}

async function perform(
  step: Step,
  run: Run,
  destination: LockedDestination,
  origin: Origin,
  entry: Entry,
): Promise<Obtained | undefined> {
  switch (step.step) {
    case "rely":
      await destination.images.sync();
      return undefined;
    case "download":
      return await download(run, destination, origin, entry);
    case "repair":
      return await repair(step.records, run, destination, origin, entry);
    case "record":
      await destination.writeOwed(step.owed);
      return undefined;
    case "swap": {
      const previous = destination.readLatest();
      await destination.swapLatest(step.image);
      const version = entry.version.text;
      run.effects.report({ event: "activated", version, sha256: step.image, previous });
      return undefined;
    }
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
    for (const { owed } of records) await destination.writeOwed(owed);
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
function lostRestart(caught: unknown, { config }: Run): never {
  const error = asTakoError(caught);
  const units = config.restart.join(" ");
  throw error.with({
    rule: "DST-66",
    hint: `The restart of ${units} is not on record: do it by hand once an image is in use again.${error.hint === undefined ? "" : ` ${error.hint}`}`,
  });
}

async function download(
  { config, effects: { report } }: Run,
  destination: LockedDestination,
  origin: Origin,
  entry: Entry,
): Promise<Obtained> {
  const version = entry.version.text;
  const { size, digest } = entry;
  destination.requireLinks(digest);
  const url = imageLocation(config.origin, digest).shown;
  const result = await downloadImage({
    origin,
    images: destination.images,
    entry,
    onStart: (offset) => report({ event: "download", version, url, size, offset }),
    onProgress: (done) => report({ event: "progress", version, size, done }),
  });
  if (result === "gone") {
    report({ event: "gone", version, url });
    return "gone";
  }
  report({ event: "downloaded", version, sha256: digest, size });
  return "there";
}
