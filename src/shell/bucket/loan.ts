// Credentials as they are given, wherever that is: a pair, and for some a token and an end (spec/buckets.md, BKT-50).

import { TakoError } from "../../core/error.ts";
import type { AccessKey } from "../../core/sigv4.ts";

/** Credentials, and until when they hold: milliseconds since the epoch. */
export interface Loan extends AccessKey {
  readonly expires?: number | undefined;
}

/** Half of a pair counts as none, as with the AWS tools. */
export function keyOf(given: {
  id: string | undefined;
  secret: string | undefined;
  sessionToken?: string | undefined;
}): AccessKey | undefined {
  const { id, secret, sessionToken } = given;
  if (!id || !secret) return undefined;
  const parts = [id, secret, ...(sessionToken ? [sessionToken] : [])];
  // They go into headers; a line end would begin another one.
  if (parts.some((part) => !/^[\x21-\x7e]+$/.test(part))) {
    throw new TakoError("usage", "the credentials hold a character that no such key has", {
      rule: "BKT-50",
    });
  }
  return { id, secret, ...(sessionToken ? { sessionToken } : {}) };
}
