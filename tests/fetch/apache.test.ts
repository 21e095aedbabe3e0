// The program against an Apache, with what people set up there: ranges, conditions, compression that nobody asked for,
// logins, portals and limits on connections.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ApacheServer, serveWithApache } from "../support/apache.ts";
import { createHost, type Host, stateOf } from "../support/host.ts";
import { needs } from "../support/needs.ts";
import { type Program, programs } from "../support/program.ts";
import { bigImage, image, publishTo } from "../support/publishing.ts";
import { withoutEtag } from "./site.ts";

const apache = needs("apache2", "openssl");
const [one, two] = [image("1.0.0"), bigImage("1.1.0", 300_000)];
const half = two.content.slice(0, 150_000);

/** Each path is the same origin, seen through other directives. */
const PATHS: Readonly<Record<string, string>> = {
  plain: "",
  single: "SetEnv nokeepalive 1",
  deflated: `
    RequestHeader set Accept-Encoding gzip
    SetOutputFilter DEFLATE`,
  images_deflated: `
    <FilesMatch "^[0-9a-f]{64}$">
      RequestHeader set Accept-Encoding gzip
      SetOutputFilter DEFLATE
    </FilesMatch>`,
  unranged: "MaxRanges none",
  tagless: "FileETag None",
  denied: "Require all denied",
  locked: `
    AuthType Basic
    AuthName origin
    AuthUserFile "$folder/users"
    Require valid-user`,
  portal: `
    RewriteEngine on
    RewriteRule ^ /login.html [R=302,L]`,
  single_page: "FallbackResource /login.html",
  polite: "ErrorDocument 404 /login.html",
  gone: `
    RewriteEngine on
    RewriteRule "^store/${two.digest}$" - [G,L]`,
  images_only: `
    RewriteEngine on
    RewriteRule ^store/ /login.html [R=302,L]`,
};

const configuration = (folder: string) => `
MaxKeepAliveRequests 2
KeepAliveTimeout 1
${Object.entries(PATHS)
  .map(([name, lines]) => `<Directory "${folder}/${name}">\n${lines}\n</Directory>`)
  .join("\n")}
`;

describe.skipIf(apache.missing)("apache", () => {
  let folder: string;
  let server: ApacheServer;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "tako-apache-"));
    chmodSync(folder, 0o755);
    writeFileSync(join(folder, "login.html"), `<!DOCTYPE html>${" ".repeat(5000)}`);
    const hash = Bun.spawnSync(["openssl", "passwd", "-apr1", "sesame"]).stdout.toString();
    writeFileSync(join(folder, "users"), `alice:${hash}`);
    const [first = "", ...others] = Object.keys(PATHS);
    mkdirSync(join(folder, first));
    publishTo(join(folder, first), [one, two]);
    for (const other of others)
      cpSync(join(folder, first), join(folder, other), {
        recursive: true,
        preserveTimestamps: true,
      });
    const text = configuration(folder).replaceAll("$folder", folder);
    server = await serveWithApache(folder, text);
  });
  afterAll(async () => {
    await server?.stop();
    rmSync(folder, { recursive: true });
  });

  const urlOf = (path: string, login = "") => `${server.url.replace("//", `//${login}`)}/${path}`;

  /** A host of that origin, maybe with what an earlier run left. */
  function hostOf(path: string, contents: Parameters<Host["install"]>[0] = {}, login = ""): Host {
    const host = createHost();
    host.configure({ Origin: urlOf(path, login) });
    host.install({ store: null, ...contents });
    return host;
  }
  const partialOf = { published: [one, two], store: [one], latest: one } as const;
  const withHalf = { ...partialOf, files: { [`store/${two.digest}.partial`]: half } };
  const done = () =>
    stateOf({
      published: [one, two],
      store: [one, two].toSorted((a, b) => (a.digest < b.digest ? -1 : 1)),
      latest: two,
    });
  /** What was asked for below a path: `STATUS FILE RANGE IF-NONE-MATCH`. */
  const askedOf = (path: string, since: number) =>
    server
      .requests()
      .slice(since)
      .filter((line) => line.includes(` /${path}/`))
      .map((line) => line.replace(`/${path}/`, "").replace(two.digest, "two"));

  async function fetchWith(program: Program, host: Host) {
    const since = server.requests().length;
    const path = new URL(/^Origin=(.*)$/m.exec(host.read("app.tako"))?.[1] ?? "").pathname;
    const result = await program.run(["fetch", host.file]);
    return { ...result, asked: askedOf(path.slice(1), since) };
  }

  for (const program of programs) {
    describe(program.name, () => {
      test("ORG-13, ORG-23: what is new comes, a half is continued by a range, and then nothing is asked for again", async () => {
        using host = hostOf("plain", withHalf);
        const first = await fetchWith(program, host);
        expect([first.status, first.stderr]).toEqual([
          0,
          expect.stringContaining("activated 1.1.0"),
        ]);
        expect(first.asked).toEqual(["200 manifest - -", "206 store/two bytes=150000- -"]);
        expect(withoutEtag(host.state())).toEqual(done());
        const again = await fetchWith(program, host);
        expect(again.status).toBe(0);
        expect(again.asked).toEqual([expect.stringMatching(/^304 manifest - (W\/)?\\?"/)]);
      });

      test.each(["single", "tagless"])(
        "ORG-2: one that closes each connection, or has no tags: %s",
        async (path) => {
          using host = hostOf(path);
          expect((await fetchWith(program, host)).status).toBe(0);
          const again = await fetchWith(program, host);
          expect(again.status).toBe(0);
          expect(again.asked[0]).toStartWith(path === "tagless" ? "200 manifest - -" : "304");
          expect(withoutEtag(host.state())).toEqual(
            stateOf({ published: [one, two], store: [two], latest: two }),
          );
        },
      );

      test("ORG-36: one that knows no ranges sends all, and nothing that is there is given up", async () => {
        using host = hostOf("unranged", withHalf);
        const { status, asked } = await fetchWith(program, host);
        expect([status, asked[1]]).toEqual([0, "200 store/two bytes=150000- -"]);
        expect(withoutEtag(host.state())).toEqual(done());
      });

      test.each(["deflated", "images_deflated"])(
        "ORG-34: compression that was not asked for is named, and costs no partial: %s",
        async (path) => {
          using host = hostOf(path, withHalf);
          const before = withoutEtag(host.state());
          const { status, stderr } = await fetchWith(program, host);
          expect([status, stderr]).toEqual([69, expect.stringContaining("gzip")]);
          expect(withoutEtag(host.state())).toEqual(before);
        },
      );

      test("ORG-15: a login in Origin= opens it; a wrong one, or none, is told as that", async () => {
        using host = hostOf("locked", {}, "alice:sesame@");
        expect((await fetchWith(program, host)).status).toBe(0);
        for (const [login, hint] of [
          ["alice:sesam@", "Check the user and password in Origin="],
          ["", "Check the user and password in Origin="],
        ] as const) {
          using other = hostOf("locked", {}, login);
          const { status, stderr, asked } = await fetchWith(program, other);
          expect([status, stderr]).toEqual([69, expect.stringContaining("status 401")]);
          expect(stderr).toContain(hint);
          expect(stderr).not.toContain("sesam@");
          expect(asked).toHaveLength(1);
        }
      });

      test("ORG-122: 403 without a user says that it may not have been uploaded", async () => {
        using host = hostOf("denied");
        const { status, stderr, asked } = await fetchWith(program, host);
        expect([status, asked.length]).toEqual([69, 1]);
        expect(stderr).toContain(
          "Origin= has no user and password; or it was not uploaded: many servers say 403",
        );
      });

      test.each([
        ["portal", "a redirect to a login page", true],
        ["images_only", "one for the images only", true],
      ])("ORG-31, ORG-32: %s is the origin's fault: %s", async (path, _, isRedirect) => {
        using host = hostOf(path, withHalf);
        const before = withoutEtag(host.state());
        const { status, stderr } = await fetchWith(program, host);
        expect(status).toBe(69);
        expect(stderr.includes(`redirected to ${server.url}/login.html`)).toBe(isRedirect);
        expect(stderr).not.toContain("trying again");
        expect(withoutEtag(host.state())).toEqual(before);
      });

      test("ORG-31: a page for everything that is missing, with 200, is no manifest; with 404 it is a 404", async () => {
        for (const [path, said] of [
          ["single_page/none", "the answer is no manifest of Tako's"],
          ["polite/none", "status 404"],
        ] as const) {
          using host = hostOf(path);
          const { status, stderr } = await fetchWith(program, host);
          expect([path, status, stderr]).toEqual([path, 69, expect.stringContaining(said)]);
        }
      });

      test("ORG-26, FET-50: 410 for the newest leads to the one before", async () => {
        using host = hostOf("gone");
        const { status, stdout } = await fetchWith(program, host);
        expect([status, stdout]).toEqual([0, `${host.file}: updated to 1.0.0\n`]);
      });
    });
  }
});
