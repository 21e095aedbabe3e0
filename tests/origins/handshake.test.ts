// https: that fails before the first request: each reason has a sentence of its own, and says what to do.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createServer } from "node:http";
import { type AddressInfo, connect, createServer as createTcpServer } from "node:net";
import { createServer as createSecureServer } from "node:tls";
import { Authority } from "../support/certificates.ts";
import { needs } from "../support/needs.ts";
import { serveWithNginx } from "../support/nginx.ts";
import { type ProxyServer, startProxy } from "../support/proxy-server.ts";
import { startTlsServer } from "../support/tls-server.ts";
import { askInChild, failureOf, open } from "./asking.ts";

const { missing } = needs("openssl");
const nginx = needs("nginx");
const proxies = needs("tinyproxy");
describe.skipIf(missing)("TLS", async () => {
  if (missing) return;
  const authority = new Authority();
  const good = authority.issue("good", "IP:127.0.0.1");
  afterAll(() => authority.dispose());

  const version = "the server and Tako have no version of TLS in common";
  const cipher = "the server and Tako have no cipher of TLS in common";
  const client = "the server wants a client certificate, and Tako has none";
  const old = ["-cipher", "ALL:@SECLEVEL=0"];
  const servers: [string, string[], string][] = [
    ["TLS 1.0 only", ["-tls1", ...old], version],
    ["TLS 1.1 only", ["-tls1_1", ...old], version],
    ["a cipher of its own", ["-tls1_2", "-cipher", "ECDHE-ECDSA-CAMELLIA128-SHA256"], cipher],
    [
      "a cipher of TLS 1.3 of its own",
      ["-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_SHA256"],
      cipher,
    ],
    ["a curve of its own", ["-tls1_3", "-groups", "X448"], cipher],
    ["HTTP/2 only", ["-alpn", "h2"], "the server does not speak HTTP/1.1, only HTTP/2 perhaps"],
    ["a client certificate, TLS 1.3", ["-tls1_3", "-Verify", "1", "-verify_return_error"], client],
    ["a client certificate, TLS 1.2", ["-tls1_2", "-Verify", "1", "-verify_return_error"], client],
  ];
  test.each(servers)(
    "ORG-120: a server that has or wants %s is told so",
    async (_, options, reason) => {
      await using server = await startTlsServer(good, options);
      const answer = await askInChild([server.url], { SSL_CERT_FILE: authority.root });
      expect(answer).toMatchObject({ error: "origin", rule: "ORG-120", message: reason });
      expect(answer["hint"]).toMatch(/\.$/);
    },
  );

  describe.skipIf(proxies.missing)("behind a proxy", () => {
    let free: ProxyServer;
    let locked: ProxyServer;
    beforeAll(async () => {
      [free, locked] = await Promise.all([startProxy(), startProxy(["BasicAuth alice sesame"])]);
    });
    afterAll(() => Promise.all([free.stop(), locked.stop()]));

    test.each(servers)("ORG-120: a server that has or wants %s is told so, too", async (...row) => {
      const [, options, reason] = row;
      await using server = await startTlsServer(good, options);
      const login = locked.url.replace("//", "//alice:%73esame@");
      for (const [proxy, url] of [
        [free, free.url],
        [locked, login],
      ] as const) {
        const env = { SSL_CERT_FILE: authority.root, ALL_PROXY: url };
        const answer = await askInChild([server.url], env);
        expect(answer).toMatchObject({
          ...{ error: "origin", rule: "ORG-120" },
          message: `by way of the proxy ${proxy.url}: ${reason}`,
        });
        expect(answer["hint"]).toMatch(/\.$/);
      }
    });

    test("ORG-120: the second look goes by the proxy as well: nobody else knows the name", async () => {
      await using server = await startTlsServer(good, ["-tls1", ...old]);
      const asked: (string | undefined)[] = [];
      const proxy = createServer().on("connect", ({ url }, client) => {
        asked.push(url);
        const way = connect(Number(new URL(server.url).port), "127.0.0.1", () => {
          client.write("HTTP/1.1 200 OK\r\n\r\n");
          client.pipe(way).pipe(client);
        });
        for (const each of [client, way]) each.on("error", () => {});
      });
      await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
      const { port } = proxy.address() as AddressInfo;
      const environment = { ALL_PROXY: `http://127.0.0.1:${port}` };
      const { origin } = open("https://tako.invalid", { environment });
      expect((await failureOf(origin.manifest())).message).toEndWith(`: ${version}`);
      expect(asked).toEqual(["tako.invalid:443", "tako.invalid:443"]);
      proxy.close();
    });

    test("ORG-120: so is what speaks no TLS at all", async () => {
      using plain = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("x") });
      const environment = { ALL_PROXY: free.url };
      const { origin } = open(`https://127.0.0.1:${plain.port}`, { environment });
      expect((await failureOf(origin.manifest())).message).toBe(
        `by way of the proxy ${free.url}: the TLS handshake failed; is it an http: server?`,
      );
    });

    test.each([
      ["has expired", "IP:127.0.0.1", "20200101000000Z", "20210101000000Z", "it has expired"],
      [
        "is not valid yet",
        "IP:127.0.0.1",
        "20400101000000Z",
        "20410101000000Z",
        "it is not valid yet",
      ],
      [
        "has another name",
        "DNS:other.example",
        "20200101000000Z",
        "20600101000000Z",
        "it is for another host",
      ],
    ])("ORG-121: a certificate that %s is the server's, not the proxy's", async (...row) => {
      const [name, names, from, to, reason] = row;
      const certificate = authority.issueFor(`${name} behind a proxy`, names, from, to);
      await using server = await startTlsServer(certificate, []);
      const env = { SSL_CERT_FILE: authority.root, ALL_PROXY: free.url };
      expect((await askInChild([server.url], env))["message"]).toBe(
        `by way of the proxy ${free.url}: the server's certificate was refused: ${reason}`,
      );
    });
  });

  test.each(["http", "https"])(
    "ORG-120: a proxy that is itself reached by TLS is named, for %s",
    async (scheme) => {
      const target = `${scheme}://127.0.0.1:9`;
      for (const [options, reason] of [
        [["-tls1", ...old], "the proxy $ and Tako have no version of TLS in common"],
        [
          ["-tls1_3", "-Verify", "1", "-verify_return_error"],
          "the proxy $ wants a client certificate, and Tako has none",
        ],
      ] as const) {
        await using proxy = await startTlsServer(good, options);
        const env = { SSL_CERT_FILE: authority.root, ALL_PROXY: proxy.url };
        const answer = await askInChild([target], env);
        expect(answer["message"]).toBe(reason.replace("$", proxy.url));
        expect(answer["hint"]).toBe("Check ALL_PROXY, and which TLS the proxy speaks.");
      }
      using plain = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("x") });
      const url = `https://127.0.0.1:${plain.port}`;
      const { message } = await askInChild([target], { ALL_PROXY: url });
      expect(message).toBe(`the TLS handshake with the proxy ${url} failed; is it an http: proxy?`);
    },
  );

  test.each([0, 1])(
    "ORG-12: a proxy whose certificate is not trusted is told nothing, also if it breaks off %d handshakes before",
    async (broken) => {
      const heard: string[] = [];
      const { pem } = authority.selfSigned(`proxy ${broken}`, "IP:127.0.0.1");
      const secure = createSecureServer(pem, (socket) => {
        socket.on("data", (text) => heard.push(text.toString("latin1")));
      });
      secure.on("tlsClientError", () => {});
      let connections = 0;
      const proxy = createTcpServer((client) => {
        connections += 1;
        client.on("error", () => {});
        if (connections > broken) secure.emit("connection", client);
        else client.once("data", () => client.end(Buffer.from([21, 3, 3, 0, 2, 2, 80])));
      });
      await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
      const { port } = proxy.address() as AddressInfo;
      const env = {
        ALL_PROXY: `https://alice:sesame@127.0.0.1:${port}`,
        NODE_TLS_REJECT_UNAUTHORIZED: "0",
      };
      const answer = await askInChild(["https://tako.invalid"], env);
      expect([answer["error"], connections, heard]).toEqual(["origin", broken + 1, []]);
      proxy.close();
    },
  );

  test.each([
    ["has expired", "20200101000000Z", "20210101000000Z", "it has expired"],
    ["is not valid yet", "20400101000000Z", "20410101000000Z", "it is not valid yet"],
  ])("ORG-121: for a certificate that %s, this host's clock is told", async (...row) => {
    const [, from, to, reason] = row;
    const certificate = authority.issueFor(from, "IP:127.0.0.1", from, to);
    await using server = await startTlsServer(certificate, []);
    const before = Date.now();
    const answer = await askInChild([server.url], { SSL_CERT_FILE: authority.root });
    expect(answer["message"]).toBe(`the server's certificate was refused: ${reason}`);
    const reading = /it says (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)\.$/.exec(`${answer["hint"]}`)?.[1];
    const clock = Date.parse(reading ?? "");
    expect(clock).toBeGreaterThanOrEqual(before - 1000);
    expect(clock).toBeLessThanOrEqual(Date.now());
  });

  test("ORG-121: one for another host gets another hint than one of another authority", async () => {
    const other = authority.issue("other", "DNS:other.example");
    await using server = await startTlsServer(other, []);
    const named = await askInChild([server.url], { SSL_CERT_FILE: authority.root });
    expect(named["hint"]).toContain("Origin=");
    await using unknown = await startTlsServer(good, []);
    expect((await askInChild([unknown.url], {}))["hint"]).toContain("SSL_CERT_FILE");
  });

  test("ORG-120: what does not answer the second look either is a failed handshake", async () => {
    let connections = 0;
    const listener = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        data(socket) {
          // An alert of a kind that nobody knows, and then nothing more.
          socket.end(connections++ === 0 ? Buffer.from([21, 3, 3, 0, 2, 2, 80]) : undefined);
        },
      },
    });
    const { origin, slept } = open(`https://127.0.0.1:${listener.port}`);
    expect((await failureOf(origin.manifest())).message).toBe("the TLS handshake failed");
    // The question and the second look, and no further try.
    expect([connections, slept]).toEqual([2, []]);
    listener.stop(true);
  });

  test.each([
    [112, "the server has no site of this name", "Check the host in Origin=."],
    [71, cipher, "Enable the server's usual ciphers"],
    [70, version, "Tako speaks TLS 1.2 and 1.3"],
    [40, cipher, "Enable the server's usual ciphers"],
    [116, client, "Protect the origin by user and password"],
    [120, "the server does not speak HTTP/1.1, only HTTP/2 perhaps", "Enable HTTP/1.1"],
    [80, "the TLS handshake failed (TLSV1_ALERT_INTERNAL_ERROR)", undefined],
  ])("ORG-120: the alert %d of TLS (RFC 8446, section 6) is told in words", async (...row) => {
    const [alert, reason, hint] = row;
    const listener = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: { data: (socket) => void socket.end(Buffer.from([21, 3, 3, 0, 2, 2, alert])) },
    });
    const error = await failureOf(open(`https://127.0.0.1:${listener.port}`).origin.manifest());
    expect([error.rule, error.message]).toEqual(["ORG-120", reason]);
    expect(error.hint?.slice(0, hint?.length)).toBe(hint as never);
    listener.stop(true);
  });

  test.skipIf(process.getuid?.() !== 0)(
    "ORG-120: a server without a port in its URL is asked at 443 (RFC 9110, section 4.2.2)",
    async () => {
      const alert = Buffer.from([21, 3, 3, 0, 2, 2, 112]);
      const listener = Bun.listen({
        ...{ hostname: "127.44.3.1", port: 443 },
        socket: { data: (socket) => void socket.end(alert) },
      });
      const error = await failureOf(open("https://127.44.3.1").origin.manifest());
      expect(error.message).toBe("the server has no site of this name");
      listener.stop(true);
    },
  );

  test.skipIf(nginx.missing)(
    "ORG-120: nginx, which wants a client certificate by 400",
    async () => {
      const server = await serveWithNginx("/nonexistent", {
        tls: good,
        configSnippet: `
        ssl_client_certificate "${authority.root}"; ssl_verify_client optional;
        location / { if ($ssl_client_verify != SUCCESS) { return 496; } }`,
      });
      const answer = await askInChild([server.url], { SSL_CERT_FILE: authority.root });
      expect(answer["message"]).toBe("the server answered with status 400");
      expect(answer["hint"]).toContain("client certificate");
      await server.stop();
    },
  );
});
