// Caches that lag behind, and ETags that lie: nginx with a cache of its own in front of an origin, and
// servers that stumble over conditional requests.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createHost, type Host, stateOf } from "../support/host.ts";
import { needs } from "../support/needs.ts";
import { type NginxServer, serveWithNginx } from "../support/nginx.ts";
import { programs } from "../support/program.ts";
import {
  entry,
  type Image,
  image,
  type KeyPair,
  key,
  manifestOf,
  publishManifest,
  publishTo,
  secondKey,
  sha256sum,
} from "../support/publishing.ts";
import { withoutEtag } from "./site.ts";

const nginx = needs("nginx");
const [one, two, three] = [image("1.0.0"), image("1.1.0"), image("1.2.0")];

/** One that asks the origin when it is told to, and one that never does within the hour. */
const CACHES = `
  location /honest/ {
    proxy_pass $origin; proxy_cache all; proxy_cache_key $uri; proxy_cache_valid any 1h;
    proxy_cache_bypass $http_cache_control;
  }
  location /stubborn/ {
    proxy_pass $origin; proxy_cache all; proxy_cache_key $uri; proxy_cache_valid any 1h;
  }`;

/** Without the condition they are honest. */
const STUMBLES = [400, 412, 500, 502, 503];
const SERVERS = `
  ${STUMBLES.map(
    (status) => `
  location /${status}/ {
    if ($http_if_none_match) { return ${status}; }
    rewrite ^/${status}/(.*)$ /$1 break;
  }`,
  ).join("")}
  location /wait/ {
    if ($http_if_none_match) { add_header Retry-After 1 always; return 503; }
    rewrite ^/wait/(.*)$ /$1 break;
  }`;

describe.skipIf(nginx.missing)("caches and conditions", () => {
  let folder: string;
  let server: NginxServer;
  let cache: NginxServer;
  let count = 0;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "tako-stale-"));
    server = await serveWithNginx(folder, { configSnippet: SERVERS });
    cache = await serveWithNginx(folder, {
      configSnippet: CACHES.replaceAll("$origin;", `${server.url};`),
      httpSnippet: "proxy_cache_path cache keys_zone=all:1m;",
    });
  });
  afterAll(async () => {
    await cache?.stop();
    await server?.stop();
    rmSync(folder, { recursive: true });
  });

  /** An origin of its own behind a cache, or below the path of a server that stumbles. */
  function originAt(path: "honest" | "stubborn") {
    const name = `${path}/origin-${++count}`;
    const directory = join(folder, name);
    mkdirSync(directory, { recursive: true });
    return {
      url: `${cache.url}/${name}`,
      publish: (...images: Image[]) => publishTo(directory, images),
      signAnew: (signer: KeyPair, ...images: Image[]) =>
        publishManifest(directory, manifestOf(images, signer)),
      /** How the manifest was asked for at the cache. */
      asked: async () =>
        (await cache.requests())
          .filter(({ uri, method }) => method === "GET" && uri === `/${name}/manifest`)
          .map(({ status, ifNoneMatch }) => [status, ifNoneMatch === "" ? "all" : "if changed"]),
    };
  }

  /** A host that has seen 1.1.0, behind a cache that has not. */
  async function hostBehind(path: "honest" | "stubborn") {
    const origin = originAt(path);
    origin.publish(one);
    await (await fetch(`${origin.url}/manifest`, { proxy: "" })).text();
    origin.publish(one, two, three);
    const host = createHost();
    host.configure({ Origin: origin.url });
    host.install({ published: [one, two], latest: two });
    return { host, origin };
  }

  const bothKeys = [key.public, secondKey.public];
  const rotated = stateOf({ published: [one, two], signer: secondKey, latest: two });

  /** A host that has the manifest under the new key, behind a cache that has it under the old one. */
  async function hostRotated(path: "honest" | "stubborn") {
    const origin = originAt(path);
    origin.publish(one, two);
    await (await fetch(`${origin.url}/manifest`, { proxy: "" })).text();
    origin.signAnew(secondKey, one, two);
    const host = createHost();
    host.configure({ Origin: origin.url, PublicKey: bothKeys });
    host.install({ published: [one, two], signer: secondKey, latest: two });
    return { host, origin };
  }

  for (const program of programs) {
    const fetchJson = async (host: Host, ...words: string[]) => {
      const { status, stdout } = await program.run(["fetch", "--json", ...words, host.file]);
      const lines = stdout.trimEnd().split("\n");
      return { status, events: lines.map((line) => JSON.parse(line)) };
    };

    describe.concurrent(program.name, () => {
      test("FET-34, ORG-17: a cache that lags behind is asked to look again, and the news are taken", async () => {
        const { host, origin } = await hostBehind("honest");
        await using _ = host;
        const { status, stderr } = await program.run(["fetch", host.file]);
        expect([status, stderr]).toEqual([0, expect.stringContaining("activated 1.2.0")]);
        expect(withoutEtag(host.state())).toEqual(
          stateOf({
            published: [one, two, three],
            store: [one, two, three].toSorted((a, b) => (a.digest < b.digest ? -1 : 1)),
            latest: three,
          }),
        );
        // The test's own request, and two of the run.
        expect(await origin.asked()).toEqual([
          [200, "all"],
          [200, "all"],
          [200, "all"],
        ]);
      });

      test("FET-34, MAN-25: one that does not look is stale: the origin's status, and the host stays as it is", async () => {
        const { host, origin } = await hostBehind("stubborn");
        await using _ = host;
        const before = host.snapshot();
        const { status, stdout, stderr } = await program.run(["fetch", host.file]);
        expect([status, stdout]).toEqual([69, ""]);
        expect(stderr).toContain(
          `tako: ${host.file}: ${origin.url}/manifest: the manifest is older than the local one: "${entry(two)}" is not in it yet\n`,
        );
        expect(stderr).not.toContain("remove");
        expect(host.snapshot()).toEqual(before);
        expect((await origin.asked()).length).toBe(3);

        const { events } = await fetchJson(host);
        expect(events.at(-1)).toMatchObject({
          outcome: "failed",
          errors: [{ kind: "stale", rule: "FET-34" }],
        });
      });

      test("FET-34: an older one under a key that the host does not have is not authentic, and is asked for once", async () => {
        const { host, origin } = await hostBehind("stubborn");
        await using _ = host;
        host.configure({ Origin: origin.url, PublicKey: secondKey.public });
        const { status } = await program.run(["fetch", host.file]);
        expect(status).toBe(65);
        expect((await origin.asked()).length).toBe(2);
      });

      test("FET-35: a cache that has the entries under the old key is asked to look again", async () => {
        const { host, origin } = await hostRotated("honest");
        await using _ = host;
        const { status, stderr } = await program.run(["fetch", host.file]);
        expect([status, stderr]).toEqual([0, ""]);
        expect(withoutEtag(host.state())).toEqual(rotated);
        expect((await origin.asked()).length).toBe(3);
      });

      test("FET-35, FET-24: if it does not look, the manifest under the new key stays, and a unit can start by it", async () => {
        const { host, origin } = await hostRotated("stubborn");
        await using _ = host;
        const before = host.snapshot();
        for (const words of [[], ["--dry-run"]]) {
          const { status, events } = await fetchJson(host, ...words);
          expect(status).toBe(0);
          expect(events.map(({ event }) => event)).toEqual(["warning", "manifest", "result"]);
          expect(events[0].message).toContain(
            `the same entries, signed by ${key.public}; the local`,
          );
          expect(events[1]).toMatchObject({ state: "unchanged", signed_by: secondKey.public });
          expect(host.snapshot()).toEqual(before);
        }
        host.configure({ Origin: `${origin.url}/none`, PublicKey: secondKey.public });
        rmSync(host.path("latest"));
        expect((await program.run(["fetch", "--init", host.file])).status).toBe(0);
        expect(host.state()).toEqual(rotated);
      });

      test("FET-35: new entries are taken under either key, and so are the same ones under the newer", async () => {
        const { host, origin } = await hostRotated("honest");
        await using _ = host;
        origin.publish(one, two, three);
        expect((await program.run(["fetch", host.file])).status).toBe(0);
        expect(host.state()["manifest"]).toBe(`444 ${manifestOf([one, two, three])}`);
        origin.signAnew(secondKey, one, two, three);
        host.configure({
          Origin: `${server.url}${new URL(origin.url).pathname}`,
          PublicKey: bothKeys,
        });
        expect((await program.run(["fetch", host.file])).status).toBe(0);
        expect(host.state()["manifest"]).toBe(`444 ${manifestOf([one, two, three], secondKey)}`);
      });

      test("FET-26, FET-27: behind a stale cache the local manifest is gone by", async () => {
        const { host } = await hostBehind("stubborn");
        await using _ = host;
        rmSync(host.path("latest"));
        const { status, events } = await fetchJson(host, "--init");
        expect(status).toBe(0);
        expect(events.map(({ event, state, outcome }) => state ?? outcome ?? event)).toEqual([
          "local",
          "activated",
          "warning",
          "updated",
        ]);
        expect(host.state()).toEqual(stateOf({ published: [one, two], latest: two }));
      });

      test("ORG-18: a server that stumbles over a condition is asked once without it, and nothing is said", async () => {
        await using stack = new AsyncDisposableStack();
        const origin = originAt("honest");
        origin.publish(one, two);
        const name = new URL(origin.url).pathname;
        const cases = STUMBLES.map((stumble) => {
          const host = stack.use(createHost());
          const url = `${server.url}/${stumble}${name}`;
          host.configure({ Origin: url });
          const etag = `${url}/manifest\n"earlier"\n${sha256sum(manifestOf([one]))}\n`;
          host.install({ published: [one], latest: one, files: { ".etag": etag } });
          return { host, stumble, uri: new URL(`${url}/manifest`).pathname };
        });
        const files = cases.map(({ host }) => host.file);
        const { status, stderr } = await program.run(["fetch", ...files]);
        expect([status, stderr]).toEqual([0, expect.not.stringContaining("trying again")]);
        const requests = await server.requests();
        for (const { stumble, uri, host } of cases) {
          expect(
            requests
              .filter((request) => request.uri === uri)
              .slice(-2)
              .map((request) => [request.status, request.ifNoneMatch]),
          ).toEqual([
            [stumble, '"earlier"'],
            [200, ""],
          ]);
          expect(host.state()["latest"]).toBe(`-> store/${two.digest}`);
        }
      });

      test("ORG-18, ORG-53: one that asks to wait is waited for, and asked without the condition then", async () => {
        const origin = originAt("honest");
        origin.publish(one);
        await using host = createHost();
        const url = `${server.url}/wait${new URL(origin.url).pathname}`;
        host.configure({ Origin: url });
        const etag = `${url}/manifest\n"earlier"\n${sha256sum(manifestOf([one]))}\n`;
        host.install({ published: [one], latest: one, files: { ".etag": etag } });
        const { status, stderr } = await program.run(["fetch", host.file]);
        expect([status, stderr]).toEqual([0, expect.stringContaining("and asks to wait 1 s")]);
        const requests = (await server.requests()).filter(({ uri }) => url.endsWith(dirOf(uri)));
        expect(requests.map((request) => request.status)).toEqual([503, 200]);
      });

      test.each([
        ["is news", () => manifestOf([one, two, three]), 0, "news"],
        ["is the local one", () => manifestOf([one, two]), 0, "current"],
        ["is rewritten", () => manifestOf([two, three]), 65, "history"],
        ["is signed by somebody else", () => manifestOf([one, two], secondKey), 65, "signature"],
        ["is an error", () => undefined, 69, "origin"],
        ["is older in another way", () => manifestOf([two]), 69, "stale"],
      ])("FET-34: what comes past the caches counts, if it %s", async (_, second, status, kind) => {
        const asked: (string | null)[][] = [];
        await using host = createHost();
        await using stack = new AsyncDisposableStack();
        const lagging = Bun.serve({
          hostname: "127.0.0.1",
          port: 0,
          fetch({ url, headers }) {
            if (!url.endsWith("/manifest")) return new Response(three.content);
            asked.push([headers.get("If-None-Match"), headers.get("Cache-Control")]);
            const body = asked.length === 1 ? manifestOf([one]) : second();
            const etag = { ETag: `"${asked.length}"` };
            return new Response(body, { status: body === undefined ? 404 : 200, headers: etag });
          },
        });
        stack.defer(() => lagging.stop(true));
        const url = `http://127.0.0.1:${lagging.port}`;
        host.configure({ Origin: url });
        const etag = `${url}/manifest\n"earlier"\n${sha256sum(manifestOf([one, two]))}\n`;
        host.install({ published: [one, two], latest: two, files: { ".etag": etag } });
        const before = host.state();
        const result = await fetchJson(host);
        expect(result.status).toBe(status);
        expect(asked).toEqual([
          ['"earlier"', null],
          [null, "no-cache"],
        ]);
        const last = result.events.at(-1);
        expect(last.errors?.map((error: { kind: string }) => error.kind)).toEqual(
          status === 0 ? undefined : [kind],
        );
        // The ETag that is kept is that of the second answer.
        if (status !== 0) expect(host.state()).toEqual(before);
        else expect(host.state()[".etag"]).toContain('"2"');
      });

      const hours = (count: number) => count * 3600;
      test.each([
        ["of an hour", hours(-1), true],
        ["of almost a day", hours(-23.9), true],
        ["of more than a day", hours(-24.1), false],
        ["of another year", hours(-24 * 400), false],
        ["of the epoch", Number.NEGATIVE_INFINITY, false],
        ["of a clock that was set back since", hours(1), false],
      ])(
        "DST-56: the tag of a newer manifest, %s, withholds it: %p %p",
        async (_, seconds, isWithheld) => {
          const origin = originAt("honest");
          const url = origin.url.replace(cache.url, server.url);
          origin.publish(one, two);
          const newer = await fetch(`${url}/manifest`, { method: "HEAD", proxy: "" });
          await using host = createHost();
          host.configure({ Origin: url });
          const record = `${url}/manifest\n${newer.headers.get("ETag")}\n${sha256sum(manifestOf([one]))}\n`;
          host.install({ published: [one], latest: one, files: { ".etag": record } });
          const at = Math.max(0, Date.now() / 1000 + seconds);
          utimesSync(host.path(".etag"), at, at);
          const { status, stdout } = await program.run(["fetch", host.file]);
          const says = isWithheld ? "1.0.0 is current" : "updated to 1.1.0";
          expect([status, stdout]).toEqual([0, `${host.file}: ${says}\n`]);
        },
      );

      test("DST-56: a manifest that came whole makes the tag new again, a 304 does not", async () => {
        const origin = originAt("honest");
        const url = origin.url.replace(cache.url, server.url);
        origin.publish(one);
        await using host = createHost();
        host.configure({ Origin: url });
        const run = async (ageHours: number) => {
          const at = Date.now() / 1000 - hours(ageHours);
          utimesSync(host.path(".etag"), at, at);
          const before = host.snapshot();
          expect((await program.run(["fetch", host.file])).status).toBe(0);
          const after = host.snapshot();
          return { isWritten: before[".etag"] !== after[".etag"], before, after };
        };
        expect((await program.run(["fetch", host.file])).status).toBe(0);
        const unchanged = await run(10);
        expect(unchanged.after).toEqual(unchanged.before);
        const renewed = await run(30);
        expect(renewed.isWritten).toBe(true);
        expect(renewed.after["manifest"]).toBe(renewed.before["manifest"] ?? "");
      });
    });
  }
});

/** The path of a request. */
function dirOf(uri: string): string {
  return uri.replace(/\/manifest$/, "");
}
