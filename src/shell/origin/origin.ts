// An origin as the rest of Tako sees it: a manifest, and images by digest, whatever way leads there
// (spec/origins.md). Nothing that comes from here is trusted before its check.

import type { Sha256Hex } from "../../core/digest.ts";
import { asTakoError } from "../../core/error.ts";
import { goneName, packedName } from "../../core/layout.ts";
import { beginsAsManifest, isCutOff, MAX_MANIFEST_BYTES } from "../../core/manifest.ts";
import { manifestLocation, type OriginUrl, storeLocation } from "../../core/origin-url.ts";
import {
  MAX_PACKED_BYTES,
  type PackedList,
  parsePackedList,
} from "../../core/packed/packed-list.ts";
import { decodeImageRecord, IMAGE_RECORD_BYTES } from "../../core/records.ts";
import type { Body } from "./body.ts";
import { HttpTransport } from "./http.ts";
import { LargeManifests, ManifestRoom } from "./manifest-room.ts";
import { OriginError } from "./origin-error.ts";
import { leastPerSecond, paceOf } from "./pace.ts";
import type { Environment } from "./proxy.ts";
import { type RetryEffects, retry } from "./retry.ts";
import { packed, somethingElse } from "./something-else.ts";
import {
  type FileAnswer,
  type ManifestQuestion,
  manifestTooLong,
  type Presence,
  type Received,
  type Timeouts,
  type Times,
  type Transport,
} from "./transport.ts";

/** What an origin needs of the world, for its retries and its time-outs. */
export interface OriginEffects extends RetryEffects {
  readonly timeouts: Timeouts;
  /** What the origins of one run share; its own unless given. */
  readonly largeManifests?: LargeManifests;
  /** Its variables name proxies (ORG-130). */
  readonly environment: Environment;
}

/** How many times a manifest's time is looked at. */
const LOOKS = 100;

/** The time-outs of the specification for a wait of so many milliseconds (ORG-67, ORG-56, ORG-68). */
export function timeoutsOf(waitMs: number): Timeouts {
  const slowMs = Math.max(60_000, waitMs);
  return { headersMs: waitMs, idleMs: waitMs, slowMs, manifestMs: 5 * 60_000 };
}

/** What the tries have brought so far. */
interface Progress {
  /** Tells the bytes that are on disk. */
  readonly arrived: () => number;
  /** Of the whole. */
  readonly size: number;
}

/** What packed files an origin says that it has. */
export interface Packed {
  readonly list: PackedList;
  /** Of the list itself. */
  readonly bytes: number;
}

export interface Origin {
  readonly url: OriginUrl;
  /**
   * Downloads the manifest, with several tries. Its bytes are there until {@link forgetManifest}, or
   * until it is asked for again.
   *
   * @throws TakoError of kind `origin`, or `manifest` when it is longer than any may be
   */
  manifest(question?: ManifestQuestion): Promise<
    | { readonly kind: "unchanged" }
    | {
        readonly kind: "manifest";
        readonly bytes: Uint8Array;
        readonly etag?: string;
        /** Where a redirect led, as it is shown. */
        readonly redirectedTo?: string;
        readonly times?: Times;
      }
  >;
  /** Gives back the memory of the manifest that came last. */
  forgetManifest(): void;
  /**
   * Asks for an image, or for a packed file, from byte `offset`, in one try: {@link withRetries} makes more of it.
   *
   * @param name of the file in `store/`
   * @throws TakoError of kind `origin`, here and while its body is received
   */
  file(name: string, size: number, offset: number): Promise<FileAnswer>;
  /**
   * The list of packed files of an image, with several tries; `undefined` if there is none (PCK-50).
   *
   * @throws TakoError of kind `origin`
   */
  packed(digest: Sha256Hex): Promise<Packed | undefined>;
  /** Whether an image is there, in one try: as {@link Transport.look}. */
  look(digest: Sha256Hex, size: number): Promise<Presence>;
  /**
   * Whether an image that is missing was removed on purpose, as its mark there says: asked once, and what is no such mark
   * says nothing (FET-111).
   */
  isMarkedGone(digest: Sha256Hex): Promise<boolean>;
  /**
   * Makes `attempt`, which asks the origin for something, up to four times while it fails with what
   * can pass (ORG-50 to ORG-55). Anything else that it throws, and the last failure, comes through.
   *
   * @param progress while it is fast enough for that size, the tries are counted anew (ORG-65)
   */
  withRetries<T>(attempt: () => Promise<T>, progress?: Progress): Promise<T>;
}

/** Opens an origin; asks it nothing yet. */
export function openOrigin(url: OriginUrl, effects: OriginEffects): Origin {
  const transport = transportFor(url, effects);
  const { clock, timeouts } = effects;
  const room = new ManifestRoom(effects.largeManifests ?? new LargeManifests());
  return {
    url,
    withRetries: (attempt, progress) =>
      retry(
        effects,
        attempt,
        progress && paceOf(clock, progress.arrived, leastPerSecond(progress.size)),
      ),
    async manifest(question = {}) {
      const limit = new AbortController();
      let looks = 0;
      using _limit = clock.every(timeouts.manifestMs / LOOKS, () => {
        // Waiting for the manifests of others is not the origin's fault.
        if (!room.isWaiting) looks += 1;
        if (looks >= LOOKS) limit.abort(manifestTooLate(url, timeouts));
      });
      return await retry(effects, async () => {
        limit.signal.throwIfAborted();
        const answer = await (await transport).manifest({ ...question, signal: limit.signal });
        if (answer.kind === "unchanged") return answer;
        const { etag, redirectedTo, changed, said } = answer;
        const kept = {
          ...(etag === undefined ? {} : { etag }),
          ...(redirectedTo === undefined ? {} : { redirectedTo }),
          ...(changed === undefined ? {} : { times: { changed, said } }),
        };
        const bytes = await readManifest(answer, url, room, limit.signal);
        return { kind: "manifest", ...kept, bytes };
      });
    },
    forgetManifest: () => room[Symbol.dispose](),
    file: async (name, size, offset) => (await transport).file(name, size, offset),
    packed: (digest) => retry(effects, async () => readPacked(await transport, url, digest)),
    isMarkedGone: async (digest) => {
      try {
        return await isMarker(await transport, digest);
      } catch (caught) {
        // That the image is missing is what is to be told.
        asTakoError(caught);
        return false;
      }
    },
    look: async (digest, size) => (await transport).look(digest, size),
  };
}

/** An attempt to get an image; one that is missing and has a mark there is gone as by 410 (FET-111). */
export async function orMarkedGone<T>(
  origin: Origin,
  digest: Sha256Hex,
  attempt: () => Promise<T>,
): Promise<T | "gone"> {
  try {
    return await attempt();
  } catch (error) {
    const isMissing = error instanceof OriginError && error.isMissing;
    if (isMissing && (await origin.isMarkedGone(digest))) return "gone";
    throw error;
  }
}

async function isMarker(transport: Transport, digest: Sha256Hex): Promise<boolean> {
  const { body } = await transport.small(goneName(digest), IMAGE_RECORD_BYTES);
  const text = await readSmall(body, IMAGE_RECORD_BYTES);
  return text !== undefined && decodeImageRecord(Buffer.from(text).toString("latin1")) === digest;
}

async function readPacked(
  transport: Transport,
  url: OriginUrl,
  digest: Sha256Hex,
): Promise<Packed | undefined> {
  const name = packedName(digest);
  try {
    const { body } = await transport.small(name, MAX_PACKED_BYTES);
    const bytes = await readSmall(body, MAX_PACKED_BYTES);
    // One byte beyond is enough to be refused (PCK-2).
    const list = parsePackedList(bytes ?? new Uint8Array(MAX_PACKED_BYTES + 1));
    return { list, bytes: bytes?.length ?? 0 };
  } catch (caught) {
    if (caught instanceof OriginError && caught.isMissing) return undefined;
    const error = asTakoError(caught);
    throw error.source === undefined
      ? error.with({ source: storeLocation(url, name).shown })
      : error;
  }
}

/** All of a small body; `undefined` if it has more bytes than `most`, and no byte beyond is read. */
async function readSmall(body: Body, most: number): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  const write = (chunk: Uint8Array) => {
    chunks.push(chunk.slice());
    return undefined;
  };
  const end = await body.into({ write }, most);
  return end === "ended" ? Buffer.concat(chunks) : undefined;
}

/** The rare ways are loaded only when they are needed: a check with nothing new is to be quick. */
async function transportFor(
  url: OriginUrl,
  { clock, environment, timeouts }: OriginEffects,
): Promise<Transport> {
  switch (url.scheme) {
    case "https":
    case "http":
      return new HttpTransport(url, { clock, timeouts }, environment);
    case "file":
      return new (await import("./file.ts")).FileTransport(url);
    case "sftp":
    case "scp":
    case "ftp":
    case "ftps":
      return new (await import("./curl.ts")).CurlTransport(url, { clock, timeouts });
  }
}

/**
 * The whole of a manifest, in memory, if it stays below the limit (ORG-22) and looks like one. What does
 * not is something else, or was cut; only its signature tells what it is worth.
 */
async function readManifest(
  received: Received,
  url: OriginUrl,
  room: ManifestRoom,
  signal: AbortSignal,
): Promise<Uint8Array> {
  room[Symbol.dispose]();
  const { body } = received;
  const stop = () => void body[Symbol.asyncDispose]();
  signal.addEventListener("abort", stop);
  try {
    const end = await body.into({ write: (chunk) => room.add(chunk) }, MAX_MANIFEST_BYTES);
    if (end === "longer") throw manifestTooLong(manifestLocation(url));
    const bytes = room.bytes();
    refuseSomethingElse(bytes, received);
    return bytes;
  } catch (error) {
    // Nobody waits for the next try of somebody else.
    room[Symbol.dispose]();
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** What is no manifest, or not all of one (ORG-31, ORG-33, ORG-34). */
function refuseSomethingElse(bytes: Uint8Array, { fail, encoding }: Received): void {
  if (!beginsAsManifest(bytes)) {
    throw encoding === undefined
      ? somethingElse(fail, "the answer is no manifest of Tako's", "ORG-31")
      : somethingElse(fail, packed(encoding), "ORG-34");
  }
  if (isCutOff(bytes)) {
    throw fail("the answer ended before the manifest did", { rule: "ORG-33", passing: true });
  }
}

function manifestTooLate(url: OriginUrl, { manifestMs }: Timeouts): OriginError {
  const { shown } = manifestLocation(url);
  const reason = `the manifest did not come within ${manifestMs / 60_000} minutes`;
  return new OriginError(shown, reason, { rule: "ORG-56" });
}
