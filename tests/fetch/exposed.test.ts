// An image in use that is whole, and that others could change, while no better one is to be had.

import { describe, expect, test } from "bun:test";
import { chmodSync, chownSync, linkSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Contents, createHost, type Host, stateOf } from "../support/host.ts";
import { programs } from "../support/program.ts";
import { image, publishManifest, publishTo, secondKey } from "../support/publishing.ts";
import { pausingOrigin } from "./slow-origins.ts";

const isRoot = process.getuid?.() === 0;
const [one, two] = [image("1.0.0"), image("1.1.0")];
const warning =
  /warning: others could change the image of 1\.1\.0, .* it stays in use, since no better one/;

type Change = readonly [how: string, change: (path: string, host: Host) => void];

const linked: Change = ["has a second name", (path, host) => linkSync(path, host.at("second"))];
const open: Change = ["its group may write", (path) => chmodSync(path, 0o464)];
const foreign: Change = ["belongs to another user", (path) => chownSync(path, 65534, 0)];
const openToOthers = isRoot ? [open, foreign] : [open];
const all = [linked, ...openToOthers];

/** A host that uses 1.1.0, which others could change. The origin is gone, and is to be published anew if it is wanted. */
function exposedHost(change = open[1]): Host {
  const host = createHost();
  host.configure();
  host.install({ published: [one, two], latest: two });
  change(host.path(`store/${two.digest}`), host);
  rmSync(host.originDirectory, { recursive: true });
  return host;
}

/** As {@link stateOf}, with 1.1.0 as its group may write it. */
function exposedState(contents: Contents) {
  return { ...stateOf(contents), [`store/${two.digest}`]: `464 ${two.content}` };
}

for (const program of programs) {
  describe.concurrent(program.name, () => {
    test.each(all)(
      "FET-102: without the origin a unit starts from an image that %s",
      async (_, change) => {
        using host = exposedHost(change);
        const before = host.snapshot();
        for (const words of [["--init"], ["--init", "--no-verify"], ["--init", "--dry-run"]]) {
          const { status, stderr } = await program.run(["fetch", ...words, host.file]);
          expect([words, status]).toEqual([words, 0]);
          expect(stderr).toMatch(warning);
          // For a second name nobody is even asked.
          const missing = `warning: ${host.originDirectory}/manifest: cannot read it`;
          expect(stderr.includes(missing)).toBe(change !== linked[1]);
        }
        expect((await program.run(["fetch", host.file])).status).toBe(69);
        expect(host.snapshot()).toEqual(before);
      },
    );

    test.each(all)("FET-26, FET-102: one that %s does not come into use", async (_, change) => {
      using host = exposedHost(change);
      rmSync(host.path("latest"));
      expect((await program.run(["fetch", "--init", host.file])).status).toBe(0);
      expect(host.state()["latest"]).toBe(`-> store/${one.digest}`);

      using alone = exposedHost(change);
      alone.configure({ Version: "1.1.*" });
      rmSync(alone.path("latest"));
      const { status, stderr } = await program.run(["fetch", "--init", alone.file]);
      expect([status, alone.state()["latest"]]).toEqual([69, undefined]);
      expect(stderr).not.toMatch(warning);
    });

    test("FET-54, FET-102: its digest is looked at, also with --no-verify", async () => {
      // What is written here keeps its mode, and would not keep a second name.
      using host = exposedHost();
      host.replace(`store/${two.digest}`, "x".repeat(two.content.length));
      const { status } = await program.run(["fetch", "--init", "--no-verify", host.file]);
      expect(status).toBe(69);
    });

    test("FET-101: where an image cannot be had, a unit starts from the one in use", async () => {
      for (const published of [
        [one, two],
        [one, two, image("1.2.0")],
      ]) {
        using host = exposedHost();
        host.publish(...published);
        for (const { digest } of published) rmSync(join(host.originDirectory, "store", digest));
        const init = await program.run(["fetch", "--init", host.file]);
        expect(init.status).toBe(0);
        expect(init.stderr).toMatch(warning);
        expect(init.stderr).toMatch(/warning: \/.*: cannot read it: no such file/);
        expect((await program.run(["fetch", host.file])).status).toBe(69);
        expect(host.state()).toEqual(exposedState({ published, store: [one, two], latest: two }));

        // Nothing else is activated.
        rmSync(host.path("latest"));
        expect((await program.run(["fetch", "--init", host.file])).status).toBe(69);
        expect(host.state()["latest"]).toBeUndefined();
      }
    });

    test("FET-101, FET-102: so it does by a manifest that came just now, from one with a second name", async () => {
      using host = exposedHost(linked[1]);
      host.install({ published: [one, two], signer: secondKey, store: [] });
      host.publish(one, two, image("1.2.0"));
      rmSync(join(host.originDirectory, "store"), { recursive: true });
      const { status, stderr } = await program.run(["fetch", "--init", host.file]);
      expect([status, stderr]).toEqual([0, expect.stringMatching(warning)]);
      const published = [one, two, image("1.2.0")];
      expect(host.state()).toEqual(stateOf({ published, store: [one, two], latest: two }));
    });

    test("FET-101: nor can an answer that is not authentic keep a unit from it", async () => {
      const forged = { ...two, content: "x".repeat(two.content.length) };
      const answers: readonly [why: string, publish: (origin: string) => void][] = [
        ["the manifest is not signed by", (origin) => publishTo(origin, [one, two], secondKey)],
        ["the manifest is not a contin", (origin) => publishTo(origin, [one, image("1.2.0")])],
        ["has a newer format", (origin) => publishManifest(origin, "Tako Manifest 2\n")],
        ["has a wrong SHA-256", (origin) => publishTo(origin, [one, forged])],
      ];
      for (const [why, publish] of answers) {
        using host = exposedHost();
        publish(host.originDirectory);
        const { status, stderr } = await program.run(["fetch", "--init", host.file]);
        expect([why, status]).toEqual([why, 0]);
        expect(stderr).toMatch(new RegExp(`warning: [^ ]+/(manifest|store/).* ${why}`));
        expect(stderr).toMatch(warning);
        expect((await program.run(["fetch", host.file])).status).toBe(65);
        expect(host.state()).toEqual(exposedState({ published: [one, two], latest: two }));
      }
    });

    test("FET-102: while another run has the lock, a unit starts from it, and nobody is waited for or asked", async () => {
      using host = exposedHost();
      await using origin = pausingOrigin(one, two);
      origin.goOn();
      host.configure({ Origin: origin.url });
      await using lock = Bun.spawn(["flock", "--no-fork", host.path(".lock"), "sleep", "60"]);
      while (Bun.spawnSync(["flock", "-n", host.path(".lock"), "true"]).success)
        await Bun.sleep(10);
      const { status, stderr } = await program.run(["fetch", "--init", host.file]);
      expect(status).toBe(0);
      expect(stderr).toMatch(warning);
      expect(origin.asked).toEqual([]);
      lock.kill();
      await lock.exited;
    });

    test("FET-103: after damage an older image that is allowed lets a unit start without the origin", async () => {
      using host = createHost();
      host.publish(one, two);
      host.install({ published: [one, two], latest: two });
      host.replace(`store/${two.digest}`, "x".repeat(two.content.length));
      rmSync(join(host.originDirectory, "store", two.digest));
      expect((await program.run(["fetch", host.file])).status).toBe(69);
      expect(host.state()).toEqual(stateOf({ published: [one, two], store: [one] }));

      rmSync(host.originDirectory, { recursive: true });
      host.configure({ Version: "1.1.*" });
      expect((await program.run(["fetch", "--init", host.file])).status).toBe(69);
      host.configure({ Version: "*" });
      expect((await program.run(["fetch", "--init", host.file])).status).toBe(0);
      expect(host.state()["latest"]).toBe(`-> store/${one.digest}`);
    });
  });
}
