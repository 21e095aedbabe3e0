// The mark of an image that was removed on purpose, `store/<hex>.gone`, where no server answers 410 (FET-111): by each way to
// an origin, and what is no such mark.

import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { serveWithFtp } from "../support/ftp-server.ts";
import { createHost, type Host, stateOf } from "../support/host.ts";
import { needs } from "../support/needs.ts";
import { serveWithNginx } from "../support/nginx.ts";
import { sources } from "../support/program.ts";
import { image, publishTo, write } from "../support/publishing.ts";
import { startSshServer } from "../support/ssh-server.ts";

const program = sources();
const [nginx, ftp, sshd] = [needs("nginx"), needs("pyftpdlib"), needs("sshd")];
const [one, two, three] = [image("1.0.0"), image("1.1.0"), image("1.2.0")];
const published = [one, two, three];
const mark = `${three.digest}\n`;

/** An origin whose newest image is missing, and a host that knows nothing yet. */
function hostOf(gone: string | undefined): Host {
  const host = createHost();
  publishTo(host.originDirectory, published);
  Bun.spawnSync(["rm", join(host.originDirectory, "store", three.digest)]);
  if (gone !== undefined) write(join(host.originDirectory, "store", `${three.digest}.gone`), gone);
  return host;
}

async function fetchFrom(host: Host, url: string, env: Readonly<Record<string, string>> = {}) {
  host.configure({ Origin: url });
  return await program.run(["fetch", host.file], { env });
}

function expectFallback(host: Host, { status, stderr }: { status: number; stderr: string }): void {
  expect([status, stderr.match(/removed the image of .*?:/)?.[0]]).toEqual([
    0,
    "removed the image of 1.2.0:",
  ]);
  const { ".etag": _, ...state } = host.state();
  expect(state).toEqual(stateOf({ published, store: [two], latest: two }));
}

describe.concurrent("an image that is missing", () => {
  test("FET-111: of a directory", async () => {
    using host = hostOf(mark);
    expectFallback(host, await fetchFrom(host, `file://${host.originDirectory}`));
  });

  test.each([
    ["none", undefined],
    ["an empty one", ""],
    ["without its line feed", three.digest],
    ["of another image", `${two.digest}\n`],
    ["with more", `${mark}x`],
    ["a page", "<html>404</html>\n".repeat(1000)],
  ])("FET-111: %s is no mark, and the image is missing", async (_, gone) => {
    using host = hostOf(gone);
    const { status, stderr } = await fetchFrom(host, `file://${host.originDirectory}`);
    expect(status).toBe(69);
    expect(stderr).toContain(`store/${three.digest}: cannot read it: no such file or directory`);
    expect(host.state()).not.toHaveProperty("latest");
  });

  test.skipIf(nginx.missing)("FET-111: by HTTP, with one request more", async () => {
    using host = hostOf(mark);
    const server = await serveWithNginx(host.originDirectory);
    expectFallback(host, await fetchFrom(host, server.url));
    const asked = (await server.requests()).map(({ uri, status }) => `${uri} ${status}`);
    expect(asked).toEqual([
      "/manifest 200",
      `/store/${three.digest} 404`,
      `/store/${three.digest}.gone 200`,
      `/store/${two.digest} 200`,
    ]);
    await server.stop();
  });

  test.skipIf(nginx.missing)(
    "FET-111: by HTTP with 403, and to a download that goes on",
    async () => {
      using host = hostOf(mark);
      const server = await serveWithNginx(host.originDirectory, {
        configSnippet: `location ~ "^/store/[0-9a-f]+$" { try_files $uri =403; }`,
      });
      write(host.path(`store/${three.digest}.partial`), three.content.slice(0, 5), 0o600);
      expectFallback(host, await fetchFrom(host, server.url));
      await server.stop();
    },
  );

  test.skipIf(nginx.missing)(
    "FET-111: where the mark cannot be had, it is the image that is told",
    async () => {
      using host = hostOf(mark);
      const server = await serveWithNginx(host.originDirectory, {
        configSnippet: "location ~ gone$ { return 503; }",
      });
      const { status, stderr } = await fetchFrom(host, server.url);
      expect(status).toBe(69);
      expect(stderr).toContain(`store/${three.digest}: the server answered with status 404`);
      const marks = (await server.requests()).filter(({ uri }) => uri.endsWith(".gone"));
      expect(marks).toHaveLength(1);
      await server.stop();
    },
  );

  test.skipIf(ftp.missing)("FET-111: by FTP", async () => {
    using host = hostOf(mark);
    const server = await serveWithFtp(host.originDirectory, { user: "u", password: "p" });
    expectFallback(host, await fetchFrom(host, `ftp://u:p@127.0.0.1:${server.port}`));
    await server.stop();
  });

  test.skipIf(sshd.missing)("FET-111: by sftp", async () => {
    using host = hostOf(mark);
    const server = await startSshServer();
    const url = `sftp://${server.host}${host.originDirectory}`;
    expectFallback(host, await fetchFrom(host, url, { HOME: server.home }));
    await server.stop();
  });

  test("FET-51, FET-111: a mark never leads below the version in use", async () => {
    using host = hostOf(mark);
    host.install({ published: [one, two], store: [two], latest: two });
    write(host.path(`store/${two.digest}`), "damaged", 0o444);
    Bun.spawnSync(["rm", join(host.originDirectory, "store", two.digest)]);
    write(join(host.originDirectory, "store", `${two.digest}.gone`), `${two.digest}\n`);
    const { status, stderr } = await fetchFrom(host, `file://${host.originDirectory}`);
    expect(status).toBe(69);
    expect(stderr).toContain("the origin no longer has version 1.2.0, nor an older one");
    expect(host.state()).not.toHaveProperty("latest");
    expect(host.state()).not.toHaveProperty(`store/${one.digest}`);
  });

  test("ACT-74, FET-111: nor does rollback take another one than was asked for", async () => {
    using host = hostOf(mark);
    host.configure();
    host.install({ published, store: [], files: {} });
    const { status, stderr } = await program.run(["rollback", host.file, "1.2.0"]);
    expect(status).toBe(69);
    expect(stderr).toContain("the origin no longer has version 1.2.0");
  });
});
