// How a run of fetch ends, as values. How it looks is the business of cli/.

import type { Sha256Hex } from "../../core/digest.ts";
import { TakoError } from "../../core/error.ts";
import type { Entry } from "../../core/manifest.ts";
import { type NoMatch, startsUnit, type Withheld } from "../../core/plan.ts";
import { describeNoMatch } from "./no-match.ts";
import type { Run } from "./run.ts";

/** How a run ended that found an image to use. */
export interface Ended {
  /**
   * The version is in use since this run, or was before; or is here and to be put into use by another run; or would be
   * in use (a dry run); or has still to prove itself, in use already or, with slots, beside the one in use.
   */
  readonly outcome: "updated" | "current" | "ready" | "planned" | "unconfirmed";
  /** Absent if the manifest does not list what is in use. */
  readonly version?: string | undefined;
  readonly sha256: Sha256Hex;
}

/** How a run ended that stayed on, or went back to, another version than the newest. */
export type Withdrawn =
  | {
      readonly outcome: "rolled-back" | "refused" | "skipped";
      /** In use now; absent if the manifest does not list it. */
      readonly version?: string | undefined;
      readonly sha256: Sha256Hex;
      /** The version that did not work here, and what was wrong; or that `Skip=` names. */
      readonly refused: string;
      readonly reason: string;
    }
  | {
      readonly outcome: "held";
      readonly version?: string | undefined;
      readonly sha256: Sha256Hex;
      /** Of `tako hold`: it was before. */
      readonly isAlready?: boolean;
    };

/** How a run ended that did not fail. */
export type Outcome =
  | Ended
  | Withdrawn
  | {
      /** Nothing is withheld from this host any more (ACT-84). */
      readonly outcome: "released";
      /** In use; absent if nothing is, or if the manifest does not list it. */
      readonly version?: string | undefined;
      /** Absent if nothing is in use. */
      readonly sha256?: Sha256Hex | undefined;
      /** The version that it was held on; its digest where the manifest does not list it. */
      readonly held: string | undefined;
      /** The versions that may be tried again, likewise. */
      readonly forgotten: readonly string[];
    }
  | {
      readonly outcome: "no-match";
      readonly pattern: string;
      readonly skips: boolean;
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
export function noMatch({ config, mode }: Run, { pattern, skips, offered }: NoMatch): Outcome {
  if (!startsUnit(mode)) return { outcome: "no-match", pattern, skips, offered };
  const message = describeNoMatch(pattern, skips, offered);
  throw new TakoError("failed", message, { rule: "FET-42", source: config.file });
}

/** The end of a run that kept to what the host has made up its mind about. */
export function withheldOutcome(
  withheld: Withheld | undefined,
  version: string | undefined,
  sha256: Sha256Hex,
): Outcome {
  if (withheld === undefined) return { outcome: "current", version, sha256 };
  if (withheld.why === "held") return { outcome: "held", version, sha256 };
  if (withheld.why === "skipped") {
    const reason = "Skip= names it";
    return { outcome: "skipped", version, sha256, refused: withheld.version, reason };
  }
  return {
    outcome: "refused",
    version,
    sha256,
    refused: withheld.version,
    reason: withheld.reason,
  };
}

export function failedResult(config: string, errors: readonly TakoError[]): FetchResult {
  return { config, outcome: "failed", errors };
}

/** What nobody foresaw is an error of its config too, so that the others still run (FET-4). */
export function asFailure(thrown: unknown): TakoError {
  if (thrown instanceof TakoError) return thrown;
  return new TakoError("failed", "internal error; please report it", {
    hint: "TAKO_DEBUG=1 shows where.",
    cause: thrown,
  });
}
