// Where a destination stands, as core/activation.ts decides from it: the disk and one config together.

import type { Standing } from "../../core/activation.ts";
import type { Sha256Hex } from "../../core/digest.ts";
import { asTakoError } from "../../core/error.ts";
import type { Entry } from "../../core/manifest.ts";
import { matches } from "../../core/pattern.ts";
import { entryInUse } from "../../core/select.ts";
import { slotUnit } from "../../core/slot-name.ts";
import type { Slot, SlotPair } from "../../core/slots.ts";
import type { Destination } from "../../shell/destination.ts";
import type { Run } from "./run.ts";

/** What is asked about: a run, or a config that is only looked at. */
export type Subject = Pick<Run, "config">;

/** The units that run the image, in the order in which they are restarted; with slots, both instances. */
export function unitsOf({ config }: Subject): readonly string[] {
  const { slots, restart, reload } = config;
  if (slots === undefined) return [...restart, ...reload];
  return slots.flatMap((slot) => restart.map((template) => slotUnit(template, slot)));
}

/** The slots of a config that has them. @throws TakoError of kind `storage` */
export function readSlots(run: Subject, destination: Destination): SlotPair | undefined {
  const [template] = run.config.restart;
  if (run.config.slots === undefined || template === undefined) return undefined;
  const read = (name: string): Slot => ({
    name,
    unit: slotUnit(template, name),
    ...destination.readLink(name),
  });
  const [first, second] = run.config.slots;
  return [read(first), read(second)];
}

/** @throws TakoError of kind `storage` */
export function readStanding(run: Subject, destination: Destination): Standing {
  const inUse = destination.readLatest();
  const { owed, good, refusals } = destination.records();
  // What comes by slots has proved itself before it is in use (ACT-100).
  const watches = run.config.watchMs !== undefined && run.config.slots === undefined;
  const canGoBack =
    watches && good !== undefined && good !== inUse && isAllowed(run, destination, good);
  return { inUse, owed, units: unitsOf(run), watches, good, refusals, canGoBack };
}

/** Whether the local manifest lists an image in a version that the config allows (ACT-51). */
function isAllowed(run: Subject, destination: Destination, digest: Sha256Hex): boolean {
  const entry = listedEntry(run, destination, digest);
  return entry !== undefined && matches(run.config.pattern, entry.version);
}

/** The entry of an image in the local manifest; one that cannot be read lists nothing, which is told elsewhere. */
export function listedEntry(
  { config }: Subject,
  destination: Destination,
  digest: Sha256Hex,
): Entry | undefined {
  try {
    const local = destination.readManifest(config.publicKeys);
    return local && entryInUse(local.manifest, digest, config.pattern);
  } catch (caught) {
    asTakoError(caught);
    return undefined;
  }
}
