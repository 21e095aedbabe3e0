// Time as the program sees it: what it reads off a clock, and what it waits for.

export interface Clock {
  /** Milliseconds since the epoch; may jump when somebody sets the system's clock. */
  readonly now: () => number;
  /** Milliseconds from some moment on; never jumps. */
  readonly elapsed: () => number;
  /** Waits on purpose, for so many milliseconds. */
  readonly sleep: (ms: number) => Promise<void>;
  /** Calls `look` each time that so many milliseconds went by, for a limit; until it is disposed of. */
  readonly every: (ms: number, look: () => void) => Disposable;
}

export const systemClock: Clock = {
  now: Date.now,
  elapsed: () => performance.now(),
  sleep: (ms) => Bun.sleep(ms),
  every(ms, look) {
    const timer = setInterval(look, ms);
    // What the limit is for keeps the program running, as long as somebody waits for it.
    timer.unref();
    return { [Symbol.dispose]: () => clearInterval(timer) };
  },
};
