// When a request to an origin is tried again (ORG-50 to ORG-55, ORG-65). Nothing here knows a transport.

import type { Clock } from "../clock.ts";
import { OriginError } from "./origin-error.ts";
import type { Pace } from "./pace.ts";

/** The most times that one thing is asked for without progress (ORG-50). */
const MAX_TRIES = 4;
const FIRST_DELAY_MS = 1000;
/** The longest `Retry-After` that is waited for (ORG-53). */
const MAX_RETRY_AFTER_MS = 60_000;

export interface RetryEffects {
  readonly clock: Clock;
  /** A chance, from 0 to below 1. */
  readonly random: () => number;
  /** Told before each further try, with the location as it is shown. */
  readonly onRetry: (shown: string, reason: string, delayMs: number) => void;
}

/**
 * Makes `attempt` up to four times while it fails with what can pass. Anything else, and the last
 * failure, is thrown as it came.
 *
 * @param pace if it is kept at a failure, the tries are counted anew
 */
export async function retry<T>(
  effects: RetryEffects,
  attempt: () => Promise<T>,
  pace: Pace = { isKept: () => false },
): Promise<T> {
  for (let tryNumber = 1; ; tryNumber++) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof OriginError) || !error.passing) throw error;
      const isKept = pace.isKept();
      if (isKept) tryNumber = 1;
      if (tryNumber === MAX_TRIES) throw error;
      // A part that came as it was promised: there is nothing to wait for, and nothing to tell.
      if (isKept && error.isPart) continue;
      const delayMs = error.retryAfterMs ?? backoff(tryNumber, effects.random());
      if (delayMs > MAX_RETRY_AFTER_MS) throw error;
      effects.onRetry(error.source, error.message, delayMs);
      await effects.clock.sleep(delayMs);
    }
  }
}

/** 1, 2, 4 seconds, each up to a quarter shorter or longer, so that a fleet of hosts spreads out. */
function backoff(tryNumber: number, random: number): number {
  return Math.round(FIRST_DELAY_MS * 2 ** (tryNumber - 1) * (0.75 + random / 2));
}
