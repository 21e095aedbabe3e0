// The origin of a config, opened with what this run has.

import { type Origin, openOrigin, timeoutsOf } from "../../shell/origin/origin.ts";
import type { Run } from "./run.ts";

export function originOf({
  config,
  largeManifests,
  effects: { clock, random, environment, report },
}: Run): Origin {
  return openOrigin(config.origin, {
    clock,
    random,
    environment,
    timeouts: timeoutsOf(config.timeoutMs),
    largeManifests,
    onRetry: (url, reason, delayMs) => report({ event: "retry", url, reason, delayMs }),
  });
}
