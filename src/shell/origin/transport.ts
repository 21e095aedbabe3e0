// What every way to an origin has in common: the questions that it answers. Nothing here knows a
// protocol.

import type { Sha256Hex } from "../../core/digest.ts";
import { TakoError } from "../../core/error.ts";
import { MAX_MANIFEST_BYTES } from "../../core/manifest.ts";
import type { Location } from "../../core/origin-url.ts";
import type { Clock } from "../clock.ts";
import type { Body } from "./body.ts";

export type ManifestAnswer =
  | { readonly kind: "unchanged" }
  | { readonly kind: "body"; readonly body: Body; readonly etag?: string };

export type ImageAnswer =
  | { readonly kind: "gone" }
  | {
      readonly kind: "body";
      /** Of the first byte: what was asked for, or 0 when the whole image comes. */
      readonly offset: number;
      readonly body: Body;
    };

/** How a manifest is asked for, where a transport knows the difference. */
export interface ManifestQuestion {
  /** Of the manifest that is there already: only another one is to come. */
  readonly etag?: string | undefined;
  /** Whether caches on the way are to ask the origin themselves (ORG-17). */
  readonly pastCaches?: boolean;
}

/** One way to an origin. Each call is one try. How much may be read is the caller's business. */
export interface Transport {
  /** @throws OriginError */
  manifest(question: ManifestQuestion): Promise<ManifestAnswer>;
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

/** Until when an origin is waited for, by which clock. */
export interface Patience {
  readonly clock: Clock;
  readonly timeouts: Timeouts;
}

/** A manifest beyond what is ever read (ORG-22). */
export function manifestTooLong({ shown }: Location): TakoError {
  const limit = MAX_MANIFEST_BYTES / 1024 / 1024;
  return new TakoError("manifest", `the manifest is longer than ${limit} MiB`, {
    rule: "ORG-22",
    source: shown,
  });
}
