// One config's run: what every step of a fetch needs to know.

import type { Config } from "../core/config.ts";
import type { Destination } from "../shell/destination.ts";
import type { Report } from "./events.ts";

export interface Run {
  readonly config: Config;
  readonly destination: Destination;
  /** False: an image that is there already is taken by its size alone. */
  readonly verify: boolean;
  /** True inside the start of the unit that uses the image: systemctl is never called. */
  readonly init: boolean;
  readonly report: Report;
}
