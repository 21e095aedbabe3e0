// Origins that answer late, stop in the middle or drip. Time-outs are shortened, never the sockets.

import { afterAll, beforeEach, expect, test } from "bun:test";
import { startHostileOrigin } from "../../conformance/hostile/origin.ts";
import { timeoutsOf } from "../../src/shell/origin/origin.ts";
import { leastPerSecond } from "../../src/shell/origin/pace.ts";
import { failureOf, files, image, imageBody, keepingIn, open, readImage } from "./asking.ts";

const server = await startHostileOrigin(files);
afterAll(() => server.stop());
beforeEach(() => {
  server.requests.length = 0;
});

const never = 1_000_000;

test("ORG-68: headers that do not arrive in time are a failure that can pass", async () => {
  const timeouts = { headersMs: 300, idleMs: never, slowMs: never, manifestMs: 1_000_000 };
  const { origin, slept } = open(server.origin("stall=headers"), { timeouts });
  const error = await failureOf(origin.manifest());
  expect(error.message).toBe("no answer within 0.3 s");
  expect(slept).toHaveLength(3);
  await Promise.all(server.requests.map(({ closed }) => closed));
});

test("ORG-69: a body that stands still is given up", async () => {
  const timeouts = { headersMs: never, idleMs: 300, slowMs: never, manifestMs: 1_000_000 };
  const { origin } = open(server.origin("stall=middle"), { timeouts });
  const error = await failureOf(readImage(origin));
  expect(error).toMatchObject({ kind: "origin", passing: true });
  expect(error.message).toBe("nothing arrived for 0.3 s");
  await server.requests[0]!.closed;
});

test("ORG-69: bytes that arrived before the standstill are given out", async () => {
  const timeouts = { headersMs: never, idleMs: 300, slowMs: never, manifestMs: 1_000_000 };
  const body = await imageBody(server.origin("stall=middle"), { timeouts });
  const chunks: Uint8Array[] = [];
  await failureOf(body.into(keepingIn(chunks), image.length));
  expect(Buffer.concat(chunks)).toEqual(Buffer.from(image.subarray(0, image.length / 2)));
});

test("ORG-67: a body that only drips is given up", async () => {
  const timeouts = { headersMs: never, idleMs: 1500, slowMs: 1500, manifestMs: 1_000_000 };
  const { origin } = open(server.origin("drip=body"), { timeouts });
  const error = await failureOf(readImage(origin));
  expect(error).toMatchObject({ kind: "origin", passing: true });
  expect(error.message).toBe("less than 1 KiB a second arrived for 1.5 s");
  await server.requests[0]!.closed;
});

test("ORG-66: a body that keeps moving may take longer than every time-out", async () => {
  const timeouts = { headersMs: 1500, idleMs: 1500, slowMs: 1500, manifestMs: 1_000_000 };
  const { origin } = open(server.origin("steady"), { timeouts });
  const started = performance.now();
  expect(await readImage(origin)).toEqual({ offset: 0, bytes: Buffer.from(image) });
  expect(performance.now() - started).toBeGreaterThan(1500);
});

test("ORG-69: a reader that takes its time is not the origin's fault", async () => {
  const timeouts = { headersMs: never, idleMs: 900, slowMs: 900, manifestMs: 1_000_000 };
  const body = await imageBody(server.origin("honest"), { timeouts });
  const chunks: Uint8Array[] = [];
  const write = (chunk: Uint8Array) => {
    chunks.push(new Uint8Array(chunk));
    return Bun.sleep(1000);
  };
  expect(await body.into({ write }, image.length)).toBe("ended");
  expect(Buffer.concat(chunks)).toEqual(Buffer.from(image));
});

test("ORG-56: a manifest that only just keeps moving has five minutes in all, tries included", async () => {
  const timeouts = { headersMs: never, idleMs: never, slowMs: never, manifestMs: 600 };
  for (const scenario of ["drip=body", "stall=headers", "drip=start"] as const) {
    const { origin, slept } = open(server.origin(scenario), { timeouts });
    const error = await failureOf(origin.manifest());
    expect(error).toMatchObject({ kind: "origin", rule: "ORG-56", passing: false });
    expect(error.message).toBe("the manifest did not come within 0.01 minutes");
    expect(slept).toEqual([]);
  }
  await Promise.all(server.requests.map(({ closed }) => closed));
});

test("ORG-56, ORG-67, ORG-68: the limits for a time-out of the config", () => {
  expect(timeoutsOf(30_000)).toEqual({
    headersMs: 30_000,
    idleMs: 30_000,
    slowMs: 60_000,
    manifestMs: 300_000,
  });
  expect(timeoutsOf(3_600_000)).toMatchObject({ slowMs: 3_600_000, manifestMs: 300_000 });
});

test("ORG-67: a larger image has to come faster", () => {
  expect([0, 88_473_600, 864_000_000].map(leastPerSecond)).toEqual([1024, 1024, 10_000]);
});
