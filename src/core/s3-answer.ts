// What is read out of the XML in answers of a bucket. They have a fixed, flat form, and what is not found there counts
// as absent.

import { parseSha256Hex, type Sha256Hex } from "./digest.ts";

/** The code of an error, which also comes with status 200 (BKT-23): `NoSuchKey`. */
export function errorCode(xml: string): string | undefined {
  const [error] = elements(xml, "Error");
  const [code] = error === undefined ? [] : elements(error, "Code");
  return code !== undefined && /^\w{1,60}$/.test(code) ? code : undefined;
}

/** The region that an error of a request for another one names. */
export function regionOf(xml: string): string | undefined {
  const [region] = elements(xml, "Region");
  return region !== undefined && isRegion(region) ? region : undefined;
}

export function isRegion(text: string): boolean {
  return /^[a-z0-9-]{1,40}$/i.test(text);
}

export function uploadIdOf(xml: string): string | undefined {
  return elements(xml, "UploadId")[0];
}

/** A page of the objects of a bucket, and where the next page begins, if there is one. */
export interface Page {
  readonly keys: readonly string[];
  readonly next: string | undefined;
}

export function pageOf(xml: string): Page {
  const keys = elements(xml, "Contents").flatMap((object) => elements(object, "Key").slice(0, 1));
  const isLast = elements(xml, "IsTruncated")[0] !== "true";
  return { keys, next: isLast ? undefined : elements(xml, "NextContinuationToken")[0] };
}

/** An upload in parts that was begun and not ended. */
export interface Upload {
  readonly key: string;
  readonly id: string;
  /** When it was begun, as ISO 8601 has it. */
  readonly since: string;
}

export function uploadsOf(xml: string): readonly Upload[] {
  return elements(xml, "Upload").flatMap((upload) => {
    const [key] = elements(upload, "Key");
    const [id] = elements(upload, "UploadId");
    const [since] = elements(upload, "Initiated");
    return key === undefined || id === undefined || since === undefined ? [] : [{ key, id, since }];
  });
}

/** The image that an object below a prefix is, if it is one. */
export function imageOfKey(key: string, prefix: string): Sha256Hex | undefined {
  return key.startsWith(prefix) ? parseSha256Hex(key.slice(prefix.length)) : undefined;
}

/** The body of the request that makes an object of its parts. */
export function completion(etags: readonly string[]): string {
  const parts = etags.map((etag, index) => {
    const text = etag.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
    return `<Part><PartNumber>${index + 1}</PartNumber><ETag>${text}</ETag></Part>`;
  });
  return `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${parts.join("")}</CompleteMultipartUpload>`;
}

/** What stands in the elements of a name. */
export function elements(xml: string, name: string): readonly string[] {
  const found = xml.matchAll(new RegExp(`<${name}(?:\\s[^>]*)?>([\\s\\S]*?)</${name}>`, "g"));
  return [...found]
    .map((match) => `${match[1]}`)
    .map((content) => (content.includes("<") ? content : decoded(content)));
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&lt;": "<",
  "&gt;": ">",
  "&quot;": '"',
  "&apos;": "'",
  "&amp;": "&",
  "&#34;": '"',
  "&#39;": "'",
};

function decoded(text: string): string {
  return text.replace(/&[a-z#0-9]+;/g, (entity) => ENTITIES[entity] ?? entity);
}
