// The table from kinds of error to exit statuses, and which of several counts (CLI-40, CLI-43).

import type { ErrorKind } from "../core/error.ts";

export const DONE = 0;
export const FAILED = 1;

const STATUS: Readonly<Record<ErrorKind, number>> = {
  failed: FAILED,
  usage: 2,
  config: 2,
  version: 2,
  pattern: 2,
  key: 2,
  manifest: 3,
  "newer-format": 3,
  signature: 3,
  history: 3,
  digest: 3,
  origin: 4,
  stale: 4,
  storage: 5,
  unit: 6,
};

const WORST_FIRST = [3, 6, 5, 1, 2, 4];

/** The status of a failure with these kinds of error; 0 if there are none. */
export function exitStatus(kinds: readonly ErrorKind[]): number {
  return worst(kinds.map((kind) => STATUS[kind]));
}

export function worst(statuses: readonly number[]): number {
  return WORST_FIRST.find((status) => statuses.includes(status)) ?? DONE;
}
