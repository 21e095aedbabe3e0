// The small command line's way to an origin: one request, its redirects, its limit. No retries.

import { fileURLToPath } from "node:url";
import type { OriginUrl } from "../../../src/core/origin-url.ts";
import { wrong } from "./cli-faults.ts";
import { readRegular } from "./cli-files.ts";

const MAX_REDIRECTS = 10;

/**
 * The body of a URL of the origin; `undefined` only by the fault that takes a 304.
 *
 * @throws Error also if it has more than `limit` bytes
 */
export async function get(
  url: string,
  origin: OriginUrl,
  limit: number,
): Promise<Uint8Array | undefined> {
  if (url.startsWith("file:")) return readFile(url, limit);
  const response = await follow(url, origin);
  if (typeof response === "string") return readFile(response, limit);
  if (response.status === 304 && wrong("unasked-304-taken")) return undefined;
  if (response.status !== 200 && !isTaken(response.status)) {
    const target = wrong("redirect-target-shown") ? ` of ${response.url}` : "";
    const status = `status ${response.status}${target}${await told(response)}`;
    throw new Error(`${shown(url, origin)}: ${status}`);
  }
  return readBody(response, url, limit);
}

/** Only by a fault: whether the body of an answer that is not 200 is what was asked for. */
function isTaken(status: number): boolean {
  return wrong("status-ignored") || (status < 400 && wrong("redirect-body-taken"));
}

function shown(url: string, { credentials }: OriginUrl): string {
  if (credentials?.password === "" && wrong("token-shown")) {
    return url.replace("://", `://${credentials.user}@`);
  }
  const pair = credentials && `${credentials.user}:${credentials.password}@`;
  return pair && wrong("password-shown") ? url.replace("://", `://${pair}`) : url;
}

/** Only by a fault: what the server has to say. */
async function told(response: Response): Promise<string> {
  if (!wrong("escape-sequences-shown")) return "";
  return ` ${response.statusText} ${await response.text()}`;
}

function readFile(url: string, limit: number): Uint8Array {
  const bytes = readRegular(fileURLToPath(url));
  if (bytes === undefined) throw new Error(`${url} is missing`);
  if (bytes.length > limit) throw new Error(`${url}: more than ${limit} bytes`);
  return bytes;
}

/** The last answer of a chain of redirects, or by a fault the file that one leads to. */
async function follow(first: string, origin: OriginUrl): Promise<Response | string> {
  let url = new URL(first);
  const most = wrong("redirects-without-end") ? 100 : MAX_REDIRECTS;
  for (let count = 0; count <= most; count++) {
    const response = await request(url, origin);
    const location = response.headers.get("location");
    const isRedirect = [301, 302, 303, 307, 308].includes(response.status);
    if (!isRedirect || location === null || wrong("redirect-not-followed")) return response;
    const next = new URL(location, url);
    if (next.protocol === "file:" && wrong("redirect-to-file-followed")) return next.href;
    const isAllowed =
      next.protocol === "https:" || (next.protocol === "http:" && url.protocol === "http:");
    if (!isAllowed) throw new Error(`${first}: a redirect to ${next.protocol}`);
    url = next;
  }
  throw new Error(`${first}: too many redirects`);
}

function request(url: URL, { href, credentials }: OriginUrl): Promise<Response> {
  const headers = new Headers({ "accept-encoding": "identity", "user-agent": "tako/0" });
  const isAtHome = url.origin === new URL(href).origin;
  if (credentials && (isAtHome || wrong("credentials-sent-elsewhere"))) {
    const pair = Buffer.from(`${credentials.user}:${credentials.password}`).toString("base64");
    headers.set("authorization", `Basic ${pair}`);
  }
  const decompress = wrong("content-encoding-decoded");
  return fetch(url, { headers, redirect: "manual", decompress, ...proxy() });
}

/** The runtime takes the usual variables, but passes over what it does not know in `ALL_PROXY`. */
function proxy(): { readonly proxy?: false } {
  if (wrong("proxies-ignored")) return { proxy: false };
  const isUnknown = /^socks/.test(process.env["ALL_PROXY"] ?? "");
  if (isUnknown && !wrong("unknown-proxy-ignored")) throw new Error("ALL_PROXY: no proxy of HTTP");
  return {};
}

async function readBody(response: Response, url: string, limit: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > limit && !wrong("size-limit-ignored")) {
      throw new Error(`${url}: more than ${limit} bytes`);
    }
  }
  return new Uint8Array(Buffer.concat(chunks));
}
