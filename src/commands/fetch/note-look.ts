// What is kept of a look for news once the run ends, for those who ask how the host stands (DST-110 to DST-115). It is
// written last: on a full disk, nothing that counts may lack its room.

import { phaseOf } from "../../core/activation.ts";
import { goneNow, lookNow, type Tries, triesNow } from "../../core/checked.ts";
import type { Sha256Hex } from "../../core/digest.ts";
import type { TakoError } from "../../core/error.ts";
import type { LockedDestination } from "../../shell/destination.ts";
import type { Run } from "./run.ts";
import { readStanding } from "./standing.ts";

/** How a look for news ended. */
export interface LookEnd {
  /** What kept the news, or their image, away. */
  readonly missed: TakoError | undefined;
  /** The images that the origin said it took away, newest first. */
  readonly gone: readonly Sha256Hex[];
}

/** @param look undefined for a run that did not come to one */
export async function noteLook(
  run: Run,
  destination: LockedDestination,
  look: LookEnd | undefined,
): Promise<void> {
  const before = destination.readChecked();
  const time = Math.floor(run.effects.clock.now() / 1000);
  const now = look === undefined ? before?.look : lookNow(before?.look, look.missed, time);
  if (now === undefined) return;
  const known = before?.gone ?? [];
  const gone = look === undefined ? known : goneNow(known, look.missed, look.gone);
  await destination.writeChecked({
    look: now,
    tries: tries(run, destination, before?.tries),
    gone,
  });
}

/** A run that restarts nothing leaves the count as it is. */
function tries(run: Run, destination: LockedDestination, before: Tries | undefined) {
  if (!run.activates || run.mode !== "run") return before;
  const phase = phaseOf(readStanding(run, destination));
  const isOwed = "units" in phase && phase.units.length > 0;
  return triesNow(before, isOwed ? destination.readLatest() : undefined);
}
