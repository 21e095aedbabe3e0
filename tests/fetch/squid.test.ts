// The program behind a Squid: as the proxy that a host must go by, with its rules, its login and its error pages, and as
// a cache in front of an origin.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Authority } from "../support/certificates.ts";
import { freePort } from "../support/daemon.ts";
import { createHost, type Host, stateOf } from "../support/host.ts";
import { needs } from "../support/needs.ts";
import { type NginxServer, serveWithNginx } from "../support/nginx.ts";
import { programs } from "../support/program.ts";
import { bigImage, entry, image, publishTo } from "../support/publishing.ts";
import { type SquidServer, startSquid } from "../support/squid.ts";
import { withoutEtag } from "./site.ts";
import { cuttingOrigin } from "./slow-origins.ts";

const squid = needs("squid", "nginx", "openssl");
const [one, two, three] = [image("1.0.0"), bigImage("1.1.0", 300_000), image("1.2.0")];
const half = two.content.slice(0, 150_000);
const sorted = (...images: (typeof one)[]) =>
  images.toSorted((a, b) => (a.digest < b.digest ? -1 : 1));

/** How often something stands in a text. */
const count = (text: string, part: string) => text.split(part).length - 1;

describe.skipIf(squid.missing)("squid, as a proxy", () => {
  let folder: string;
  let authority: Authority;
  let plain: NginxServer;
  let secure: NginxServer;
  let free: SquidServer;
  let narrow: SquidServer;
  let locked: SquidServer;
  let smiling: SquidServer;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "tako-squid-"));
    authority = new Authority();
    publishTo(folder, [one, two]);
    plain = await serveWithNginx(folder);
    secure = await serveWithNginx(folder, { tls: authority.issue("good", "IP:127.0.0.1") });
    const forbid = ["acl there dst 127.0.0.1", "http_access deny there"];
    const hash = Bun.spawnSync(["openssl", "passwd", "-apr1", "sesame"]).stdout.toString();
    const users = join(tmpdir(), `tako-squid-users-${process.pid}`);
    writeFileSync(users, `alice:${hash}`, { mode: 0o644 });
    [free, narrow, locked, smiling] = await Promise.all([
      startSquid(["read_timeout 1 seconds", "request_timeout 60 seconds"]),
      startSquid(forbid),
      startSquid([
        `auth_param basic program /usr/lib/squid/basic_ncsa_auth ${users}`,
        "auth_param basic children 1",
        "acl known proxy_auth REQUIRED",
        "http_access deny !known",
      ]),
      // An error page that says 200, as filters at schools and hotels have it.
      startSquid(["deny_info 200:ERR_ACCESS_DENIED there", ...forbid]),
    ]);
  });
  afterAll(async () => {
    await Promise.all([free, narrow, locked, smiling, plain, secure].map((each) => each?.stop()));
    authority?.dispose();
    rmSync(join(tmpdir(), `tako-squid-users-${process.pid}`), { force: true });
    rmSync(folder, { recursive: true });
  });

  for (const program of programs) {
    async function fetchBy(proxy: string, url: string, prepare = (_: Host) => {}) {
      using host = createHost();
      host.configure({ Origin: url });
      prepare(host);
      const env = { ALL_PROXY: proxy, SSL_CERT_FILE: authority.root };
      const { status, stderr } = await program.run(["fetch", host.file], { env });
      return { status, stderr, state: host.state() };
    }

    describe(program.name, () => {
      test("ORG-130: http and https come by it, ranges too", async () => {
        const files = { [`store/${two.digest}.partial`]: half };
        for (const { url } of [plain, secure]) {
          const before = free.results().length;
          const { status, state } = await fetchBy(free.url, url, (host) =>
            host.install({ published: [one], latest: one, files }),
          );
          expect(status).toBe(0);
          expect(withoutEtag(state)).toEqual(
            stateOf({ published: [one, two], store: sorted(one, two), latest: two }),
          );
          const results = free.results().slice(before).join("\n");
          expect(results).toMatch(
            url === plain.url ? /TCP_MISS\/206 GET/ : /TCP_TUNNEL\/200 CONNECT/,
          );
        }
      });

      test("ORG-132, ORG-133: what its rules forbid is told as its doing, and not tried again", async () => {
        const https = await fetchBy(narrow.url, secure.url);
        expect([https.status, https.stderr]).toEqual([
          69,
          expect.stringContaining(`the proxy ${narrow.url} answered with status 403`),
        ]);
        const http = await fetchBy(narrow.url, plain.url);
        expect([http.status, http.stderr]).toEqual([
          69,
          expect.stringContaining("the server or the proxy answered with status 403"),
        ]);
        expect(http.stderr + https.stderr).not.toContain("trying again");
        expect(https.stderr).toContain("NO_PROXY");
      });

      test("ORG-132, ORG-133: 407 is the proxy's, with a wrong login too; with the right one all is well", async () => {
        for (const { url } of [plain, secure]) {
          for (const login of ["", "alice:opensaysme@"]) {
            const { status, stderr } = await fetchBy(locked.url.replace("//", `//${login}`), url);
            expect([status, stderr]).toEqual([
              69,
              expect.stringMatching(/the proxy .*answered with status 407/),
            ]);
            expect(stderr).toContain("Check the user and password of the proxy in ALL_PROXY.");
            expect(stderr).not.toMatch(/opensaysme|trying again/);
          }
          const right = locked.url.replace("//", "//alice:sesame@");
          expect((await fetchBy(right, url)).status).toBe(0);
        }
      });

      test("ORG-35, ORG-54: what came before the origin broke off stays, and is continued", async () => {
        using host = createHost();
        await using origin = await cuttingOrigin(
          2,
          host.path(`store/${two.digest}.partial`),
          one,
          two,
        );
        host.configure({ Origin: origin.url });
        const { status } = await program.run(["fetch", host.file], {
          env: { ALL_PROXY: free.url },
        });
        expect(status).toBe(0);
        expect(origin.ranges).toEqual([undefined, "bytes=150000-", "bytes=225000-"]);
        // All of it by the proxy, though other tries are other clients' (ORG-19).
        const came = free
          .results()
          .filter((line) => line.endsWith(`${origin.url}/store/${two.digest}`));
        expect(came).toHaveLength(3);
        expect(host.state()).toEqual(stateOf({ published: [one, two], store: [two], latest: two }));
      });

      test("ORG-31, ORG-32: its error page with status 200 is no manifest, and costs nothing that is there", async () => {
        const { status, stderr, state } = await fetchBy(smiling.url, plain.url, (host) =>
          host.install({
            published: [one, two],
            store: [one],
            latest: one,
            files: { [`store/${two.digest}.partial`]: half },
          }),
        );
        expect([status, stderr]).toEqual([
          69,
          expect.stringContaining("the answer is no manifest of Tako's"),
        ]);
        expect(stderr).toContain(`by way of the proxy ${smiling.url}`);
        expect(state[`store/${two.digest}.partial`]).toBeDefined();
        // For CONNECT no page with 200 can come: it would be the beginning of the tunnel.
        const tunnel = await fetchBy(smiling.url, secure.url);
        expect([tunnel.status, tunnel.stderr]).toEqual([69, expect.stringContaining("TLS")]);
      });
    });
  }

  const [program = programs[0]] = programs.slice(-1);
  async function failing(url: string) {
    using host = createHost();
    host.configure({ Origin: url });
    const env = { ALL_PROXY: free.url };
    const result = await program?.run(["fetch", host.file], { env });
    return { status: result?.status, stderr: result?.stderr ?? "" };
  }

  describe.concurrent("an origin that is down", () => {
    test("ORG-133: 503 of its page, when nobody listens, is either's, and tried again", async () => {
      const { status, stderr } = await failing(`http://127.0.0.1:${freePort()}`);
      expect([status, stderr]).toEqual([
        69,
        expect.stringContaining("the server or the proxy answered with status 503"),
      ]);
      expect(count(stderr, "trying again")).toBe(3);
      expect(stderr).not.toContain("<");
    });

    test("ORG-132: the same for CONNECT is the proxy's", async () => {
      const { status, stderr } = await failing(`https://127.0.0.1:${freePort()}`);
      expect([status, stderr]).toEqual([
        69,
        expect.stringContaining(`the proxy ${free.url} answered with status 503`),
      ]);
      expect(count(stderr, "trying again")).toBe(3);
    });

    test("ORG-133: one that takes the request and says nothing gives its 504", async () => {
      using silent = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
      const { status, stderr } = await failing(`http://127.0.0.1:${silent.port}`);
      expect([status, stderr]).toEqual([
        69,
        expect.stringContaining("the server or the proxy answered with status 504"),
      ]);
      expect(count(stderr, "trying again")).toBe(3);
    });
  });
});

describe.skipIf(squid.missing)("squid, as a cache in front", () => {
  let folder: string;
  let server: NginxServer;
  let honest: SquidServer;
  let stubborn: SquidServer;
  let names = 0;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "tako-squid-"));
    server = await serveWithNginx(folder);
    const port = new URL(server.url).port;
    const peer = [
      `cache_peer 127.0.0.1 parent ${port} 0 no-query originserver no-digest`,
      "refresh_pattern . 60 100% 60",
    ];
    const front = "accel no-vhost defaultsite=origin.test";
    [honest, stubborn] = await Promise.all([
      startSquid(peer, front),
      startSquid([...peer, "offline_mode on"], `${front} ignore-cc`),
    ]);
  });
  afterAll(async () => {
    await Promise.all([honest, stubborn, server].map((each) => each?.stop()));
    rmSync(folder, { recursive: true });
  });

  /** An origin whose cache has the manifest of 1.0.0, and which has more since; and a host that has seen 1.1.0. */
  async function hostBehind(cache: SquidServer) {
    const name = `origin-${++names}`;
    const directory = join(folder, name);
    mkdirSync(directory);
    const url = `${cache.url}/${name}`;
    publishTo(directory, [one]);
    await (await fetch(`${url}/manifest`, { proxy: "" })).text();
    publishTo(directory, [one, two, three]);
    const host = createHost();
    host.configure({ Origin: url });
    host.install({ published: [one, two], latest: two });
    const results = () => cache.results().filter((line) => line.includes(`/${name}/`));
    return { host, url, directory, results, [Symbol.dispose]: () => host[Symbol.dispose]() };
  }

  for (const program of programs) {
    describe.concurrent(program.name, () => {
      test("FET-34, ORG-17: it lags behind, is asked to look again, and brings the news", async () => {
        using behind = await hostBehind(honest);
        const { status, stderr } = await program.run(["fetch", behind.host.file]);
        expect([status, stderr]).toEqual([0, expect.stringContaining("activated 1.2.0")]);
        const manifests = behind.results().filter((line) => line.endsWith("/manifest"));
        expect(manifests.map((line) => line.split("/")[0])).toEqual([
          "TCP_MISS",
          expect.stringMatching(/HIT/),
          expect.not.stringMatching(/^TCP_(MEM_)?HIT$/),
        ]);
      });

      test("FET-34, MAN-25: one in offline_mode is stale, and the host stays as it is", async () => {
        using behind = await hostBehind(stubborn);
        const before = behind.host.snapshot();
        const { status, stderr } = await program.run(["fetch", behind.host.file]);
        expect([status, stderr]).toEqual([
          69,
          expect.stringContaining(`is older than the local one: "${entry(two)}" is not in it yet`),
        ]);
        expect(stderr).not.toContain("remove");
        expect(behind.host.snapshot()).toEqual(before);
        expect(behind.results()).toHaveLength(3);
      });

      test("FET-27: with --init the unit starts behind it", async () => {
        using behind = await hostBehind(stubborn);
        rmSync(behind.host.path("latest"));
        const { status, stderr } = await program.run(["fetch", "--init", behind.host.file]);
        expect([status, stderr]).toEqual([0, expect.stringContaining("older than the local one")]);
        expect(behind.host.state()["latest"]).toBe(`-> store/${two.digest}`);
      });

      test("FET-24: with the origin gone, what the cache still has is old news or an error, and never a downgrade", async () => {
        const origin = await serveWithNginx(folder);
        const { port } = new URL(origin.url);
        const cache = await startSquid(
          [
            `cache_peer 127.0.0.1 parent ${port} 0 no-query originserver no-digest`,
            "refresh_pattern . 60 100% 60",
          ],
          "accel no-vhost defaultsite=origin.test",
        );
        using behind = await hostBehind(cache);
        await origin.stop();
        const { host } = behind;
        const before = host.snapshot();
        const { status, stderr } = await program.run(["fetch", host.file]);
        // It is asked past caches, and then has nobody to ask.
        expect([status, stderr]).toEqual([69, expect.stringMatching(/status 50\d|is older than/)]);
        expect(stderr).not.toContain("remove");
        expect(host.snapshot()).toEqual(before);
        const init = await program.run(["fetch", "--init", host.file]);
        expect([init.status, init.stderr]).toEqual([0, ""]);
        await cache.stop();
      }, 30_000);

      test("ORG-13: a 304 comes from the cache, and nothing is written", async () => {
        using behind = await hostBehind(honest);
        expect((await program.run(["fetch", behind.host.file])).status).toBe(0);
        const before = behind.host.snapshot();
        const { status, stdout } = await program.run(["fetch", behind.host.file]);
        expect([status, stdout]).toEqual([0, `${behind.host.file}: 1.2.0 is current\n`]);
        expect(behind.results().at(-1)).toMatch(/(HIT|IMS|UNMODIFIED|NOTMODIFIED)\S*\/304 GET/);
        expect(behind.host.snapshot()).toEqual(before);
      });

      test("ORG-23: the rest of an image comes as a 206 out of the cache", async () => {
        using behind = await hostBehind(honest);
        // Who asked for it first has it all before the cache has stored it.
        for (let looks = 0; looks < 100 && !/HIT/.test(behind.results().at(-1) ?? ""); looks++) {
          await (await fetch(`${behind.url}/store/${two.digest}`, { proxy: "" })).bytes();
          await Bun.sleep(20);
        }
        rmSync(join(behind.directory, "store", two.digest));
        const files = { [`store/${two.digest}.partial`]: half };
        behind.host.configure({ Origin: behind.url, Version: "1.1.0" });
        rmSync(behind.host.path("latest"));
        rmSync(behind.host.path(`store/${two.digest}`));
        behind.host.install({ store: [], files });
        const { status } = await program.run(["fetch", behind.host.file]);
        expect(status).toBe(0);
        expect(behind.host.state()["latest"]).toBe(`-> store/${two.digest}`);
        expect(behind.results().at(-1)).toMatch(/HIT\S*\/206 GET/);
      });

      test("ORG-25: the rest of one that the cache does not have comes from the origin", async () => {
        using behind = await hostBehind(honest);
        behind.host.configure({ Origin: behind.url, Version: "1.1.0" });
        rmSync(behind.host.path("latest"));
        rmSync(behind.host.path(`store/${two.digest}`));
        behind.host.install({ store: [], files: { [`store/${two.digest}.partial`]: half } });
        const { status } = await program.run(["fetch", behind.host.file]);
        expect(status).toBe(0);
        expect(behind.results().at(-1)).toMatch(/\/206 GET/);
      });
    });
  }
});
