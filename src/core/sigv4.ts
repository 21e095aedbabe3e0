// Signatures of requests to a bucket, AWS Signature Version 4 with the signature in a header (spec/buckets.md, BKT-60).
// What the service compares is rebuilt here byte for byte, so path and query go out as they were signed.

import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";

/** Who asks. */
export interface AccessKey {
  readonly id: string;
  readonly secret: string;
  /** Of temporary credentials. */
  readonly sessionToken?: string | undefined;
}

/** A request before it is signed; path and query are not encoded yet. */
export interface UnsignedRequest {
  readonly method: string;
  /** With the port, unless it is the scheme's own. */
  readonly host: string;
  /** Begins with `/`. */
  readonly path: string;
  readonly query: readonly (readonly [name: string, value: string])[];
  /** All of them are signed. */
  readonly headers: Readonly<Record<string, string>>;
  /** SHA-256 of the body, in hexadecimal. */
  readonly payload: string;
}

export interface SignedRequest {
  /** Path and query as they are sent. */
  readonly target: string;
  /** Those that were given, and those of the signature; without Host, which every client sends. */
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * @param moment seconds are what counts, as `20130524T000000Z`
 * @param service `s3`, but in the tests
 */
export function signRequest(
  { method, host, path, query, headers, payload }: UnsignedRequest,
  { id, secret, sessionToken }: AccessKey,
  { region, moment, service = "s3" }: { region: string; moment: string; service?: string },
): SignedRequest {
  const sent = {
    ...headers,
    "x-amz-content-sha256": payload,
    "x-amz-date": moment,
    ...(sessionToken === undefined ? {} : { "x-amz-security-token": sessionToken }),
  };
  const signed = Object.entries({ ...sent, host })
    .map(([name, value]) => [name.toLowerCase(), value.trim().replace(/\s+/g, " ")] as const)
    .sort(byName);
  const names = signed.map(([name]) => name).join(";");
  const encodedPath = path.split("/").map(encode).join("/");
  const encodedQuery = query
    .map(([name, value]) => [encode(name), encode(value)] as const)
    .sort(byName)
    .map((pair) => pair.join("="))
    .join("&");
  const lines = signed.map(([name, value]) => `${name}:${value}\n`).join("");
  const canonical = [method, encodedPath, encodedQuery, lines, names, payload].join("\n");

  const scope = `${moment.slice(0, 8)}/${region}/${service}/aws4_request`;
  const hashed = bytesToHex(sha256(utf8ToBytes(canonical)));
  const text = ["AWS4-HMAC-SHA256", moment, scope, hashed].join("\n");
  const key = scope.split("/").reduce(mac, utf8ToBytes(`AWS4${secret}`));
  const signature = bytesToHex(mac(key, text));
  const authorization = `AWS4-HMAC-SHA256 Credential=${id}/${scope}, SignedHeaders=${names}, Signature=${signature}`;
  return {
    target: encodedQuery === "" ? encodedPath : `${encodedPath}?${encodedQuery}`,
    headers: { ...sent, Authorization: authorization },
  };
}

function mac(key: Uint8Array, text: string): Uint8Array {
  return hmac(sha256, key, utf8ToBytes(text));
}

/** No name is there twice. */
function byName(
  [a]: readonly [string, ...unknown[]],
  [b]: readonly [string, ...unknown[]],
): number {
  return a < b ? -1 : 1;
}

/** All but the unreserved characters of RFC 3986, section 2.3. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
