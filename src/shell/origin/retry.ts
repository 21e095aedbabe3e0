// When a request to an origin is tried again (ORG-50 to ORG-55), and the error that says whether it
// may be. Nothing here knows a transport.

import { TakoError } from "../../core/error.ts";

/** The most times that one thing is asked for (ORG-50). */
const MAX_TRIES = 4;
const FIRST_DELAY_MS = 1000;
/** The longest `Retry-After` that is waited for (ORG-53). */
const MAX_RETRY_AFTER_MS = 60_000;

export interface RetryEffects {
  readonly sleep: (ms: number) => Promise<void>;
  /** From 0 to below 1. */
  readonly random: () => number;
  /** Told before each further try; the URL is without credentials. */
  readonly onRetry: (url: string, reason: string, delayMs: number) => void;
}

export interface OriginErrorFacts {
  readonly rule?: string | undefined;
  readonly hint?: string | undefined;
  readonly cause?: unknown;
  /** Whether it can pass by itself, so that another try makes sense. */
  readonly passing?: boolean;
  /** How long the origin asks to wait. */
  readonly retryAfterMs?: number | undefined;
}

/** The origin cannot be reached, or does not give what was asked for. */
export class OriginError extends TakoError {
  readonly url: string;
  readonly passing: boolean;
  readonly retryAfterMs: number | undefined;

  /** @param url as it may be shown: without credentials */
  constructor(url: string, message: string, facts: OriginErrorFacts = {}) {
    const { passing = false, retryAfterMs, ...rest } = facts;
    super("origin", message, { ...rest, source: url });
    this.url = url;
    this.passing = passing;
    this.retryAfterMs = retryAfterMs;
  }
}

/** Makes the error of one request. */
export type Fail = (reason: string, facts?: OriginErrorFacts) => OriginError;

/**
 * Makes `attempt` up to four times while it fails with what can pass. Anything else, and the last
 * failure, is thrown as it came.
 *
 * @param attempt is told the number of the try, from 1
 */
export async function retry<T>(
  effects: RetryEffects,
  attempt: (tryNumber: number) => Promise<T>,
): Promise<T> {
  for (let tryNumber = 1; ; tryNumber++) {
    try {
      return await attempt(tryNumber);
    } catch (error) {
      if (!(error instanceof OriginError) || !error.passing || tryNumber === MAX_TRIES) throw error;
      const delayMs = error.retryAfterMs ?? backoff(tryNumber, effects.random());
      if (delayMs > MAX_RETRY_AFTER_MS) throw error;
      effects.onRetry(error.url, error.message, delayMs);
      await effects.sleep(delayMs);
    }
  }
}

/** 1, 2, 4 seconds, each up to a quarter shorter or longer, so that a fleet of hosts spreads out. */
function backoff(tryNumber: number, random: number): number {
  return Math.round(FIRST_DELAY_MS * 2 ** (tryNumber - 1) * (0.75 + random / 2));
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
