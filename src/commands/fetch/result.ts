// How a run of fetch ends, as values. How it looks is the business of cli/.

import type { Sha256Hex } from "../../core/digest.ts";
import { TakoError } from "../../core/error.ts";
import type { Entry } from "../../core/manifest.ts";
import { type NoMatch, startsUnit } from "../../core/plan.ts";
import { describeNoMatch } from "./no-match.ts";
import type { Run } from "./run.ts";

/** How a run ended that found an image to use. */
export interface Ended {
  /** The version is in use since this run, or was before; or would be in use (a dry run). */
  readonly outcome: "updated" | "current" | "planned";
  readonly version: string;
  readonly sha256: Sha256Hex;
}

/** How a run ended that did not fail. */
export type Outcome =
  | Ended
  | {
      readonly outcome: "no-match";
      readonly pattern: string;
      /** The newest versions on offer, newest first. */
      readonly offered: readonly string[];
    };

/** How one config ended. */
export type FetchResult = { readonly config: string } & (
  | Outcome
  | {
      readonly outcome: "failed";
      /** In the order in which they came, at least one. */
      readonly errors: readonly TakoError[];
    }
);

export function ended(outcome: Ended["outcome"], { version, digest }: Entry): Ended {
  return { outcome, version: version.text, sha256: digest };
}

/** Nothing to do, unless a unit needs an image in order to start (FET-41, FET-42). */
export function noMatch({ config, mode }: Run, { pattern, offered }: NoMatch): Outcome {
  if (!startsUnit(mode)) return { outcome: "no-match", pattern, offered };
  const message = describeNoMatch(pattern, offered);
  throw new TakoError("failed", message, { rule: "FET-42", source: config.file });
}
