// The table from kinds of error to exit statuses, and which of several counts (CLI-40, CLI-43). Those above 2
// are the words of sysexits.h, under which systemd shows them: "status=69/UNAVAILABLE".

import type { ErrorKind } from "../core/error.ts";

export const DONE = 0;
export const FAILED = 1;
const USAGE = 2;
const NOT_AUTHENTIC = 65;
const ORIGIN = 69;
const UNIT = 70;
const STORAGE = 74;
/** EX_TEMPFAIL: the run went back to an earlier version, which works. */
export const ROLLED_BACK = 75;

const STATUS: Readonly<Record<ErrorKind, number>> = {
  failed: FAILED,
  usage: USAGE,
  config: USAGE,
  version: USAGE,
  pattern: USAGE,
  key: USAGE,
  manifest: NOT_AUTHENTIC,
  "newer-format": NOT_AUTHENTIC,
  signature: NOT_AUTHENTIC,
  history: NOT_AUTHENTIC,
  digest: NOT_AUTHENTIC,
  origin: ORIGIN,
  stale: ORIGIN,
  storage: STORAGE,
  unit: UNIT,
};

const WORST_FIRST = [NOT_AUTHENTIC, UNIT, STORAGE, FAILED, ROLLED_BACK, USAGE, ORIGIN];

/** The status of a failure with these kinds of error; 0 if there are none. */
export function exitStatus(kinds: readonly ErrorKind[]): number {
  return worst(kinds.map((kind) => STATUS[kind]));
}

export function worst(statuses: readonly number[]): number {
  return WORST_FIRST.find((status) => statuses.includes(status)) ?? DONE;
}
