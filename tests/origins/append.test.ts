// Bodies that go straight to a file, as those of images do where the answer names their length. What
// arrives is the same as chunk by chunk; what is tried here is where the two could differ.

import { afterAll, afterEach, beforeEach, expect, test } from "bun:test";
import { closeSync, constants, openSync, readFileSync, statSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startHostileOrigin } from "../../conformance/hostile/origin.ts";
import type { Sink } from "../../src/shell/origin/body.ts";
import { bunFlags } from "../support/bun-flags.ts";
import { digest, failureOf, imageBody, keepingIn } from "./asking.ts";

const MIB = 1024 * 1024;
const image = new Uint8Array(10 * MIB).map((_, index) => index ^ (index >> 8) ^ (index >> 16));
const server = await startHostileOrigin({ [`store/${digest}`]: image });
afterAll(() => server.stop());

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "tako-append-"));
  await writeFile(file(), "");
});
afterEach(() => rm(directory, { recursive: true }));

const file = () => join(directory, "file");
const never = 1_000_000;
const patient = { headersMs: never, idleMs: never, slowMs: never, manifestMs: never };

type Scenario = Parameters<typeof server.origin>[0];

function expectImage(length = image.length): void {
  expect(readFileSync(file()).equals(image.subarray(0, length))).toBe(true);
}

/** A sink that is a file, into which nobody is to write by chunks. */
function appendingTo(path: string, signal: AbortSignal): Sink {
  return {
    write() {
      throw new Error("the body came in chunks");
    },
    async append(writeTo) {
      const fd = openSync(path, constants.O_RDWR | constants.O_APPEND);
      await writeTo(fd, signal).finally(() => closeSync(fd));
    },
  };
}

/** Appends the body of an image to a file. */
async function append(
  scenario: Scenario,
  { offset = 0, path = file(), signal = new AbortController().signal, timeouts = patient } = {},
): Promise<void> {
  const size = image.length;
  const body = await imageBody(server.origin(scenario), { size, offset, timeouts });
  expect(await body.into(appendingTo(path, signal), size - offset)).toBe("ended");
}

/** Brings the body of an image into a sink that could be appended to, but is not. */
async function takeChunks(scenario: Scenario, offset: number): Promise<void> {
  const size = image.length;
  const body = await imageBody(server.origin(scenario), { size, offset });
  const enough = new Error("a chunk came");
  const sink: Sink = {
    write() {
      throw enough;
    },
    append: () => Promise.reject(new Error("the body was appended")),
  };
  await expect(body.into(sink, size - offset)).rejects.toBe(enough);
}

test("FET-58: a whole image is appended", async () => {
  await append("honest");
  expectImage();
});

test("FET-60: the rest of an image goes behind what is there", async () => {
  await writeFile(file(), image.subarray(0, 12_345));
  await append("honest", { offset: 12_345 });
  expectImage();
});

test("FET-60: nothing of a small body goes elsewhere, for it comes in chunks", async () => {
  await takeChunks("honest", image.length - 4 * MIB + 1);
});

test("FET-58: a sink that is no file gets a large body in chunks", async () => {
  const chunks: Uint8Array[] = [];
  const body = await imageBody(server.origin("honest"), { size: image.length });
  expect(await body.into(keepingIn(chunks), image.length)).toBe("ended");
  expect(Buffer.concat(chunks).equals(image)).toBe(true);
});

test("ORG-11: a body that says it is compressed is appended as sent", async () => {
  await append("encoded=gzip");
  expectImage();
});

test.each(["no-length", "chunked", "endless", "length-and-chunks"] as const)(
  "ORG-27: %s does not promise just the bytes of the image",
  async (scenario) => {
    await takeChunks(scenario, 0);
  },
);

test("ORG-28: what arrived before the connection broke is in the file", async () => {
  for (const scenario of ["close=middle", "reset=middle"] as const) {
    await writeFile(file(), "");
    const error = await failureOf(append(scenario));
    expect(error).toMatchObject({ kind: "origin", passing: true });
    expect(error.message).toBe("the connection was closed before the end of the answer");
    expectImage(image.length / 2);
  }
});

test("ORG-69: a body that stands still is given up, and what arrived is in the file", async () => {
  const error = await failureOf(append("stall=middle", { timeouts: { ...patient, idleMs: 300 } }));
  expect(error).toMatchObject({ kind: "origin", passing: true });
  expect(error.message).toBe("nothing arrived for 0.3 s");
  expectImage(image.length / 2);
});

test("ORG-67: a body that only drips is given up", async () => {
  const timeouts = { headersMs: never, idleMs: 1500, slowMs: 1500, manifestMs: 1_000_000 };
  const error = await failureOf(append("drip=body", { timeouts }));
  expect(error.message).toBe("less than 1 KiB a second arrived for 1.5 s");
});

test("ORG-66: a body that keeps moving may take longer than every time-out", async () => {
  const timeouts = { headersMs: 1500, idleMs: 1500, slowMs: 1500, manifestMs: 1_000_000 };
  await append("steady", { timeouts });
  expectImage();
});

test("DST-28: a disk that is full is no failure of the origin", async () => {
  await expect(append("honest", { path: "/dev/full" })).rejects.toMatchObject({ code: "ENOSPC" });
});

test("CLI-40: that no file can be opened any more is no failure of the origin", async () => {
  const script = `
    const { openSync } = require("node:fs");
    const { imageBody } = await import(${JSON.stringify(join(import.meta.dir, "asking.ts"))});
    const body = await imageBody(${JSON.stringify(server.origin("honest"))}, { size: ${image.length} });
    const fd = openSync(${JSON.stringify(file())}, "a+");
    try { for (;;) openSync("/dev/null", "r"); } catch {}
    const append = (writeTo) => writeTo(fd, new AbortController().signal);
    await body.into({ append }, ${image.length}).catch(({ code }) => console.log(code));`;
  const words = ["prlimit", "--nofile=64", process.execPath, ...bunFlags, "-e", script];
  const child = Bun.spawn(words, { stdout: "pipe" });
  expect(await child.stdout.text()).toBe("EMFILE\n");
});

test("FET-58: whoever has had enough ends the request", async () => {
  const stop = new AbortController();
  const appending = append("stall=middle", { signal: stop.signal });
  while (statSync(file()).size < image.length / 2) await Bun.sleep(10);
  stop.abort();
  await expect(appending).rejects.toBeDefined();
  await server.requests.at(-1)!.closed;
});
