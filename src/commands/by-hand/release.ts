// tako release: ends a hold, and lets be tried again what did not work here (ACT-84).

import type { Sha256Hex } from "../../core/digest.ts";
import type { Effects } from "../effects.ts";
import type { FetchResult } from "../fetch/result.ts";
import { listedEntry } from "../fetch/standing.ts";
import { forConfig, lockedFor } from "./one-config.ts";

/** @param name a config, or its name in /etc/tako */
export function release(name: string, effects: Effects): Promise<FetchResult> {
  return forConfig(name, "run", effects, async (run) => {
    using destination = await lockedFor(run);
    const { hold, refusals } = destination.records();
    const shown = (digest: Sha256Hex) =>
      listedEntry(run, destination, digest)?.version.text ?? digest;
    const held = hold && shown(hold);
    const forgotten = refusals.map(({ digest }) => shown(digest));
    await destination.perform({ step: "refuse", refusals: [] });
    await destination.writeHold(undefined);
    // A run that did it already may have been killed before its own sync (DST-29).
    await destination.sync();
    const sha256 = destination.readLatest();
    const version = sha256 && listedEntry(run, destination, sha256)?.version.text;
    return { config: run.config.file, outcome: "released", version, sha256, held, forgotten };
  });
}
