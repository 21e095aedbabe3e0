// What a command's presenter is: how its result looks in each form, and what it means for the exit
// status. Each stands beside its command's declaration; output.ts asks it.

import type { TakoError } from "../core/error.ts";
import type { Priority } from "./display.ts";

/** What people are told: a line of the result on standard output, or a message on standard error. */
export type Said =
  | { readonly on: "stdout"; readonly line: string }
  | { readonly on: "stderr"; readonly priority: Priority; readonly lines: readonly string[] };

export interface Presenter<Result> {
  /** In the order in which people read it: a hint below what it explains (CLI-57). */
  text(result: Result): readonly Said[];
  /** The fields of its JSON object, beside `event`. */
  json(result: Result): object;
  /** What failed in it; told on standard error whatever the form (FET-99). */
  errors(result: Result): readonly TakoError[];
  /** The exit status that it stands for. */
  status(result: Result): number;
}
