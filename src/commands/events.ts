// What the commands tell while they work, as values: the documented events of `--json` (FET-97), and
// `progress`, which only moves a bar.
// How an event looks on a terminal, in the journal or as JSON is the business of cli/.

import type { TakoError } from "../core/error.ts";

/** Something that happened to one config (fetch) or origin (store). Sizes and offsets are bytes. */
export type Event = { readonly config?: string } & (
  | { readonly event: "waiting"; readonly directory: string }
  | { readonly event: "warning"; readonly message: string }
  | {
      readonly event: "retry";
      readonly url: string;
      readonly reason: string;
      readonly delay_ms: number;
    }
  | {
      readonly event: "manifest";
      readonly state: "unchanged" | "updated" | "new";
      readonly versions: number;
    }
  | { readonly event: "damaged"; readonly version: string; readonly path: string }
  | { readonly event: "gone"; readonly version: string; readonly url: string }
  | {
      readonly event: "download";
      readonly version: string;
      readonly url: string;
      readonly size: number;
      readonly offset: number;
    }
  | {
      readonly event: "progress";
      readonly version: string;
      readonly size: number;
      readonly done: number;
    }
  | {
      readonly event: "downloaded";
      readonly version: string;
      readonly sha256: string;
      readonly size: number;
    }
  | {
      readonly event: "activated";
      readonly version: string;
      readonly sha256: string;
      readonly previous: string | null;
    }
  | { readonly event: "restarted"; readonly units: readonly string[] }
  | {
      readonly event: "would";
      readonly action: "download" | "activate" | "restart";
      readonly what: string;
    }
);

/**
 * How one config ended: `current` and `updated` name the version in use, `planned` (of a dry run that
 * would do something) the one that would be, `no-match` what was on offer.
 */
export interface FetchResult {
  readonly config: string;
  readonly outcome: "updated" | "current" | "planned" | "no-match" | "failed";
  readonly version?: string;
  readonly sha256?: string;
  /** The newest versions on offer, newest first, when none matches. */
  readonly offered?: readonly string[];
  readonly pattern?: string;
  /** What went wrong, worst first; `outcome` is `failed` exactly when there is one. */
  readonly errors: readonly TakoError[];
}

/** Where commands tell their events. `progress` comes often; the rest are worth a line each. */
export type Report = (event: Event) => void;
