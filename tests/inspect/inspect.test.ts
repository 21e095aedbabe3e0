// tako inspect as a program: against its own server of origins, and servers that fail in their ways.

import { describe, expect, test } from "bun:test";
import { readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { serve } from "../serve/serving.ts";
import { emptyHost, type Host } from "../support/host.ts";
import { programs } from "../support/program.ts";
import { image, key, manifestOf, secondKey, sha256sum } from "../support/publishing.ts";

const schema = join(import.meta.dir, "../../docs/schema/inspect.json");
const isValid = new Ajv2020().compile(JSON.parse(readFileSync(schema, "utf8")));
const versions = ["1.0.0", "1.1.0", "2.0.0"].map((version) => image(version));
const [one, two, three] = versions as [
  (typeof versions)[0],
  (typeof versions)[0],
  (typeof versions)[0],
];

for (const program of programs) {
  describe(program.name, () => {
    const inspect = (host: Host, ...words: string[]) =>
      program.run(["inspect", ...words], { cwd: host.folder });
    const json = async (host: Host, ...words: string[]) => {
      const { status, stdout } = await inspect(host, "--json", ...words);
      const result = JSON.parse(stdout);
      expect([isValid(result), isValid.errors]).toEqual([true, null]);
      return { status, result };
    };

    test("INS-5, INS-7, INS-15: an origin where all is well, by HEAD alone", async () => {
      using host = emptyHost();
      host.publish(...versions);
      await using serving = await serve(program, [host.originDirectory]);
      const { status, result } = await json(host, "--public-key", key.public, serving.url);
      const manifest = manifestOf(versions);
      expect(status).toBe(0);
      expect(result).toMatchObject({
        ...{ what: "origin", source: `${serving.url}/manifest`, versions: 3 },
        ...{ oldest: "1.0.0", newest: "2.0.0", signature: "valid", signed_by: key.public },
        ...{ sha256: sha256sum(manifest), size: manifest.length, errors: [] },
        images: { deep: false, whole: 3, gone: [], wrong: [], unasked: 0 },
      });
      const { stderr } = await serving.end();
      const asked = stderr
        .trim()
        .split("\n")
        .map((line) => line.split(" ").slice(1, 3).join(" "));
      expect(asked.toSorted()).toEqual(
        ["GET /manifest", ...versions.map(({ digest }) => `HEAD /store/${digest}`)].toSorted(),
      );
    });

    test("INS-6: the age is by the clock of who answers", async () => {
      using host = emptyHost();
      host.publish(one);
      const manifest = host.read("origin", "manifest");
      await using server = Bun.serve({
        port: 0,
        fetch: () =>
          new Response(manifest, {
            headers: {
              "Last-Modified": "Sun, 06 Nov 1994 08:49:37 GMT",
              Date: "Sun, 06 Nov 1994 08:50:37 GMT",
            },
          }),
      });
      const { result } = await json(host, "--images", "0", `http://127.0.0.1:${server.port}`);
      // RFC 9110, section 5.6.7; date -d gives the seconds.
      expect(result).toMatchObject({ changed: 784_111_777, age: 60 });
      const then = Math.floor(Date.now() / 1000) - 7200;
      utimesSync(host.at("origin", "manifest"), then, then);
      const local = await json(host, "origin");
      expect(local.result.changed).toBe(then);
      expect(Math.abs(local.result.age - 7200)).toBeLessThan(60);
    });

    test("INS-3, INS-4: who signed, who did not, and that nobody looked", async () => {
      using host = emptyHost();
      host.publish(one);
      const both = ["--public-key", secondKey.public, "--public-key", key.public];
      expect((await json(host, ...both, "origin")).result.signed_by).toBe(key.public);
      const wrong = await inspect(host, "--public-key", secondKey.public, "origin");
      expect(wrong.status).toBe(65);
      expect(wrong.stderr).toContain(`Tried ${secondKey.public}.`);
      expect(wrong.stdout).toContain("signed by  none of the keys");
      expect((await inspect(host, "origin")).stdout).toContain("not checked: no --public-key");
      const none = await inspect(host, "--public-key", "nonsense", "origin");
      expect([none.status, none.stdout]).toEqual([2, ""]);
      expect(none.stderr).toStartWith("tako: --public-key: invalid public key");
    });

    test("INS-8, INS-14: what is missing, cut or withdrawn at a mirror, all at once", async () => {
      using host = emptyHost();
      host.publish(...versions);
      for (const { digest } of [one, three]) rmSync(host.at("origin", "store", digest));
      host.write(`origin/store/${two.digest}`, "short");
      host.write(`origin/store/${three.digest}.gone`, `${three.digest}\n`);
      await using serving = await serve(program, [host.originDirectory]);
      for (const where of ["origin", serving.url]) {
        const { status, result } = await json(host, where);
        expect([where, status]).toEqual([where, 69]);
        expect(result.images).toMatchObject({ whole: 0, gone: ["2.0.0"], unasked: 0 });
        expect(result.images.wrong).toMatchObject([
          { version: "1.1.0", sha256: two.digest, kind: "origin" },
          { version: "1.0.0", sha256: one.digest, kind: "origin" },
        ]);
        expect(result.errors).toHaveLength(2);
        const newest = await json(host, "--images", "1", where);
        expect([newest.status, newest.result.images.gone]).toEqual([0, ["2.0.0"]]);
      }
    });

    test("INS-8, FET-111: where nobody answers 410, only a whole mark of a missing image tells that it was withdrawn", async () => {
      using host = emptyHost();
      const present = image("2.1.0");
      host.publish(...versions, present);
      for (const { digest } of versions) rmSync(host.at("origin", "store", digest));
      host.write(`origin/store/${one.digest}.gone`, `${one.digest}\n`);
      host.write(`origin/store/${two.digest}.gone`, `${one.digest}\n`);
      host.write(`origin/store/${three.digest}.gone`, "");
      host.write(`origin/store/${present.digest}.gone`, `${present.digest}\n`);
      await using server = Bun.serve({
        port: 0,
        async fetch({ url }) {
          const file = Bun.file(host.at("origin", new URL(url).pathname));
          return new Response((await file.exists()) ? file : null, {
            status: (await file.exists()) ? 200 : 404,
          });
        },
      });
      const web = `http://127.0.0.1:${server.port}`;
      for (const where of [web, "origin", `file://${host.originDirectory}`]) {
        for (const words of [[], ["--deep"]]) {
          const { status, result } = await json(host, ...words, where);
          expect([where, words, status, result.images]).toMatchObject([
            ...[where, words, 69],
            { whole: 1, gone: ["1.0.0"], wrong: [{ version: "2.0.0" }, { version: "1.1.0" }] },
          ]);
        }
      }
    });

    test("INS-7: where HEAD is not known, a GET tells, and its body is not read", async () => {
      using host = emptyHost();
      host.publish(one);
      const asked: string[] = [];
      await using server = Bun.serve({
        port: 0,
        fetch({ method, url }) {
          const { pathname } = new URL(url);
          asked.push(`${method} ${pathname}`);
          if (method === "HEAD") return new Response(null, { status: 405 });
          return new Response(Bun.file(host.at("origin", pathname)));
        },
      });
      const { status, result } = await json(host, `http://127.0.0.1:${server.port}`);
      expect([status, result.images.whole]).toEqual([0, 1]);
      const path = `/store/${one.digest}`;
      expect(asked).toEqual(["GET /manifest", `HEAD ${path}`, `GET ${path}`]);
    });

    test("INS-9: an origin that answers no longer is not asked for every image", async () => {
      using host = emptyHost();
      const many = Array.from({ length: 30 }, (_, index) => image(`1.${index}`));
      host.publish(...many);
      let heads = 0;
      await using server = Bun.serve({
        port: 0,
        fetch({ method, url }) {
          if (method === "GET")
            return new Response(Bun.file(host.at("origin", new URL(url).pathname)));
          heads += 1;
          return new Response(null, { status: 503, headers: { "Retry-After": "3600" } });
        },
      });
      const { status, result } = await json(host, `http://127.0.0.1:${server.port}`);
      expect(status).toBe(69);
      expect(heads).toBeLessThanOrEqual(8);
      expect(result.images.unasked).toBe(30 - heads);
    });

    test("INS-10: --deep finds the byte that changed", async () => {
      using host = emptyHost();
      host.publish(one, two);
      host.write(`origin/store/${one.digest}`, one.content.replace("image", "imagE"));
      await using serving = await serve(program, [host.originDirectory]);
      for (const where of ["origin", serving.url]) {
        expect((await json(host, where)).status).toBe(0);
        const { status, result } = await json(host, "--deep", where);
        expect([status, result.images.whole]).toEqual([65, 1]);
        expect(result.images.wrong).toMatchObject([{ version: "1.0.0", kind: "digest" }]);
      }
    });

    test("INS-11: whether hosts that hold a manifest go on with the next one", async () => {
      using host = emptyHost();
      host.publish(one, two);
      const continues = async (...old: (typeof one | string)[]) => {
        writeFileSync(host.at("old"), manifestOf(old));
        return await json(host, "--continues", "old", "origin");
      };
      expect((await continues(one)).result.continues).toEqual({ old: "old", added: 1 });
      expect((await continues(one, two)).result.continues).toEqual({ old: "old", added: 0 });
      const older = await continues(one, two, three);
      expect([older.status, older.result.errors[0].kind]).toEqual([69, "stale"]);
      const lost = await continues(image("0.9"), one);
      expect([lost.status, lost.result.errors[0].kind]).toEqual([65, "history"]);
      const other = await continues(image("1.0.0", "other bytes"));
      expect(other.result.errors[0].message).toContain('became "1.0.0 ');
      const absent = await inspect(host, "--continues", "absent", "origin");
      expect([absent.status, absent.stdout]).toEqual([74, ""]);
    });

    test("INS-1, INS-12: a config is its origin, its keys and its pattern", async () => {
      using host = emptyHost();
      host.publish(one, two, three);
      const { status, result } = await json(host, host.config("app", { Version: "1.*" }));
      expect([status, result.signed_by, result.takes]).toEqual([
        0,
        key.public,
        { pattern: "1.*", version: "1.1.0" },
      ]);
      const none = await json(host, host.config("app", { Version: "3.*" }));
      expect([none.status, none.result.takes.version]).toEqual([0, null]);
    });

    test("INS-12: a version whose image is gone is passed over, as hosts do", async () => {
      using host = emptyHost();
      host.publish(...versions);
      const gone = (digest: string) => {
        rmSync(host.at("origin", "store", digest));
        host.write(`origin/store/${digest}.gone`, `${digest}\n`);
      };
      gone(three.digest);
      const config = host.config("app", { Version: "*" });
      expect((await json(host, config)).result.takes).toEqual({ pattern: "*", version: "1.1.0" });
      gone(two.digest);
      gone(one.digest);
      expect((await json(host, config)).result.takes).toEqual({ pattern: "*", version: null });
    });

    test("INS-1, INS-13: keys are told for what they are, and a secret one is never shown", async () => {
      using host = emptyHost();
      const printed = `Secret key\n${key.secret}\n\nPublic key\n${key.public}\n`;
      for (const [text, what] of [
        [`${key.secret}\n`, "secret-key"],
        [printed, "secret-key"],
        [`${key.public}\n`, "public-key"],
      ] as const) {
        host.write("key", text);
        const { status, result } = await json(host, "key");
        expect([status, result]).toEqual([0, { event: "result", what, public_key: key.public }]);
        const { stdout, stderr } = await inspect(host, "key");
        expect(stdout + stderr).not.toContain(key.secret.slice(7, 30));
      }
      const pem = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIHh4qlSoX5TyPuhOvdVW\n";
      for (const [text, secret] of [
        [`${key.secret.slice(0, -1)}\n`, key.secret.slice(7, 30)],
        [key.secret.toLowerCase(), key.secret.slice(7, 30).toLowerCase()],
        [key.secret.replace("+", ""), key.secret.slice(7, 30)],
        [key.secret.replace("+", " "), key.secret.slice(7, 30)],
        [`\ufeff"secret${key.secret.slice(7)}"`, key.secret.slice(7, 30)],
        [`SECRET${key.secret.slice(7, 20)}`, key.secret.slice(7, 20)],
        [`# mine\nSECRET${key.secret.slice(7, 20)}\n`, key.secret.slice(7, 20)],
        [`# mine\n${key.secret}\n`, key.secret.slice(7, 30)],
        [pem, "MC4CAQ"],
      ] as const) {
        host.write("key", text);
        const { status, stdout, stderr } = await inspect(host, "key");
        expect([status, stdout]).toEqual([2, ""]);
        expect(stderr).not.toContain(secret);
      }
    });

    test("INS-14: what cannot be read is an error alone", async () => {
      using host = emptyHost();
      host.write("cut", manifestOf([one]).slice(0, -20));
      for (const [what, status] of [
        ["absent", 74],
        ["cut", 65],
        ["origin", 69],
        ["gopher://user:secret@example.com", 2],
      ] as const) {
        const ended = await inspect(host, what);
        expect([what, ended.status, ended.stdout]).toEqual([what, status, ""]);
        expect(ended.stderr).not.toContain("secret@");
      }
    });
  });
}
