// What a command tells in this very process, as its user sees it: all of an error, and the warnings among events.
//
//   expect(seen(error)).toEqual({ kind: "storage", source: path, message: "it exists already", hint: "..." });

import type { Event } from "../../src/commands/events.ts";
import { type Facts, TakoError } from "../../src/core/error.ts";

/** All of an error that is shown; what it has not is absent. */
export interface Seen extends Pick<Facts, "source" | "line" | "hint"> {
  readonly kind: string;
  readonly message: string;
}

export function seen(error: unknown): Seen {
  if (!(error instanceof TakoError)) throw error;
  const { kind, message, source, line, hint } = error;
  return { kind, message, source, line, hint };
}

/** The error that something ends with, as {@link seen} has it. */
export async function failureOf(run: () => unknown): Promise<Seen> {
  try {
    await run();
  } catch (error) {
    return seen(error);
  }
  throw new Error("it ended well");
}

export function warningsOf(events: readonly Event[]): readonly string[] {
  return events.flatMap((event) => (event.event === "warning" ? [event.message] : []));
}
