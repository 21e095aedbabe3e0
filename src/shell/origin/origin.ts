// An origin as the rest of Tako sees it: a manifest, and images by digest, whatever way leads there
// (spec/origins.md). Nothing that comes from here is trusted before its check.

import type { Sha256Hex } from "../../core/digest.ts";
import { MAX_MANIFEST_BYTES } from "../../core/manifest.ts";
import { manifestLocation, type OriginUrl } from "../../core/origin-url.ts";
import type { Body } from "./body.ts";
import { HttpTransport } from "./http.ts";
import type { Environment } from "./proxy.ts";
import { type RetryEffects, retry } from "./retry.ts";
import { type ImageAnswer, manifestTooLong, type Timeouts, type Transport } from "./transport.ts";

/** What an origin needs of the world, for its retries and its time-outs. */
export interface OriginEffects extends RetryEffects {
  /** Those of the specification, unless others are given. */
  readonly timeouts?: Timeouts;
  /** Its variables name proxies (ORG-130). */
  readonly environment: Environment;
}

/** ORG-60 to ORG-62. */
const TIMEOUTS: Timeouts = { headersMs: 30_000, idleMs: 30_000, slowMs: 60_000 };

export interface Origin {
  readonly url: OriginUrl;
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
  const withRetries = <T>(attempt: () => Promise<T>) => retry(effects, attempt);
  return {
    url,
    withRetries,
    manifest: (etag) =>
      withRetries(async () => {
        const answer = await (await transport).manifest(etag);
        if (answer.kind === "unchanged") return answer;
        const { body, ...rest } = answer;
        return { ...rest, kind: "manifest", bytes: await readManifest(body, url) };
      }),
    image: async (digest, size, offset) => (await transport).image(digest, size, offset),
  };
}

/** The rare ways are loaded only when they are needed: a check with nothing new is to be quick. */
async function transportFor(
  url: OriginUrl,
  { clock, environment, timeouts = TIMEOUTS }: OriginEffects,
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

/** The whole of a manifest, in memory, if it stays below the limit (ORG-22). */
async function readManifest(body: Body, url: OriginUrl): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  const write = (chunk: Uint8Array) => {
    // A copy: the chunk may change once it is taken.
    parts.push(new Uint8Array(chunk));
    return undefined;
  };
  const end = await body.into({ write }, MAX_MANIFEST_BYTES);
  if (end === "longer") throw manifestTooLong(manifestLocation(url));
  return Buffer.concat(parts);
}
