// The bytes of a file on their way into a request, whose two blocks are filled again and again.

import { afterAll, expect, test } from "bun:test";
import { createHash, randomBytes } from "node:crypto";
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bodyOfFile, streamOf } from "../../src/shell/bucket/body.ts";
import { sha256sum } from "../support/publishing.ts";

const MIB = 1024 * 1024;
const folder = mkdtempSync(join(tmpdir(), "tako-body-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("BKT-22: what arrives is the file, also where a connection takes it by fits and starts", async () => {
  const content = randomBytes(13 * MIB);
  const path = join(folder, "image");
  writeFileSync(path, content);
  const fd = openSync(path, "r");
  const server = createServer((request, response) => {
    const hash = createHash("sha256");
    let blocks = 0;
    request.on("data", (block: Buffer) => {
      hash.update(block);
      blocks += 1;
      request.pause();
      setTimeout(() => request.resume(), blocks % 16 === 0 ? 30 : 0);
    });
    request.on("end", () => response.end(hash.digest("hex")));
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  const address = server.address();
  const port = typeof address === "object" ? address?.port : undefined;
  const arrived = async (start: number, end: number) => {
    const body = bodyOfFile({ fd, name: path }, [start, end, ""]);
    const answer = await fetch(`http://127.0.0.1:${port}/`, {
      method: "PUT",
      headers: { "Content-Length": `${body.size}` },
      body: streamOf(body, () => {}),
    });
    return await answer.text();
  };
  const bounds = [0, 1, 4 * MIB, 7 * MIB + 5, content.length];
  const parts = bounds.slice(1).map((end, index) => [bounds[index] ?? 0, end] as const);
  const digests = await Promise.all(parts.map(([start, end]) => arrived(start, end)));
  expect(digests).toEqual(parts.map(([start, end]) => sha256sum(content.subarray(start, end))));
  server.close();
  closeSync(fd);
});
