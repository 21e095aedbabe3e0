// How what is refused is caught: by the one error that Tako has. Whatever else is thrown fails the test.

import { TakoError } from "../../src/core/error.ts";

/** The error of what is refused; undefined if it is accepted. */
export function refusalOf(act: () => unknown): TakoError | undefined {
  try {
    act();
  } catch (error) {
    if (error instanceof TakoError) return error;
    throw error;
  }
  return undefined;
}

/** The error of what must be refused. */
export function failureOf(act: () => unknown): TakoError {
  const error = refusalOf(act);
  if (error === undefined) throw new Error("it was accepted");
  return error;
}
