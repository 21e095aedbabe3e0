// An origin as the rest of Tako sees it: a manifest, and images by digest, whatever way leads there
// (spec/origins.md). Nothing that comes from here is trusted before its check.

import type { Sha256Hex } from "../../core/digest.ts";
import { MAX_MANIFEST_BYTES } from "../../core/manifest.ts";
import { manifestLocation, type OriginUrl } from "../../core/origin-url.ts";
import type { Body } from "./body.ts";
import { HttpTransport } from "./http.ts";
import { LargeManifests, ManifestRoom } from "./manifest-room.ts";
import { type RetryEffects, retry } from "./retry.ts";
import {
  type ImageAnswer,
  type ManifestQuestion,
  manifestTooLong,
  type Timeouts,
  type Transport,
} from "./transport.ts";

/** What an origin needs of the world, for its retries and its time-outs. */
export interface OriginEffects extends RetryEffects {
  /** Those of the specification, unless others are given. */
  readonly timeouts?: Timeouts;
  /** What the origins of one run share; its own unless given. */
  readonly largeManifests?: LargeManifests;
}

/** ORG-60 to ORG-62. */
const TIMEOUTS: Timeouts = { headersMs: 30_000, idleMs: 30_000, slowMs: 60_000 };

export interface Origin {
  readonly url: OriginUrl;
  /**
   * Downloads the manifest, with several tries. Its bytes are there until {@link forgetManifest}, or
   * until it is asked for again.
   *
   * @throws TakoError of kind `origin`, or `manifest` when it is longer than any may be
   */
  manifest(
    question?: ManifestQuestion,
  ): Promise<
    | { readonly kind: "unchanged" }
    | { readonly kind: "manifest"; readonly bytes: Uint8Array; readonly etag?: string }
  >;
  /** Gives back the memory of the manifest that came last. */
  forgetManifest(): void;
  /**
   * Asks for an image from byte `offset`, in one try: {@link withRetries} makes more of it.
   *
   * @throws TakoError of kind `origin`, here and while its body is received
   */
  image(digest: Sha256Hex, size: number, offset: number): Promise<ImageAnswer>;
  /**
   * Makes `attempt`, which asks the origin for something, up to four times while it fails with what
   * can pass (ORG-50 to ORG-55). Anything else that it throws, and the last failure, comes through.
   */
  withRetries<T>(attempt: () => Promise<T>): Promise<T>;
}

/** Opens an origin; asks it nothing yet. */
export function openOrigin(url: OriginUrl, effects: OriginEffects): Origin {
  const transport = transportFor(url, effects);
  const room = new ManifestRoom(effects.largeManifests ?? new LargeManifests());
  const withRetries = <T>(attempt: () => Promise<T>) => retry(effects, attempt);
  return {
    url,
    withRetries,
    manifest: (question = {}) =>
      withRetries(async () => {
        const answer = await (await transport).manifest(question);
        if (answer.kind === "unchanged") return answer;
        const { body, ...rest } = answer;
        return { ...rest, kind: "manifest", bytes: await readManifest(body, url, room) };
      }),
    forgetManifest: () => room[Symbol.dispose](),
    image: async (digest, size, offset) => (await transport).image(digest, size, offset),
  };
}

/** The rare ways are loaded only when they are needed: a check with nothing new is to be quick. */
async function transportFor(
  url: OriginUrl,
  { clock, timeouts = TIMEOUTS }: OriginEffects,
): Promise<Transport> {
  switch (url.scheme) {
    case "https":
    case "http":
      return new HttpTransport(url, { clock, timeouts });
    case "file":
      return new (await import("./file.ts")).FileTransport(url);
    case "sftp":
    case "scp":
    case "ftp":
    case "ftps":
      return new (await import("./curl.ts")).CurlTransport(url, { clock, timeouts });
  }
}

/** The whole of a manifest, in memory, if it stays below the limit (ORG-22). */
async function readManifest(body: Body, url: OriginUrl, room: ManifestRoom): Promise<Uint8Array> {
  room[Symbol.dispose]();
  try {
    const end = await body.into({ write: (chunk) => room.add(chunk) }, MAX_MANIFEST_BYTES);
    if (end === "longer") throw manifestTooLong(manifestLocation(url));
    return room.bytes();
  } catch (error) {
    // Nobody waits for the next try of somebody else.
    room[Symbol.dispose]();
    throw error;
  }
}
