// Where a bucket is and what is in it: the URL that a publisher gives, and how an object of it is addressed at an
// endpoint (spec/buckets.md, BKT-1 and following). Nothing here asks anybody.

import { TakoError } from "./error.ts";
import { printable } from "./text.ts";

/** `s3://BUCKET[/PREFIX]`. */
export interface BucketUrl {
  readonly bucket: string;
  /** Of every key: empty, or it ends with `/`. */
  readonly prefix: string;
  /** For people: no `/` at its end. */
  readonly shown: string;
}

/** What is addressed by a request: where it goes, and the path there, which is not encoded yet. */
export interface Address {
  /** Scheme, host and port. */
  readonly origin: string;
  readonly host: string;
  readonly path: string;
}

const SCHEME = "s3://";
const MIB = 1024 * 1024;
/** Up to this size, in bytes, an image is one request; each part of a larger one has at least as much. */
export const PART_BYTES = 8 * MIB;
const MAX_PARTS = 10_000;

export function isBucketUrl(place: string): boolean {
  return place.startsWith(SCHEME);
}

/** @throws TakoError of kind `usage` (BKT-2) */
export function parseBucketUrl(text: string): BucketUrl {
  const [bucket, ...segments] = text.slice(SCHEME.length).replace(/\/$/, "").split("/");
  const refuse = (message: string) =>
    new TakoError("usage", message, {
      rule: "BKT-2",
      source: printable(text),
      hint: "Write it as s3://BUCKET or s3://BUCKET/PREFIX.",
    });
  if (!/^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$/i.test(`${bucket}`)) throw refuse("it names no bucket");
  // A URL parser would take `..` for the folder above, and each service an empty segment for something else.
  if (segments.some((segment) => !/^[\w.!'()* +=,@~-]+$/.test(segment) || /^\.+$/.test(segment))) {
    throw refuse("its prefix has an empty segment, one of dots, or a character that is not plain");
  }
  const prefix = segments.map((segment) => `${segment}/`).join("");
  return { bucket: `${bucket}`, prefix, shown: `${SCHEME}${[bucket, ...segments].join("/")}` };
}

/**
 * What packed files are made of is read again and again, so they are made beside it.
 *
 * @throws TakoError of kind `usage` for a bucket (BKT-65)
 */
export function refusePacking(place: string): void {
  if (!isBucketUrl(place)) return;
  throw new TakoError("usage", "packed files are made in a directory, not in a bucket", {
    rule: "BKT-65",
    source: printable(place),
    hint: "Use tako pack -o DIR, and copy DIR into the bucket: store/ first, manifest last.",
  });
}

/** Amazon's own endpoint of a service in a region. */
export function amazonEndpoint(service: "s3" | "sts", region: string): string {
  return `https://${service}.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}`;
}

/**
 * By virtual host on amazonaws.com, unless the bucket has a dot, for which its certificate does not hold; by path
 * elsewhere (BKT-4).
 *
 * @param key empty for the bucket itself
 */
export function addressOf(endpoint: string, bucket: string, key: string): Address {
  const { protocol, host, hostname, pathname } = new URL(endpoint);
  const base = pathname.replace(/\/$/, "");
  const isVirtual = /(^|\.)amazonaws\.com(\.cn)?$/.test(hostname) && !bucket.includes(".");
  const at = isVirtual ? `${bucket}.${host}` : host;
  const path = isVirtual ? `${base}/${key}` : `${base}/${bucket}${key === "" ? "" : `/${key}`}`;
  return { origin: `${protocol}//${at}`, host: at, path };
}

/** Where the parts of an image begin and end, in bytes; 10,000 at most (BKT-21). */
export function partsOf(size: number): readonly (readonly [start: number, end: number])[] {
  const length = Math.max(PART_BYTES, Math.ceil(size / MAX_PARTS / MIB) * MIB);
  return Array.from({ length: Math.max(1, Math.ceil(size / length)) }, (_, index) => [
    index * length,
    Math.min(size, (index + 1) * length),
  ]);
}
