// An origin as the rest of Tako sees it: a manifest, and images by digest, whatever way leads there
// (spec/origins.md). Nothing that comes from here is trusted before its check.

import type { Sha256Hex } from "../../core/digest.ts";
import { MAX_MANIFEST_BYTES } from "../../core/manifest.ts";
import { type OriginUrl, shownManifestUrl } from "../../core/origin-url.ts";
import { HttpTransport } from "./http.ts";
import { type RetryEffects, retry } from "./retry.ts";
import {
  type Chunks,
  type ImageAnswer,
  manifestTooLong,
  type Timeouts,
  type Transport,
} from "./transport.ts";

export type { ImageAnswer } from "./transport.ts";

export interface OriginEffects extends RetryEffects {
  readonly timeouts: Timeouts;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

const EFFECTS: OriginEffects = {
  sleep: Bun.sleep,
  random: Math.random,
  now: Date.now,
  onRetry: () => {},
  timeouts: { headersMs: 30_000, idleMs: 30_000, slowMs: 60_000 },
};

export interface Origin {
  readonly effects: OriginEffects;
  /**
   * Downloads the manifest, with several tries.
   *
   * @param etag of the manifest that is there already; makes the request conditional where the
   *   transport can do that
   * @throws TakoError of kind `origin`, or `manifest` when it is longer than any may be
   */
  manifest(
    etag?: string,
  ): Promise<
    | { readonly kind: "unchanged" }
    | { readonly kind: "manifest"; readonly bytes: Uint8Array; readonly etag?: string }
  >;
  /**
   * Asks for an image from byte `offset`, in one try: {@link withRetries} makes more of it. The
   * bytes come by iterating `chunks`, which ends the request when it ends, and is to be iterated;
   * nothing stops it at the signed size but its reader.
   *
   * @throws TakoError of kind `origin`, here and while `chunks` is iterated
   */
  image(digest: Sha256Hex, size: number, offset: number): Promise<ImageAnswer>;
}

/** Opens an origin; asks it nothing yet. Effects that are left out are the real ones. */
export function openOrigin(url: OriginUrl, given: Partial<OriginEffects> = {}): Origin {
  const effects = { ...EFFECTS, ...given };
  const transport = transportFor(url, effects);
  return {
    effects,
    manifest: (etag) =>
      retry(effects, async () => {
        const answer = await (await transport).manifest(etag);
        if (answer.kind === "unchanged") return answer;
        const { chunks, ...rest } = answer;
        return { ...rest, kind: "manifest", bytes: await readManifest(chunks, url) };
      }),
    image: async (digest, size, offset) => (await transport).image(digest, size, offset),
  };
}

/**
 * Makes `attempt`, which asks the origin for something, up to four times while it fails with what
 * can pass (ORG-50 to ORG-55). Anything else it throws, and the last failure, comes through.
 *
 * @param attempt is told the number of the try, from 1
 */
export function withRetries<T>(
  origin: Origin,
  attempt: (tryNumber: number) => Promise<T>,
): Promise<T> {
  return retry(origin.effects, attempt);
}

/** The rare ways are loaded only when they are needed: a check with nothing new is to be quick. */
async function transportFor(url: OriginUrl, effects: OriginEffects): Promise<Transport> {
  switch (url.scheme) {
    case "https":
    case "http":
      return new HttpTransport(url, effects);
    case "file":
      return new (await import("./file.ts")).FileTransport(url);
    case "sftp":
    case "scp":
    case "ftp":
    case "ftps":
      return new (await import("./curl.ts")).CurlTransport(url, effects.timeouts);
  }
}

/** The whole of a manifest, if it stays below the limit (ORG-22). */
async function readManifest(chunks: Chunks, url: OriginUrl): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > MAX_MANIFEST_BYTES) throw manifestTooLong(shownManifestUrl(url));
    parts.push(chunk);
  }
  return Buffer.concat(parts);
}
