// Small files that Tako keeps in a destination for itself: `.etag`, `.owed`, and `.good` and `.hold`, which name
// one image each (spec/destination.md), as does a publisher's `.gone`. Whatever cannot be decoded is `undefined`, which is no
// reason to stop.

import { parseSha256Hex, type Sha256Hex } from "./digest.ts";

/** What makes the next check conditional: the ETag with which a manifest came. */
export interface EtagRecord {
  /** The manifest's URL, without credentials. */
  readonly url: string;
  readonly etag: string;
  /** The SHA-256 of that manifest. */
  readonly digest: Sha256Hex;
}

/** A restart that is to be done once `latest` names the digest. */
export interface OwedRestart {
  readonly digest: Sha256Hex;
  /** Units that have been restarted on it already. */
  readonly done: readonly string[];
}

/**
 * What `.owed` holds: the restart for the image that is about to be swapped in, and after it the
 * one that is still open for the image in use, so that a crash between the record and the swap
 * forgets neither.
 */
export type Owed = readonly OwedRestart[];

/** The most bytes of an ETag that is kept. */
const MAX_ETAG_BYTES = 1024;

/** How long an ETag may stand for its manifest before the manifest itself is asked for (DST-56). */
const MAX_ETAG_AGE_MS = 24 * 60 * 60 * 1000;

/**
 * Whether an ETag may be kept (DST-54, DST-55): exactly one entity-tag of RFC 9110 section 8.8.3, weak or strong,
 * short, and in ASCII. In a condition `*` and a list would mean other manifests than the one that came
 * with it.
 */
export function isKeepableEtag(etag: string): boolean {
  return etag.length <= MAX_ETAG_BYTES && /^(W\/)?"[\x21\x23-\x7e]*"$/.test(etag);
}

/**
 * Whether an ETag of this age still makes a request conditional (DST-56). A negative age, of a clock that
 * was set back since, tells nothing.
 */
export function isFreshEtag(ageMs: number): boolean {
  return ageMs >= 0 && ageMs <= MAX_ETAG_AGE_MS;
}

export function encodeEtag({ url, etag, digest }: EtagRecord): string {
  return `${url}\n${etag}\n${digest}\n`;
}

export function decodeEtag(text: string): EtagRecord | undefined {
  const [url, etag, hex, rest, surplus] = text.split("\n");
  const digest = parseSha256Hex(hex ?? "");
  if (!url || !etag || !digest || rest !== "" || surplus !== undefined) return undefined;
  return isKeepableEtag(etag) ? { url, etag, digest } : undefined;
}

export function encodeOwed(owed: Owed): string {
  return owed
    .flatMap(({ digest, done }) => [digest, ...done])
    .map((line) => `${line}\n`)
    .join("");
}

export function decodeOwed(text: string): Owed | undefined {
  const lines = text.split("\n");
  if (lines.pop() !== "") return undefined;
  const owed: { digest: Sha256Hex; done: string[] }[] = [];
  for (const line of lines) {
    const digest = parseSha256Hex(line);
    if (digest !== undefined) owed.push({ digest, done: [] });
    else if (owed.length > 0 && line !== "") owed.at(-1)?.done.push(line);
    else return undefined;
  }
  return owed.length > 0 ? owed : undefined;
}

/** `.good`, `.hold` and the mark of an image that is gone: the digest of one image (DST-70, DST-80, FET-111). */
export function encodeImageRecord(digest: Sha256Hex): string {
  return `${digest}\n`;
}

/** The bytes of such a record. */
export const IMAGE_RECORD_BYTES = 65;

export function decodeImageRecord(text: string): Sha256Hex | undefined {
  return text.endsWith("\n") ? parseSha256Hex(text.slice(0, -1)) : undefined;
}
