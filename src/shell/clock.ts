// Time as the program sees it.

import { setTimeout } from "node:timers/promises";

export interface Clock {
  /** Milliseconds since the epoch; may jump when somebody sets the system's clock. */
  readonly now: () => number;
  /** Milliseconds from some moment on; never jumps. */
  readonly elapsed: () => number;
  /** Waits for this many milliseconds, or rejects once the signal is given. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
}

export const systemClock: Clock = {
  now: Date.now,
  elapsed: () => performance.now(),
  sleep: (ms, signal) => setTimeout(ms, undefined, signal && { signal }),
};
