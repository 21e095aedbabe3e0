// Signed requests to a bucket (spec/buckets.md, BKT-60 and following): one at a time, or until what can pass has passed.
// What an answer means is decided by who asked.

import { version } from "../../../package.json" with { type: "json" };
import { addressOf, type BucketUrl } from "../../core/bucket.ts";
import { TakoError } from "../../core/error.ts";
import { MAX_MANIFEST_BYTES } from "../../core/manifest.ts";
import { errorCode, isRegion, regionOf } from "../../core/s3-answer.ts";
import { signRequest } from "../../core/sigv4.ts";
import { hashBytes } from "../disk/hash.ts";
import { connectionError, requestError } from "../origin/http-error.ts";
import { type Fail, OriginError } from "../origin/origin-error.ts";
import { fetchOptions, proxyFor } from "../origin/proxy.ts";
import { type RetryEffects, retry } from "../origin/retry.ts";
import type { Account } from "./account.ts";
import { type S3Body, streamOf } from "./body.ts";

export interface S3Request {
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE";
  /** Below the prefix; the bucket itself unless given. */
  readonly key?: string;
  readonly query?: readonly (readonly [name: string, value: string])[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: S3Body;
  /** Ends the request. */
  readonly signal?: AbortSignal;
}

export interface S3Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Uint8Array;
  /** Of an error, as the service names it. */
  readonly code: string | undefined;
  /** Makes an error that names the object. */
  readonly fail: Fail;
}

export interface S3Effects extends RetryEffects {
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Between two looks at whether the request gets on. */
const LOOK_MS = 1000;
/** So many looks in a row may see nothing taken of the body, then nothing of the answer (BKT-64). */
const LOOKS_WHILE_SENT = 30;
const LOOKS_FOR_ANSWER = 60;
const NOTHING = hashBytes(new Uint8Array());
const CAN_PASS: readonly number[] = [408, 429, 500, 502, 503, 504];

export class S3Client {
  readonly url: BucketUrl;
  readonly effects: S3Effects;
  readonly #account: Account;
  /** By how much the clock of the service is ahead of ours (BKT-63). */
  #skewMs = 0;
  #region: string;
  #isRegionKnown = false;

  constructor(url: BucketUrl, account: Account, effects: S3Effects) {
    this.url = url;
    this.effects = effects;
    this.#account = account;
    this.#region = account.region;
  }

  /** The time as the service has it, as far as that is known. */
  now(): number {
    return this.effects.clock.now() + this.#skewMs;
  }

  /** Asks until it is answered by something else than what passes by itself (BKT-62). */
  ask(request: S3Request): Promise<S3Answer> {
    return retry(this.effects, async () => {
      const answer = await this.once(request);
      if (!CAN_PASS.includes(answer.status)) return answer;
      throw answer.fail(saidOf(answer), { passing: true });
    });
  }

  /**
   * Asks once; only what the service refused before it looked at the request, for the clock or the region, is asked
   * again, with these put right (BKT-5, BKT-63).
   *
   * @throws OriginError if there is no answer
   */
  async once(request: S3Request): Promise<S3Answer> {
    const answer = await this.#send(request);
    if (!this.#learnRegion(answer) && !this.#learnTime(answer)) return answer;
    return await this.#send(request);
  }

  #learnRegion({ status, headers, bytes }: S3Answer): boolean {
    if (this.#isRegionKnown || ![301, 307, 400, 403].includes(status)) return false;
    const region = headers.get("x-amz-bucket-region") ?? regionOf(textOf(bytes));
    if (region === undefined || !isRegion(region) || region === this.#region) return false;
    this.#region = region;
    this.#isRegionKnown = true;
    return true;
  }

  #learnTime({ status, headers, code }: S3Answer): boolean {
    const isSkewed = code === "RequestTimeTooSkewed" || (status === 403 && code === undefined);
    const theirs = Date.parse(headers.get("Date") ?? "");
    if (status !== 403 || !isSkewed || Number.isNaN(theirs)) return false;
    const skewMs = theirs - this.effects.clock.now();
    if (Math.abs(skewMs - this.#skewMs) < 5 * 60_000) return false;
    this.#skewMs = skewMs;
    return true;
  }

  async #send(request: S3Request): Promise<S3Answer> {
    const { method, key, query = [], headers = {}, body, signal } = request;
    const { clock, environment } = this.effects;
    const { bucket, prefix, shown } = this.url;
    const endpoint = this.#account.endpoint(this.#region);
    const at = addressOf(endpoint, bucket, key === undefined ? "" : `${prefix}${key}`);
    const accessKey = await this.#account.accessKey();
    const moment = new Date(this.now()).toISOString().replace(/[-:]|\.\d+/g, "");
    const signed = signRequest(
      { method, ...at, query, headers, payload: body?.sha256 ?? NOTHING },
      accessKey,
      { region: this.#region, moment },
    );
    const place = key === undefined ? shown : `${shown}/${key}`;
    const failOfProxy: Fail = (reason, facts) => new OriginError(place, reason, facts);
    const target = new URL(`${at.origin}${signed.target}`);
    const proxy = proxyFor(target, environment, failOfProxy);
    const fail: Fail = (reason, facts) => {
      const way = proxy === undefined ? "" : `by way of the proxy ${proxy.shown}: `;
      return failOfProxy(`${way}${reason}`, facts);
    };
    const controller = new AbortController();
    const ends = [controller.signal, ...(signal === undefined ? [] : [signal])];
    let isSent = body === undefined || body.size === 0;
    let idleLooks = 0;
    const onProgress = () => {
      idleLooks = 0;
    };
    using _limit = clock.every(LOOK_MS, () => {
      idleLooks += 1;
      const limit = isSent ? LOOKS_FOR_ANSWER : LOOKS_WHILE_SENT;
      if (idleLooks < limit) return;
      const reason = isSent ? `no answer for ${limit} s` : `nothing was taken for ${limit} s`;
      controller.abort(fail(reason, { passing: true }));
    });
    const content = () => {
      if (body === undefined) return {};
      if (body.size === 0) return { body: "" };
      return {
        body: streamOf(body, (isAll) => {
          isSent = isAll;
          onProgress();
        }),
      };
    };
    let response: Response;
    try {
      response = await fetch(target.href, {
        method,
        headers: {
          "User-Agent": `tako/${version}`,
          "Accept-Encoding": "identity",
          ...(body === undefined ? {} : bodyHeaders(body)),
          ...signed.headers,
        },
        ...content(),
        ...fetchOptions(proxy),
        signal: AbortSignal.any(ends),
      });
    } catch (error) {
      // The file, not the connection.
      if (error instanceof TakoError) throw error;
      throw await requestError(error, { target, proxy, fail, failOfProxy, clock });
    }
    const bytes = await readBody(response, onProgress, fail);
    const code = response.status === 200 && method === "GET" ? undefined : errorCode(textOf(bytes));
    return { status: response.status, headers: response.headers, bytes, code, fail };
  }
}

/** The error of an answer that is none of those that were expected. */
export function refusalOf(answer: S3Answer): OriginError {
  return answer.fail(saidOf(answer), { rule: "BKT-6", hint: hintFor(answer) });
}

function saidOf({ status, code }: S3Answer): string {
  return `the bucket answered with status ${status}${code === undefined ? "" : ` (${code})`}`;
}

function hintFor({ status, code }: S3Answer): string | undefined {
  if (code === "NoSuchBucket")
    return "Make the bucket first, or check its name and AWS_ENDPOINT_URL_S3.";
  if (code === "RequestTimeTooSkewed") return "Look at this machine's clock (timedatectl).";
  if (code === "SignatureDoesNotMatch" || code === "InvalidAccessKeyId")
    return "Check the credentials: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the profile.";
  if (code === "ExpiredToken") return "Get new temporary credentials.";
  if (status === 403)
    return "The credentials need s3:GetObject, s3:PutObject, s3:ListBucket and s3:AbortMultipartUpload here, to remove images s3:DeleteObject.";
  return status === 301 || status === 400 ? "Check AWS_REGION and AWS_ENDPOINT_URL_S3." : undefined;
}

export function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** The length is told, else the body would go in chunks, which such services refuse. */
function bodyHeaders({ size }: S3Body): Record<string, string> {
  return { "Content-Type": "application/octet-stream", "Content-Length": `${size}` };
}

async function readBody(
  response: Response,
  onProgress: () => void,
  fail: Fail,
): Promise<Uint8Array> {
  const blocks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const block of response.body ?? []) {
      onProgress();
      size += block.length;
      if (size > MAX_MANIFEST_BYTES)
        throw fail(`the answer has more than ${MAX_MANIFEST_BYTES} bytes`);
      blocks.push(block);
    }
  } catch (error) {
    throw connectionError(error, true, fail);
  }
  return Buffer.concat(blocks);
}
