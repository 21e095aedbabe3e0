// One config's run: what every step of a fetch needs to know.

import type { Config } from "../../core/config.ts";
import type { Mode } from "../../core/plan.ts";
import type { LargeManifests } from "../../shell/origin/manifest-room.ts";
import type { Effects } from "../effects.ts";

export interface Run {
  readonly config: Config;
  readonly mode: Mode;
  /** False: images are brought here, and nothing more (FET-104). */
  readonly activates: boolean;
  /** False: an image that is there already is taken by its size alone. */
  readonly verify: boolean;
  /** Shared by all configs. */
  readonly largeManifests: LargeManifests;
  /** Its `report` adds which config is meant. */
  readonly effects: Effects;
}
