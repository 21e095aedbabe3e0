// What every form of report is made from. Each form is a file beside this one: a report in, text out.

import { printable } from "../../src/index.ts";
import type { Case } from "../case.ts";
import type { Result } from "../results.ts";

/** A program that was judged. */
export interface Judged {
  readonly by: "adapter" | "cli";
  /** Its command line, as given. */
  readonly command: string;
  /** What an adapter calls itself. */
  readonly name?: string;
  readonly version?: string;
}

export interface Report {
  /** The version of the specification. */
  readonly spec: number;
  readonly judged: readonly Judged[];
  readonly results: readonly Result[];
  /** The command line that runs one case alone. */
  readonly rerun: (each: Case) => string;
}

/** The lines of a text from the subject, or about it, each printable. */
export function linesOf(text: string): readonly string[] {
  return text.split("\n").map((line) => printable(line, 1000));
}

/** A program in one line. */
export function describeJudged({ by, command, name, version }: Judged): string {
  const shown = `--${by} ${printable(command)}`;
  return name === undefined ? shown : `${printable(name)} ${printable(version ?? "")} (${shown})`;
}
