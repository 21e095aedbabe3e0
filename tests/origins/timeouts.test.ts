// Origins that answer late, stop in the middle or drip. Time-outs are shortened, never the sockets.

import { afterAll, beforeEach, expect, test } from "bun:test";
import { startHostileOrigin } from "../../conformance/hostile/origin.ts";
import { failureOf, files, image, imageBody, keepingIn, open, readImage } from "./asking.ts";

const server = await startHostileOrigin(files);
afterAll(() => server.stop());
beforeEach(() => {
  server.requests.length = 0;
});

const never = 1_000_000;

test("ORG-60: headers that do not arrive in time are a failure that can pass", async () => {
  const timeouts = { headersMs: 300, idleMs: never, slowMs: never };
  const { origin, slept } = open(server.origin("stall=headers"), { timeouts });
  const error = await failureOf(origin.manifest());
  expect(error.message).toBe("no answer within 0.3 s");
  expect(slept).toHaveLength(3);
  await Promise.all(server.requests.map(({ closed }) => closed));
});

test("ORG-61: a body that stands still is given up", async () => {
  const timeouts = { headersMs: never, idleMs: 300, slowMs: never };
  const { origin } = open(server.origin("stall=middle"), { timeouts });
  const error = await failureOf(readImage(origin));
  expect(error).toMatchObject({ kind: "origin", passing: true });
  expect(error.message).toBe("nothing arrived for 0.3 s");
  await server.requests[0]!.closed;
});

test("ORG-61: bytes that arrived before the standstill are given out", async () => {
  const timeouts = { headersMs: never, idleMs: 300, slowMs: never };
  const body = await imageBody(server.origin("stall=middle"), { timeouts });
  const chunks: Uint8Array[] = [];
  await failureOf(body.into(keepingIn(chunks), image.length));
  expect(Buffer.concat(chunks)).toEqual(Buffer.from(image.subarray(0, image.length / 2)));
});

test("ORG-62: a body that only drips is given up", async () => {
  const timeouts = { headersMs: never, idleMs: 1500, slowMs: 1500 };
  const { origin } = open(server.origin("drip=body"), { timeouts });
  const error = await failureOf(readImage(origin));
  expect(error).toMatchObject({ kind: "origin", passing: true });
  expect(error.message).toBe("less than 1 KiB a second arrived for 1.5 s");
  await server.requests[0]!.closed;
});

test("ORG-63: a body that keeps moving may take longer than every time-out", async () => {
  const timeouts = { headersMs: 1500, idleMs: 1500, slowMs: 1500 };
  const { origin } = open(server.origin("steady"), { timeouts });
  const started = performance.now();
  expect(await readImage(origin)).toEqual({ offset: 0, bytes: Buffer.from(image) });
  expect(performance.now() - started).toBeGreaterThan(1500);
});

test("ORG-61: a reader that takes its time is not the origin's fault", async () => {
  const timeouts = { headersMs: never, idleMs: 900, slowMs: 900 };
  const body = await imageBody(server.origin("honest"), { timeouts });
  const chunks: Uint8Array[] = [];
  const write = (chunk: Uint8Array) => {
    chunks.push(new Uint8Array(chunk));
    return Bun.sleep(1000);
  };
  expect(await body.into({ write }, image.length)).toBe("ended");
  expect(Buffer.concat(chunks)).toEqual(Buffer.from(image));
});
