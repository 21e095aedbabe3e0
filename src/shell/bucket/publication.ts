// An origin in a bucket, as its publisher reads and changes it (spec/buckets.md). No lock keeps others away: the manifest is
// written on the condition that it is still the one that was read.

import { type BucketUrl, parseBucketUrl } from "../../core/bucket.ts";
import { parseSha256Hex, type Sha256Hex } from "../../core/digest.ts";
import type { PublicKey } from "../../core/keys.ts";
import { goneName, MANIFEST, packedNamesOf, STORE } from "../../core/layout.ts";
import { pageOf } from "../../core/s3-answer.ts";
import type { Progress } from "../disk/image-writer.ts";
import { type ManifestFile, manifestFileOf } from "../disk/manifest-file.ts";
import { OriginError } from "../origin/origin-error.ts";
import type { ImageSource } from "../publication/image-source.ts";
import type {
  PublicationEffects,
  TakenImage,
  WritablePublication,
} from "../publication/publication.ts";
import { accountOf } from "./account.ts";
import { bodyOf } from "./body.ts";
import {
  type Condition,
  comparesQuoted,
  conditionOf,
  type Expected,
  unsafe,
  whyUnsafe,
} from "./conditions.ts";
import { refusalOf, type S3Answer, S3Client, textOf } from "./s3-client.ts";
import { abortLeftovers, hashForUpload, hasObject, upload } from "./upload.ts";

/** @throws TakoError of kind `usage` for a URL or an environment that names no bucket */
export function openBucket(text: string, effects: PublicationEffects): BucketPublication {
  const url = parseBucketUrl(text);
  const account = accountOf(effects.environment, effects.clock);
  return new BucketPublication(url, new S3Client(url, account, effects), effects);
}

export class BucketPublication implements WritablePublication {
  readonly manifestPath: string;
  readonly #client: S3Client;
  readonly #effects: PublicationEffects;
  /** What the next manifest takes the place of; `undefined` if the service gave no ETag. */
  #expected: Expected | undefined = { kind: "nothing" };
  /** How an ETag is compared, as far as that is known. */
  #isQuoted = true;
  #isFormKnown = false;
  /** The conditions that were asked about, by their form, and what became of them. */
  readonly #asked = new Map<string, boolean>();

  constructor(url: BucketUrl, client: S3Client, effects: PublicationEffects) {
    this.manifestPath = `${url.shown}/${MANIFEST}`;
    this.#client = client;
    this.#effects = effects;
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  async hasStore(): Promise<boolean> {
    return (await this.#list(`${STORE}/`, 1).next()).done !== true;
  }

  async readManifest(keys: readonly PublicKey[]): Promise<ManifestFile> {
    const answer = await this.#client.ask({ method: "GET", key: MANIFEST });
    if (answer.status === 404 && answer.code === "NoSuchKey") {
      this.#expected = { kind: "nothing" };
      return { state: "absent" };
    }
    if (answer.status !== 200) throw refusalOf(answer);
    const etag = answer.headers.get("ETag");
    this.#expected = etag === null ? undefined : { kind: "etag", etag, isQuoted: this.#isQuoted };
    return manifestFileOf(answer.bytes, keys);
  }

  async images(): Promise<ReadonlySet<Sha256Hex>> {
    return imagesAmong(await this.#names());
  }

  async takeImage(source: ImageSource, onProgress: Progress): Promise<TakenImage> {
    // Before many bytes are read and sent.
    await this.#condition();
    const file = await hashForUpload(source);
    return {
      digest: file.digest,
      size: file.size,
      keep: async () => {
        await abortLeftovers(this.#client);
        const isThere = await hasObject(this.#client, `${STORE}/${file.digest}`, file.size);
        if (!isThere) await upload(this.#client, file, onProgress);
        return { isKept: !isThere, isUnmarked: await this.#unmark(file.digest) };
      },
      [Symbol.asyncDispose]: async () => file[Symbol.dispose](),
    };
  }

  async writeManifest(bytes: Uint8Array): Promise<boolean> {
    const condition = await this.#condition();
    const headers = { "Cache-Control": "no-cache", ...condition };
    let answer: S3Answer;
    try {
      answer = await this.#client.once({
        method: "PUT",
        key: MANIFEST,
        headers,
        body: bodyOf(bytes),
      });
    } catch (error) {
      // It may have landed all the same.
      if (error instanceof OriginError && error.passing) return false;
      throw error;
    }
    const { status, code } = answer;
    if (status === 200) return true;
    // Another publisher's came between, or it was not the form that the service compares.
    if (status === 412 && this.#expected?.kind === "etag" && !this.#isFormKnown) {
      const isQuoted = await comparesQuoted(this.#client);
      this.#isQuoted = isQuoted ?? this.#isQuoted;
      this.#isFormKnown = isQuoted !== undefined;
    }
    const isUncertain = [404, 408, 409, 412, 429].includes(status) || status >= 500;
    if (isUncertain && code !== "NoSuchBucket") return false;
    throw refusalOf(answer);
  }

  /** What was answered is there. */
  async syncManifest(): Promise<void> {}

  async syncImages(): Promise<void> {}

  /** Some may be there that came with the copy of a directory (BKT-42). */
  async packedOf(going: ReadonlySet<Sha256Hex>): Promise<readonly string[]> {
    const names = await this.#names();
    const there = new Set(names);
    const isGone = (digest: Sha256Hex) =>
      going.has(digest) || (!there.has(digest) && there.has(goneName(digest)));
    return packedNamesOf(names, isGone);
  }

  async removePacked(names: readonly string[]): Promise<void> {
    for (const name of names) await this.#remove(`${STORE}/${name}`);
  }

  async retire(digest: Sha256Hex): Promise<void> {
    const mark = bodyOf(new TextEncoder().encode(`${digest}\n`));
    const key = `${STORE}/${goneName(digest)}`;
    const marked = await this.#client.ask({ method: "PUT", key, body: mark });
    if (marked.status !== 200) throw refusalOf(marked);
    await this.#remove(`${STORE}/${digest}`);
  }

  /** @returns whether a mark said that the image was removed */
  async #unmark(digest: Sha256Hex): Promise<boolean> {
    const key = `${STORE}/${goneName(digest)}`;
    const isMarked = await hasObject(this.#client, key);
    if (isMarked) await this.#remove(key);
    return isMarked;
  }

  async #remove(key: string): Promise<void> {
    const answer = await this.#client.ask({ method: "DELETE", key });
    if (![200, 204, 404].includes(answer.status)) throw refusalOf(answer);
  }

  /**
   * The condition of the next manifest, once it is known that the bucket keeps it (BKT-30).
   *
   * @throws TakoError of kind `failed` if it does not
   */
  async #condition(): Promise<Condition> {
    const expected = this.#expected;
    const form = expected?.kind === "etag" ? `etag ${expected.isQuoted}` : `${expected?.kind}`;
    let isSafe = this.#asked.get(form);
    if (isSafe === undefined) {
      const why =
        expected === undefined ? "gives no ETag" : await whyUnsafe(this.#client, expected);
      isSafe = why === undefined;
      if (why !== undefined && this.#effects.isUnsafeAllowed !== true)
        throw unsafe(this.#client, why);
      if (why !== undefined) {
        this.#effects.warn(
          `the bucket ${why}: what another publisher writes at the same time is lost`,
        );
      }
      this.#asked.set(form, isSafe);
    }
    return isSafe && expected !== undefined ? conditionOf(expected) : {};
  }

  /** What is in the store. */
  async #names(): Promise<readonly string[]> {
    const names: string[] = [];
    const start = `${this.#client.url.prefix}${STORE}/`;
    for await (const key of this.#list(`${STORE}/`)) {
      if (key.startsWith(start)) names.push(key.slice(start.length));
    }
    return names;
  }

  /** The keys that begin so, in pages. */
  async *#list(start: string, atMost = 1000): AsyncGenerator<string> {
    let next: string | undefined;
    do {
      const query = [
        ["list-type", "2"],
        ["max-keys", `${atMost}`],
        ["prefix", `${this.#client.url.prefix}${start}`],
        ...(next === undefined ? [] : [["continuation-token", next] as const]),
      ] as const;
      const answer = await this.#client.ask({ method: "GET", query });
      if (answer.status !== 200) throw refusalOf(answer);
      const page = pageOf(textOf(answer.bytes));
      yield* page.keys;
      next = page.next;
    } while (next !== undefined);
  }
}

function imagesAmong(names: readonly string[]): ReadonlySet<Sha256Hex> {
  return new Set(names.map(parseSha256Hex).filter((digest) => digest !== undefined));
}
