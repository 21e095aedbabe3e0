// What the tests of origins have in common: an image, effects that do not wait, and how an error is
// looked at.

import { expect } from "bun:test";
import { join } from "node:path";
import { parseSha256Hex, type Sha256Hex } from "../../src/core/digest.ts";
import { TakoError } from "../../src/core/error.ts";
import { parseOriginUrl } from "../../src/core/origin-url.ts";
import { systemClock } from "../../src/shell/clock.ts";
import type { Body, Sink } from "../../src/shell/origin/body.ts";
import {
  type Origin,
  type OriginEffects,
  openOrigin,
  timeoutsOf,
} from "../../src/shell/origin/origin.ts";
import { bunFlags } from "../support/bun-flags.ts";

export const manifest = Buffer.from(
  `Tako Manifest 1\n\n\n${"not/signed+which+is+not+an+origins+business".repeat(2)}==\n`,
);

/** A manifest of this many bytes, as far as an origin looks at it. */
export function longManifest(bytes: number): Buffer {
  const whole = Buffer.alloc(bytes, "\n");
  manifest.copy(whole);
  manifest.copy(whole, bytes - manifest.length);
  return whole;
}

/** 100,000 bytes. */
export const image = Uint8Array.from({ length: 100_000 }, (_, index) => (index * 31) % 251);

/** Any 64 digits will do: an origin does not look at what an image's digest is. */
export const digest = sha256Hex("0123456789abcdef".repeat(4));

export const files = { manifest, [`store/${digest}`]: image };

function sha256Hex(text: string): Sha256Hex {
  const parsed = parseSha256Hex(text);
  if (parsed === undefined) throw new Error("not a digest");
  return parsed;
}

export interface Asked {
  readonly origin: Origin;
  /** The milliseconds of every wait. */
  readonly slept: number[];
  /** What was said about each further try. */
  readonly retries: { url: string; reason: string; delayMs: number }[];
}

/** An origin whose retries do not wait, and whose jitter is none. */
export function open(
  url: string,
  { now = Date.now, ...effects }: Partial<OriginEffects> & { now?: () => number } = {},
): Asked {
  const slept: number[] = [];
  const retries: Asked["retries"] = [];
  const origin = openOrigin(parseOriginUrl(url), {
    clock: { ...systemClock, now, sleep: async (ms) => void slept.push(ms) },
    random: () => 0.5,
    environment: process.env,
    timeouts: timeoutsOf(30_000),
    onRetry: (shown, reason, delayMs) => retries.push({ url: shown, reason, delayMs }),
    ...effects,
  });
  return { origin, slept, retries };
}

/** The bytes of an image from an offset, and the offset that the answer has. */
export async function readImage(
  origin: Origin,
  offset = 0,
): Promise<{ offset: number; bytes: Uint8Array } | "gone"> {
  const answer = await origin.file(digest, image.length, offset);
  if (answer.kind === "gone") return "gone";
  const chunks: Uint8Array[] = [];
  const end = await answer.body.into(keepingIn(chunks), image.length - answer.offset);
  if (end !== "ended") throw new Error("more came than the image has");
  return { offset: answer.offset, bytes: Buffer.concat(chunks) };
}

/** A sink that keeps what it gets in memory. */
export function keepingIn(chunks: Uint8Array[]): Sink {
  return {
    write(chunk) {
      // A copy: what comes in a chunk may change once it is taken.
      chunks.push(new Uint8Array(chunk));
      return undefined;
    },
  };
}

/** The body of an image from an offset. */
export async function imageBody(
  url: string,
  { size = image.length, offset = 0, ...effects }: AskedImage = {},
): Promise<Body> {
  const answer = await open(url, effects).origin.file(digest, size, offset);
  if (answer.kind === "gone") throw new Error("gone");
  return answer.body;
}

interface AskedImage extends Partial<OriginEffects> {
  readonly size?: number;
  readonly offset?: number;
}

/** The TakoError that a promise is expected to reject with. */
export async function failureOf(promise: Promise<unknown>): Promise<TakoError> {
  const error = await promise.then(
    (value) => new Error(`nothing was thrown, but given: ${Bun.inspect(value)}`),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(TakoError);
  return error as TakoError;
}

/**
 * What a process of its own gets from an origin, with these variables in its environment.
 *
 * @param around the words of a command that runs it
 */
export async function askInChild(
  words: readonly string[],
  env: Readonly<Record<string, string>>,
  around: readonly string[] = [],
): Promise<Record<string, unknown>> {
  const program = [process.execPath, ...bunFlags, join(import.meta.dir, "ask.ts")];
  const child = Bun.spawn([...around, ...program, ...words], {
    env: { PATH: process.env["PATH"] ?? "", ...env },
    stdout: "pipe",
    stderr: "inherit",
  });
  const text = await child.stdout.text();
  await child.exited;
  return JSON.parse(text);
}
