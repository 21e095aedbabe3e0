// The first fetch of a host, and the next ones when there is nothing new and when there is.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { createHost, stateOf } from "../support/host.ts";
import { needs } from "../support/needs.ts";
import { programs } from "../support/program.ts";
import { image, manifestOf } from "../support/publishing.ts";
import { etagFile, Site } from "./site.ts";

const nginx = needs("nginx");
const [one, two] = [image("1.0.0"), image("1.1.0")];

let site: Site;
beforeAll(async () => {
  if (!nginx.missing) site = await Site.start();
});
afterAll(() => site?.stop());

for (const program of programs) {
  describe.concurrent(program.name, () => {
    test.skipIf(nginx.missing)(
      "DST-1, DST-2, DST-3, DST-30, DST-31, FET-33: the first fetch makes the whole layout, whatever the umask",
      async () => {
        for (const umask of ["000", "077", "777"]) {
          await using host = createHost();
          const origin = site.origin(one, two);
          host.configure({ Origin: origin.url });
          const command = ["sh", "-c", `umask ${umask}; exec "$@"`, "sh"];
          const child = Bun.spawn([...command, ...program.command(["fetch", host.file])], {
            stdout: "pipe",
            stderr: "pipe",
          });
          expect(await child.stdout.text()).toBe(`${host.file}: updated to 1.1.0\n`);
          expect(await child.stderr.text()).toBe(
            [
              `tako: ${host.file}: new manifest, 2 versions\n`,
              `tako: ${host.file}: downloading 1.1.0, 19 B\n`,
              `tako: ${host.file}: downloaded 1.1.0, 19 B, verified\n`,
              `tako: ${host.file}: activated 1.1.0\n`,
            ].join(""),
          );
          expect(await child.exited).toBe(0);
          const files = { ".etag": await etagFile(origin, manifestOf([one, two])) };
          expect(host.state()).toEqual(
            stateOf({ published: [one, two], store: [two], latest: two, files }),
          );
          expect(await origin.asked()).toEqual(["manifest 200", `store/${two.digest} 200`]);
        }
      },
    );

    test.skipIf(nginx.missing)(
      "FET-20, FET-21, ORG-13: the second fetch is one conditional request, and writes nothing",
      async () => {
        await using host = createHost();
        const origin = site.origin(one);
        host.configure({ Origin: origin.url });
        expect((await program.run(["fetch", host.file])).status).toBe(0);
        const before = host.snapshot();
        await origin.requests();

        const { status, stdout, stderr } = await program.run(["fetch", host.file]);
        expect([status, stdout, stderr]).toEqual([0, `${host.file}: 1.0.0 is current\n`, ""]);
        expect(await origin.requests()).toEqual([
          expect.objectContaining({
            uri: "manifest",
            status: 304,
            ifNoneMatch: await origin.etag(),
            bytes: 0,
          }),
        ]);
        expect(host.snapshot()).toEqual(before);
      },
    );
  });
}

test("FET-33: without an ETag, the same manifest again is not written again", async () => {
  await using host = createHost();
  host.publish(one);
  host.install({ published: [one], latest: one });
  const before = host.snapshot();
  for (const program of programs) {
    const { status } = await program.run(["fetch", host.file]);
    expect(status).toBe(0);
    expect(host.snapshot()).toEqual(before);
  }
});

test("DST-6: no store is made before there is an image to put into it", async () => {
  await using host = createHost();
  host.publish(one);
  host.configure({ Version: "2.*" });
  for (const program of programs) {
    expect((await program.run(["fetch", host.file])).status).toBe(0);
    expect(host.state()).toEqual(stateOf({ published: [one], store: null }));
  }
});

test("DST-32: directories that exist keep mode and owner", async () => {
  await using host = createHost();
  host.publish(one);
  mkdirSync(host.path("store"));
  chmodSync(host.path("store"), 0o2750);
  chmodSync(host.destination, 0o711);
  for (const program of programs) {
    expect((await program.run(["fetch", host.file])).status).toBe(0);
    expect(statSync(host.destination).mode & 0o7777).toBe(0o711);
    expect(statSync(host.path("store")).mode & 0o7777).toBe(0o2750);
    expect(statSync(join(host.path("store"), one.digest)).mode & 0o7777).toBe(0o444);
  }
});
