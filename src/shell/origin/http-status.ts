// What is wrong with an answer whose status is not the one that was asked for (ORG-20), and when the
// server wants to be asked again.

import type { Fail, OriginError } from "./origin-error.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

const HINTS: Readonly<Record<number, string>> = {
  401: "Check the user and password in Origin=.",
  403: "Check the user and password in Origin=, and the permissions at the origin.",
  404: "Check Origin=, and that the publisher has uploaded everything.",
  407: "Check the user and password of the proxy.",
};

/**
 * The error of an answer with another status than was asked for.
 *
 * @param now milliseconds since the epoch
 */
export function refusal(
  {
    status,
    headers,
    fail,
  }: { readonly status: number; readonly headers: Headers; readonly fail: Fail },
  now: number,
): OriginError {
  const passing = status === 408 || status === 429 || (status >= 500 && status <= 599);
  const retryAfterMs = passing ? parseRetryAfter(headers.get("Retry-After"), now) : undefined;
  const wait = retryAfterMs === undefined ? "" : `, and asks to wait ${duration(retryAfterMs)}`;
  // A status that sounds well needs a word more than one that is an error by itself.
  const expected = status < 400 ? ", expected 200" : "";
  return fail(`the server answered with status ${status}${expected}${wait}`, {
    rule: status === 304 ? "ORG-21" : "ORG-20",
    passing,
    retryAfterMs,
    hint: HINTS[status],
  });
}

/** A server may ask for any number of seconds, beyond what a number can hold even. */
function duration(ms: number): string {
  return ms > DAY_MS ? "more than a day" : `${Math.ceil(ms / 1000)} s`;
}

/**
 * The delay in milliseconds that a `Retry-After` asks for (RFC 9110 section 10.2.3), `undefined`
 * when there is none or it cannot be read.
 *
 * @param now milliseconds since the epoch
 */
export function parseRetryAfter(value: string | null, now: number): number | undefined {
  if (value === null) return undefined;
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  const date = value.endsWith(" GMT") ? Date.parse(value) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
