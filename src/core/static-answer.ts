// What a static origin answers (spec/serve.md): which path names what, and how much of a file a request
// gets. Opening the file and sending it is the shell's business.

import { type ByteRange, readRange } from "./byte-range.ts";
import { parseSha256Hex, type Sha256Hex } from "./digest.ts";
import { goneName, MANIFEST, STORE } from "./layout.ts";

/** A file that an origin consists of. */
export type OriginFile =
  | { readonly is: "manifest" }
  | { readonly is: "image" | "marker"; readonly digest: Sha256Hex };

/**
 * The path of a request target, as it was sent: nothing in it is decoded or resolved (SRV-11). It may be a whole URL
 * (RFC 9112, section 3.2.2).
 */
export function pathOfTarget(target: string): string {
  return target.replace(/^https?:\/\/[^/?]*/i, "").replace(/\?.*$/s, "");
}

/** What the path of a URL names; `undefined` for all that an origin does not have (SRV-10). */
export function fileOfPath(path: string): OriginFile | undefined {
  if (path === `/${MANIFEST}`) return { is: "manifest" };
  const start = `/${STORE}/`;
  if (!path.startsWith(start)) return undefined;
  const name = path.slice(start.length);
  const digest = parseSha256Hex(name.slice(0, 64));
  if (digest === undefined) return undefined;
  if (name === digest) return { is: "image", digest };
  return name === goneName(digest) ? { is: "marker", digest } : undefined;
}

/** The header fields of a request that count, null where there is none. */
export interface AskedFor {
  readonly method: string;
  readonly range: string | null;
  readonly ifRange: string | null;
  readonly ifNoneMatch: string | null;
}

/** How much of a file is sent. */
export type Part =
  | { readonly status: 200 | 304 | 416 }
  | { readonly status: 206; readonly range: ByteRange };

/** What tells one state of a file from another. */
export interface Validators {
  readonly etag: string;
  /** As Last-Modified has it, where no other bytes can have the same. */
  readonly modified?: string;
}

/** In the order of RFC 9110, section 13.2.2 (SRV-20 to SRV-31). */
export function partOf(asked: AskedFor, { etag, modified }: Validators, size: number): Part {
  const { method, ifRange, ifNoneMatch } = asked;
  if (ifNoneMatch !== null && includesTag(ifNoneMatch, etag)) return { status: 304 };
  const isSame = ifRange === null || ifRange === etag || ifRange === modified;
  const isAsked = method === "GET" && isSame;
  const range = asked.range === null || !isAsked ? undefined : readRange(asked.range, size);
  if (range === undefined) return { status: 200 };
  return range === "unsatisfiable" ? { status: 416 } : { status: 206, range };
}

/** By the weak comparison of RFC 9110, section 8.8.3.2, as If-None-Match has it. */
function includesTag(list: string, etag: string): boolean {
  return list.trim() === "*" || list.matchAll(/"[^"]*"/g).some(([tag]) => tag === etag);
}
