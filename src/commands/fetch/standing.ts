// Where a destination stands, as core/activation.ts decides from it: the disk and one config together.

import type { Standing } from "../../core/activation.ts";
import type { Sha256Hex } from "../../core/digest.ts";
import { asTakoError } from "../../core/error.ts";
import type { Entry } from "../../core/manifest.ts";
import { matches } from "../../core/pattern.ts";
import { entryInUse } from "../../core/select.ts";
import type { Destination } from "../../shell/destination.ts";
import type { Run } from "./run.ts";

/** The units that run the image, in the order in which they are restarted. */
export function unitsOf({ config }: Pick<Run, "config">): readonly string[] {
  return [...config.restart, ...config.reload];
}

/** @throws TakoError of kind `storage` */
export function readStanding(run: Run, destination: Destination): Standing {
  const inUse = destination.readLatest();
  const { owed, good, refusals } = destination.records();
  const watches = run.config.watchMs !== undefined;
  const canGoBack =
    watches && good !== undefined && good !== inUse && isAllowed(run, destination, good);
  return { inUse, owed, units: unitsOf(run), watches, good, refusals, canGoBack };
}

/** Whether the local manifest lists an image in a version that the config allows (ACT-51). */
function isAllowed(run: Run, destination: Destination, digest: Sha256Hex): boolean {
  const entry = listedEntry(run, destination, digest);
  return entry !== undefined && matches(run.config.pattern, entry.version);
}

/** The entry of an image in the local manifest; one that cannot be read lists nothing, which is told elsewhere. */
export function listedEntry(
  { config }: Run,
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
