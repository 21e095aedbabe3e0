// One config's run: what every step of a fetch needs to know.

import type { Config } from "../../core/config.ts";
import type { Sha256Hex } from "../../core/digest.ts";
import type { Mode } from "../../core/plan.ts";
import { patternWarning } from "../../core/version-advice.ts";
import type { LargeManifests } from "../../shell/origin/manifest-room.ts";
import type { Effects } from "../effects.ts";
import type { Report } from "../events.ts";
import type { Readable } from "./configs.ts";

export interface Run {
  readonly config: Config;
  readonly mode: Mode;
  /** False: images are brought here, and nothing more (FET-104). */
  readonly activates: boolean;
  /** False: an image that is there already is taken by its size alone. */
  readonly verify: boolean;
  /** Shared by all configs. */
  readonly largeManifests: LargeManifests;
  /** The images for which no packed files are asked any more: once a run is enough (PCK-50). */
  readonly plain: Set<Sha256Hex>;
  /** Its `report` adds which config is meant. */
  readonly effects: Effects;
}

/** Begins the run of a config, and tells what may be wrong with that. */
export function startRun(
  { config, warnings }: Readable,
  how: Omit<Run, "config" | "plain" | "effects">,
  effects: Effects,
): Run {
  const report: Report = (event) => effects.report({ config: config.file, ...event });
  const doubt = patternWarning(config.pattern);
  for (const message of doubt === undefined ? warnings : [...warnings, doubt]) {
    report({ event: "warning", message });
  }
  return { config, ...how, plain: new Set(), effects: { ...effects, report } };
}
