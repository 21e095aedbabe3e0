// Origins over http: and https: (ORG-10 to ORG-46): the requests, and what each status means. When to
// try again and how much to read is decided elsewhere.

import { version } from "../../../package.json" with { type: "json" };
import { parseSha256Hex, type Sha256Hex } from "../../core/digest.ts";
import { MAX_MANIFEST_BYTES } from "../../core/manifest.ts";
import {
  type Credentials,
  imageLocation,
  type Location,
  manifestLocation,
  type OriginUrl,
  storeLocation,
} from "../../core/origin-url.ts";
import { isKeepableEtag } from "../../core/records.ts";
import type { Body } from "./body.ts";
import { announcedLength, bodyOf, httpBody } from "./http-body.ts";
import { authorization, tells } from "./http-credentials.ts";
import { requestError } from "./http-error.ts";
import { refusal } from "./http-status.ts";
import { type Fail, OriginError } from "./origin-error.ts";
import { type Environment, fetchOptions, type HttpProxy, proxyFor } from "./proxy.ts";
import { isRedirect, MAX_REDIRECTS, redirectTarget, shownTarget } from "./redirects.ts";
import { packed, somethingElse } from "./something-else.ts";
import {
  type FileAnswer,
  type ManifestAnswer,
  type ManifestQuestion,
  manifestTooLong,
  type Patience,
  type Presence,
  type Received,
  type Times,
  type Transport,
} from "./transport.ts";

/** An answer whose headers have arrived. */
interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** Makes an error of this request, which names its URL and where it was redirected to. */
  readonly fail: Fail;
  readonly redirectedTo: string | undefined;
  /** The secrets that whoever answered was told, or could have been. */
  readonly told: readonly Credentials[];
  readonly body: Body;
  /** By which it came. */
  readonly proxy: HttpProxy | undefined;
  /** Ends a request whose body nobody wants. */
  readonly stop: () => void;
}

/** What is known of an answer before it is asked for. */
interface Wanted {
  /** Of the image. */
  readonly size?: number | undefined;
  /** Ends the request. */
  readonly signal?: AbortSignal | undefined;
  /** GET unless given. */
  readonly method?: "GET" | "HEAD";
}

export class HttpTransport implements Transport {
  readonly #origin: OriginUrl;
  readonly #patience: Patience;
  readonly #environment: Environment;
  /** Scheme, host and port, the only ones that get the credentials (ORG-44). */
  readonly #home: string;
  /** No request has a condition any more: one that had it failed, maybe by it (ORG-18). */
  #conditionFails = false;
  /** A body broke off: from then on nothing of the next ones is to be lost (ORG-19). */
  #isCut = false;

  /** @param environment whose variables name proxies */
  constructor(origin: OriginUrl, patience: Patience, environment: Environment) {
    this.#origin = origin;
    this.#patience = patience;
    this.#environment = environment;
    this.#home = new URL(origin.href).origin;
  }

  async manifest(question: ManifestQuestion): Promise<ManifestAnswer> {
    const location = manifestLocation(this.#origin);
    const { signal, pastCaches } = question;
    const etag = this.#conditionFails ? undefined : question.etag;
    const headers = {
      ...(etag === undefined ? {} : { "If-None-Match": etag }),
      ...(pastCaches ? { "Cache-Control": "no-cache" } : {}),
    };
    const answer = await this.#get(location, headers, { signal });
    if (answer.status === 200) {
      if (Number(answer.headers.get("Content-Length")) > MAX_MANIFEST_BYTES) {
        answer.stop();
        throw manifestTooLong(location);
      }
      const next = answer.headers.get("ETag") ?? "";
      const kept = isKeepableEtag(next) && !tells(next, answer.told) ? { etag: next } : {};
      return { kind: "body", ...received(answer), ...timesOf(answer.headers), ...kept };
    }
    answer.stop();
    if (answer.status === 304 && etag !== undefined) return { kind: "unchanged" };
    if (etag !== undefined && mayBeTheCondition(answer.status)) {
      this.#conditionFails = true;
      // Who asks to wait is waited for, and then asked without.
      if (!answer.headers.has("Retry-After")) return this.manifest(question);
    }
    throw this.#refusal(answer);
  }

  async file(name: string, size: number, offset: number): Promise<FileAnswer> {
    const range = offset === 0 ? {} : { Range: `bytes=${offset}-` };
    const answer = await this.#get(storeLocation(this.#origin, name), range, { size });
    if (answer.status === 200) {
      refuseSomethingElse(answer, size, parseSha256Hex(name) === undefined ? "file" : "image");
      return { kind: "body", offset: 0, ...received(answer) };
    }
    const end = offset > 0 ? endOfRest(answer, offset, size) : undefined;
    if (end !== undefined) return { kind: "body", offset, end, ...received(answer) };
    answer.stop();
    if (answer.status === 410) return { kind: "gone" };
    const refused = this.#refusal(answer);
    if (offset === 0 || refused.passing || answer.status === 404) throw refused;
    // It cannot be continued there, for whatever reason: from byte 0, then (ORG-25).
    return this.file(name, size, 0);
  }

  async small(name: string, most: number): Promise<Received> {
    const location = storeLocation(this.#origin, name);
    const answer = await this.#get(location, {}, { size: most });
    if (answer.status === 200) return received(answer);
    answer.stop();
    throw this.#refusal(answer);
  }

  async look(digest: Sha256Hex, size: number): Promise<Presence> {
    const location = imageLocation(this.#origin, digest);
    let answer = await this.#get(location, {}, { method: "HEAD" });
    if (answer.status === 405 || answer.status === 501) {
      // A server without HEAD: the beginning of the answer to a GET tells the same.
      answer.stop();
      answer = await this.#get(location, {}, { size });
    }
    answer.stop();
    if (answer.status === 410) return "gone";
    if (answer.status !== 200) throw this.#refusal(answer);
    refuseSomethingElse(answer, size, "image");
    return "there";
  }

  #refusal(answer: Answer): OriginError {
    const hasCredentials = this.#origin.credentials !== undefined;
    return refusal(answer, {
      now: this.#patience.clock.now(),
      hasCredentials,
      proxy: answer.proxy,
    });
  }

  /** Asks, and follows redirects one at a time (ORG-40). */
  async #get(
    { href, shown }: Location,
    headers: Readonly<Record<string, string>>,
    wanted: Wanted,
  ): Promise<Answer> {
    let told = this.#origin.credentials === undefined ? [] : [this.#origin.credentials];
    const show = (to: URL) => shownTarget(to, told);
    let target = new URL(href);
    let redirectedTo: string | undefined;
    let fail: Fail = (reason, facts) => new OriginError(shown, reason, facts);
    for (let redirects = 0; ; redirects++) {
      const answer = await this.#request(target, headers, fail, wanted);
      // What only passes on what is encrypted answers nothing.
      if (answer.proxy?.isTunnel === false) told = [...told, ...answer.proxy.credentials];
      if (!isRedirect(answer.status)) return { ...answer, redirectedTo, told };
      answer.stop();
      if (redirects === MAX_REDIRECTS) {
        throw fail(`more than ${MAX_REDIRECTS} redirects`, { rule: "ORG-40" });
      }
      const next = redirectTarget(target, answer, show);
      const place = show(next);
      fail = (reason, facts) => new OriginError(shown, `redirected to ${place}: ${reason}`, facts);
      redirectedTo = place;
      target = next;
    }
  }

  /** One request, until its headers are there. */
  async #request(
    target: URL,
    headers: Readonly<Record<string, string>>,
    failOfProxy: Fail,
    { size, signal: given, method = "GET" }: Wanted,
  ): Promise<Omit<Answer, "redirectedTo" | "told">> {
    const { credentials } = this.#origin;
    const { clock, timeouts } = this.#patience;
    const { headersMs } = timeouts;
    const proxy = proxyFor(target, this.#environment, failOfProxy);
    const fail: Fail =
      proxy === undefined
        ? failOfProxy
        : (reason, facts) => failOfProxy(`by way of the proxy ${proxy.shown}: ${reason}`, facts);
    const controller = new AbortController();
    using _limit = clock.every(headersMs, () => {
      controller.abort(fail(`no answer within ${headersMs / 1000} s`, { passing: true }));
    });
    const signal = AbortSignal.any([controller.signal, ...(given === undefined ? [] : [given])]);
    const all = {
      "User-Agent": `tako/${version}`,
      "Accept-Encoding": "identity",
      ...(credentials !== undefined && target.origin === this.#home
        ? authorization(credentials)
        : {}),
      ...headers,
    };
    const stop = () => controller.abort();
    const onCut = () => {
      this.#isCut = true;
    };
    const request = { fail, stop, onCut, patience: this.#patience, size };
    try {
      if (this.#isCut && method === "GET") {
        const { askAgain } = await import("./http-again.ts");
        const answer = await askAgain({ target, headers: all, proxy, signal });
        signal.throwIfAborted();
        if (answer !== undefined)
          return { ...answer, fail, body: bodyOf(answer.source, request), proxy, stop };
      }
      const response = await fetch(target.href, {
        method,
        headers: all,
        ...fetchOptions(proxy),
        signal,
      });
      const body = httpBody(response, request);
      return { status: response.status, headers: response.headers, fail, body, proxy, stop };
    } catch (error) {
      throw await requestError(error, { target, proxy, fail, failOfProxy, clock });
    }
  }
}

/** Whether a request that failed with this status may go well without its condition (ORG-18). */
function mayBeTheCondition(status: number): boolean {
  return status === 400 || status === 412 || (status >= 500 && status <= 599);
}

function received({ body, fail, redirectedTo, headers }: Answer): Received {
  return { body, fail, redirectedTo, encoding: encodingOf(headers) };
}

/** `Last-Modified` and `Date`, where they can be read (RFC 9110, sections 8.8.2 and 6.6.1). */
function timesOf(headers: Headers): Times {
  return { changed: momentOf(headers.get("Last-Modified")), said: momentOf(headers.get("Date")) };
}

function momentOf(value: string | null): number | undefined {
  const ms = value?.endsWith(" GMT") ? Date.parse(value) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}

/** A `Content-Encoding`, of which none is asked for (ORG-10), as it is shown. */
function encodingOf(headers: Headers): string | undefined {
  const encoding = headers.get("Content-Encoding") ?? "";
  if (/^(identity)?$/i.test(encoding)) return undefined;
  // Anything else could be what the server was sent (ORG-90).
  return /^(gzip|x-gzip|br|deflate|compress|zstd)$/i.test(encoding) ? encoding : "...";
}

/**
 * An answer that cannot be what was asked for, by what it says of itself (ORG-32, ORG-34).
 *
 * @param what was asked for
 */
function refuseSomethingElse(
  { headers, fail, stop, told }: Answer,
  size: number,
  what: "image" | "file",
): void {
  const length = announcedLength(headers);
  if (length === size) return;
  const encoding = encodingOf(headers);
  if (length === undefined && encoding === undefined) return;
  stop();
  const shown = tells(`${length}`, told) ? "***" : length;
  throw encoding === undefined
    ? somethingElse(fail, `the answer has ${shown} bytes, and the ${what} ${size}`, "ORG-32")
    : somethingElse(fail, packed(encoding), "ORG-34");
}

/**
 * Where a 206 ends that brings the rest of this very image, or its next part (ORG-23, ORG-37).
 *
 * @returns undefined if it is no such answer
 */
export function endOfRest(
  { status, headers }: Pick<Answer, "status" | "headers">,
  offset: number,
  size: number,
): number | undefined {
  const range = /^bytes (\d+)-(\d+)\/(\d+)$/i.exec(headers.get("Content-Range") ?? "");
  const end = Number(range?.[2]) + 1;
  const isRest = Number(range?.[1]) === offset && Number(range?.[3]) === size;
  return status === 206 && isRest && end > offset && end <= size ? end : undefined;
}
