// The error of an origin, which says whether another try makes sense. Nothing here knows a transport.

import { type Facts, TakoError } from "../../core/error.ts";

export interface OriginErrorFacts extends Omit<Facts, "source"> {
  /** Whether it can pass by itself, so that another try makes sense. */
  readonly passing?: boolean;
  /** How long the origin asks to wait. */
  readonly retryAfterMs?: number | undefined;
  /** Whether nothing went wrong but that more is to be asked for. */
  readonly isPart?: boolean;
  /** Whether there is no such file there, as far as the origin tells. */
  readonly isMissing?: boolean;
}

/** The origin cannot be reached, or does not give what was asked for. */
export class OriginError extends TakoError {
  /** Of what was asked for: a location as it is shown. */
  declare readonly source: string;
  readonly passing: boolean;
  readonly retryAfterMs: number | undefined;
  readonly isPart: boolean;
  readonly isMissing: boolean;

  /** @param shown a location as it is shown: that of what was asked for */
  constructor(shown: string, message: string, facts: OriginErrorFacts = {}) {
    const { passing = false, retryAfterMs, isPart = false, isMissing = false, ...rest } = facts;
    super("origin", message, { ...rest, source: shown });
    this.passing = passing;
    this.retryAfterMs = retryAfterMs;
    this.isPart = isPart;
    this.isMissing = isMissing;
  }

  override with({ source = this.source, ...facts }: Facts): OriginError {
    const { rule, hint, passing, retryAfterMs, isPart, isMissing } = this;
    return new OriginError(source, this.message, {
      ...{ rule, hint, passing, retryAfterMs, isPart, isMissing, cause: this },
      ...facts,
    });
  }
}

/** Makes the error of one request. */
export type Fail = (reason: string, facts?: OriginErrorFacts) => OriginError;
