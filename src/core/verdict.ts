// What the state of units says about the image that they run (spec/activation.md, Verdict): of one unit at one
// look, and of all at the end. Only time tells, so who looks, and how often, is commands/fetch/watch.ts.

import { describeState, isDown, type UnitState } from "./unit-state.ts";

/** The run of a unit that is being watched. */
export interface Watched {
  readonly unit: string;
  /** Whether it runs, or was restarted just now. One that did not is nothing to judge by. */
  readonly hasRun: boolean;
  /** Its InvocationID; empty also if it ended so soon that it was unloaded. */
  readonly invocation: string;
  /** Nothing else would start it: it has to run also where others may rest (ACT-104). */
  readonly mustStay?: boolean;
  /** NRestarts when the watch began. */
  readonly restarts: number;
}

/** What one look at a unit says. */
export type Look =
  | "good"
  | "bad"
  /** On its way up or down; nothing yet. */
  | "wait"
  /** Somebody else had a hand in it, or it does not run: no image is to blame. */
  | "open"
  /** Bad, unless the journal's last job of the unit is a stop: then open (ACT-26). */
  | "unless-stopped"
  /** Good, unless the journal has a failure of the watched run that nobody stopped: then bad (ACT-25). */
  | "unless-failed"
  /** Open, unless the journal has such a failure: then bad (ACT-22). */
  | "open-unless-failed";

/** Judges one unit, by the first rule that fits (ACT-20 to ACT-27). */
export function judge(state: UnitState, watched: Watched): Look {
  const isTriggered = state.triggeredBy.length > 0;
  const isOther = state.invocation !== "" && state.invocation !== watched.invocation;
  if (state.restarts > watched.restarts) return "bad";
  // Whoever started it anew answers for that run, unless the one before had failed: a socket starts it at each
  // request, and a unit of OnFailure= at each failure.
  if (isDown(state)) return isOther && !isTriggered ? "open-unless-failed" : "bad";
  switch (state.active) {
    case "active":
    case "reloading":
    case "refreshing":
      return isOther ? "unless-failed" : "good";
    case "inactive":
      if (state.result === "success" && (state.isJob || isTriggered) && !watched.mustStay) {
        return "good";
      }
      return watched.hasRun ? "unless-stopped" : "open";
    default:
      return "wait";
  }
}

/** What is wrong with a unit that is bad, in words. */
export function describeBad(state: UnitState, { restarts }: Watched): string {
  const isUp = state.active !== "inactive" && !isDown(state);
  // Then the run before this one is to blame (ACT-25).
  if (isUp && state.restarts <= restarts) return "failed, and was started again";
  return describeState(state);
}

/** What all looks at the end of a watch, or a bad one before it, say of the image. */
export type Verdict = "good" | "bad" | "open";

/** One bad unit is enough, one that is not good keeps the question open (ACT-28). */
export function verdictOf(looks: readonly Look[]): Verdict {
  if (looks.includes("bad")) return "bad";
  return looks.every((look) => look === "good") ? "good" : "open";
}
