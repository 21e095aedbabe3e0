// Origins over http: and https: (ORG-10 to ORG-46): the requests, the redirects, and what each
// status means. When to try again and how much to read is decided elsewhere.

import { version } from "../../../package.json" with { type: "json" };
import type { Sha256Hex } from "../../core/digest.ts";
import { MAX_MANIFEST_BYTES } from "../../core/manifest.ts";
import {
  type Credentials,
  imageUrl,
  manifestUrl,
  type OriginUrl,
  shownManifestUrl,
} from "../../core/origin-url.ts";
import { isKeepableEtag } from "../../core/records.ts";
import { printable } from "../../core/text.ts";
import { connectionFailure, isFileError } from "./http-error.ts";
import { type Fail, OriginError, parseRetryAfter } from "./retry.ts";
import {
  type Append,
  type Chunks,
  type ImageAnswer,
  type ManifestAnswer,
  manifestTooLong,
  receive,
  type Timeouts,
  type Transport,
  watched,
} from "./transport.ts";

const REDIRECTS = [301, 302, 303, 307, 308];
const MAX_REDIRECTS = 10;
/**
 * A body of this size is never there whole before somebody reads it. Bun.write would reserve room
 * for a body that is, and so append it behind a hole.
 */
const LARGE_BODY_BYTES = 4 * 1024 * 1024;
const DAY_MS = 24 * 60 * 60 * 1000;

const HINTS: Readonly<Record<number, string>> = {
  401: "Check the user and password in Origin=.",
  403: "Check the user and password in Origin=, and the permissions at the origin.",
  404: "Check Origin=, and that the publisher has uploaded everything.",
  407: "Check the user and password of the proxy.",
};

export interface HttpEffects {
  readonly timeouts: Timeouts;
  /** Milliseconds since the epoch, to read a date in `Retry-After`. */
  readonly now: () => number;
}

/** An answer whose headers have arrived. */
interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** Makes an error of this request, which names its URL and where it was redirected to. */
  readonly fail: Fail;
  /** The body, as sent (ORG-11); read by one of the two. */
  readonly chunks: Chunks;
  readonly appendTo: Append;
  /** Ends a request whose body nobody wants. */
  readonly stop: () => void;
}

export class HttpTransport implements Transport {
  readonly #origin: OriginUrl;
  readonly #effects: HttpEffects;
  /** Scheme, host and port, the only ones that get the credentials (ORG-44). */
  readonly #home: string;

  constructor(origin: OriginUrl, effects: HttpEffects) {
    this.#origin = origin;
    this.#effects = effects;
    this.#home = new URL(origin.href).origin;
  }

  async manifest(etag?: string): Promise<ManifestAnswer> {
    const url = manifestUrl(this.#origin);
    const answer = await this.#get(url, etag === undefined ? {} : { "If-None-Match": etag });
    if (answer.status === 200) {
      if (Number(answer.headers.get("Content-Length")) > MAX_MANIFEST_BYTES) {
        answer.stop();
        throw manifestTooLong(shownManifestUrl(this.#origin));
      }
      const next = answer.headers.get("ETag") ?? "";
      const kept = isKeepableEtag(next) ? { etag: next } : {};
      return { kind: "body", chunks: answer.chunks, ...kept };
    }
    answer.stop();
    if (answer.status === 304 && etag !== undefined) return { kind: "unchanged" };
    throw this.#refusal(answer);
  }

  async image(digest: Sha256Hex, size: number, offset: number): Promise<ImageAnswer> {
    const range = offset === 0 ? {} : { Range: `bytes=${offset}-` };
    const answer = await this.#get(imageUrl(this.#origin, digest), range);
    if (answer.status === 200) return imageBody(answer, 0, size);
    if (offset > 0 && continuesAt(answer, offset, size)) return imageBody(answer, offset, size);
    answer.stop();
    if (answer.status === 410) return { kind: "gone" };
    const refusal = this.#refusal(answer);
    if (offset === 0 || refusal.passing || answer.status === 404) throw refusal;
    return this.image(digest, size, 0);
  }

  /** Asks, and follows redirects one at a time (ORG-40). */
  async #get(url: string, headers: Readonly<Record<string, string>>): Promise<Answer> {
    const shown = this.#origin.shown + url.slice(this.#origin.href.length);
    let target = new URL(url);
    let fail: Fail = (reason, facts) => new OriginError(shown, reason, facts);
    for (let redirects = 0; ; redirects++) {
      const answer = await this.#request(target, headers, fail);
      if (!REDIRECTS.includes(answer.status)) return answer;
      answer.stop();
      if (redirects === MAX_REDIRECTS) {
        throw fail(`more than ${MAX_REDIRECTS} redirects`, { rule: "ORG-40" });
      }
      const next = redirectTarget(target, answer, (to) => this.#showTarget(to));
      fail = (reason, facts) =>
        new OriginError(shown, `redirected to ${this.#showTarget(next)}: ${reason}`, facts);
      target = next;
    }
  }

  /** One request, until its headers are there. */
  async #request(
    target: URL,
    headers: Readonly<Record<string, string>>,
    fail: Fail,
  ): Promise<Answer> {
    const { timeouts } = this.#effects;
    const controller = new AbortController();
    const timer = setTimeout(() => {
      const reason = `no answer within ${timeouts.headersMs / 1000} s`;
      controller.abort(fail(reason, { passing: true }));
    }, timeouts.headersMs);
    const failure = (error: unknown, inBody: boolean) => {
      if (error instanceof OriginError) return error;
      const { reason, facts } = connectionFailure(error, inBody);
      return fail(reason, facts);
    };
    try {
      const response = await fetch(target.href, {
        headers: {
          "User-Agent": `tako/${version}`,
          "Accept-Encoding": "identity",
          ...(target.origin === this.#home ? this.#authorization() : {}),
          ...headers,
        },
        decompress: false,
        redirect: "manual",
        timeout: false,
        // Else BUN_CONFIG_VERBOSE_FETCH in the environment would print the password.
        verbose: false,
        // Else NODE_TLS_REJECT_UNAUTHORIZED=0 in the environment would switch checking off.
        tls: { rejectUnauthorized: true },
        signal: controller.signal,
      });
      const stop = () => controller.abort();
      // Only if it is asked for: what has a reader cannot be written to a file any more.
      let reader: { read(): Promise<{ readonly value?: Uint8Array }> } | undefined;
      const read = async () => {
        try {
          reader ??= response.body?.getReader();
          return (await reader?.read())?.value;
        } catch (error) {
          throw failure(error, true);
        }
      };
      return {
        status: response.status,
        headers: response.headers,
        fail,
        stop,
        chunks: receive({ read, stop }, fail, timeouts),
        appendTo: async (fd, signal) => {
          signal.addEventListener("abort", stop);
          const append = Bun.write(Bun.file(fd), response).catch((error) => {
            throw isFileError(error) ? error : failure(error, true);
          });
          await watched(append, fd, stop, fail, timeouts).finally(stop);
        },
      };
    } catch (error) {
      throw failure(error, false);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Basic authentication (RFC 7617), in a header since a URL would show it (ORG-15). */
  #authorization(): Readonly<Record<string, string>> {
    const { credentials } = this.#origin;
    return credentials === undefined ? {} : { Authorization: `Basic ${basic(credentials)}` };
  }

  /**
   * Without its query, which in a presigned URL is as good as a password. A server may put into a
   * `Location` what it was sent, so one with the password in it is not shown at all (ORG-90).
   */
  #showTarget(url: URL): string {
    const { credentials } = this.#origin;
    const place = url.search === "" ? url.href : `${url.href.slice(0, -url.search.length)}?...`;
    if (credentials !== undefined && tells(place, credentials)) return "***";
    return printable(place, 300);
  }

  /** The error of an answer with another status than was asked for (ORG-20). */
  #refusal({ status, headers, fail }: Answer): OriginError {
    const passing = status === 408 || status === 429 || (status >= 500 && status <= 599);
    const retryAfterMs = passing
      ? parseRetryAfter(headers.get("Retry-After"), this.#effects.now())
      : undefined;
    const wait = retryAfterMs === undefined ? "" : `, and asks to wait ${duration(retryAfterMs)}`;
    // A status that sounds well needs a word more than one that is an error by itself.
    const expected = status < 400 ? ", expected 200" : "";
    const hint = HINTS[status];
    return fail(`the server answered with status ${status}${expected}${wait}`, {
      rule: status === 304 ? "ORG-21" : "ORG-20",
      passing,
      retryAfterMs,
      hint,
    });
  }
}

/** The body of an image from byte `offset`, whose length the answer may tell beforehand. */
function imageBody(
  { headers, chunks, appendTo }: Answer,
  offset: number,
  size: number,
): ImageAnswer {
  const missing = size - offset;
  // Then the client reads no byte beyond (RFC 9112, section 6.3), and the limit of ORG-27 is kept.
  const isExact =
    headers.get("Content-Length") === `${missing}` && !headers.has("Transfer-Encoding");
  const isStreamed = missing >= LARGE_BODY_BYTES;
  return { kind: "body", offset, chunks, ...(isExact && isStreamed ? { appendTo } : {}) };
}

/** Whether it is a 206 that brings the rest of this very image (ORG-23). */
export function continuesAt(
  { status, headers }: Pick<Answer, "status" | "headers">,
  offset: number,
  size: number,
): boolean {
  const range = /^bytes (\d+)-\d+\/(\d+)$/i.exec(headers.get("Content-Range") ?? "");
  return status === 206 && Number(range?.[1]) === offset && Number(range?.[2]) === size;
}

/** A server may ask for any number of seconds, beyond what a number can hold even. */
function duration(ms: number): string {
  return ms > DAY_MS ? "more than a day" : `${Math.ceil(ms / 1000)} s`;
}

/**
 * Where a redirect leads, if it may be followed (ORG-41 to ORG-44).
 *
 * @param show how a target is told
 */
export function redirectTarget(
  from: URL,
  { headers, fail }: Pick<Answer, "headers" | "fail">,
  show: (to: URL) => string,
): URL {
  const location = headers.get("Location");
  const to = location === null ? null : URL.parse(location, from.href);
  if (to === null) throw fail("a redirect without a valid Location", { rule: "ORG-43" });
  // Credentials and fragment of a Location are nothing that an origin may set (ORG-44).
  to.username = "";
  to.password = "";
  to.hash = "";
  const isSafer = to.protocol === "https:";
  if (!isSafer && from.protocol === "https:") {
    throw fail(`redirected from https to ${show(to)}, which is not https`, { rule: "ORG-41" });
  }
  if (!isSafer && to.protocol !== "http:") {
    throw fail(`redirected to ${show(to)}, which is neither http nor https`, { rule: "ORG-42" });
  }
  return to;
}

/** Whether a text has the password in it, as it is, percent-encoded, or as it was sent. */
function tells(text: string, credentials: Credentials): boolean {
  const decoded = text.replace(/%([0-9a-f]{2})/gi, (_, hex) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  const password = Buffer.from(credentials.password, "utf8").toString("latin1");
  // A host's name comes in lower case.
  return [password, basic(credentials)].some(
    (secret) => secret !== "" && decoded.toLowerCase().includes(secret.toLowerCase()),
  );
}

function basic({ user, password }: Credentials): string {
  return Buffer.from(`${user}:${password}`, "utf8").toString("base64");
}
