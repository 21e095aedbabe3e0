// What every way to an origin has in common: the questions it answers, and the watch over a body
// that stands still. Nothing here knows a protocol.

import { fstatSync } from "node:fs";
import type { Sha256Hex } from "../../core/digest.ts";
import { TakoError } from "../../core/error.ts";
import { MAX_MANIFEST_BYTES } from "../../core/manifest.ts";
import type { Fail } from "./retry.ts";

/** Bytes as they arrive. Whoever stops reading ends the request by that. */
export type Chunks = AsyncGenerator<Uint8Array, void, undefined>;

export type ManifestAnswer =
  | { readonly kind: "unchanged" }
  | { readonly kind: "body"; readonly chunks: Chunks; readonly etag?: string };

export type ImageAnswer =
  | { readonly kind: "gone" }
  | {
      readonly kind: "body";
      /** Of the first byte: what was asked for, or 0 when the whole image comes. */
      readonly offset: number;
      readonly chunks: Chunks;
      /** Instead of `chunks`, where the origin has promised just the bytes that are missing. */
      readonly appendTo?: Append;
    };

/**
 * Appends a body to an open file, which takes less time and memory than chunk by chunk. Rejects with
 * an OriginError, or with the system's error if the file could not be written. What had arrived
 * until then is in the file, and nothing is written any more once it has settled.
 *
 * @param signal ends the request
 */
export type Append = (fd: number, signal: AbortSignal) => Promise<void>;

/** One way to an origin. Each call is one try. How much may be read is the caller's business. */
export interface Transport {
  /** @throws OriginError */
  manifest(etag?: string): Promise<ManifestAnswer>;
  /** @throws OriginError */
  image(digest: Sha256Hex, size: number, offset: number): Promise<ImageAnswer>;
}

export interface Timeouts {
  /** Until the headers of an answer are there (ORG-60), in milliseconds. */
  readonly headersMs: number;
  /** Without a byte of the body (ORG-61), in milliseconds. */
  readonly idleMs: number;
  /** The window in which at least 1 KiB a second must arrive (ORG-62), in milliseconds. */
  readonly slowMs: number;
}

const MIN_BYTES_PER_SECOND = 1024;
/** How many times a watch looks during `idleMs`: once a second by default. */
const LOOKS = 30;

/** Where the bytes of a body come from. */
export interface Source {
  /** The next bytes, `undefined` at the end. Rejects with an OriginError. */
  readonly read: () => Promise<Uint8Array | undefined>;
  /** Ends the request, and with it a pending `read`, in one way or another. */
  readonly stop: () => void | Promise<void>;
}

/**
 * Reads a body chunk by chunk until it ends, stands still, or the reader has had enough.
 */
export async function* receive(source: Source, fail: Fail, timeouts: Timeouts): Chunks {
  let received = 0;
  const watch = new StallWatch(timeouts, () => received, source.stop);
  try {
    for (;;) {
      watch.waiting = true;
      const chunk = await source.read();
      watch.waiting = false;
      if (chunk === undefined) break;
      received += chunk.length;
      yield chunk;
    }
  } catch (error) {
    if (watch.complaint === undefined) throw error;
  } finally {
    watch.end();
    await source.stop();
  }
  if (watch.complaint !== undefined) throw fail(watch.complaint, { passing: true });
}

/**
 * Runs what receives a body into an open file, until it ends or the file no longer grows. The
 * runtime writes the file on this thread, so no look comes while a slow disk keeps it waiting.
 *
 * @param stop ends the request, and with it `append`
 */
export async function watched(
  append: Promise<unknown>,
  fd: number,
  stop: () => void,
  fail: Fail,
  timeouts: Timeouts,
): Promise<void> {
  const watch = new StallWatch(timeouts, () => fstatSync(fd).size, stop);
  watch.waiting = true;
  try {
    await append;
  } catch (error) {
    throw watch.complaint === undefined ? error : fail(watch.complaint, { passing: true });
  } finally {
    watch.end();
  }
}

/** A manifest beyond what is ever read (ORG-22). */
export function manifestTooLong(url: string): TakoError {
  const limit = MAX_MANIFEST_BYTES / 1024 / 1024;
  return new TakoError("manifest", `the manifest is longer than ${limit} MiB`, {
    rule: "ORG-22",
    source: url,
  });
}

/**
 * Looks about once a second at how much has arrived. One timer serves a whole body, since one for
 * each chunk would cost more than the chunk. Only the time spent waiting for the origin counts: a
 * slow disk is not its fault.
 */
class StallWatch {
  waiting = false;
  /** Why the body was given up. */
  complaint: string | undefined;
  readonly #timer: ReturnType<typeof setInterval>;

  /** @param received tells the bytes that have arrived so far */
  constructor(
    { idleMs, slowMs }: Timeouts,
    received: () => number,
    giveUp: () => void | Promise<void>,
  ) {
    const lookMs = idleMs / LOOKS;
    const looksInWindow = Math.round(slowMs / lookMs);
    const least = (MIN_BYTES_PER_SECOND * slowMs) / 1000;
    /** What had been received at each look, oldest first. */
    const history = [received()];
    const arrivedSince = (looks: number) =>
      (history.at(-1) ?? 0) - (history.at(-1 - looks) ?? Number.NEGATIVE_INFINITY);
    this.#timer = setInterval(() => {
      if (!this.waiting || this.complaint !== undefined) return;
      history.push(received());
      if (history.length > Math.max(looksInWindow, LOOKS) + 1) history.shift();
      if (arrivedSince(LOOKS) === 0) {
        this.complaint = `nothing arrived for ${idleMs / 1000} s`;
      } else if (arrivedSince(looksInWindow) < least) {
        this.complaint = `less than 1 KiB a second arrived for ${slowMs / 1000} s`;
      }
      if (this.complaint !== undefined) void giveUp();
    }, lookMs);
    // The request keeps the program running, for as long as somebody waits for it.
    this.#timer.unref();
  }

  end(): void {
    clearInterval(this.#timer);
  }
}
