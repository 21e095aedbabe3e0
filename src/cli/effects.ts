// The effects of this process (commands/effects.ts), made in one place.

import type { Effects } from "../commands/effects.ts";
import type { Report } from "../commands/events.ts";
import { systemClock } from "../shell/clock.ts";
import { hostSystemd } from "../shell/systemd.ts";
import type { Io } from "./io.ts";

/** Effects that a program around this one gives in place of the process's own. */
export type GivenEffects = Partial<Omit<Effects, "report">>;

export function effectsOf(
  { environment, stdin }: Pick<Io, "environment" | "stdin">,
  report: Report,
  given: GivenEffects = {},
): Effects {
  return {
    clock: systemClock,
    random: Math.random,
    randomBytes: (count) => crypto.getRandomValues(new Uint8Array(count)),
    environment,
    stdin,
    systemd: hostSystemd(environment),
    report,
    ...given,
  };
}
