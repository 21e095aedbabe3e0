// When a transfer is given up, on a clock that a test winds by hand.

import { expect, test } from "bun:test";
import { systemClock } from "../../src/shell/clock.ts";
import { type Fail, OriginError } from "../../src/shell/origin/origin-error.ts";
import { watched } from "../../src/shell/origin/stall.ts";

const KIB = 1024;
const fail: Fail = (reason, facts) => new OriginError("http://origin", reason, facts);

/** A transfer whose looks, chunks and end a test decides. */
function transfer(size?: number) {
  let look = () => {};
  const state = { everyMs: 0, timers: 0, stopped: 0 };
  const clock = {
    ...systemClock,
    every(ms: number, each: () => void) {
      look = each;
      state.everyMs = ms;
      state.timers++;
      return { [Symbol.dispose]: () => void state.timers-- };
    },
  };
  const timeouts = { headersMs: 30_000, idleMs: 30_000, slowMs: 60_000, manifestMs: 300_000 };
  let arrival = Promise.withResolvers<Uint8Array | undefined>();
  const stop = () => {
    state.stopped++;
    arrival.reject(new Error("stopped"));
  };
  const source = watched({ read: () => arrival.promise, stop }, fail, { clock, timeouts }, size);
  return {
    state,
    source,
    looks(times: number) {
      for (let time = 0; time < times; time++) look();
    },
    /** Reads a chunk of so many bytes, which comes after some looks. */
    async chunk(bytes: number, looksBefore = 0) {
      arrival = Promise.withResolvers();
      const reading = source.read();
      for (let time = 0; time < looksBefore; time++) look();
      arrival.resolve(new Uint8Array(bytes));
      return (await reading)?.length;
    },
    /** Begins to read what does not come. */
    pending() {
      arrival = Promise.withResolvers();
      return source.read().then(
        () => "arrived",
        (error: unknown) => error,
      );
    },
    fail: (error: Error) => arrival.reject(error),
  };
}

test("ORG-69: nothing for the time-out gives up, and is told; a moment less does not", async () => {
  const { state, pending, looks } = transfer();
  const reading = pending();
  expect([state.everyMs, state.timers]).toEqual([1000, 1]);
  looks(29);
  expect(state.stopped).toBe(0);
  looks(1);
  expect(state.stopped).toBe(1);
  looks(5);
  expect(state.stopped).toBe(1);
  const error = await reading;
  expect(error).toBeInstanceOf(OriginError);
  expect(error).toMatchObject({ message: "nothing arrived for 30 s", passing: true });
});

test("ORG-69: any byte begins the time-out anew", async () => {
  const { state, chunk, pending, looks } = transfer();
  // More than the least speed, so that this is no matter of speed.
  expect(await chunk(100 * KIB, 29)).toBe(100 * KIB);
  const reading = pending();
  looks(30);
  expect(state.stopped).toBe(0);
  looks(1);
  expect(await reading).toMatchObject({ message: "nothing arrived for 30 s" });
});

test("ORG-69: the time in which nobody waits for the origin does not count", async () => {
  const { state, chunk, pending, looks } = transfer();
  await chunk(KIB);
  looks(1000);
  const reading = pending();
  looks(29);
  expect(state.stopped).toBe(0);
  looks(2);
  expect(state.stopped).toBe(1);
  await reading;
});

test("ORG-67: just the least speed over a minute is enough, for ever", async () => {
  const { state, chunk } = transfer();
  await chunk(KIB);
  for (let second = 0; second < 300; second++) await chunk(KIB, 1);
  expect(state.stopped).toBe(0);
});

test("ORG-67: a byte less is not, once a minute has passed", async () => {
  const { state, chunk, pending, looks } = transfer();
  await chunk(KIB - 1);
  for (let second = 0; second < 59; second++) await chunk(KIB, 1);
  const reading = pending();
  expect(state.stopped).toBe(0);
  looks(1);
  expect(state.stopped).toBe(1);
  expect(await reading).toMatchObject({
    message: "less than 1 KiB a second arrived for 60 s",
    passing: true,
  });
});

test("ORG-67: what came fast at first does not make up for a minute that is slow", async () => {
  const { state, chunk } = transfer();
  for (let second = 0; second < 100; second++) await chunk(100 * KIB, 1);
  let slow = 0;
  while (state.stopped === 0 && slow < 100)
    await chunk(1, 1)
      .catch(() => {})
      .then(() => slow++);
  expect(slow).toBe(61);
});

test("ORG-67: a large image has to come faster", async () => {
  // 2.5 KiB a second bring it in a day.
  const size = 2.5 * KIB * 86_400;
  const { state, chunk, pending, looks } = transfer(size);
  await chunk(2.5 * KIB);
  for (let second = 0; second < 100; second++) await chunk(2.5 * KIB, 1);
  expect(state.stopped).toBe(0);
  await chunk(2 * KIB, 1);
  const reading = pending();
  looks(1);
  expect(await reading).toMatchObject({
    message: "less than 3 KiB a second arrived for 60 s",
  });
});

test("ORG-28: an error of the source is thrown as it came, as long as nothing was given up", async () => {
  const cut = new Error("cut");
  const { pending, looks, fail } = transfer();
  const reading = pending();
  looks(10);
  fail(cut);
  expect(await reading).toBe(cut);
});

test("ORG-69: whoever has had enough stops the watch and the source", async () => {
  const { state, source, chunk } = transfer();
  await chunk(KIB);
  expect(state.timers).toBe(1);
  await source.stop();
  expect(state).toMatchObject({ timers: 0, stopped: 1 });
});
