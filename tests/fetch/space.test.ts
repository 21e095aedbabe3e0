// File systems that are full, read-only or not permitted. Each has a tmpfs of its own, in a mount namespace
// that ends with the test.

import { describe, expect, test } from "bun:test";
import { linkSync, mkdirSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createHost, type Host, stateOf } from "../support/host.ts";
import { programs } from "../support/program.ts";
import { bigImage, image, manifestOf, publishManifest } from "../support/publishing.ts";
import { canMount, fillUp, mountTmpfs } from "../support/tmpfs.ts";
import { pausingOrigin } from "./slow-origins.ts";
import { fakeSystemctl } from "./systemctl.ts";

const one = image("1.0.0");
const big = bigImage("1.1.0", 300_000);

/** A host whose destination is a tmpfs with 1.0.0 in use. */
async function hostOnTmpfs(size: number) {
  const stack = new AsyncDisposableStack();
  const outer = stack.use(createHost());
  const mount = join(outer.folder, "mount");
  mkdirSync(mount);
  const tmpfs = stack.use(await mountTmpfs(mount, size));
  const host = outer.withDestination(tmpfs.path);
  host.configure();
  host.install({ published: [one], latest: one });
  return { host, tmpfs, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

/** Writes a file that leaves this many bytes. */
const fill = (host: Host, left: number) => fillUp(host.destination, left);

const withoutFiller = (host: Host) => {
  const { filler: _, ...rest } = host.state();
  return rest;
};

for (const program of programs) {
  describe.skipIf(!canMount).concurrent(program.name, () => {
    test("FET-59: too little space for what is missing is status 74, and nothing is asked for", async () => {
      await using each = await hostOnTmpfs(1_000_000);
      const { host } = each;
      await using origin = pausingOrigin(one, big);
      origin.goOn();
      host.configure({ Origin: origin.url });
      fill(host, 200_000);
      const { status, stderr } = await program.run(["fetch", host.file]);
      expect(status).toBe(74);
      expect(stderr).toMatch(/store: there is room for \d+ bytes, and 300000 are missing/);
      expect(stderr).toContain("No old image is there to remove");
      expect(origin.asked).toEqual(["manifest"]);
      const refused = stateOf({ published: [one, big], store: [one], latest: one });
      expect(withoutFiller(host)).toEqual(refused);

      // What a partial holds already is not missing.
      const files = { [`store/${big.digest}.partial`]: big.content.slice(0, 150_000) };
      rmSync(host.path("filler"));
      host.install({ store: [], files });
      fill(host, 200_000);
      expect((await program.run(["fetch", host.file])).status).toBe(0);
      expect(withoutFiller(host)).toEqual(stateOf({ published: [one, big], latest: big }));
    });

    test("FET-100: too little space is told with what the images that are not in use take", async () => {
      await using each = await hostOnTmpfs(1_000_000);
      const { host } = each;
      const [old, older] = [bigImage("0.9.0", 150_000), bigImage("0.8.0", 30_000)];
      host.publish(older, old, one, big);
      host.install({ store: [old, older], files: { "store/.cache": "no image" } });
      fill(host, 200_000);
      const told = await program.run(["fetch", host.file]);
      expect(told.status).toBe(74);
      expect(told.stderr).toContain(
        "Images that are not in use take 180000 bytes and may be removed",
      );
      // No path is said twice.
      expect(told.stderr.split(host.path("store"))).toHaveLength(2);
      for (const name of [`store/${old.digest}`, "filler"]) rmSync(host.path(name));
      fill(host, 200_000);
      const scarce = await program.run(["fetch", host.file]);
      expect(scarce.stderr).toContain("take 30000 bytes, which is not enough,");
    });

    test("DST-28: a file system that fills up during a download is status 74, and the run after it continues", async () => {
      await using each = await hostOnTmpfs(1_000_000);
      const { host } = each;
      await using origin = pausingOrigin(one, big);
      host.configure({ Origin: origin.url });
      const child = Bun.spawn(program.command(["fetch", host.file]), { stderr: "pipe" });
      await origin.isPaused;
      fill(host, 100_000);
      origin.goOn();
      const stderr = await child.stderr.text();
      expect(await child.exited).toBe(74);
      expect(stderr).toContain(
        `${host.path(`store/${big.digest}.partial`)}: cannot write it: no space is left`,
      );
      const { [`store/${big.digest}.partial`]: partial, ...rest } = withoutFiller(host);
      expect(rest).toEqual(stateOf({ published: [one, big], store: [one], latest: one }));
      // What came before the disk was full stays, if anything did.
      if (partial !== undefined) expect(partial).toStartWith("600 ");

      rmSync(host.path("filler"));
      expect((await program.run(["fetch", host.file])).status).toBe(0);
      expect(host.state()).toEqual(stateOf({ published: [one, big], latest: big }));
    });

    test("DST-28: no space for the manifest is status 74, and leaves everything as it was", async () => {
      await using each = await hostOnTmpfs(200_000);
      const { host } = each;
      const many = Array.from({ length: 300 }, (_, minor) => ({ ...one, version: `1.0.${minor}` }));
      publishManifest(host.originDirectory, manifestOf(many));
      fill(host, 8192);
      const before = host.state();
      const { status, stderr } = await program.run(["fetch", host.file]);
      expect(status).toBe(74);
      expect(stderr).toContain(`${host.path(".manifest.new")}: cannot write it: no space is left`);
      expect(host.state()).toEqual(before);
    });

    test("FET-56, DST-66: on a full disk a damaged image makes the room to record what it leaves owed", async () => {
      await using each = await hostOnTmpfs(200_000);
      const { host } = each;
      host.configure({ Restart: "app.service" });
      host.publish(one);
      host.replace(`store/${one.digest}`, one.content.replace("1.0.0", "damag"));
      fill(host, 0);
      const { status, stderr } = await program.run(["fetch", host.file]);
      expect(status).toBe(74);
      expect(stderr).toContain(`${host.path(".owed.new")}: cannot write it: no space is left`);
      expect(stderr).not.toContain("not on record");
      const files = { ".owed": `${one.digest}\n` };
      expect(withoutFiller(host)).toEqual(stateOf({ published: [one], store: [], files }));
    });

    test("DST-66: where its removal makes no room either, the error says that the restart is not on record", async () => {
      await using each = await hostOnTmpfs(200_000);
      const { host } = each;
      host.configure({ Restart: "app.service web.service" });
      host.publish(one);
      host.replace(`store/${one.digest}`, one.content.replace("1.0.0", "damag"));
      // Its second name keeps its bytes.
      linkSync(host.path(`store/${one.digest}`), host.path("kept"));
      fill(host, 0);
      const { status, stderr } = await program.run(["fetch", host.file]);
      expect(status).toBe(74);
      expect(stderr).toContain(`${host.path(".owed.new")}: cannot write it: no space is left`);
      expect(stderr).toContain("The restart of app.service web.service is not on record");
      expect(stderr).toContain("Free some space");
      const { kept: _, ...rest } = withoutFiller(host);
      expect(rest).toEqual(stateOf({ published: [one], store: [] }));
    });

    test("FET-74, DST-66: what is left of another download makes the room for it then", async () => {
      await using each = await hostOnTmpfs(200_000);
      const { host } = each;
      host.configure({ Restart: "app.service" });
      host.publish(one);
      rmSync(join(host.originDirectory, "store", one.digest));
      host.replace(`store/${one.digest}`, one.content.replace("1.0.0", "damag"));
      linkSync(host.path(`store/${one.digest}`), host.path("kept"));
      writeFileSync(host.path(`store/${big.digest}.partial`), "x".repeat(20_000));
      fill(host, 0);
      const { status, stderr } = await program.run(["fetch", host.file]);
      expect(status).toBe(69);
      expect(stderr).not.toContain("not on record");
      const { kept: _, ...rest } = withoutFiller(host);
      const files = { ".owed": `${one.digest}\n` };
      expect(rest).toEqual(stateOf({ published: [one], store: [], files }));
    });

    test("FET-74, ACT-50: a way back finds the room for its records, too", async () => {
      await using each = await hostOnTmpfs(200_000);
      const { host } = each;
      const two = image("1.1.0");
      host.publish(one, two);
      host.configure({ Restart: "app.service", WatchSec: "1" });
      const at = (name: string) => host.path(name);
      const fake = fakeSystemctl(`[ $1 != restart ] || case $(readlink ${at("latest")}) in
        store/${two.digest})
          head -c 20000 /dev/zero > ${at(`store/${big.digest}.partial`)}
          dd if=/dev/zero of=${at("filler")} bs=4096 2> /dev/null
          echo ActiveState=failed > $UNITS/app.service;;
        *) rm -f $UNITS/app.service;; esac`);
      const { status } = await program.run(["fetch", host.file], { env: fake.env });
      fake.remove();
      expect([status, readlinkSync(at("latest"))]).toEqual([75, `store/${one.digest}`]);
      expect(Object.keys(host.state())).not.toContain(`store/${big.digest}.partial`);
    });

    test("DST-28: a read-only file system is status 74, and a run without news is none of its business", async () => {
      await using each = await hostOnTmpfs(200_000);
      const { host, tmpfs } = each;
      host.publish(one);
      const inner = host.destination.replace(/^\/proc\/\d+\/root/, "");
      const remount = Bun.spawnSync(tmpfs.command(["mount", "-o", "remount,ro", inner]));
      expect(remount.exitCode).toBe(0);
      const before = host.snapshot();
      expect((await program.run(["fetch", host.file])).status).toBe(0);

      host.publish(one, big);
      const { status, stderr } = await program.run(["fetch", host.file]);
      expect(status).toBe(74);
      expect(stderr).toContain(
        `${host.path(".manifest.new")}: cannot create it: the file system is read-only`,
      );
      expect(host.snapshot()).toEqual(before);
      expect(readlinkSync(host.path("latest"))).toBe(`store/${one.digest}`);
    });
  });
}
