// A run's destination: locked, and what may be wrong with it told.

import { type Destination, lockDestination } from "../../shell/destination.ts";
import type { Run } from "./run.ts";

/** @param aside what is no work, while another run has the lock (FET-15) */
export function lock({ config, effects: { clock, report } }: Run, aside: Aside = (wait) => wait()) {
  const directory = config.destination;
  const onWait = () => report({ event: "waiting", directory });
  return lockDestination(directory, { clock, onWait, aside });
}

type Aside = <T>(wait: () => Promise<T>) => Promise<T>;

/** What could go wrong here later: who else can change images, and records that say nothing any more (DST-33, DST-77). */
export function warnOfDestination({ effects: { report } }: Run, destination: Destination): void {
  const warnings = [...destination.permissionWarnings(), ...destination.recordWarnings()];
  for (const message of warnings) report({ event: "warning", message });
}
