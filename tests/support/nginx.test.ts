// Proves what the tests against nginx rely on: it serves the directory, its log is complete, and it goes away.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { needs } from "./needs.ts";
import { type NginxServer, serveWithNginx } from "./nginx.ts";

const nginx = needs("nginx");

describe.skipIf(nginx.missing)("nginx", () => {
  let directory: string;
  let server: NginxServer;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "tako-origin-"));
    await Bun.write(join(directory, "manifest"), "0123456789");
    server = await serveWithNginx(directory, { configSnippet: "location /gone { return 410; }" });
  });
  afterAll(async () => {
    await server?.stop();
    await rm(directory, { recursive: true });
  });

  test("serves the directory, answers ranges and conditional requests, and logs each request at once", async () => {
    const options = { headers: { "Accept-Encoding": "identity", "User-Agent": "test" } };
    const whole = await fetch(`${server.url}/manifest`, options);
    expect(await whole.text()).toBe("0123456789");
    const etag = whole.headers.get("ETag") ?? "";
    const part = await fetch(`${server.url}/manifest`, {
      headers: { ...options.headers, Range: "bytes=4-" },
    });
    expect(await part.text()).toBe("456789");
    await fetch(`${server.url}/manifest`, {
      headers: { ...options.headers, "If-None-Match": etag },
    });
    await fetch(`${server.url}/gone?x`, { ...options, method: "HEAD" });

    const common = {
      method: "GET",
      uri: "/manifest",
      range: "",
      ifNoneMatch: "",
      acceptEncoding: "identity",
      userAgent: "test",
      authorization: "",
    };
    expect(await server.requests()).toEqual([
      { ...common, status: 200, bytes: 10 },
      { ...common, status: 206, range: "bytes=4-", bytes: 6 },
      { ...common, status: 304, ifNoneMatch: etag, bytes: 0 },
      { ...common, method: "HEAD", uri: "/gone?x", status: 410, bytes: 0 },
    ]);
  });

  test("a second one on the same directory has its own port and log, and stop ends it", async () => {
    const second = await serveWithNginx(directory);
    expect(second.port).not.toBe(server.port);
    expect(await second.requests()).toEqual([]);
    await second.stop();
    await expect(fetch(`${second.url}/manifest`)).rejects.toThrow();
  });

  test("a configuration nginx refuses is an error that shows its message", async () => {
    const refused = serveWithNginx(directory, { configSnippet: "nonsense;" });
    await expect(refused).rejects.toThrow('unknown directive "nonsense"');
  });
});
