// The waits between tries, on a clock that only notes them and with the chance that a test gives.

import { expect, test } from "bun:test";
import { systemClock } from "../../src/shell/clock.ts";
import { OriginError, type OriginErrorFacts } from "../../src/shell/origin/origin-error.ts";
import { retry } from "../../src/shell/origin/retry.ts";

/** Attempts that fail with these facts, one after the other, and then succeed. */
async function tried(
  failures: readonly OriginErrorFacts[],
  { random = 0.5, isKept = () => false }: { random?: number; isKept?: () => boolean } = {},
) {
  const slept: number[] = [];
  const told: [string, string, number][] = [];
  let waiting = 0;
  const sleep = async (ms: number) => {
    slept.push(ms);
    waiting++;
    await Bun.sleep(1);
    waiting--;
  };
  const clock = { ...systemClock, sleep };
  const onRetry = (...words: [string, string, number]) => void told.push(words);
  let tries = 0;
  const ended = await retry(
    { clock, random: () => random, onRetry },
    async () => {
      expect(waiting).toBe(0);
      const facts = failures[tries++];
      if (facts === undefined) return "done";
      throw new OriginError("http://origin", `failure ${tries}`, { passing: true, ...facts });
    },
    { isKept },
  ).catch((error: OriginError) => error.message);
  return { ended, tries, slept, told };
}

const failing = (times: number, facts: OriginErrorFacts = {}) => Array(times).fill(facts);

test("ORG-52: about 1, 2 and 4 seconds, a quarter more or less", async () => {
  expect((await tried(failing(3), { random: 0 })).slept).toEqual([750, 1500, 3000]);
  expect((await tried(failing(3), { random: 0.5 })).slept).toEqual([1000, 2000, 4000]);
  expect((await tried(failing(3), { random: 0.999 })).slept).toEqual([1250, 2499, 4998]);
});

test("ORG-50, ORG-55: four tries, of which three are told with their reason and their delay", async () => {
  expect(await tried(failing(4))).toEqual({
    ended: "failure 4",
    tries: 4,
    slept: [1000, 2000, 4000],
    told: [
      ["http://origin", "failure 1", 1000],
      ["http://origin", "failure 2", 2000],
      ["http://origin", "failure 3", 4000],
    ],
  });
});

test("ORG-51: what cannot pass is not tried again", async () => {
  expect(await tried([{ passing: false }])).toMatchObject({ ended: "failure 1", slept: [] });
});

test("ORG-53: up to a minute is waited for as the origin asks, and no longer", async () => {
  const asked = (retryAfterMs: number) => tried([{ retryAfterMs }]);
  expect(await asked(0)).toMatchObject({ ended: "done", slept: [0] });
  expect(await asked(60_000)).toMatchObject({ ended: "done", slept: [60_000] });
  expect(await asked(60_001)).toMatchObject({ ended: "failure 1", slept: [], told: [] });
});

test("ORG-65: after progress the tries and their waits begin anew", async () => {
  let failures = 0;
  const isKept = () => ++failures === 3;
  const { ended, slept } = await tried(failing(9), { isKept });
  expect([ended, slept]).toEqual(["failure 6", [1000, 2000, 1000, 2000, 4000]]);
});

test("ORG-37: what was sent as a part is asked on for at once, without a word, if it brought something", async () => {
  const parts = failing(9, { isPart: true });
  expect(await tried(parts, { isKept: () => true })).toEqual({
    ...{ ended: "done", tries: 10, slept: [], told: [] },
  });
  expect((await tried(parts)).slept).toEqual([1000, 2000, 4000]);
});
