// A real bucket service on a loopback port, Ceph's, which tests/support/ceph-s3.sh starts; and what is in a bucket of it, asked by
// another client than Tako's.
//
//   await using ceph = await startCeph();
//   const bucket = await ceph.bucket();
//   expect(await bucket.text("manifest")).toBe(manifestOf([one]));

import { join } from "node:path";
import { AwsClient } from "aws4fetch";
import type { Program } from "./needs.ts";

/** What {@link startCeph} needs. */
export const CEPH: readonly Program[] = ["ceph", "ceph-mon", "ceph-osd", "curl", "radosgw"];

export interface Ceph extends AsyncDisposable {
  readonly url: string;
  /** What a publisher has in its environment. */
  readonly environment: Record<string, string>;
  /** Makes a bucket. */
  bucket(): Promise<Bucket>;
}

/** Another program may take one of the ports first: three tries. */
export async function startCeph(): Promise<Ceph> {
  for (let left = 2; ; left--) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    const child = Bun.spawn(["bash", join(import.meta.dir, "ceph-s3.sh"), `${port}`], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
    });
    const { value } = await child.stdout.getReader().read();
    const [word, url = "", id = "", secret = ""] = new TextDecoder()
      .decode(value)
      .trim()
      .split(" ");
    if (word === "READY") return ceph(child, url, id, secret);
    const message = await new Response(child.stderr).text();
    if (left === 0) throw new Error(`Ceph did not start: ${message}`);
  }
}

function ceph(child: Bun.Subprocess<"pipe">, url: string, id: string, secret: string): Ceph {
  const client = new AwsClient({
    accessKeyId: id,
    secretAccessKey: secret,
    service: "s3",
    region: "us-east-1",
    retries: 0,
  });
  let buckets = 0;
  return {
    url,
    environment: {
      AWS_ENDPOINT_URL_S3: url,
      AWS_ACCESS_KEY_ID: id,
      AWS_SECRET_ACCESS_KEY: secret,
      AWS_EC2_METADATA_DISABLED: "true",
      HOME: "/nonexistent",
    },
    async bucket() {
      buckets += 1;
      const bucket = new Bucket(client, `${url}/bucket-${buckets}`, `bucket-${buckets}`);
      await bucket.send("PUT", "");
      return bucket;
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.exited;
    },
  };
}

/** A bucket, as aws4fetch sees it. */
export class Bucket {
  readonly #client: AwsClient;
  readonly #url: string;
  /** As `-o` takes it. */
  readonly place: string;

  constructor(client: AwsClient, url: string, name: string) {
    this.#client = client;
    this.#url = url;
    this.place = `s3://${name}`;
  }

  /** @param key with a query, if there is one */
  async send(method: string, key: string, body?: string): Promise<Response> {
    const response = await this.#client.fetch(`${this.#url}/${key}`, {
      method,
      ...(body === undefined ? {} : { body }),
    });
    if (response.ok || response.status === 404) return response;
    throw new Error(`${method} ${key}: ${response.status} ${await response.text()}`);
  }

  /** One byte a character. */
  async text(key: string): Promise<string> {
    const response = await this.send("GET", key);
    if (!response.ok) throw new Error(`${key} is not there`);
    return Buffer.from(await response.arrayBuffer()).toString("latin1");
  }

  async keys(): Promise<string[]> {
    const xml = await (await this.send("GET", "?list-type=2")).text();
    return [...xml.matchAll(/<Key>(.*?)<\/Key>/g)].map(([, key = ""]) => key).sort();
  }

  async uploads(): Promise<number> {
    const xml = await (await this.send("GET", "?uploads")).text();
    return xml.match(/<Upload>/g)?.length ?? 0;
  }
}
