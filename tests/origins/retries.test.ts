// Which failures are tried again, when, and what is said meanwhile.

import { afterAll, beforeEach, expect, test } from "bun:test";
import { startHostileOrigin } from "../../conformance/hostile/origin.ts";
import { TakoError } from "../../src/core/error.ts";
import { systemClock } from "../../src/shell/clock.ts";
import { parseRetryAfter } from "../../src/shell/origin/http-status.ts";
import { OriginError } from "../../src/shell/origin/origin-error.ts";
import { digest, failureOf, files, image, keepingIn, manifest, open } from "./asking.ts";

const server = await startHostileOrigin(files);
afterAll(() => server.stop());
beforeEach(() => {
  server.requests.length = 0;
});

type Named = Parameters<typeof server.origin>[0];

test.each([408, 429, 500, 501, 502, 503, 504, 599])(
  "ORG-50: status %d is tried again",
  async (status) => {
    const { origin, slept } = open(server.origin(`first:status=${status}`));
    expect(await origin.manifest()).toMatchObject({ kind: "manifest", bytes: manifest });
    expect(slept).toEqual([1000]);
  },
);

test.each(["close=start", "reset=start", "reset=middle", "close=middle", "cut-chunk"] as const)(
  "ORG-50: %s is tried four times",
  async (scenario) => {
    const { origin, slept } = open(server.origin(scenario));
    const error = await failureOf(origin.manifest());
    expect(error).toMatchObject({ kind: "origin", passing: true });
    expect(error.message).toContain("the connection was closed");
    expect(slept).toEqual([1000, 2000, 4000]);
    // Bun asks again by itself when a kept connection dies before the answer; these are new ones.
    expect(server.requests).toHaveLength(4);
  },
);

test("ORG-50, ORG-134: a refused connection is tried four times, and there is a hint what to look at", async () => {
  const gone = await startHostileOrigin(files);
  await gone.stop();
  const { origin, slept } = open(gone.origin("honest"));
  const { message, hint } = await failureOf(origin.manifest());
  expect(message).toBe("the connection was refused");
  expect(hint).toMatch(/server running.*port.*curl/);
  expect(slept).toEqual([1000, 2000, 4000]);
});

test("ORG-50: a name that is not found is tried four times", async () => {
  const { origin, slept } = open("http://tako.invalid/app");
  expect((await failureOf(origin.manifest())).message).toMatch(/^the host's name/);
  expect(slept).toHaveLength(3);
});

test("ORG-50: the fourth try may still succeed, a fifth there is not", async () => {
  expect(await open(server.origin("busy=3")).origin.manifest()).toMatchObject({ bytes: manifest });
  expect(server.requests).toHaveLength(4);
  const error = await failureOf(open(server.origin("busy=4")).origin.manifest());
  expect(error.message).toContain("status 503");
  expect(server.requests).toHaveLength(8);
});

test.each(["status=404", "status=403", "status=400", "status=304", "no-location", "garbage"])(
  "ORG-51: %s is not tried again",
  async (scenario) => {
    const { origin, retries } = open(server.origin(scenario as Named));
    expect(await failureOf(origin.manifest())).toMatchObject({ kind: "origin", passing: false });
    expect(server.requests).toHaveLength(1);
    expect(retries).toEqual([]);
  },
);

test("ORG-51: an error that is not the origin's is not tried again", async () => {
  const { origin, slept } = open(server.origin("honest"));
  const full = new TakoError("storage", "no space");
  let tries = 0;
  const attempt = origin.withRetries(async () => {
    tries++;
    throw full;
  });
  expect(await failureOf(attempt)).toBe(full);
  expect(tries).toBe(1);
  expect(slept).toEqual([]);
});

test.each([
  [0, [750, 1500, 3000]],
  [0.5, [1000, 2000, 4000]],
  [0.999999, [1250, 2500, 5000]],
])("ORG-52: with %d as chance the waits are %p ms", async (chance, waits) => {
  const { origin, slept } = open(server.origin("status=503"), { random: () => chance });
  await failureOf(origin.manifest());
  expect(slept).toEqual(waits);
});

test("ORG-53: Retry-After in seconds is obeyed up to 60", async () => {
  const inTime = open(server.origin("retry-after=60"));
  expect(await inTime.origin.manifest()).toMatchObject({ bytes: manifest });
  expect(inTime.slept).toEqual([60_000]);

  const tooLate = open(server.origin("retry-after=61"));
  const error = await failureOf(tooLate.origin.manifest());
  expect(error.message).toContain("status 429, and asks to wait 61 s");
  expect(tooLate.slept).toEqual([]);
});

test("ORG-53: Retry-After as a date is obeyed", async () => {
  const date = encodeURIComponent("Sun, 06 Nov 1994 08:49:37 GMT");
  const now = () => Date.UTC(1994, 10, 6, 8, 49, 7);
  const { origin, slept } = open(server.origin(`retry-after=${date}`), { now });
  expect(await origin.manifest()).toMatchObject({ bytes: manifest });
  expect(slept).toEqual([30_000]);
});

test("ORG-53: a Retry-After that cannot be read is ignored", async () => {
  const { origin, slept } = open(server.origin("retry-after=soon"));
  await origin.manifest();
  expect(slept).toEqual([1000]);
});

test.each([
  ["0", 0],
  ["120", 120_000],
  ["-1", undefined],
  ["1.5", undefined],
  ["1e1", undefined],
  ["", undefined],
  ["Thu, 01 Jan 1970 00:02:00 GMT", 20_000],
  ["Thursday, 01-Jan-70 00:02:00 GMT", 20_000],
  ["Thu, 01 Jan 1970 00:00:00 GMT", 0],
  ["Thu, 01 Jan 1970 00:02:00", undefined],
  ["never GMT", undefined],
] as const)("ORG-53: a Retry-After of %p asks for %p ms, 100 s after the epoch", (text, delay) => {
  expect(parseRetryAfter(text, 100_000)).toBe(delay);
});

test("ORG-54: tries continue where the last one was cut", async () => {
  const { origin, slept } = open(server.origin("cut=3"));
  const received: Uint8Array[] = [];
  const size = () => received.reduce((sum, { length }) => sum + length, 0);
  await origin.withRetries(async () => {
    const answer = await origin.image(digest, image.length, size());
    if (answer.kind === "gone") throw new Error("gone");
    expect(answer.offset).toBe(size());
    await answer.body.into(keepingIn(received), image.length - size());
  });
  expect(Buffer.concat(received)).toEqual(Buffer.from(image));
  expect(slept).toHaveLength(3);
  const ranges = server.requests.map(({ headers }) => headers["range"]);
  expect(ranges).toEqual([undefined, "bytes=50000-", "bytes=75000-", "bytes=87500-"]);
});

test("ORG-55: every retry is said, with its reason and its delay", async () => {
  const { origin, retries } = open(server.origin("busy=2"));
  await origin.manifest();
  const url = `${server.origin("busy=2")}/manifest`;
  const reason = "the server answered with status 503";
  expect(retries).toEqual([
    { url, reason, delayMs: 1000 },
    { url, reason, delayMs: 2000 },
  ]);
});

/** Fails so often, each time with so many bytes more and after so many milliseconds; then ends. */
async function failing(times: number, bytes: number, ms: number, size = 100_000_000) {
  let [now, arrived, tries] = [0, 0, 0];
  const clock = { ...systemClock, elapsed: () => now, sleep: async () => {} };
  const { origin } = open(server.origin("honest"), { clock });
  const attempt = async () => {
    if (tries++ === times) return;
    now += ms;
    arrived += bytes;
    throw new OriginError("here", "it was cut", { passing: true });
  };
  const failure = await origin
    .withRetries(attempt, { arrived: () => arrived, size })
    .catch(({ message }: OriginError) => message);
  return { tries, failure };
}

test.each([
  [40, 65_536, 1000, 41],
  [40, 65_535, 1000, 41], // Each second try has 64 KiB more.
  // A try that got on is the first of four.
  [40, 20_000, 1000, 7],
  [40, 16_383, 1000, 4],
  [40, 0, 1000, 4],
  // 64 KiB in 64 seconds is 1 KiB a second.
  [40, 65_536, 64_000, 41],
  [40, 65_536, 64_001, 4],
] as const)(
  "ORG-65: %d failures with %d bytes after %d ms each: %d tries",
  async (times, bytes, ms, tries) => {
    const failure = tries === 41 ? undefined : "it was cut";
    expect(await failing(times, bytes, ms, 80_000_000)).toEqual({ tries, failure });
  },
);

test("ORG-65, ORG-67: the larger an image, the faster its tries have to be", async () => {
  // 864 MB in a day are 10,000 bytes a second.
  expect((await failing(9, 100_000, 10_000, 864_000_000)).tries).toBe(10);
  expect((await failing(9, 100_000, 10_001, 864_000_000)).tries).toBe(4);
});

test("ORG-51: an error of an origin that gets facts can still pass", () => {
  const error = new OriginError("https://a", "no", { passing: true, retryAfterMs: 5 });
  const hinted = error.with({ hint: "Look." });
  expect(hinted).toBeInstanceOf(OriginError);
  expect(hinted).toMatchObject({ source: "https://a", hint: "Look.", passing: true });
  expect(hinted).toMatchObject({ message: "no", retryAfterMs: 5, cause: error });
  const facts = { isPart: true, isMissing: true };
  expect(new OriginError("https://a", "no", facts).with({ hint: "Look." })).toMatchObject(facts);
  expect(error.with({ source: "https://b" }).source).toBe("https://b");
});
