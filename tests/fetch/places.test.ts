// How many configs are worked on at a time, as the values that say so: who waits for a place, and who gets it.

import { expect, test } from "bun:test";
import { createPlaces, type Place } from "../../src/commands/fetch/places.ts";

/** Lets everybody who can go on do so. */
const settle = () => Bun.sleep(0);

/** Takes places in a row, and notes who has one. */
function taking(count: number, ...names: readonly string[]) {
  const places = createPlaces(count);
  const taken = new Map<string, Place>();
  const order: string[] = [];
  for (const name of names) {
    void places.take().then((place) => {
      taken.set(name, place);
      order.push(name);
    });
  }
  const giveBack = (name: string) => taken.get(name)?.[Symbol.dispose]();
  return { places, taken, order, giveBack };
}

test("FET-3: so many have a place at a time, and who came first gets the first that is given back", async () => {
  const { order, giveBack } = taking(2, "a", "b", "c", "d");
  await settle();
  expect(order).toEqual(["a", "b"]);
  giveBack("b");
  await settle();
  expect(order).toEqual(["a", "b", "c"]);
  giveBack("a");
  await settle();
  expect(order).toEqual(["a", "b", "c", "d"]);
});

test("FET-3: a place that nobody waits for is there for the next", async () => {
  const { places, taken, giveBack } = taking(1, "a");
  await settle();
  giveBack("a");
  await settle();
  expect(taken.size).toBe(1);
  await places.take();
  let isFull = true;
  void places.take().then(() => {
    isFull = false;
  });
  await settle();
  expect(isFull).toBe(true);
});

test("FET-15: who waits for something that is no work has none, and takes one again after it, also if that fails", async () => {
  for (const isGood of [true, false]) {
    const { taken, order, giveBack } = taking(1, "a", "b");
    await settle();
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const waited = taken
      .get("a")
      ?.aside(() => promise)
      .catch(() => "failed")
      .then((word) => order.push(word));
    await settle();
    expect(order).toEqual(["a", "b"]);
    if (isGood) resolve("done");
    else reject(new Error("no"));
    await settle();
    expect(order).toEqual(["a", "b"]);
    giveBack("b");
    await waited;
    expect(order).toEqual(["a", "b", isGood ? "done" : "failed"]);
  }
});
