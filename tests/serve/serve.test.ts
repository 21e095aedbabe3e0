// How `tako serve` starts, tells and ends (spec/serve.md).

import { describe, expect, test } from "bun:test";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { connect } from "node:net";
import { networkInterfaces } from "node:os";
import { freePort } from "../support/daemon.ts";
import { createHost } from "../support/host.ts";
import { programs, sources, withFasterClock } from "../support/program.ts";
import { bigImage, publishTo } from "../support/publishing.ts";
import { schemaOf } from "../support/schemas.ts";
import { curl, published, serve } from "./serving.ts";

for (const program of programs) {
  describe(program.name, () => {
    test("SRV-1, SRV-2, SRV-7, SRV-15: it says where it is, and a line for each request", async () => {
      using host = createHost();
      const { digest } = published(host, "0123456789");
      const port = freePort();
      await using serving = await serve(program, [host.originDirectory, "--port", `${port}`]);
      expect(serving.first).toBe(`Origin=http://127.0.0.1:${port}`);
      await curl(host, "-r", "2-5", `${serving.url}/store/${digest}`);
      await curl(host, "--head", `${serving.url}/store/${digest}`);
      await curl(host, `${serving.url}/%1b%5b31m/SECRET+abcdef?x`);
      await curl(host, `${serving.url}/x/..\\manifest`);
      await curl(host, "-X", "FOO", `${serving.url}/manifest`);
      const { stdout, stderr } = await serving.end();
      expect(stdout).toBe(`${serving.first}\n`);
      expect(stderr.split("\n")).toEqual([
        `tako: GET /store/${digest} 206 4 2-5/10`,
        `tako: HEAD /store/${digest} 200 0`,
        "tako: GET /%1b%5b31m/SECRET+*** 404 0",
        "tako: GET /x/..\\manifest 404 0",
        "",
      ]);
    });

    test.each(["SIGINT", "SIGTERM"] as const)("SRV-6: %s ends it with status 0", async (signal) => {
      using host = createHost();
      published(host);
      await using serving = await serve(program, [host.originDirectory]);
      await curl(host, `${serving.url}/manifest`);
      expect((await serving.end(signal)).status).toBe(0);
    });
  });
}

const program = sources();

test("SRV-6: an answer that is on its way is completed", async () => {
  using host = createHost();
  const big = bigImage("1.0.0", 20_000_000);
  publishTo(host.originDirectory, [big]);
  await using serving = await serve(program, [host.originDirectory]);
  const response = await fetch(`${serving.url}/store/${big.digest}`);
  const reader = response.body!.getReader();
  let length = (await reader.read()).value?.length ?? 0;
  const ended = serving.end();
  for (let part = await reader.read(); !part.done; part = await reader.read())
    length += part.value.length;
  expect(length).toBe(big.content.length);
  expect((await ended).status).toBe(0);
});

test("SRV-6: one that is not taken in this time is cut", async () => {
  using host = createHost();
  const big = bigImage("1.0.0", 20_000_000);
  publishTo(host.originDirectory, [big]);
  const sooner = withFasterClock({ waits: 1, limits: 10 });
  await using serving = await serve(sooner, [host.originDirectory]);
  const { port } = new URL(serving.url);
  const socket = connect({ host: "127.0.0.1", port: Number(port) });
  const closed = once(socket, "close");
  socket.write(`GET /store/${big.digest} HTTP/1.1\r\nHost: origin\r\n\r\n`);
  await once(socket, "readable");
  const start = performance.now();
  expect((await serving.end()).status).toBe(0);
  expect(performance.now() - start).toBeGreaterThanOrEqual(250);
  let received = 0;
  socket.on("data", (chunk) => {
    received += chunk.length;
  });
  socket.on("error", () => {});
  await closed;
  expect(received).toBeLessThan(big.content.length);
});

test("SRV-8: with --json each event is an object, as the reference has them", async () => {
  using host = createHost();
  const { digest } = published(host);
  await using serving = await serve(program, ["--json", host.originDirectory]);
  await curl(host, "-r", "0-1", `${serving.url}/store/${digest}`);
  await curl(host, `${serving.url}/nothing`);
  const { stdout, stderr } = await serving.end();
  expect(stderr).toBe("");
  const isValid = schemaOf("serve");
  const events = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(events.map((event) => isValid(event))).toEqual([true, true, true]);
  expect(events).toMatchObject([
    { event: "serving", directory: host.originDirectory },
    { path: `/store/${digest}`, status: 206, bytes: 2 },
    { path: "/nothing", status: 404, bytes: 0 },
  ]);
});

test("SRV-2, SRV-3: an address for all machines gets a warning, and the URL of this one", async () => {
  using host = createHost();
  published(host);
  await using serving = await serve(program, [host.originDirectory, "--address", "0.0.0.0"]);
  expect(serving.first).toMatch(/^Origin=http:\/\/127\.0\.0\.1:\d+$/);
  expect((await curl(host, `${serving.url}/manifest`)).status).toBe(200);
  const { stderr } = await serving.end();
  expect(stderr).toContain("tako: warning: 0.0.0.0 is open to other machines: there is no TLS");
});

const hasIPv6 = Object.values(networkInterfaces()).some((all) =>
  all?.some(({ address }) => address === "::1"),
);

test.skipIf(!hasIPv6).each(["::", "::1"])(
  "SRV-2, SRV-3: for %s the URL has brackets (RFC 3986, section 3.2.2)",
  async (address) => {
    using host = createHost();
    published(host);
    await using serving = await serve(program, [host.originDirectory, "--address", address]);
    expect(serving.first).toMatch(/^Origin=http:\/\/\[::1\]:\d+$/);
    expect((await curl(host, `${serving.url}/manifest`)).status).toBe(200);
    const { stderr } = await serving.end();
    expect(stderr.includes(`warning: ${address} is open to other machines`)).toBe(address === "::");
  },
);

test.each([
  ["SRV-1", 2, ["--port", "65536"]],
  ["SRV-1", 2, ["--port", "x"]],
  ["SRV-1", 2, ["--address", "example.com"]],
  ["SRV-5", 1, ["--address", "192.0.2.1"]],
])("%s: status %d for %j", async (_, expected, words) => {
  using host = createHost();
  published(host);
  const { status, stdout, stderr } = await program.run(["serve", host.originDirectory, ...words]);
  expect([status, stdout]).toEqual([expected, ""]);
  expect(stderr).toContain(words[1]!);
});

test("SRV-5: a port that is in use is told", async () => {
  using host = createHost();
  published(host);
  await using serving = await serve(program, [host.originDirectory]);
  const { port } = new URL(serving.url);
  const { status, stderr } = await program.run(["serve", host.originDirectory, "--port", port]);
  expect(status).toBe(1);
  expect(stderr).toStartWith(
    `tako: cannot listen on port ${port} of 127.0.0.1: the port is in use\n`,
  );
});

test("SRV-5: an address that this machine has not is told, without a port that nobody gave", async () => {
  using host = createHost();
  published(host);
  // TEST-NET-1 (RFC 5737).
  const words = ["serve", host.originDirectory, "--address", "192.0.2.1"];
  const { stderr } = await program.run(words);
  expect(stderr).toStartWith(
    "tako: cannot listen on 192.0.2.1: this machine has no such address\n",
  );
  const withPort = await program.run([...words, "--port", "8000"]);
  expect(withPort.stderr).toStartWith(
    "tako: cannot listen on port 8000 of 192.0.2.1: this machine",
  );
});

test("SRV-4: a directory without a manifest, a file, and what is missing are status 74", async () => {
  using host = createHost();
  mkdirSync(host.at("empty"));
  host.write("file", "");
  for (const [name, words] of [
    ["empty", "there is no manifest to serve"],
    ["file", "it is not a directory\n  An origin is a directory"],
    ["nothing", "there is no such directory\n  Check the path."],
  ] as const) {
    const { status, stdout, stderr } = await program.run(["serve", host.at(name)]);
    expect([status, stdout]).toEqual([74, ""]);
    expect(stderr).toContain(words);
    expect(stderr).toContain(host.at(name));
  }
});

test("CLI-11: help fits 80 columns and has an example", async () => {
  const { stdout } = await program.run(["serve", "--help"]);
  expect(stdout).toContain("tako serve origin --port 8000");
  expect(stdout.split("\n").filter((line) => line.length > 80)).toEqual([]);
});
