// Gives up a transfer that stands still, or only drips (ORG-69, ORG-67).

import type { Source } from "./body.ts";
import type { Fail } from "./origin-error.ts";
import { leastPerSecond } from "./pace.ts";
import type { Patience } from "./transport.ts";

/** How many times a watch looks during `idleMs`: once a second by default. */
const LOOKS = 30;

/**
 * A source that is given up when it no longer gives anything.
 *
 * @param size of the whole of it, the larger the faster it has to come
 */
export function watched(source: Source, fail: Fail, patience: Patience, size = 0): Source {
  let received = 0;
  let watch: StallWatch | undefined;
  return {
    async read() {
      watch ??= new StallWatch(patience, () => received, source.stop, fail, size);
      const chunk = await watch.during(source.read());
      received += chunk?.length ?? 0;
      return chunk;
    },
    stop() {
      watch?.[Symbol.dispose]();
      return source.stop();
    },
  };
}

/**
 * Looks about once a second at how much has arrived. One timer serves a whole body, since one for
 * each chunk would cost more than the chunk. Only the time spent waiting for the origin counts: a
 * slow disk is not its fault.
 */
export class StallWatch implements Disposable {
  readonly #fail: Fail;
  readonly #timer: Disposable;
  #isWaiting = false;
  /** Why the transfer was given up. */
  #stallReason: string | undefined;

  /**
   * @param received tells the bytes that have arrived so far
   * @param giveUp ends the transfer, and with it what is waited for
   * @param size of what is transferred
   */
  constructor(
    { clock, timeouts: { idleMs, slowMs } }: Patience,
    received: () => number,
    giveUp: () => void | Promise<void>,
    fail: Fail,
    size: number,
  ) {
    this.#fail = fail;
    const lookMs = idleMs / LOOKS;
    const looksInWindow = Math.round(slowMs / lookMs);
    const least = (leastPerSecond(size) * slowMs) / 1000;
    const leastKib = Math.ceil(leastPerSecond(size) / 1024);
    /** What had been received at each look, oldest first. */
    const history = [received()];
    const arrivedSince = (looks: number) =>
      (history.at(-1) ?? 0) - (history.at(-1 - looks) ?? Number.NEGATIVE_INFINITY);
    this.#timer = clock.every(lookMs, () => {
      if (!this.#isWaiting || this.#stallReason !== undefined) return;
      history.push(received());
      if (history.length > Math.max(looksInWindow, LOOKS) + 1) history.shift();
      if (arrivedSince(LOOKS) === 0) {
        this.#stallReason = `nothing arrived for ${idleMs / 1000} s`;
      } else if (arrivedSince(looksInWindow) < least) {
        this.#stallReason = `less than ${leastKib} KiB a second arrived for ${slowMs / 1000} s`;
      }
      if (this.#stallReason !== undefined) void giveUp();
    });
  }

  /**
   * Waits for what the origin sends.
   *
   * @throws OriginError that can pass, if it was given up meanwhile, however that ended
   */
  async during<T>(arrival: Promise<T>): Promise<T> {
    this.#isWaiting = true;
    try {
      const arrived = await arrival;
      if (this.#stallReason === undefined) return arrived;
    } catch (error) {
      if (this.#stallReason === undefined) throw error;
    } finally {
      this.#isWaiting = false;
    }
    throw this.#fail(this.#stallReason, { passing: true });
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
  }
}
