// Redirects over HTTP: which are followed, with what, and which are refused. How https behaves is in
// https.test.ts.

import { afterAll, beforeEach, expect, test } from "bun:test";
import { startHostileOrigin } from "../../conformance/hostile/origin.ts";
import { digest, failureOf, files, image, manifest, open, readImage } from "./asking.ts";

const server = await startHostileOrigin(files);
const elsewhere = await startHostileOrigin(files);
afterAll(() => Promise.all([server.stop(), elsewhere.stop()]));
beforeEach(() => {
  server.requests.length = 0;
  elsewhere.requests.length = 0;
});

type Named = Parameters<typeof server.origin>[0];
const to = (url: string): Named => `redirect-to=${encodeURIComponent(url)}`;
const manifestOf = (scenario: Named) => open(server.origin(scenario)).origin.manifest();
const scenariosAsked = () => server.requests.map(({ scenario }) => scenario);

test.each([301, 302, 303, 307, 308])("ORG-40: %d is followed", async (status) => {
  const answer = await manifestOf(`redirect=${status}`);
  expect(answer).toMatchObject({ kind: "manifest", bytes: manifest });
  expect(scenariosAsked()).toEqual([`redirect=${status}`, "honest"]);
});

test("ORG-40: ten redirects are followed, the eleventh is an error", async () => {
  expect(await manifestOf("hops=10")).toMatchObject({ bytes: manifest });
  expect(server.requests).toHaveLength(11);
  server.requests.length = 0;
  const error = await failureOf(manifestOf("hops=11"));
  expect(error).toMatchObject({ kind: "origin", rule: "ORG-40", passing: false });
  expect(server.requests).toHaveLength(11);
});

test("ORG-40: a redirect's own body is not read", async () => {
  expect(await manifestOf("endless-redirect")).toMatchObject({ bytes: manifest });
  await server.requests[0]!.closed;
});

test.each([
  ["/honest/manifest", "absolute path"],
  ["../honest/manifest", "relative path"],
  ["//127.0.0.1:PORT/honest/manifest", "no scheme"],
])("ORG-40: a Location of %s is taken from where it stands", async (location) => {
  const { port } = new URL(server.url);
  expect(await manifestOf(to(location.replace("PORT", port)))).toMatchObject({ bytes: manifest });
});

test.each([
  "file:///etc/passwd",
  "ftp://127.0.0.1/manifest",
  "data:text/plain,Tako%20Manifest%201",
  "blob:nodedata:1",
  "javascript:1",
  "s3://bucket/manifest",
  "sftp://127.0.0.1/manifest",
])("ORG-42: a redirect to %s is refused", async (location) => {
  const error = await failureOf(manifestOf(to(location)));
  expect(error).toMatchObject({ kind: "origin", rule: "ORG-42", passing: false });
  expect(server.requests).toHaveLength(1);
});

test.each(["no-location", to("http://"), to("http://[::1"), to("http://a b/")])(
  "ORG-43: %s is an error",
  async (scenario) => {
    const error = await failureOf(manifestOf(scenario as Named));
    expect(error).toMatchObject({ kind: "origin", rule: "ORG-43", passing: false });
    expect(server.requests).toHaveLength(1);
  },
);

test("ORG-44: credentials stay with the scheme, host and port of the origin", async () => {
  const away = to(`${elsewhere.origin(to(`${server.url}/honest/manifest`))}/manifest`);
  const url = server.origin(away).replace("//", "//alice:sesame@");
  expect(await open(url).origin.manifest()).toMatchObject({ bytes: manifest });
  // printf alice:sesame | base64
  const basic = "Basic YWxpY2U6c2VzYW1l";
  expect(server.requests.map(({ headers }) => headers["authorization"])).toEqual([basic, basic]);
  expect(elsewhere.requests).toHaveLength(1);
  expect(elsewhere.requests[0]!.headers).not.toHaveProperty("authorization");
});

test("ORG-44: credentials do not go to another name of the same host", async () => {
  const url = server.origin(to(`${server.url.replace("127.0.0.1", "localhost")}/honest/manifest`));
  await open(url.replace("//", "//alice:sesame@")).origin.manifest();
  expect(server.requests[0]!.headers).toHaveProperty("authorization");
  expect(server.requests[1]!.headers).not.toHaveProperty("authorization");
});

test("ORG-44: credentials in a Location are not sent and not shown", async () => {
  const away = to(`${elsewhere.url}/status=404/manifest`.replace("//", "//eve:sesame@"));
  const error = await failureOf(manifestOf(away));
  expect(elsewhere.requests[0]!.headers).not.toHaveProperty("authorization");
  expect(`${error.message} ${error.source}`).not.toMatch(/eve:|sesame@/);
});

test("ORG-45: the next request begins at the origin's own URL", async () => {
  const { origin } = open(server.origin("redirect=301"));
  await origin.manifest();
  await origin.manifest();
  expect(scenariosAsked()).toEqual(["redirect=301", "honest", "redirect=301", "honest"]);
});

test("ORG-46: Range and If-None-Match go along", async () => {
  const { origin } = open(server.origin("redirect=307"));
  const first = await origin.manifest();
  const etag = first.kind === "manifest" ? first.etag : undefined;
  expect(await origin.manifest({ etag })).toEqual({ kind: "unchanged" });
  const rest = await readImage(origin, 70_000);
  expect(rest).toEqual({ offset: 70_000, bytes: Buffer.from(image.subarray(70_000)) });
});

test("ORG-20: an error after a redirect names both URLs", async () => {
  const error = await failureOf(manifestOf(to(`${elsewhere.url}/status=404/manifest`)));
  expect(error.source).toStartWith(server.url);
  expect(error.message).toContain(`redirected to ${elsewhere.url}/status=404/manifest`);
  expect(error.message).toContain("status 404");
});

test("ORG-90: the query of a redirect's target, often a signature, is not shown", async () => {
  const target = `${elsewhere.url}/status=404/manifest?X-Signature=sesame`;
  const error = await failureOf(manifestOf(to(target)));
  expect(error.message).toContain("/status=404/manifest?...");
  expect(error.message).not.toContain("X-Signature");
});

test("ORG-50: a retry after a redirect starts over", async () => {
  const busy = `${elsewhere.url}/busy=1/store/${digest}`;
  const { origin } = open(server.origin(to(busy)));
  const error = await failureOf(readImage(origin));
  expect(error).toMatchObject({ kind: "origin", passing: true });
  expect(await readImage(origin)).toMatchObject({ offset: 0 });
  expect(server.requests).toHaveLength(2);
});
