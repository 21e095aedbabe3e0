// What a run can settle without the lock: that `--init` finds all that it needs, and that a run would
// restart the unit which it is a part of.

import { TakoError } from "../../core/error.ts";
import { matches } from "../../core/pattern.ts";
import { isDry, startsUnit } from "../../core/plan.ts";
import { entryInUse } from "../../core/select.ts";
import { openDestination } from "../../shell/destination.ts";
import { warnOfExposed } from "./exposed.ts";
import { ended, type Outcome } from "./result.ts";
import type { Run } from "./run.ts";

/**
 * @returns how the run ended, if there is nothing left to do
 * @throws TakoError of kind `usage` inside a unit that the config restarts (FET-9)
 */
export async function withoutLock(run: Run): Promise<Outcome | undefined> {
  if (startsUnit(run.mode)) return await alreadyInitialised(run);
  refuseOwnUnit(run);
  return undefined;
}

/** Is there an image that the config allows, verified, without asking anybody (FET-80)? */
async function alreadyInitialised({
  config,
  mode,
  verify,
  effects: { report },
}: Run): Promise<Outcome | undefined> {
  const destination = openDestination(config.destination);
  try {
    const local = destination.readManifest(config.publicKeys);
    const digest = destination.readLatest();
    if (local?.signer === undefined || digest === undefined) return undefined;
    const entry = entryInUse(local.manifest, digest, config.pattern);
    if (entry === undefined || !matches(config.pattern, entry.version)) return undefined;
    const image = await destination.images.check(entry, verify);
    // Whoever has the lock gets it anew, or waits for the very unit that this run starts (FET-102).
    const cannotGetIt = image === "exposed" && !isDry(mode) && !destination.canBeLocked();
    const stays = image === "linked" || cannotGetIt;
    if (stays) warnOfExposed(report, entry, destination.images.pathOf(digest));
    return image === "present" || stays ? ended("current", entry) : undefined;
  } catch (error) {
    // The locked run that follows meets the same trouble, and tells it.
    if (error instanceof TakoError) return undefined;
    throw error;
  }
}

/** A restart from inside the unit that is restarted would kill this very run. */
function refuseOwnUnit({ config: { restart }, effects }: Run): void {
  if (restart.length === 0) return;
  const unit = effects.systemd.ownUnits().find((own) => restart.includes(own));
  if (unit === undefined) return;
  throw new TakoError("usage", `this run is a part of ${unit}, which it would have to restart`, {
    rule: "FET-9",
    hint: "Use tako fetch --init inside the unit itself.",
  });
}
