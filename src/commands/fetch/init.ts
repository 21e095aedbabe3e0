// `tako fetch --init`, a part of the start of the unit that uses the image; and what keeps any other run out of the
// units that it would restart.

import { stepsToActivate } from "../../core/activation.ts";
import { TakoError } from "../../core/error.ts";
import type { Entry } from "../../core/manifest.ts";
import { isDry, mayStayInUse } from "../../core/plan.ts";
import { entryInUse } from "../../core/select.ts";
import {
  type Destination,
  type LockedDestination,
  lockDestination,
  openDestination,
} from "../../shell/destination.ts";
import { withRoom } from "./carry-out.ts";
import { checkImage } from "./check-image.ts";
import { warnOfExposed } from "./exposed.ts";
import { type LookEnd, noteLook } from "./note-look.ts";
import type { Place } from "./places.ts";
import { ended, type Outcome } from "./result.ts";
import type { Run } from "./run.ts";
import { readStanding, unitsOf } from "./standing.ts";
import { prepare } from "./update.ts";

/**
 * Makes sure that a unit which is starting finds an image, without any systemctl (FET-80 to FET-84).
 *
 * @param found told the destination once it is locked
 * @throws TakoError as {@link prepare}
 */
export async function initialise(
  run: Run,
  { aside }: Place,
  found: (destination: Destination) => void,
): Promise<Outcome> {
  const ready = await alreadyInitialised(run);
  if (ready !== undefined) return ready;

  const { config, effects } = run;
  const directory = config.destination;
  const whole = await wholeInUse(run);
  const onWait = () => {
    if (whole !== undefined) throw new LockTaken();
    effects.report({ event: "waiting", directory });
  };
  try {
    using destination = await lockDestination(directory, { clock: effects.clock, onWait, aside });
    found(destination);
    let look: LookEnd | undefined;
    try {
      const { plan, end } = await prepare(run, destination, (ended) => {
        look = ended;
      });
      if (plan?.swaps) await putIntoUse(run, destination, plan.entry);
      return end();
    } finally {
      await noteLook(run, destination, look);
    }
  } catch (error) {
    if (!(error instanceof LockTaken) || whole === undefined) throw error;
    const message = `another run has the lock, so the unit starts from ${whole.version.text}, which the config or its keys no longer allow`;
    effects.report({ event: "warning", message });
    return ended("current", whole);
  }
}

/** Another run has had the lock for a second. It may be waiting for the very unit that this one starts (ACT-38). */
class LockTaken extends Error {}

async function putIntoUse(run: Run, destination: LockedDestination, entry: Entry): Promise<void> {
  const standing = readStanding(run, destination);
  const steps = stepsToActivate(standing, entry.digest, {
    startsUnit: true,
    stopped: [],
    isSound: false,
  });
  await withRoom(destination.images, entry.digest, async () => {
    for (const step of steps) await destination.perform(step);
  });
  const [version, sha256] = [entry.version.text, entry.digest];
  run.effects.report({ event: "activated", version, sha256, previous: standing.inUse });
}

/** Is there an image that the config allows, verified, without asking anybody (FET-80)? */
export async function alreadyInitialised({
  config,
  mode,
  verify,
  effects,
}: Run): Promise<Outcome | undefined> {
  const destination = openDestination(config.destination);
  try {
    const local = destination.readManifest(config.publicKeys);
    const digest = destination.readLatest();
    if (local?.signer === undefined || digest === undefined) return undefined;
    const entry = entryInUse(local.manifest, digest, config.pattern);
    if (entry === undefined) return undefined;
    if (!mayStayInUse(local.manifest, config.pattern, entry, destination.records())) {
      return undefined;
    }
    const image = await checkImage(destination.images, entry, verify, effects);
    // Whoever has the lock gets it anew, or waits for the very unit that this run starts (FET-102).
    const cannotGetIt = image === "exposed" && !isDry(mode) && !destination.canBeLocked();
    const stays = image === "linked" || cannotGetIt;
    if (stays) warnOfExposed(effects.report, entry, destination.images.pathOf(digest));
    return image === "present" || stays ? ended("current", entry) : undefined;
  } catch (error) {
    // The locked run that follows meets the same trouble, and tells it.
    if (error instanceof TakoError) return undefined;
    throw error;
  }
}

/**
 * The image in use, if the local manifest lists it and it is whole: what a unit can start from when the lock is not to
 * be had, whatever the config says by now (ACT-38). The run that has the lock may be waiting for that very unit.
 */
async function wholeInUse({ config, verify, effects }: Run): Promise<Entry | undefined> {
  const destination = openDestination(config.destination);
  const local = destination.readManifest(config.publicKeys);
  const digest = destination.readLatest();
  const entry = local && digest && entryInUse(local.manifest, digest, config.pattern);
  const image = entry && (await checkImage(destination.images, entry, verify, effects));
  return image === "absent" || image === "damaged" ? undefined : entry;
}

/** What `tako fetch` is to be there. */
export const USE_INIT = "Use tako fetch --init inside the unit itself.";

/**
 * A restart from inside the unit that is restarted would kill this very run.
 *
 * @throws TakoError of kind `usage` (FET-9)
 */
export function refuseOwnUnit(run: Run, hint: string): void {
  const units = unitsOf(run);
  if (units.length === 0) return;
  const unit = run.effects.systemd.ownUnits().find((own) => units.includes(own));
  if (unit === undefined) return;
  throw new TakoError("usage", `this run is a part of ${unit}, which it would have to restart`, {
    rule: "FET-9",
    hint,
  });
}

/**
 * What comes into use by slots has proved itself in one, which no part of the start of a unit can wait for.
 *
 * @throws TakoError of kind `usage` (ACT-111)
 */
export function refuseSlots({ config }: Run): void {
  if (config.slots === undefined) return;
  throw new TakoError("usage", "--init is not for a config with Slots=", {
    rule: "ACT-111",
    source: config.file,
    hint: `Leave it out of ${config.restart.join(" ")}: the image of a slot is there before it is started.`,
  });
}
