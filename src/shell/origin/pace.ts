// How fast an origin has to be, so that nobody waits for ever (ORG-65 to ORG-67). Nothing here knows a transport.

import type { Clock } from "../clock.ts";

const MIN_BYTES_PER_SECOND = 1024;
const SECONDS_OF_A_DAY = 24 * 60 * 60;
/** So much more on disk is progress (ORG-65). */
const PROGRESS_BYTES = 64 * 1024;

/** The least bytes a second of something of this size: what it takes to have it within a day (ORG-67). */
export function leastPerSecond(size: number): number {
  return Math.max(MIN_BYTES_PER_SECOND, size / SECONDS_OF_A_DAY);
}

/** Tells tries that get on from those that do not. */
export interface Pace {
  /**
   * Whether enough came since the last time that this was true, and no slower than the least: waits
   * between two tries count, too.
   */
  readonly isKept: () => boolean;
}

/**
 * @param arrived tells how many bytes are on disk
 * @param least the least bytes a second
 */
export function paceOf(clock: Clock, arrived: () => number, least: number): Pace {
  let bytes = arrived();
  let ms = clock.elapsed();
  return {
    isKept() {
      const moreBytes = arrived() - bytes;
      const now = clock.elapsed();
      if (moreBytes < PROGRESS_BYTES || moreBytes < (least * (now - ms)) / 1000) return false;
      bytes += moreBytes;
      ms = now;
      return true;
    },
  };
}
