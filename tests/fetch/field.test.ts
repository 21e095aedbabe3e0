// What stands between a host and its origin in the field: a real nginx as the proxy that cuts, and as the
// portal that sends everybody to its login page.

import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startHostileOrigin } from "../../conformance/hostile/origin.ts";
import { createHost, type Host, stateOf } from "../support/host.ts";
import { needs } from "../support/needs.ts";
import { serveWithNginx } from "../support/nginx.ts";
import { programs } from "../support/program.ts";
import { bigImage, image, manifestOf } from "../support/publishing.ts";

const nginx = needs("nginx");
const one = image("1.0.0");
const two = bigImage("1.1.0", 200_000);
const partial = `store/${two.digest}.partial`;

const hostile = await startHostileOrigin({
  manifest: Buffer.from(manifestOf([one, two]), "latin1"),
  [`store/${two.digest}`]: Buffer.from(two.content, "latin1"),
});
const folder = mkdtempSync(join(tmpdir(), "tako-field-"));
writeFileSync(join(folder, "login"), "<!doctype html><title>Hotel Wi-Fi</title>\n");
// A proxy gives what it gets. What it gets without a length, it sends in chunks, and ends them properly.
const server = nginx.missing
  ? undefined
  : await serveWithNginx(folder, {
      configSnippet: `
        location /proxy/ { proxy_pass ${hostile.url}/; proxy_http_version 1.0; }
        location /cut/manifest { proxy_pass ${hostile.url}/honest/manifest; }
        location /cut/ { proxy_pass ${hostile.url}/half/; }
        location /portal/ { return 302 /login; }
        location /behind/manifest { proxy_pass ${hostile.url}/honest/manifest; }
        location /behind/ { return 302 /login; }`,
    });
afterAll(async () => {
  await server?.stop();
  await hostile.stop();
  rmSync(folder, { recursive: true });
});

function hostInUse(path: string, files: Record<string, string> = {}): Host {
  const host = createHost();
  host.install({ published: [one], latest: one, files });
  host.configure({ Origin: `${server?.url}${path}` });
  return host;
}

const left = (bytes: number) => ({ [partial]: two.content.slice(0, bytes) });

for (const program of programs) {
  test.skipIf(nginx.missing)(
    `ORG-31, ORG-38: a portal is no forgery, and is named (${program.name})`,
    async () => {
      await using host = hostInUse("/portal");
      const before = host.snapshot();
      const { status, stderr } = await program.run(["fetch", host.file]);
      expect(status).toBe(69);
      expect(stderr).toContain(
        `redirected to ${server?.url}/login: the answer is no manifest of Tako's\n`,
      );
      expect(host.snapshot()).toEqual(before);
    },
    60_000,
  );

  test.skipIf(nginx.missing)(
    `ORG-32, ORG-38: a login page costs no partial (${program.name})`,
    async () => {
      await using host = hostInUse("/behind", left(150_000));
      const { status, stderr } = await program.run(["fetch", host.file]);
      expect(status).toBe(69);
      expect(stderr).toContain(
        `redirected to ${server?.url}/login: the answer has 42 bytes, and the image 200000\n`,
      );
      const { ".etag": _, ...state } = host.state();
      expect(state).toEqual(
        stateOf({ published: [one, two], store: [one], latest: one, files: left(150_000) }),
      );
    },
    60_000,
  );

  test.skipIf(nginx.missing)(
    `ORG-35, ORG-36: a proxy that ends a cut body properly loses nothing, and the next run goes on (${program.name})`,
    async () => {
      await using host = hostInUse("/cut");
      const { status, stderr } = await program.run(["fetch", host.file]);
      expect(stderr).toContain("the answer ended early: 100000 of 200000 bytes are here\n");
      expect(status).toBe(69);
      const { ".etag": _, ...state } = host.state();
      expect(state).toEqual(
        stateOf({ published: [one, two], store: [one], latest: one, files: left(100_000) }),
      );
      host.configure({ Origin: `${server?.url}/proxy/honest` });
      expect((await program.run(["fetch", host.file])).status).toBe(0);
      expect(hostile.requests.at(-1)?.headers["range"]).toBe("bytes=100000-");
    },
    60_000,
  );
}
