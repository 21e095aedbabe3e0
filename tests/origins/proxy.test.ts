// Proxies: which one a request goes by, and that what fails there is told as the proxy's. Against a
// real one, tinyproxy, and against some that answer what a test wants.

import { afterAll, describe, expect, test } from "bun:test";
import { startHostileOrigin } from "../../conformance/hostile/origin.ts";
import { proxyFor } from "../../src/shell/origin/proxy.ts";
import { bunFlags } from "../support/bun-flags.ts";
import { Authority } from "../support/certificates.ts";
import { freePort } from "../support/daemon.ts";
import { needs } from "../support/needs.ts";
import { startProxy } from "../support/proxy-server.ts";
import { askInChild, failureOf, files, manifest, open } from "./asking.ts";

const received = { kind: "manifest", text: manifest.toString() };
const server = await startHostileOrigin(files);
afterAll(() => server.stop());

/** What an origin throws when these variables are its environment. */
function failure(url: string, environment: Readonly<Record<string, string>>) {
  const { origin, slept } = open(url, { environment });
  return failureOf(origin.manifest()).then((error) => ({ error, slept }));
}

/** A proxy that answers every request with one status; port 0 of the URL is its own. */
function answering(status: string, headers = "") {
  const listener = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data(socket) {
        socket.end(`HTTP/1.1 ${status} x\r\n${headers}Content-Length: 3\r\n\r\nabc`);
      },
    },
  });
  return {
    url: `http://127.0.0.1:${listener.port}`,
    [Symbol.dispose]: () => listener.stop(true),
  };
}

const real = needs("tinyproxy", "openssl");
describe.skipIf(real.missing)("tinyproxy", async () => {
  if (real.missing) return;
  const authority = new Authority();
  const { pem } = authority.issue("good", "IP:127.0.0.1");
  const secure = await startHostileOrigin(files, { tls: pem });
  const [free, locked, narrow] = await Promise.all([
    startProxy(),
    startProxy(["BasicAuth alice sesame"]),
    startProxy([], ["other.example"]),
  ]);
  afterAll(async () => {
    await Promise.all([secure, free, locked, narrow].map((each) => each.stop()));
    authority.dispose();
  });
  const trusting = { SSL_CERT_FILE: authority.root };
  const both = [
    ["http", server.origin("honest")],
    ["https", secure.origin("honest")],
  ] as const;

  test.each(both)("ORG-130: %s goes by the proxy that ALL_PROXY names", async (_, url) => {
    const withLogin = locked.url.replace("//", "//alice:sesame@");
    for (const ALL_PROXY of [free.url, free.url.replace("http://", ""), withLogin]) {
      expect(await askInChild([url], { ...trusting, ALL_PROXY })).toEqual(received);
    }
  });

  test("ORG-132: a tunnel that needs a password is status 407 of the proxy, and final", async () => {
    const env = { HTTPS_PROXY: locked.url, ...trusting };
    expect(await askInChild([secure.origin("honest")], env)).toMatchObject({
      error: "origin",
      rule: "ORG-132",
      message: `the proxy ${locked.url} answered with status 407`,
      hint: "Check the user and password of the proxy in HTTPS_PROXY.",
    });
    const { error, slept } = await failure(secure.origin("honest"), { https_proxy: locked.url });
    expect([error.message, slept]).toEqual([
      `the proxy ${locked.url} answered with status 407`,
      [],
    ]);
  });

  test("ORG-132: so is one to a host that the proxy forbids, with status 403", async () => {
    const { error, slept } = await failure(secure.origin("honest"), { ALL_PROXY: narrow.url });
    expect(error.message).toBe(`the proxy ${narrow.url} answered with status 403`);
    expect(error.hint).toContain("NO_PROXY");
    expect(slept).toEqual([]);
  });

  test("ORG-133: without a tunnel, 407 is the proxy's, and 403 the server's or the proxy's", async () => {
    const url = server.origin("honest");
    const unknown = await failure(url, { HTTP_PROXY: locked.url });
    expect(unknown.error.message).toBe(
      `by way of the proxy ${locked.url}: the proxy answered with status 407`,
    );
    const forbidden = await failure(url, { HTTP_PROXY: narrow.url });
    expect(forbidden.error.message).toBe(
      `by way of the proxy ${narrow.url}: the server or the proxy answered with status 403`,
    );
    expect([unknown.slept, forbidden.slept]).toEqual([[], []]);
  });

  test("ORG-133: what the server answers is told with the proxy that it came by", async () => {
    const env = { ALL_PROXY: free.url };
    expect((await failure(server.origin("status=404"), env)).error.message).toBe(
      `by way of the proxy ${free.url}: the server answered with status 404`,
    );
    const behind = await failure(`http://127.0.0.1:${freePort()}`, env);
    expect(behind.error.message).toMatch(/: the server or the proxy answered with status 50\d$/);
    expect(behind.slept).toHaveLength(3);
    // The certificate is the server's: the proxy only passes on what is encrypted.
    const url = secure.origin("honest");
    expect((await failure(url, env)).error.message).toBe(
      `by way of the proxy ${free.url}: the server's certificate was refused: its issuer is not trusted here`,
    );
  });

  test("ORG-133: through a tunnel any status is the server's", async () => {
    const env = { ...trusting, ALL_PROXY: free.url };
    expect(await askInChild([secure.origin("status=403")], env)).toMatchObject({
      message: `by way of the proxy ${free.url}: the server answered with status 403`,
    });
  });

  test("ORG-90: no error shows the password of the proxy", async () => {
    const wrong = locked.url.replace("//", "//alice:opensaysme@");
    for (const url of [server.origin("honest"), secure.origin("honest")]) {
      const { error } = await failure(url, { ALL_PROXY: wrong });
      // RFC 9110 has 407 for it, and tinyproxy answers 401.
      expect(error.message).toMatch(/the proxy .*answered with status 40[17]$/);
      expect(Bun.inspect(error)).not.toContain("opensaysme");
    }
  });
});

test.each(["http", "https"])(
  "ORG-132: a proxy that is down is named for %s, and tried again",
  async (scheme) => {
    const proxy = `http://127.0.0.1:${freePort()}`;
    const env = { [`${scheme}_proxy`]: proxy };
    const { error, slept } = await failure(`${scheme}://tako.invalid`, env);
    expect(error.message).toBe(`the proxy ${proxy} cannot be reached: the connection was refused`);
    expect(error.hint).toBe(`Check ${scheme}_proxy, and that the proxy is running.`);
    expect(slept).toEqual([1000, 2000, 4000]);
  },
);

test("ORG-132: the name of a proxy that does not exist is the proxy's", async () => {
  const { error } = await failure("http://127.0.0.1", { ALL_PROXY: "http://proxy.invalid:3128" });
  expect(error.message).toStartWith("the proxy http://proxy.invalid:3128 cannot be reached: ");
});

test.each([
  ["403", false, []],
  ["404", false, []],
  ["302", false, []],
  ["429", true, [1000, 2000, 4000]],
  ["503", true, [1000, 2000, 4000]],
])("ORG-132: CONNECT answered by %s: can it pass? %p", async (status, passing, waits) => {
  using proxy = answering(status);
  const { error, slept } = await failure("https://tako.invalid", { HTTPS_PROXY: proxy.url });
  expect(error.message).toStartWith(`the proxy ${proxy.url} answered with status ${status}`);
  expect(error).toMatchObject({ kind: "origin", rule: "ORG-132", passing });
  expect(slept).toEqual(waits);
});

test("ORG-53: the Retry-After of a proxy is obeyed", async () => {
  using proxy = answering("503", "Retry-After: 7\r\n");
  const { slept } = await failure("https://tako.invalid", { HTTPS_PROXY: proxy.url });
  expect(slept).toEqual([7000, 7000, 7000]);
});

test.each([
  "socks5h://127.0.0.1:9",
  "socks5://alice:sesame@127.0.0.1:9",
  "htp://127.0.0.1:9",
  "http:/127.0.0.1:9",
  "http//127.0.0.1:9",
  "http://127.0.0.1:99999",
  "127.0.0.1:port",
  "http://",
  '"http://127.0.0.1:9"',
  " ",
  "alice:sesame@",
])("ORG-131: ALL_PROXY=%s is refused, and nothing is asked past it", async (ALL_PROXY) => {
  server.requests.length = 0;
  const { error, slept } = await failure(server.origin("honest"), { ALL_PROXY });
  expect(error).toMatchObject({ kind: "origin", rule: "ORG-131" });
  expect(error.message).toBe("ALL_PROXY names no proxy that Tako can use");
  expect(error.hint).toContain("SOCKS");
  expect(Bun.inspect(error)).not.toContain("sesame");
  expect(slept).toEqual([]);
  expect(server.requests).toEqual([]);
});

test("ORG-130: lower case before upper case, the scheme's own before the one for all", async () => {
  using first = answering("401");
  const down = `http://127.0.0.1:${freePort()}`;
  const url = "http://tako.invalid";
  for (const env of [
    { http_proxy: first.url, HTTP_PROXY: down, ALL_PROXY: down, https_proxy: down },
    { HTTP_PROXY: first.url, all_proxy: down },
    { all_proxy: first.url, ALL_PROXY: down },
    // One that is empty says nothing.
    { http_proxy: "", HTTP_PROXY: "", all_proxy: "", ALL_PROXY: first.url },
  ]) {
    const { error } = await failure(url, env);
    expect(error.message).toContain("answered with status 401");
  }
});

// Each as Bun's fetch treats it when it chooses the proxy itself, which the last test asks.
const EXCEPTIONS = [
  ["example.localhost", "example.localhost", true],
  ["example.localhost", "a.example.localhost", true],
  [".example.localhost", "example.localhost", true],
  ["*.example.localhost", "a.example.localhost", true],
  ["EXAMPLE.localhost", "example.localhost", true],
  ["example.localhost.", "example.localhost", true],
  ["x, example.localhost", "example.localhost", true],
  ["x example.localhost", "example.localhost", true],
  ["example.localhost:80", "example.localhost", true],
  ["example.localhost:81", "example.localhost", false],
  ["example.localhost", "badexample.localhost", false],
  ["*", "example.localhost", true],
  ["**", "example.localhost", false],
  ["127.0.0.1", "127.0.0.1:9", true],
  ["0.0.1", "127.0.0.1:9", false],
  ["127.0.0.0/9", "127.0.0.1:9", true],
  ["127.1.0.0/16", "127.0.0.1:9", false],
  ["127.0.0.0/33", "127.0.0.1:9", false],
  ["::1", "[::1]:9", true],
  ["[::1]:9", "[::1]:9", true],
  ["::/0", "[::1]:9", true],
  ["http://example.localhost", "example.localhost", false],
] as const;

test.each(EXCEPTIONS)(
  "ORG-130: NO_PROXY=%s, and http://%s goes past the proxy: %p",
  async (no, host, isPast) => {
    using proxy = answering("418");
    const env = { ALL_PROXY: proxy.url, NO_PROXY: no };
    const { error } = await failure(`http://${host}`, env);
    expect(error.message.includes("418")).toBe(!isPast);
  },
);

test("ORG-130: the runtime, left alone, goes past a proxy for the same hosts", async () => {
  using proxy = answering("418");
  const script = `
    const past = [];
    for (const [NO_PROXY, host] of ${JSON.stringify(EXCEPTIONS)}) {
      Object.assign(process.env, { ALL_PROXY: "${proxy.url}", NO_PROXY });
      past.push(await fetch("http://" + host).then(() => false, () => true));
    }
    console.log(JSON.stringify(past));`;
  const child = Bun.spawn([process.execPath, ...bunFlags, "-e", script], {
    env: {},
    stdout: "pipe",
  });
  expect(JSON.parse(await child.stdout.text())).toEqual(EXCEPTIONS.map(([, , isPast]) => isPast));
});

test("ORG-93: a proxy that was told a password shows nothing of it in a redirect", async () => {
  const location = (to: string) => `Location: ${to}\r\n`;
  for (const [to, shown] of [
    ["ftp://other.example/sesame", "ftp://other.example/..."],
    ["ftp://sesame.example/", "***"],
  ] as const) {
    using proxy = answering("302", location(to));
    const HTTP_PROXY = proxy.url.replace("//", "//alice:s%65same@");
    const { error } = await failure("http://127.0.0.1:1", { HTTP_PROXY });
    expect(error.message).toContain(`redirected to ${shown}, which is neither http nor https`);
    const open = await failure("http://127.0.0.1:1", { HTTP_PROXY: proxy.url });
    expect(open.error.message).toContain(`redirected to ${to}, which is`);
  }
});

test.each([
  ["https://a.example/", "a.example:443", false],
  ["https://a.example/", "a.example:80", true],
  ["http://a.example/", "a.example:80", false],
  ["http://a.example/", "a.example:443", true],
  ["https://a.example:8443/", "a.example:8443", false],
  ["https://a.example:8443/", "a.example:443", true],
])("ORG-130: %s with no_proxy=%s goes by the proxy: %p", (url, no_proxy, isByProxy) => {
  const environment = { http_proxy: "http://p:1", https_proxy: "http://p:1", no_proxy };
  const fail = () => expect.unreachable();
  expect(proxyFor(new URL(url), environment, fail) !== undefined).toBe(isByProxy);
});
