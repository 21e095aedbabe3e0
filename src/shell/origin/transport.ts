// What every way to an origin has in common: the questions that it answers. Nothing here knows a
// protocol.

import type { Sha256Hex } from "../../core/digest.ts";
import { TakoError } from "../../core/error.ts";
import { MAX_MANIFEST_BYTES } from "../../core/manifest.ts";
import type { Location } from "../../core/origin-url.ts";
import type { Clock } from "../clock.ts";
import type { Body } from "./body.ts";
import type { Fail } from "./origin-error.ts";

export type ManifestAnswer =
  | { readonly kind: "unchanged" }
  | (Received & Times & { readonly kind: "body"; readonly etag?: string });

/** When the file changed, and when that was said: both by the clock of who answered, in milliseconds since the epoch. */
export interface Times {
  readonly changed?: number | undefined;
  readonly said?: number | undefined;
}

export type FileAnswer =
  | { readonly kind: "gone" }
  | (Received & {
      readonly kind: "body";
      /** Of the first byte: what was asked for, or 0 when the whole file comes. */
      readonly offset: number;
      /** Where it ends, if the origin says so; it may give a part of what was asked for (ORG-37). */
      readonly end?: number;
    });

/** A body, and who it is from. */
export interface Received {
  readonly body: Body;
  /** Makes an error of what is wrong with it. */
  readonly fail: Fail;
  /** Where a redirect led, as it is shown. */
  readonly redirectedTo?: string | undefined;
  /** A `Content-Encoding` that nobody asked for. */
  readonly encoding?: string | undefined;
}

/** How a manifest is asked for, where a transport knows the difference. */
export interface ManifestQuestion {
  /** Of the manifest that is there already: only another one is to come. */
  readonly etag?: string | undefined;
  /** Whether caches on the way are to ask the origin themselves (ORG-17). */
  readonly pastCaches?: boolean;
  /** Ends the request. */
  readonly signal?: AbortSignal;
}

/** One way to an origin. Each call is one try. How much may be read is the caller's business. */
export interface Transport {
  /** @throws OriginError */
  manifest(question: ManifestQuestion): Promise<ManifestAnswer>;
  /** A file of `store/`, an image or one that belongs to it, of which the size is known. @throws OriginError */
  file(name: string, size: number, offset: number): Promise<FileAnswer>;
  /**
   * A file of `store/` whose size is not known.
   *
   * @param most the bytes that it is expected to have at most
   * @throws OriginError
   */
  small(name: string, most: number): Promise<Received>;
  /**
   * Whether an image of that size is there, as far as can be told without receiving it (INS-7).
   *
   * @throws OriginError if it is not
   */
  look(digest: Sha256Hex, size: number): Promise<Presence>;
}

/** Of an image at an origin; `gone` is one that was taken away on purpose (410). */
export type Presence = "there" | "gone";

export interface Timeouts {
  /** Until the headers of an answer are there (ORG-68), in milliseconds. */
  readonly headersMs: number;
  /** Without a byte of the body (ORG-69), in milliseconds. */
  readonly idleMs: number;
  /** The window in which at least 1 KiB a second must arrive (ORG-67), in milliseconds. */
  readonly slowMs: number;
  /** For a manifest in all, with its further tries (ORG-56), in milliseconds. */
  readonly manifestMs: number;
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
