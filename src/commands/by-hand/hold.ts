// tako hold: keeps a host on the image that it uses (ACT-82, ACT-83).

import { TakoError } from "../../core/error.ts";
import type { Effects } from "../effects.ts";
import type { FetchResult } from "../fetch/result.ts";
import { listedEntry } from "../fetch/standing.ts";
import { forConfig, lockedFor } from "./one-config.ts";

/** @param name a config, or its name in /etc/tako */
export function hold(name: string, effects: Effects): Promise<FetchResult> {
  return forConfig(name, "run", effects, async (run) => {
    using destination = await lockedFor(run);
    const inUse = destination.readLatest();
    if (inUse === undefined) {
      throw new TakoError("failed", "no image is in use, so there is none to stay on", {
        rule: "ACT-83",
        source: run.config.file,
        hint: `tako fetch ${run.config.file} puts one into use.`,
      });
    }
    const isAlready = destination.records().hold === inUse;
    await destination.writeHold(inUse);
    const version = listedEntry(run, destination, inUse)?.version.text;
    return { config: run.config.file, outcome: "held", version, sha256: inUse, isAlready };
  });
}
