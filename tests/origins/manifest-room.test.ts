// The memory for manifests: small ones come side by side, large ones one at a time.

import { expect, test } from "bun:test";
import { LargeManifests, ManifestRoom } from "../../src/shell/origin/manifest-room.ts";

const MIB = 1024 * 1024;

/** Bytes that differ from place to place. */
const content = Buffer.alloc(
  9 * MIB,
  Uint8Array.from({ length: 251 }, (_, index) => index),
);

/** Adds so many of them, in one memory that changes once they are taken. */
async function fill(room: ManifestRoom, length: number, piece = 100_003): Promise<void> {
  const memory = Buffer.alloc(piece);
  for (let at = 0; at < length; at += piece) {
    const part = memory.subarray(0, Math.min(piece, length - at));
    content.copy(part, 0, at);
    await room.add(part);
    memory.fill(255);
  }
}

function expectFilled(room: ManifestRoom, length: number): void {
  expect(Buffer.compare(room.bytes(), content.subarray(0, length))).toBe(0);
}

test.each([0, 1, MIB, MIB + 1, 3 * MIB, 9 * MIB])(
  "ORG-64: %d bytes are what came",
  async (length) => {
    using room = new ManifestRoom(new LargeManifests());
    await fill(room, length);
    expectFilled(room, length);
  },
);

test("ORG-64: up to 1 MiB nobody waits for anybody", async () => {
  const large = new LargeManifests();
  using first = new ManifestRoom(large);
  using second = new ManifestRoom(large);
  await fill(first, 2 * MIB);
  expect(second.add(new Uint8Array(MIB))).toBeUndefined();
  expect(second.isWaiting).toBe(false);
});

test("ORG-64: one byte more waits until the large one before is forgotten, in the order in which they came", async () => {
  const large = new LargeManifests();
  const [first, second, third] = [1, 2, 3].map(() => new ManifestRoom(large));
  await fill(first!, 2 * MIB);
  expect(first!.isWaiting).toBe(false);
  const order: string[] = [];
  const filling = [
    fill(second!, MIB + 1, MIB).then(() => order.push("second")),
    fill(third!, MIB + 1, MIB).then(() => order.push("third")),
  ];
  await Bun.sleep(5);
  expect([order, second!.isWaiting, third!.isWaiting]).toEqual([[], true, true]);
  expectFilled(first!, 2 * MIB);

  first![Symbol.dispose]();
  await filling[0];
  expect(second!.isWaiting).toBe(false);
  expectFilled(second!, MIB + 1);
  await Bun.sleep(5);
  expect([order, third!.isWaiting]).toEqual([["second"], true]);

  second![Symbol.dispose]();
  await filling[1];
  expectFilled(third!, MIB + 1);
  third![Symbol.dispose]();
});

test("ORG-64: what is forgotten is gone, and the room can be used again", async () => {
  const large = new LargeManifests();
  const room = new ManifestRoom(large);
  await fill(room, 2 * MIB);
  room[Symbol.dispose]();
  expect(room.bytes()).toHaveLength(0);
  await fill(room, 5000);
  expectFilled(room, 5000);
  room[Symbol.dispose]();
  expect(room.bytes()).toHaveLength(0);
  await fill(room, 2 * MIB);
  expectFilled(room, 2 * MIB);
});
