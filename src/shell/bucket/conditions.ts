// Whether a bucket keeps the conditions of a request: some services ignore them, and then two publishers at once lose each
// other's entry (spec/buckets.md, BKT-30 and following). Asked with an object that does no harm, an empty image.

import { TakoError } from "../../core/error.ts";
import { MANIFEST, STORE } from "../../core/layout.ts";
import { bodyOf } from "./body.ts";
import { refusalOf, type S3Client } from "./s3-client.ts";

/** What the manifest may only be put in the place of. */
export type Expected =
  | { readonly kind: "nothing" }
  /** Ceph and DigitalOcean compare an ETag without its quotes. */
  | { readonly kind: "etag"; readonly etag: string; readonly isQuoted: boolean };

export type Condition = Readonly<Record<string, string>>;

const EMPTY = bodyOf(new Uint8Array());
const EMPTY_KEY = `${STORE}/${EMPTY.sha256}`;
/** The MD5 of no bytes is another one. */
const NO_ETAG = `"${"0".repeat(32)}"`;

export function conditionOf(expected: Expected): Condition {
  if (expected.kind === "nothing") return { "If-None-Match": "*" };
  const { etag, isQuoted } = expected;
  return { "If-Match": isQuoted ? etag : etag.replace(/^W\//, "").replaceAll('"', "") };
}

/**
 * Asks with a condition that cannot hold, in the very form that will be used.
 *
 * @returns why the bucket is not safe, if it is not
 * @throws OriginError for another refusal
 */
export async function whyUnsafe(client: S3Client, expected: Expected): Promise<string | undefined> {
  const headers = conditionOf(
    expected.kind === "nothing" ? expected : { ...expected, etag: NO_ETAG },
  );
  const request = { method: "PUT", key: EMPTY_KEY, headers, body: EMPTY } as const;
  // The first may make the object that the second is to be refused for.
  for (let time = 1; time <= 2; time++) {
    const answer = await client.ask(request);
    if ([404, 409, 412].includes(answer.status) && answer.code !== "NoSuchBucket") return undefined;
    if (answer.status === 501) return "does not support conditions";
    if (answer.status !== 200) throw refusalOf(answer);
  }
  return "ignores conditions";
}

/**
 * Whether the bucket compares an ETag as it gives it, with its quotes (BKT-12): asked with the same object and its own ETag, which
 * holds in one form or the other.
 */
export async function comparesQuoted(client: S3Client): Promise<boolean> {
  const put = (headers: Condition) =>
    client.ask({ method: "PUT", key: EMPTY_KEY, headers, body: EMPTY });
  const etag = (await put({})).headers.get("ETag");
  if (etag === null) return true;
  const holds = async (isQuoted: boolean) =>
    (await put(conditionOf({ kind: "etag", etag, isQuoted }))).status === 200;
  return (await holds(true)) || !(await holds(false));
}

export function unsafe(client: S3Client, why: string): TakoError {
  const message = `the bucket ${why}, so two publishers at once would lose each other's version`;
  return new TakoError("failed", message, {
    rule: "BKT-32",
    source: `${client.url.shown}/${MANIFEST}`,
    hint: "Use -o DIR and copy it, one job at a time; or --unsafe-last-writer-wins if you are alone.",
  });
}
