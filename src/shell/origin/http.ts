// Origins over http: and https: (ORG-10 to ORG-46): the requests, and what each status means. When to
// try again and how much to read is decided elsewhere.

import { version } from "../../../package.json" with { type: "json" };
import type { Sha256Hex } from "../../core/digest.ts";
import { MAX_MANIFEST_BYTES } from "../../core/manifest.ts";
import {
  imageLocation,
  type Location,
  manifestLocation,
  type OriginUrl,
} from "../../core/origin-url.ts";
import { isKeepableEtag } from "../../core/records.ts";
import { authorization } from "./http-credentials.ts";
import { connectionFailure, isFileError } from "./http-error.ts";
import { refusal } from "./http-status.ts";
import { type Fail, OriginError } from "./origin-error.ts";
import { isRedirect, MAX_REDIRECTS, redirectTarget, shownTarget } from "./redirects.ts";
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

/**
 * A body of this size is never there whole before somebody reads it. Bun.write would reserve room
 * for a body that is, and so append it behind a hole.
 */
const LARGE_BODY_BYTES = 4 * 1024 * 1024;

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
    const location = manifestLocation(this.#origin);
    const answer = await this.#get(location, etag === undefined ? {} : { "If-None-Match": etag });
    if (answer.status === 200) {
      if (Number(answer.headers.get("Content-Length")) > MAX_MANIFEST_BYTES) {
        answer.stop();
        throw manifestTooLong(location);
      }
      const next = answer.headers.get("ETag") ?? "";
      const kept = isKeepableEtag(next) ? { etag: next } : {};
      return { kind: "body", chunks: answer.chunks, ...kept };
    }
    answer.stop();
    if (answer.status === 304 && etag !== undefined) return { kind: "unchanged" };
    throw refusal(answer, this.#effects.now());
  }

  async image(digest: Sha256Hex, size: number, offset: number): Promise<ImageAnswer> {
    const range = offset === 0 ? {} : { Range: `bytes=${offset}-` };
    const answer = await this.#get(imageLocation(this.#origin, digest), range);
    if (answer.status === 200) return imageBody(answer, 0, size);
    if (offset > 0 && continuesAt(answer, offset, size)) return imageBody(answer, offset, size);
    answer.stop();
    if (answer.status === 410) return { kind: "gone" };
    const refused = refusal(answer, this.#effects.now());
    if (offset === 0 || refused.passing || answer.status === 404) throw refused;
    // It cannot be continued there, for whatever reason: from byte 0, then (ORG-25).
    return this.image(digest, size, 0);
  }

  /** Asks, and follows redirects one at a time (ORG-40). */
  async #get(
    { href, shown }: Location,
    headers: Readonly<Record<string, string>>,
  ): Promise<Answer> {
    const show = (to: URL) => shownTarget(to, this.#origin.credentials);
    let target = new URL(href);
    let fail: Fail = (reason, facts) => new OriginError(shown, reason, facts);
    for (let redirects = 0; ; redirects++) {
      const answer = await this.#request(target, headers, fail);
      if (!isRedirect(answer.status)) return answer;
      answer.stop();
      if (redirects === MAX_REDIRECTS) {
        throw fail(`more than ${MAX_REDIRECTS} redirects`, { rule: "ORG-40" });
      }
      const next = redirectTarget(target, answer, show);
      fail = (reason, facts) =>
        new OriginError(shown, `redirected to ${show(next)}: ${reason}`, facts);
      target = next;
    }
  }

  /** One request, until its headers are there. */
  async #request(
    target: URL,
    headers: Readonly<Record<string, string>>,
    fail: Fail,
  ): Promise<Answer> {
    const { credentials } = this.#origin;
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
          ...(credentials !== undefined && target.origin === this.#home
            ? authorization(credentials)
            : {}),
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
