// What is asked over HTTP, and what each answer means. The other side is a real server.

import { afterAll, beforeEach, expect, test } from "bun:test";
import { startHostileOrigin } from "../../conformance/hostile/origin.ts";
import { version } from "../../package.json";
import { MAX_MANIFEST_BYTES } from "../../src/core/manifest.ts";
import {
  askInChild,
  digest,
  failureOf,
  files,
  image,
  imageBody,
  keepingIn,
  longManifest,
  manifest,
  open,
  readImage,
} from "./asking.ts";

const server = await startHostileOrigin(files);
afterAll(() => server.stop());
beforeEach(() => {
  server.requests.length = 0;
});

const manifestOf = (scenario: Parameters<typeof server.origin>[0], etag?: string) =>
  open(server.origin(scenario)).origin.manifest({ etag });
const imageOf = (scenario: Parameters<typeof server.origin>[0], offset = 0) =>
  readImage(open(server.origin(scenario)).origin, offset);

test("ORG-1: the manifest is at ORIGIN/manifest, an image at ORIGIN/store/<hex>", async () => {
  const answer = await manifestOf("honest");
  expect(answer).toMatchObject({ kind: "manifest", bytes: manifest });
  expect(await imageOf("honest")).toEqual({ offset: 0, bytes: Buffer.from(image) });
  expect(server.requests.map(({ file }) => file)).toEqual(["manifest", `store/${digest}`]);
});

test("ORG-10: requests ask for the plain body and say who asks", async () => {
  await manifestOf("honest");
  await imageOf("honest", 10);
  for (const { headers } of server.requests) {
    expect(headers["accept-encoding"]).toBe("identity");
    expect(headers["user-agent"]).toBe(`tako/${version}`);
  }
  expect(server.requests).toHaveLength(2);
});

test.each(["gzip", "br", "zstd", "deflate"])(
  "ORG-11: a body that says it is %s is taken as sent",
  async (encoding) => {
    expect(await manifestOf(`encoded=${encoding}`)).toMatchObject({ bytes: manifest });
    expect(await imageOf(`encoded=${encoding}`)).toMatchObject({ bytes: Buffer.from(image) });
  },
);

test("ORG-12: the usual proxy variables are honoured", async () => {
  const proxied = await askInChild(["http://tako.invalid/honest"], { http_proxy: server.url });
  expect(proxied).toEqual({ kind: "manifest", text: manifest.toString() });
  const env = { http_proxy: "http://127.0.0.1:1", no_proxy: "127.0.0.1" };
  expect(await askInChild([server.origin("honest")], env)).toEqual(proxied);
});

test("ORG-13: a request is conditional when there is an ETag, else not", async () => {
  const first = await manifestOf("honest");
  const etag = first.kind === "manifest" ? first.etag : undefined;
  expect(etag).toMatch(/^"[0-9a-f]+"$/);
  expect(await manifestOf("honest", etag)).toEqual({ kind: "unchanged" });
  expect(await manifestOf("honest", '"other"')).toMatchObject({ kind: "manifest", etag });
  await imageOf("honest");
  const sent = server.requests.map(({ headers }) => headers["if-none-match"]);
  expect(sent).toEqual([undefined, etag, '"other"', undefined]);
  const conditional = Object.keys(server.requests[0]!.headers).filter((name) => /^if-/.test(name));
  expect(conditional).toEqual([]);
});

test("ORG-14: only what continues a partial asks for a range", async () => {
  expect(await imageOf("honest", 99_999)).toEqual({ offset: 99_999, bytes: Buffer.from([119]) });
  await imageOf("honest");
  await manifestOf("honest");
  const sent = server.requests.map(({ headers }) => headers["range"]);
  expect(sent).toEqual(["bytes=99999-", undefined, undefined]);
});

test("ORG-15: credentials are sent as Basic authentication in UTF-8", async () => {
  const url = server.origin("honest").replace("//", "//j%C3%B6rg:p%40ss%3Aw%25rd@");
  await open(url).origin.manifest();
  // printf 'jörg:p@ss:w%%rd' | base64
  expect(server.requests[0]!.headers["authorization"]).toBe("Basic asO2cmc6cEBzczp3JXJk");
});

test("ORG-15: without credentials there is no authentication", async () => {
  await manifestOf("honest");
  expect(server.requests[0]!.headers).not.toHaveProperty("authorization");
});

test.each([201, 204, 206, 300, 305, 400, 401, 403, 404, 410, 418, 451, 600, 999])(
  "ORG-20: status %d is no manifest, and the error names status and URL",
  async (status) => {
    const error = await failureOf(manifestOf(`status=${status}`));
    expect(error.kind).toBe("origin");
    expect(error.message).toContain(`status ${status}`);
    expect(error.source).toBe(`${server.origin(`status=${status}`)}/manifest`);
    expect(server.requests).toHaveLength(1);
  },
);

test("ORG-21: 304 to an unconditional request is an error", async () => {
  const error = await failureOf(manifestOf("status=304"));
  expect(error).toMatchObject({ kind: "origin", rule: "ORG-21" });
  expect(await manifestOf("status=304", '"x"')).toEqual({ kind: "unchanged" });
});

test("ORG-22: a manifest is refused at the first byte beyond 64 MiB", async () => {
  const error = await failureOf(manifestOf("endless"));
  expect(error).toMatchObject({ kind: "manifest", rule: "ORG-22" });
  expect(error.source).toBe(`${server.origin("endless")}/manifest`);
  await server.requests[0]!.closed;
  expect(server.requests).toHaveLength(1);
});

test("ORG-22: a manifest of 64 MiB is taken", async () => {
  const most = longManifest(MAX_MANIFEST_BYTES);
  const big = await startHostileOrigin({ manifest: most });
  const answer = await open(big.origin("honest")).origin.manifest();
  expect(answer.kind === "manifest" && answer.bytes.length).toBe(67_108_864);
  await big.stop();
});

test("ORG-22: a Content-Length beyond 64 MiB is enough to refuse", async () => {
  const error = await failureOf(manifestOf(`announce=${MAX_MANIFEST_BYTES + 1}`));
  expect(error).toMatchObject({ kind: "manifest", rule: "ORG-22" });
  await server.requests[0]!.closed;
});

test("ORG-23: a 206 that starts at our offset and names the signed size is the rest", async () => {
  const rest = { offset: 60_000, bytes: Buffer.from(image.subarray(60_000)) };
  expect(await imageOf("honest", 60_000)).toEqual(rest);
  expect(await imageOf("content-range=bytes%2060000-99999%2F100000", 60_000)).toEqual(rest);
  expect(server.requests).toHaveLength(2);
});

test("ORG-36: a 200 to a range request is the whole image", async () => {
  expect(await imageOf("ignores-ranges", 60_000)).toEqual({ offset: 0, bytes: Buffer.from(image) });
  expect(server.requests).toHaveLength(1);
});

test.each([
  "content-range=bytes%2059999-99999%2F100000",
  "content-range=bytes%2060001-99999%2F100000",
  "content-range=bytes%2060000-99999%2F100001",
  "content-range=bytes%2060000-99999%2F*",
  "content-range=bytes%20*%2F100000",
  "content-range=bytes%2060000-99999",
  "content-range=items%2060000-99999%2F100000",
  "content-range=bytes%20-60000-99999%2F100000",
  "content-range=bytes%200x0000-99999%2F100000",
  "no-content-range",
  "range-status=416",
  "range-status=403",
  "range-status=204",
  "range-status=304",
] as const)("ORG-25: %s leads to one request from byte 0", async (scenario) => {
  expect(await imageOf(scenario, 60_000)).toEqual({ offset: 0, bytes: Buffer.from(image) });
  const ranges = server.requests.map(({ headers }) => headers["range"]);
  expect(ranges).toEqual(["bytes=60000-", undefined]);
});

test("ORG-25: 404 to a range request is final, and what can pass is for a later try", async () => {
  const missing = await failureOf(imageOf("range-status=404", 60_000));
  expect(missing).toMatchObject({ kind: "origin", passing: false });
  const busy = await failureOf(imageOf("range-status=503", 60_000));
  expect(busy).toMatchObject({ kind: "origin", passing: true });
  expect(server.requests).toHaveLength(2);
});

test("ORG-26: 410 for an image is told apart, with and without a range", async () => {
  expect(await imageOf("status=410")).toBe("gone");
  expect(await imageOf("range-status=410", 60_000)).toBe("gone");
  expect(server.requests).toHaveLength(2);
});

test.each([204, 206, 304, 403, 404])("ORG-26: %d for an image is an error", async (status) => {
  const error = await failureOf(imageOf(`status=${status}`));
  expect(error).toMatchObject({ kind: "origin", passing: false });
  expect(error.message).toContain(`status ${status}`);
  expect(error.source).toBe(`${server.origin(`status=${status}`)}/store/${digest}`);
});

test("ORG-26: a whole image as 206 to a request without range is an error", async () => {
  expect((await failureOf(imageOf("always-206"))).message).toContain("status 206");
});

test("ORG-27: nothing beyond the limit reaches the sink, and the request is ended there", async () => {
  const body = await imageBody(server.origin("endless"));
  const chunks: Uint8Array[] = [];
  expect(await body.into(keepingIn(chunks), image.length)).toBe("longer");
  expect(Buffer.concat(chunks).length).toBeLessThanOrEqual(image.length);
  await server.requests[0]!.closed;

  expect(await (await imageBody(server.origin("honest"))).into(keepingIn([]), 99_999)).toBe(
    "longer",
  );
  expect(await (await imageBody(server.origin("honest"))).into(keepingIn([]), 100_000)).toBe(
    "ended",
  );
});

test("ORG-27: a sink that has had enough, and whoever does not want the body, end the request", async () => {
  const full = new Error("the sink is full");
  const write = () => {
    throw full;
  };
  const body = await imageBody(server.origin("endless"));
  await expect(body.into({ write }, Number.POSITIVE_INFINITY)).rejects.toBe(full);
  await server.requests[0]!.closed;

  const later = { write: () => Promise.reject(full) };
  await expect((await imageBody(server.origin("endless"))).into(later, 1e9)).rejects.toBe(full);
  await server.requests[1]!.closed;

  await (await imageBody(server.origin("endless")))[Symbol.asyncDispose]();
  await server.requests[2]!.closed;
});

test.each(["close=middle", "cut-chunk", "bad-chunk", "reset=middle"] as const)(
  "ORG-28: a body that ends by a %s is a failure of the network",
  async (scenario) => {
    const error = await failureOf(imageOf(scenario));
    expect(error).toMatchObject({ kind: "origin", passing: true });
    expect(error.source).toBe(`${server.origin(scenario)}/store/${digest}`);
    expect((await failureOf(manifestOf(scenario))).kind).toBe("origin");
  },
);

test("ORG-35: a body that ends properly is no failure of the origin, however short", async () => {
  const half = { offset: 0, bytes: Buffer.from(image.subarray(0, 50_000)) };
  expect(await imageOf("half")).toEqual(half);
});

test("ORG-30: 256 header lines are read, 257 are an error", async () => {
  expect(await manifestOf("headers=256")).toMatchObject({ bytes: manifest });
  const error = await failureOf(manifestOf("headers=257"));
  expect(error).toMatchObject({ kind: "origin", passing: false });
});

test("ORG-30: headers without end are an error", async () => {
  expect((await failureOf(manifestOf("huge-header"))).message).toContain("headers");
});

test("ORG-51: an answer that is no HTTP is final, and Bun's own words are not shown", async () => {
  const error = await failureOf(manifestOf("garbage"));
  expect(error).toMatchObject({ kind: "origin", passing: false });
  expect(error.message).toContain("not HTTP");
  expect(error.message).not.toContain("verbose");
  expect(server.requests).toHaveLength(1);
});

test.each(["%22a%20b%22", `%22${"x".repeat(1023)}%22`, "%22%C3%A9%22", ""])(
  "DST-54: the ETag %s is not kept",
  async (etag) => {
    const answer = await manifestOf(`etag=${etag}`);
    expect(answer).toMatchObject({ kind: "manifest", bytes: manifest });
    expect(answer).not.toHaveProperty("etag");
  },
);

test("DST-54: an ETag of 1,024 bytes, or a weak one, is kept as received", async () => {
  const most = `"${"x".repeat(1022)}"`;
  expect(await manifestOf(`etag=${most}`)).toMatchObject({ etag: most });
  expect(await manifestOf("etag=W%2F%22!~%22")).toMatchObject({ etag: 'W/"!~"' });
});

test("ORG-90: no error shows user or password", async () => {
  const secret = (scenario: Parameters<typeof server.origin>[0]) =>
    server.origin(scenario).replace("//", "//alice:sesame@");
  const scenarios = ["status=404", "status=503", "redirect-to={}%2Fstatus%3D404%2Fx", "garbage"];
  for (const scenario of scenarios as Parameters<typeof server.origin>[0][]) {
    const { origin, retries } = open(secret(scenario));
    const error = await failureOf(origin.manifest());
    const shown = Bun.inspect([error.message, error.source, error.hint, retries]);
    expect(shown).not.toMatch(/alice|sesame/);
    expect(error.source).toContain("http://***@127.0.0.1:");
  }
});
