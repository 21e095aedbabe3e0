// Putting an image into use: the swap of `latest`, and the restart that it owes (FET-70 to FET-79).

import type { Entry } from "../core/manifest.ts";
import { unitsOwed } from "../core/select.ts";
import { restartUnits } from "../shell/systemd.ts";
import type { Run } from "./run.ts";

/**
 * Makes `latest` name the entry's image, which must be in the store, with the restart that this
 * owes on disk before.
 *
 * @returns whether `latest` changed
 */
export async function activate(
  { config, destination, init, report }: Run,
  entry: Entry,
): Promise<boolean> {
  const previous = destination.readLatest();
  if (previous === entry.digest) return false;

  // A unit that is just starting for the first time needs no restart on top (FET-83).
  const owes = config.restart.length > 0 && !(init && previous === undefined);
  const open = destination.readOwed(previous).filter(({ digest }) => digest === previous);
  await destination.writeOwed(owes ? [{ digest: entry.digest, done: [] }, ...open] : []);
  await destination.swapLatest(entry.digest);
  const version = entry.version.text;
  report({ event: "activated", version, sha256: entry.digest, previous: previous ?? null });
  return true;
}

/**
 * Restarts the units that the image in use still owes a restart.
 *
 * @throws TakoError of kind `unit`; what could not be restarted stays owed
 */
export async function restartOwed({ config, destination, report }: Run): Promise<void> {
  const inUse = destination.readLatest();
  const owed = destination.readOwed(inUse);
  const units = unitsOwed(owed, inUse, config.restart);
  if (inUse === undefined || units.length === 0) {
    // Without Restart= the record stays: the key may be back in the next run (DST-15).
    if (owed.length > 0 && config.restart.length > 0) await destination.writeOwed([]);
    return;
  }
  const { restarted, error } = await restartUnits(units);
  const done = config.restart.filter((unit) => !units.includes(unit) || restarted.includes(unit));
  await destination.writeOwed(error === undefined ? [] : [{ digest: inUse, done }]);
  if (restarted.length > 0) report({ event: "restarted", units: restarted });
  if (error !== undefined) throw error;
}
