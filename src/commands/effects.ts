// The one door through which a command reaches what is not the disk or an origin: clock, randomness,
// environment, standard input, systemd, and whom it tells. Built in cli/, so that no test has to patch
// a global.

import type { Clock } from "../shell/clock.ts";
import type { Systemd } from "../shell/systemd.ts";
import type { Report } from "./events.ts";

export interface Effects {
  readonly clock: Clock;
  /** From 0 to below 1; for what needs no secrecy. */
  readonly random: () => number;
  /** Bytes of the system's random generator, for secrets. */
  readonly randomBytes: (count: number) => Uint8Array;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The file descriptor of standard input. */
  readonly stdin: number;
  readonly systemd: Systemd;
  readonly report: Report;
}
