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
import type { Body } from "./body.ts";
import { httpBody } from "./http-body.ts";
import { authorization } from "./http-credentials.ts";
import { requestError } from "./http-error.ts";
import { refusal } from "./http-status.ts";
import { type Fail, OriginError } from "./origin-error.ts";
import { type Environment, type HttpProxy, proxyFor } from "./proxy.ts";
import { isRedirect, MAX_REDIRECTS, redirectTarget, shownTarget } from "./redirects.ts";
import {
  type ImageAnswer,
  type ManifestAnswer,
  manifestTooLong,
  type Patience,
  type Transport,
} from "./transport.ts";

/** An answer whose headers have arrived. */
interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** Makes an error of this request, which names its URL and where it was redirected to. */
  readonly fail: Fail;
  readonly body: Body;
  /** By which it came. */
  readonly proxy: HttpProxy | undefined;
  /** Ends a request whose body nobody wants. */
  readonly stop: () => void;
}

export class HttpTransport implements Transport {
  readonly #origin: OriginUrl;
  readonly #patience: Patience;
  readonly #environment: Environment;
  /** Scheme, host and port, the only ones that get the credentials (ORG-44). */
  readonly #home: string;

  /** @param environment whose variables name proxies */
  constructor(origin: OriginUrl, patience: Patience, environment: Environment) {
    this.#origin = origin;
    this.#patience = patience;
    this.#environment = environment;
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
      return { kind: "body", body: answer.body, ...kept };
    }
    answer.stop();
    if (answer.status === 304 && etag !== undefined) return { kind: "unchanged" };
    throw this.#refusal(answer);
  }

  async image(digest: Sha256Hex, size: number, offset: number): Promise<ImageAnswer> {
    const range = offset === 0 ? {} : { Range: `bytes=${offset}-` };
    const answer = await this.#get(imageLocation(this.#origin, digest), range);
    if (answer.status === 200) return { kind: "body", offset: 0, body: answer.body };
    if (offset > 0 && continuesAt(answer, offset, size)) {
      return { kind: "body", offset, body: answer.body };
    }
    answer.stop();
    if (answer.status === 410) return { kind: "gone" };
    const refused = this.#refusal(answer);
    if (offset === 0 || refused.passing || answer.status === 404) throw refused;
    // It cannot be continued there, for whatever reason: from byte 0, then (ORG-25).
    return this.image(digest, size, 0);
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
    failOfProxy: Fail,
  ): Promise<Answer> {
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
        // Else the runtime would choose one by itself, or none without a word (ORG-131).
        proxy: proxy?.href ?? false,
        // Else BUN_CONFIG_VERBOSE_FETCH in the environment would print the password.
        verbose: false,
        // Else NODE_TLS_REJECT_UNAUTHORIZED=0 in the environment would switch checking off.
        tls: { rejectUnauthorized: true },
        signal: controller.signal,
      });
      const stop = () => controller.abort();
      const body = httpBody(response, { fail, stop, patience: this.#patience });
      return { status: response.status, headers: response.headers, fail, body, proxy, stop };
    } catch (error) {
      throw await requestError(error, { target, proxy, fail, failOfProxy, clock });
    }
  }
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
