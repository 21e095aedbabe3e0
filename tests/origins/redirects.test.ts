// Redirects over HTTP: which are followed, with what, and which are refused. How https behaves is in
// https.test.ts.

import { afterAll, beforeEach, expect, test } from "bun:test";
import { startHostileOrigin } from "../../conformance/hostile/origin.ts";
import { decodeManifest } from "../../src/core/manifest.ts";
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

test("ORG-40: a redirect's own body is stopped before the next request is answered", async () => {
  const stopped = Promise.withResolvers<boolean>();
  using redirecting = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch({ url, signal }) {
      // Sooner than a body that nobody refers to any more is collected, and its connection with it.
      const late = () => Bun.sleep(300).then(() => false);
      if (!url.endsWith("/first/manifest")) {
        const inTime = await Promise.race([stopped.promise, late()]);
        return inTime ? new Response(manifest) : new Response("", { status: 404 });
      }
      signal.addEventListener("abort", () => stopped.resolve(true));
      const endless = new ReadableStream({
        async pull(controller) {
          controller.enqueue("x".repeat(1024));
          await Bun.sleep(5);
        },
      });
      return new Response(endless, { status: 302, headers: { Location: "/second" } });
    },
  });
  const answer = await open(new URL("first", redirecting.url).href).origin.manifest();
  expect(answer).toMatchObject({ bytes: manifest });
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
  const shown = `redirected to ${elsewhere.url}/status=404/manifest?...: the server answered`;
  expect(error.message).toStartWith(shown);
});

test("ORG-44, ORG-90: a fragment of a redirect's target counts for nothing, and is not shown", async () => {
  for (const [query, shown] of [
    ["", ""],
    ["?X-Signature=sesame", "?..."],
  ]) {
    const target = `${elsewhere.url}/status=404/manifest${query}#fragment`;
    const error = await failureOf(manifestOf(to(target)));
    expect(error.message).toStartWith(
      `redirected to ${elsewhere.url}/status=404/manifest${shown}: the server answered`,
    );
  }
});

test("CLI-24, ORG-93: the place of a host is cut, too", async () => {
  const location = `ftp://${"x".repeat(1000)}/manifest`;
  using redirecting = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: () => new Response("", { status: 302, headers: { Location: location } }),
  });
  const url = redirecting.url.href.replace("//", "//alice:sesame@");
  const error = await failureOf(open(url).origin.manifest());
  expect(error.message).toBe(
    `redirected to ${"ftp://".padEnd(300, "x")}..., which is neither http nor https`,
  );
});

test.each([
  ["with escapes", "\x9b2J\xa0", "%C2%9B2J%C2%A0"],
  ["of 1,000 bytes", "x".repeat(1000), undefined],
])("CLI-24: a target %s is shown as one line of ASCII, and cut", async (_, path, shown) => {
  const error = await failureOf(manifestOf(to(`/status=404/${path}`)));
  const place = `${server.url}/status=404/`;
  expect(error.message).toBe(
    `redirected to ${shown === undefined ? `${place.padEnd(300, "x")}...` : place + shown}: the server answered with status 404`,
  );
});

// A token whose base64 has a plus sign, a slash and filling: by `printf ... | base64`, xxd and idn.
test.each([
  ["as it is", "ghp_s-esame", "x.ghp_s-esame.example"],
  ["as it is, cut by dots", "ghp_s-esame", "ghp_s-.esame.example"],
  ["in hexadecimal", "ghp_s-esame", "6768705F732D6573616D65.example"],
  ["as base64", "ghp_s-esame", "Z2hwX3MtZXNhbWU.example"],
  ["as it was sent", "ghp_s-esame", "Z2hwX3MtZXNhbWU6.example"],
  ["as base64 behind one byte", "ghp_s-esame", "YWdocF9zLWVzYW1l.example"],
  ["as base64 behind two bytes", "ghp_s-esame", "YWJnaHBfcy1lc2FtZQ.example"],
  ["in the alphabet of hosts", "p\u00e4sswort", "xn--psswort-5wa.example"],
  ["as a number", "3232235777", "192.168.1.1"],
])("ORG-92, ORG-93: no host that tells a secret is shown, %s", async (_, secret, host) => {
  const answer = { status: 302, headers: { Location: `ftp://${host}/manifest` } };
  using redirecting = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: () => new Response("", answer),
  });
  const sent = encodeURIComponent(secret);
  for (const credentials of [sent, `alice:${sent}`]) {
    const url = redirecting.url.href.replace("//", () => `//${credentials}@`);
    const error = await failureOf(open(url).origin.manifest());
    expect(error.message).toBe("redirected to ***, which is neither http nor https");
    expect(error.source).toStartWith("http://***@127.0.0.1:");
  }
});

test("ORG-93: to who was told a secret nothing is shown but the place of a target's host", async () => {
  // Rot13 is as good as any code.
  const location = to(`${elsewhere.url}/status=404/frfnzr/manifest?x`);
  const url = server.origin(location).replace("//", "//alice:sesame@");
  const error = await failureOf(open(url).origin.manifest());
  expect(error.message).toBe(
    `redirected to ${elsewhere.url}/...: the server answered with status 404`,
  );
});

test("ORG-90: neither a length nor the number of a format shows a password", async () => {
  const password = "20261125";
  using telling = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: ({ url }) => new Response(url.endsWith("manifest") ? "" : "x".repeat(Number(password))),
  });
  const { origin } = open(telling.url.href.replace("//", `//alice:${password}@`));
  const error = await failureOf(readImage(origin));
  expect(error.message).toBe(`the answer has *** bytes, and the image ${image.length}`);
  const manifest = Buffer.from(`Tako Manifest ${password}\n`);
  expect(() => decodeManifest(manifest, [])).toThrow(
    /^the manifest has a newer format than 1, [A-Za-z ,]*$/,
  );
});

test.each([
  ["as it is", '"sesame"'],
  ["as it was sent", 'W/"YWxpY2U6c2VzYW1l"'],
  ["percent-encoded", '"s%65same"'],
  ["as base64 behind one byte", '"eHNlc2FtZXg="'],
])("ORG-91: an ETag that tells a secret is not kept, %s", async (_, etag) => {
  using telling = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: () => new Response(manifest, { headers: { ETag: etag } }),
  });
  const { origin } = open(telling.url.href.replace("//", "//alice:sesame@"));
  expect(await origin.manifest()).not.toHaveProperty("etag");
  const { origin: other } = open(telling.url.href.replace("//", "//alice:open@"));
  expect(await other.manifest()).toMatchObject({ etag });
});

test("ORG-50: a retry after a redirect starts over", async () => {
  const busy = `${elsewhere.url}/busy=1/store/${digest}`;
  const { origin } = open(server.origin(to(busy)));
  const error = await failureOf(readImage(origin));
  expect(error).toMatchObject({ kind: "origin", passing: true });
  expect(await readImage(origin)).toMatchObject({ offset: 0 });
  expect(server.requests).toHaveLength(2);
});
