// https: which certificates are taken, and that no redirect leaves it. Trusted roots are read when a
// process starts, so each question is asked in a process of its own.

import { afterAll, describe, expect, test } from "bun:test";
import { type AddressInfo, connect, createServer } from "node:net";
import { type HostileOrigin, startHostileOrigin } from "../../conformance/hostile/origin.ts";
import { Authority, type Certificate } from "../support/certificates.ts";
import { needs } from "../support/needs.ts";
import { askInChild, files, manifest } from "./asking.ts";

const { missing } = needs("openssl");

describe.skipIf(missing)("https", async () => {
  if (missing) return;
  const authority = new Authority();
  const good = authority.issue("good", "IP:127.0.0.1,DNS:localhost");
  const servers: HostileOrigin[] = [];
  const serve = async (certificate?: Certificate) => {
    const server = await startHostileOrigin(files, certificate && { tls: certificate.pem });
    servers.push(server);
    return server;
  };
  const server = await serve(good);
  const plain = await serve();
  afterAll(async () => {
    await Promise.all(servers.map((each) => each.stop()));
    authority.dispose();
  });

  const trusting = { SSL_CERT_FILE: authority.root };
  const received = { kind: "manifest", text: manifest.toString() };

  test.each(["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"])(
    "ORG-12: an authority that %s names is trusted",
    async (variable) => {
      const answer = await askInChild([server.origin("honest")], { [variable]: authority.root });
      expect(answer).toEqual(received);
    },
  );

  test.each([
    ["of an unknown authority", () => good, {}, "its issuer is not trusted here"],
    [
      "for another host",
      () => authority.issue("other", "DNS:other.example"),
      trusting,
      "it is for another host",
    ],
    [
      "that has expired",
      () => authority.issue("old", "IP:127.0.0.1", -1),
      trusting,
      "it has expired",
    ],
    [
      "signed by itself",
      () => authority.selfSigned("self", "IP:127.0.0.1"),
      trusting,
      "it is signed by itself",
    ],
  ])("ORG-12: a certificate %s is refused, whatever the environment says", async (...row) => {
    const [, certificate, env, reason] = row;
    const wrong = await serve(certificate());
    const answer = await askInChild([wrong.origin("honest")], {
      ...env,
      NODE_TLS_REJECT_UNAUTHORIZED: "0",
    });
    expect(answer).toMatchObject({ error: "origin", rule: "ORG-12" });
    expect(answer["message"]).toBe(`the server's certificate was refused: ${reason}`);
    expect(wrong.requests).toHaveLength(0);
  });

  test("ORG-51: a server that does not speak TLS is a final error", async () => {
    const url = plain.origin("honest").replace("http:", "https:");
    const answer = await askInChild([url], trusting);
    const message = "the TLS handshake failed; is it an http: server?";
    expect(answer).toMatchObject({ error: "origin", message });
  });

  test("ORG-41: a redirect from https to http is refused, and nothing is asked there", async () => {
    const target = encodeURIComponent(`${plain.url}/honest/manifest`);
    const answer = await askInChild([server.origin(`redirect-to=${target}`)], trusting);
    expect(answer).toMatchObject({ error: "origin", rule: "ORG-41" });
    expect(answer["message"]).toBe(
      `redirected from https to ${plain.url}/honest/manifest, which is not https`,
    );
    expect(plain.requests).toHaveLength(0);
  });

  test("ORG-41: neither from http by way of https back to http", async () => {
    const back = encodeURIComponent(`${plain.url}/honest/manifest`);
    const there = encodeURIComponent(`${server.url}/redirect-to=${back}/manifest`);
    const answer = await askInChild([plain.origin(`redirect-to=${there}`)], trusting);
    expect(answer).toMatchObject({ error: "origin", rule: "ORG-41" });
    expect(plain.requests).toHaveLength(1);
  });

  test("ORG-41: from http to https, and from https to https, is allowed", async () => {
    const on = `${server.url}/redirect=308/manifest`;
    const answer = await askInChild([plain.origin(`redirect-to=${encodeURIComponent(on)}`)], {
      ...trusting,
    });
    expect(answer).toEqual(received);
  });

  test("ORG-44: credentials for http do not go to https, though it is safer", async () => {
    server.requests.length = 0;
    const target = encodeURIComponent(`${server.url}/honest/manifest`);
    const url = plain.origin(`redirect-to=${target}`).replace("//", "//alice:sesame@");
    expect(await askInChild([url], trusting)).toEqual(received);
    expect(plain.requests.at(-1)?.headers["authorization"]).toBe("Basic YWxpY2U6c2VzYW1l");
    expect(server.requests.map(({ headers }) => headers["authorization"])).toEqual([undefined]);
  });

  test("ORG-44: nor where http and https share a host and a port", async () => {
    server.requests.length = 0;
    // The first byte tells TLS, which begins with a handshake record (RFC 8446 section 5.1), from HTTP.
    const shared = createServer((client) => {
      client.once("data", (first) => {
        const { port } = new URL((first[0] === 0x16 ? server : plain).url);
        const backend = connect(Number(port), "127.0.0.1", () => backend.write(first));
        client.pipe(backend).pipe(client);
        for (const socket of [client, backend]) socket.on("error", () => {});
      });
    });
    await new Promise<void>((resolve) => shared.listen(0, "127.0.0.1", resolve));
    const { port } = shared.address() as AddressInfo;
    try {
      const target = encodeURIComponent(`https://127.0.0.1:${port}/honest/manifest`);
      const url = `http://alice:sesame@127.0.0.1:${port}/redirect-to=${target}`;
      expect(await askInChild([url], trusting)).toEqual(received);
      expect(plain.requests.at(-1)?.headers["authorization"]).toBe("Basic YWxpY2U6c2VzYW1l");
      expect(server.requests.map(({ headers }) => headers["authorization"])).toEqual([undefined]);
    } finally {
      shared.close();
    }
  });
});
