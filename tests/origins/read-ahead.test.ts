// What arrives is taken while its reader is busy, and in its order.

import { expect, test } from "bun:test";
import { readAhead } from "../../src/shell/origin/read-ahead.ts";

const MIB = 1024 * 1024;

/** Gives chunks of 1 MiB that have their number in them, then fails or ends. */
function source(chunks: number, error?: Error) {
  let given = 0;
  let isReading = false;
  let stopped = false;
  return {
    given: () => given,
    isStopped: () => stopped,
    async read() {
      // As a connection is: it cannot be asked for two chunks at once.
      if (isReading) throw new Error("two reads at once");
      isReading = true;
      await Bun.sleep(0);
      isReading = false;
      if (given < chunks) return new Uint8Array(MIB).fill(given++);
      if (error !== undefined) throw error;
      return undefined;
    },
    stop() {
      stopped = true;
    },
  };
}

test("ORG-39: an error comes behind all that had arrived before it", async () => {
  const error = new Error("reset");
  const { read } = readAhead(source(3, error));
  const first = await read();
  await Bun.sleep(50);
  expect([first?.[0], (await read())?.[0], (await read())?.[0]]).toEqual([0, 1, 2]);
  await expect(read()).rejects.toBe(error);
  await expect(read()).rejects.toBe(error);
});

test("ORG-39: no more than 4 MiB are taken ahead, nothing is before it is asked for", async () => {
  const slow = source(20);
  const { read } = readAhead(slow);
  await Bun.sleep(10);
  expect(slow.given()).toBe(0);
  await read();
  await Bun.sleep(50);
  expect(slow.given()).toBe(5);
  for (let number = 1; number < 20; number++) expect((await read())?.[0]).toBe(number);
  expect([await read(), await read()]).toEqual([undefined, undefined]);
});

test("ORG-39: who has had enough ends the source", () => {
  const { isStopped, ...given } = source(1);
  void readAhead(given).stop();
  expect(isStopped()).toBe(true);
});
