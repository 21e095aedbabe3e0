// What is wrong with an answer whose status is not the one that was asked for (ORG-20), and when the
// server wants to be asked again.

import type { Fail, OriginError } from "./origin-error.ts";
import type { HttpProxy } from "./proxy.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

const HINTS: Readonly<Record<number, string>> = {
  400: "A server that wants a client certificate answers so, and Tako has none.",
  401: "Check the user and password in Origin=.",
  404: "Check Origin=, and that the publisher has uploaded everything.",
  407: "A proxy on the way wants a user and password.",
  511: "The network of this host wants somebody to log in first.",
};

/** An answer with another status than was asked for. */
interface Refusal {
  readonly status: number;
  readonly headers: Headers;
  readonly fail: Fail;
}

/** What was asked, and how. */
interface Asked {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly hasCredentials: boolean;
  /** What the request went by, and could answer in the server's place. */
  readonly proxy: HttpProxy | undefined;
}

/** The error of an answer with another status than was asked for. */
export function refusal(answer: Refusal, { now, hasCredentials, proxy }: Asked): OriginError {
  const { status } = answer;
  if (proxy !== undefined && !proxy.isTunnel) {
    if (status === 407) return refusalBy("the proxy", answer, hintOfProxy(status, proxy), now);
    if (status === 401 || status === 403 || status >= 500) {
      const hint = `If it was the proxy: ${hintOfProxy(status, proxy)}`;
      return refusalBy("the server or the proxy", answer, hint, now);
    }
  }
  const hint = status === 403 ? forbidden(hasCredentials) : HINTS[status];
  return refusalBy("the server", answer, hint, now);
}

/** The error of a proxy that does not open a tunnel to the server: of its own answer (ORG-132). */
export function tunnelRefusal(answer: Refusal, proxy: HttpProxy, now: number): OriginError {
  return refusalBy(
    `the proxy ${proxy.shown}`,
    answer,
    hintOfProxy(answer.status, proxy),
    now,
    "ORG-132",
  );
}

function forbidden(hasCredentials: boolean): string {
  const missing = "or it was not uploaded: many servers say 403 for what is missing.";
  return hasCredentials
    ? `Check the user and password in Origin=, and the permissions at the origin; ${missing}`
    : `It is not public, and Origin= has no user and password; ${missing}`;
}

function hintOfProxy(status: number, { variable }: HttpProxy): string {
  if (status === 401 || status === 407)
    return `Check the user and password of the proxy in ${variable}.`;
  if (status === 403) return "Its rules forbid this host; NO_PROXY names what needs no proxy.";
  return `Check ${variable}, and that the proxy can reach the origin.`;
}

function refusalBy(
  who: string,
  { status, headers, fail }: Refusal,
  hint: string | undefined,
  now: number,
  rule = status === 304 ? "ORG-21" : "ORG-20",
): OriginError {
  const passing = status === 408 || status === 429 || (status >= 500 && status <= 599);
  const retryAfterMs = passing ? parseRetryAfter(headers.get("Retry-After"), now) : undefined;
  const wait = retryAfterMs === undefined ? "" : `, and asks to wait ${duration(retryAfterMs)}`;
  // A status that sounds well needs a word more than one that is an error by itself.
  const expected = status < 400 ? ", expected 200" : "";
  return fail(`${who} answered with status ${status}${expected}${wait}`, {
    rule,
    passing,
    retryAfterMs,
    hint,
    // Object stores tell nobody that something is missing who may not list what is there.
    isMissing: status === 404 || status === 403 || status === 410,
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
