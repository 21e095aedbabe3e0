// When tries are counted anew, and how fast an origin has to be, on a clock that stands still unless told.

import { expect, test } from "bun:test";
import { systemClock } from "../../src/shell/clock.ts";
import { leastPerSecond, paceOf } from "../../src/shell/origin/pace.ts";

const KIB = 1024;
const DAY = 86_400;

test("ORG-67: the least speed is 1 KiB a second, or what brings the size within a day", () => {
  expect(leastPerSecond(0)).toBe(KIB);
  expect(leastPerSecond(DAY * KIB)).toBe(KIB);
  expect(leastPerSecond(2 * DAY * KIB)).toBe(2 * KIB);
  expect(leastPerSecond(50 * DAY * KIB)).toBe(50 * KIB);
});

/** What is there at first was so before anybody looked. */
function measured(least: number) {
  const state = { ms: 5_000, bytes: 10 * KIB };
  const clock = { ...systemClock, elapsed: () => state.ms };
  const pace = paceOf(clock, () => state.bytes, least);
  return (moreBytes: number, moreMs: number) => {
    state.bytes += moreBytes;
    state.ms += moreMs;
    return pace.isKept();
  };
}

test("ORG-65: tries are counted anew after 64 KiB more, each time", () => {
  const after = measured(KIB);
  expect(after(64 * KIB - 1, 1)).toBe(false);
  expect(after(1, 1)).toBe(true);
  expect(after(0, 1)).toBe(false);
  expect(after(64 * KIB - 1, 1)).toBe(false);
  expect(after(1, 1)).toBe(true);
});

test("ORG-65: but not if they came slower than the least, waits and earlier tries since then included", () => {
  const after = measured(2 * KIB);
  expect(after(64 * KIB, 32_001)).toBe(false);
  expect(after(2 * KIB, 999)).toBe(true);
  // From there on.
  expect(after(64 * KIB, 32_000)).toBe(true);
  expect(after(80 * KIB, 40_001)).toBe(false);
});
