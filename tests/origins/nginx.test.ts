// The same over a server that people really use, nginx, with what its defaults bring along.

import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { needs } from "../support/needs.ts";
import { serveWithNginx } from "../support/nginx.ts";
import { digest, failureOf, image, manifest, open, readImage } from "./asking.ts";

const { missing } = needs("nginx");

describe.skipIf(missing)("nginx", async () => {
  if (missing) return;
  const directory = mkdtempSync(join(tmpdir(), "tako-origin-"));
  mkdirSync(join(directory, "store"));
  writeFileSync(join(directory, "manifest"), manifest);
  writeFileSync(join(directory, "store", digest), image);
  const server = await serveWithNginx(directory, {
    configSnippet: `
      gzip on;
      gzip_types *;
      gzip_min_length 0;
      location /gone/ { return 410; }
    `,
  });
  afterAll(async () => {
    await server.stop();
    rmSync(directory, { recursive: true });
  });
  const { origin } = open(server.url);

  test("ORG-13: its ETag makes the next request conditional", async () => {
    const first = await origin.manifest();
    expect(first).toMatchObject({ kind: "manifest", bytes: manifest });
    const etag = first.kind === "manifest" ? first.etag : undefined;
    expect(await origin.manifest({ etag })).toEqual({ kind: "unchanged" });
    const requests = (await server.requests()).slice(-2);
    expect(requests.map(({ status, ifNoneMatch }) => [status, ifNoneMatch])).toEqual([
      [200, ""],
      [304, etag ?? ""],
    ]);
  });

  test("ORG-23: it continues an image, and nothing is compressed on the way", async () => {
    const rest = { offset: 60_000, bytes: Buffer.from(image.subarray(60_000)) };
    expect(await readImage(origin, 60_000)).toEqual(rest);
    const request = (await server.requests()).at(-1);
    expect(request).toMatchObject({ status: 206, range: "bytes=60000-", bytes: 40_000 });
  });

  test("ORG-25: its 416 leads to one request from byte 0", async () => {
    expect(await readImage(origin, 100_000)).toEqual({ offset: 0, bytes: Buffer.from(image) });
    const requests = (await server.requests()).slice(-2);
    expect(requests.map(({ status, range }) => [status, range])).toEqual([
      [416, "bytes=100000-"],
      [200, ""],
    ]);
  });

  test("ORG-26: its 404 and 410 pages are not images", async () => {
    const missing = await failureOf(readImage(open(`${server.url}/nowhere`).origin));
    expect(missing.message).toContain("status 404");
    expect(await readImage(open(`${server.url}/gone`).origin)).toBe("gone");
  });
});
