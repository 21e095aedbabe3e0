// The two small files that Tako keeps in a destination for itself, `.etag` and `.owed`
// (spec/destination.md). Whatever cannot be decoded is `undefined`: neither file is ever a reason
// to stop.

import { parseSha256Hex, type Sha256Hex } from "./digest.ts";

/** What makes the next check conditional: the ETag with which a manifest came. */
export interface EtagRecord {
  /** The manifest's URL, without credentials. */
  readonly url: string;
  readonly etag: string;
  /** The SHA-256 of that manifest. */
  readonly digest: Sha256Hex;
}

/** Restarts that are still to be done once `latest` names the digest. */
export interface OwedRecord {
  readonly digest: Sha256Hex;
  /** Units that have been restarted on it already. */
  readonly done: readonly string[];
}

/** The most bytes of an ETag that is kept. */
const MAX_ETAG_BYTES = 1024;

/** Whether an ETag may be kept: short, printable ASCII without space (RFC 9110 section 8.8.3). */
export function isKeepableEtag(etag: string): boolean {
  return etag.length <= MAX_ETAG_BYTES && /^[\x21-\x7e]+$/.test(etag);
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

export function encodeOwed({ digest, done }: OwedRecord): string {
  return [digest, ...done].map((line) => `${line}\n`).join("");
}

export function decodeOwed(text: string): OwedRecord | undefined {
  const lines = text.split("\n");
  const digest = parseSha256Hex(lines[0] ?? "");
  if (digest === undefined || lines.pop() !== "") return undefined;
  return { digest, done: lines.slice(1) };
}
