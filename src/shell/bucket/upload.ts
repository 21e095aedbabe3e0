// An image on its way into a bucket: hashed in one pass, then sent from its file, block by block, so that memory stays flat whatever
// its size (spec/buckets.md, BKT-20 and following).

import { closeSync, fstatSync, openSync, unlinkSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PART_BYTES, partsOf } from "../../core/bucket.ts";
import type { Sha256Hex } from "../../core/digest.ts";
import type { TakoError } from "../../core/error.ts";
import { STORE } from "../../core/layout.ts";
import { completion, imageOfKey, uploadIdOf, uploadsOf } from "../../core/s3-answer.ts";
import { hexDigest, newHasher, readBlocks } from "../disk/hash.ts";
import type { Progress } from "../disk/image-writer.ts";
import { naming } from "../disk/storage-error.ts";
import { OriginError } from "../origin/origin-error.ts";
import { retry } from "../origin/retry.ts";
import type { ImageSource } from "../publication/image-source.ts";
import { beforeEnd } from "../signals.ts";
import { bodyOf, bodyOfFile, changed } from "./body.ts";
import { refusalOf, type S3Answer, type S3Client, textOf } from "./s3-client.ts";

/** A file that was hashed, whole and in the parts that it is sent in. */
export interface HashedFile extends Disposable {
  readonly fd: number;
  readonly name: string;
  readonly size: number;
  readonly digest: Sha256Hex;
  readonly parts: readonly (readonly [start: number, end: number, sha256: string])[];
}

/** Parts on their way at the same time. */
const AT_ONCE = 4;
/** What an upload of ours that is older was left by a run that was killed (BKT-25). */
const LEFT_MS = 24 * 60 * 60 * 1000;
/** As long as parts may take to end once they are given up. */
const PARTS_END_MS = 1000;
const IMAGE_HEADERS = { "Cache-Control": "public, max-age=31536000, immutable" };

/** Hashes a file; a pipe, of which nobody can send a slice twice, is written to a temporary file first (BKT-26). */
export async function hashForUpload(source: ImageSource): Promise<HashedFile> {
  if (source.path !== undefined) return { ...(await hashParts(source)), [Symbol.dispose]() {} };
  const fd = await spool(source);
  const close = () => closeSync(fd);
  try {
    return { ...(await hashParts({ fd, name: source.name })), [Symbol.dispose]: close };
  } catch (error) {
    close();
    throw error;
  }
}

async function hashParts({ fd, name }: Pick<ImageSource, "fd" | "name">) {
  const { size } = fstatSync(fd);
  const whole = newHasher();
  const parts: [start: number, end: number, sha256: string][] = [];
  const [...bounds] = partsOf(size);
  let part = newHasher();
  let done = 0;
  for await (const block of readBlocks(fd, name)) {
    whole.update(block);
    for (let rest = block; rest.length > 0; ) {
      const [start, end] = bounds[parts.length] ?? [done, Infinity];
      const piece = rest.subarray(0, end - done);
      part.update(piece);
      done += piece.length;
      rest = rest.subarray(piece.length);
      if (done < end) continue;
      parts.push([start, end, hexDigest(part)]);
      part = newHasher();
    }
  }
  if (done !== size) throw changed(name);
  if (size === 0) parts.push([0, 0, hexDigest(part)]);
  return { fd, name, size, digest: hexDigest(whole), parts };
}

/** A file without a name, which is gone with the process. */
async function spool(source: ImageSource): Promise<number> {
  const path = join(tmpdir(), `.tako-${crypto.randomUUID()}`);
  const fd = naming(path, "write", () => openSync(path, "wx+", 0o600));
  try {
    unlinkSync(path);
    let at = 0;
    for await (const block of readBlocks(source.fd, source.name)) {
      for (let done = 0; done < block.length; ) {
        const rest = block.length - done;
        done += naming(path, "write", () => writeSync(fd, block, done, rest, at + done));
      }
      at += block.length;
    }
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** Sends an image that the bucket does not have. @param onProgress told how many bytes have arrived */
export async function upload(
  client: S3Client,
  file: HashedFile,
  onProgress: Progress,
): Promise<void> {
  const key = `${STORE}/${file.digest}`;
  const [first] = file.parts;
  if (file.size > PART_BYTES || first === undefined) {
    await uploadInParts(client, key, file, onProgress);
    return;
  }
  const answer = await client.ask({
    ...{ method: "PUT", key, headers: IMAGE_HEADERS, body: bodyOfFile(file, first) },
  });
  if (answer.status !== 200) throw refused(answer, file);
  onProgress(file.size);
}

async function uploadInParts(
  client: S3Client,
  key: string,
  file: HashedFile,
  onProgress: Progress,
): Promise<void> {
  const stop = new AbortController();
  // A signal may come while the service has begun it and its answer is on the way.
  const begun = beginParts(client, key);
  let sending: Promise<readonly string[]> | undefined;
  const giveUp = async () => {
    stop.abort(new OriginError(client.url.shown, "the upload was given up"));
    const id = await begun.catch(() => undefined);
    // A part that lands after the end of its upload may stay there.
    await Promise.race([sending?.catch(() => {}), client.effects.clock.sleep(PARTS_END_MS)]);
    if (id !== undefined) await abortUpload(client, key, id);
  };
  await using _ending = beforeEnd(giveUp);
  try {
    const id = await begun;
    sending = sendParts(client, key, id, file, onProgress, stop);
    await complete(client, key, id, file, await sending);
  } catch (error) {
    await giveUp();
    throw error;
  }
}

/** @returns the name of the upload at the service */
async function beginParts(client: S3Client, key: string): Promise<string> {
  const headers = { ...IMAGE_HEADERS, "Content-Type": "application/octet-stream" };
  const answer = await client.ask({ method: "POST", key, query: [["uploads", ""]], headers });
  const id = uploadIdOf(textOf(answer.bytes));
  if (answer.status !== 200 || id === undefined) throw refusalOf(answer);
  return id;
}

/** @returns when no part is on its way any more, also if it fails */
async function sendParts(
  client: S3Client,
  key: string,
  id: string,
  file: HashedFile,
  onProgress: Progress,
  stop: AbortController,
): Promise<readonly string[]> {
  const etags: string[] = [];
  const waiting = file.parts.entries();
  let done = 0;
  const send = async () => {
    for (const [index, part] of waiting) {
      const query = [
        ["partNumber", `${index + 1}`],
        ["uploadId", id],
      ] as const;
      const body = bodyOfFile(file, part);
      const answer = await client.ask({ method: "PUT", key, query, body, signal: stop.signal });
      const etag = answer.headers.get("ETag");
      if (answer.status !== 200 || etag === null) throw refused(answer, file);
      etags[index] = etag;
      done += part[1] - part[0];
      onProgress(done);
    }
  };
  const senders = Array.from({ length: AT_ONCE }, send);
  try {
    await Promise.all(senders);
    return etags;
  } catch (error) {
    stop.abort(new OriginError(client.url.shown, "the upload was given up"));
    await Promise.allSettled(senders);
    throw error;
  }
}

/** The answer may say that it failed although it landed, and with status 200 that it failed: what is there decides (BKT-23). */
async function complete(
  client: S3Client,
  key: string,
  id: string,
  file: HashedFile,
  etags: readonly string[],
): Promise<void> {
  const body = bodyOf(new TextEncoder().encode(completion(etags)));
  await retry(client.effects, async () => {
    const answer = await client
      .once({ method: "POST", key, query: [["uploadId", id]], body })
      .catch((error: unknown) => {
        if (error instanceof OriginError) return error;
        throw error;
      });
    const isDone = !(answer instanceof OriginError) && answer.status === 200 && !answer.code;
    if (isDone || (await hasObject(client, key, file.size))) return;
    if (answer instanceof OriginError) throw answer;
    if (answer.status !== 200 && answer.status < 500) throw refusalOf(answer);
    throw answer.fail(`the upload was not completed (${answer.code ?? answer.status})`, {
      rule: "BKT-23",
      passing: true,
    });
  });
}

/** Whether there is an object of this size. Who may not list a bucket is told 403 of one that is missing. */
export async function hasObject(client: S3Client, key: string, size?: number): Promise<boolean> {
  const answer = await client.ask({ method: "HEAD", key });
  if (answer.status === 404 || answer.status === 403) return false;
  if (answer.status !== 200) throw refusalOf(answer);
  return size === undefined || Number(answer.headers.get("Content-Length") ?? Number.NaN) === size;
}

/** Gives up what runs that were killed have begun; what cannot be listed or removed stays (BKT-25). */
export async function abortLeftovers(client: S3Client): Promise<void> {
  const { prefix } = client.url;
  const store = `${prefix}${STORE}/`;
  try {
    const query = [
      ["uploads", ""],
      ["prefix", store],
    ] as const;
    const answer = await client.once({ method: "GET", query });
    if (answer.status !== 200) return;
    const oldest = client.effects.clock.now() - LEFT_MS;
    for (const { key, id, since } of uploadsOf(textOf(answer.bytes))) {
      const isOurs = imageOfKey(key, store) !== undefined;
      if (isOurs && Date.parse(since) < oldest)
        await abortUpload(client, key.slice(prefix.length), id);
    }
  } catch (error) {
    if (!(error instanceof OriginError)) throw error;
  }
}

async function abortUpload(client: S3Client, key: string, id: string): Promise<void> {
  await client
    .once({ method: "DELETE", key, query: [["uploadId", id]] })
    .catch((error: unknown) => {
      if (!(error instanceof OriginError)) throw error;
    });
}

function refused(answer: S3Answer, { name }: HashedFile): TakoError {
  const isChanged = /SHA256Mismatch|BadDigest/i.test(answer.code ?? "");
  return isChanged ? changed(name) : refusalOf(answer);
}
