// Two runs on one destination, and runs that are killed.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { createHost, stateOf } from "../support/host.ts";
import { needs } from "../support/needs.ts";
import { environment, programs } from "../support/program.ts";
import { image, manifestOf, sha256sum } from "../support/publishing.ts";
import { Site } from "./site.ts";
import { pausingOrigin } from "./slow-origins.ts";

const nginx = needs("nginx");
const strace = needs("strace");
const [one, two] = [image("1.0.0"), image("1.1.0")];

let site: Site;
beforeAll(async () => {
  if (!nginx.missing) site = await Site.start();
});
afterAll(() => site?.stop());

for (const program of programs) {
  describe.skipIf(nginx.missing).concurrent(program.name, () => {
    const start = (...words: string[]) =>
      Bun.spawn(program.command(["fetch", ...words]), {
        env: environment(),
        stdout: "pipe",
        stderr: "pipe",
      });

    test("DST-37: a run whose lock was removed puts nothing into place any more", async () => {
      await using host = createHost();
      await using origin = pausingOrigin(one, two);
      host.configure({ Origin: origin.url });
      host.install({ published: [one], latest: one });
      const run = start(host.file);
      await origin.isPaused;
      rmSync(host.path(".lock"));
      origin.goOn();
      expect(await run.exited).toBe(74);
      expect(await run.stderr.text()).toContain(".lock: the lock was removed while it was held");
      const { latest, [`store/${two.digest}`]: kept } = host.state();
      expect([latest, kept]).toEqual([
        stateOf({ published: [one], latest: one })["latest"],
        undefined,
      ]);
    });

    test("DST-37: a run whose lock was removed takes no record away", async () => {
      await using host = createHost();
      using server = Bun.serve({
        port: 0,
        hostname: "127.0.0.1",
        fetch() {
          rmSync(host.path(".lock"));
          // Without an ETag, the one on record is to go (DST-54).
          return new Response(manifestOf([one]));
        },
      });
      const url = `http://127.0.0.1:${server.port}`;
      const files = { ".etag": `${url}/manifest\n"old"\n${sha256sum(manifestOf([one]))}\n` };
      host.configure({ Origin: url });
      host.install({ published: [one], latest: one, files });
      const run = start(host.file);
      expect(await run.exited).toBe(74);
      expect(await run.stderr.text()).toContain(".lock: the lock was removed while it was held");
      expect(host.state()).toEqual(stateOf({ published: [one], latest: one, files }));
    });

    test("DST-16, DST-42, FET-14: the second run waits for the first, says so once, and then has nothing to do", async () => {
      await using host = createHost();
      await using origin = pausingOrigin(one, two);
      host.configure({ Origin: origin.url });
      host.install({ published: [one], latest: one });
      const first = start(host.file);
      await origin.isPaused;
      const second = start(host.file);
      const messages = second.stderr.pipeThrough(new TextDecoderStream()).getReader();
      const { value: told } = await messages.read();
      expect(told).toBe(
        `tako: ${host.file}: waiting for another run that has locked ${host.destination}\n`,
      );
      // It has asked for nothing.
      expect(origin.asked).toEqual(["manifest", `store/${two.digest}`]);
      origin.goOn();
      expect(await first.stdout.text()).toBe(`${host.file}: updated to 1.1.0\n`);
      expect(await second.stdout.text()).toBe(`${host.file}: 1.1.0 is current\n`);
      expect([await first.exited, await second.exited]).toEqual([0, 0]);
      expect((await messages.read()).done).toBe(true);
      expect(origin.asked).toEqual(["manifest", `store/${two.digest}`, "manifest"]);
      expect(host.state()).toEqual(stateOf({ published: [one, two], latest: two }));
    });

    test("FET-15, FET-109: a config that waits for the lock keeps no other from its work, also with --jobs 1; results come in order", async () => {
      await using host = createHost();
      host.publish(one);
      host.config("another");
      const held = ["flock", host.path(".lock"), "sh", "-c", "echo locked; read told"];
      const holder = Bun.spawn(held, { stdin: "pipe", stdout: "pipe" });
      await holder.stdout.getReader().read();
      const child = start("--jobs", "1", host.file, host.at("another.tako"));
      const messages = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
      let told = "";
      while (!told.includes("another.tako: activated 1.0.0"))
        told += (await messages.read()).value ?? expect.unreachable(told);
      expect(told).not.toContain(`${host.file}: activated`);
      await holder.stdin.end();
      expect(await child.stdout.text()).toBe(
        `${host.file}: updated to 1.0.0\n${host.at("another.tako")}: updated to 1.0.0\n`,
      );
      expect(await child.exited).toBe(0);
    }, 20_000);

    test("DST-47: a run that is killed leaves no lock behind", async () => {
      await using host = createHost();
      await using origin = pausingOrigin(one, two);
      host.configure({ Origin: origin.url });
      const first = start(host.file);
      await origin.isPaused;
      first.kill("SIGKILL");
      await first.exited;
      origin.goOn();
      const { status, stderr } = await program.run(["fetch", host.file]);
      expect(status).toBe(0);
      expect(stderr).not.toContain("waiting");
      expect(host.state()).toEqual(stateOf({ published: [one, two], store: [two], latest: two }));
    });

    test.skipIf(strace.missing)(
      "DST-43: a lock that cannot be had is status 74, and nothing goes on without it",
      async () => {
        await using host = createHost();
        host.publish(one);
        const before = host.snapshot();
        const fault = ["-e", "trace=flock", "-e", "inject=flock:error=ENOLCK"];
        const command = ["strace", "-f", "-qq", "-o", "/dev/null", ...fault];
        const child = Bun.spawn([...command, ...program.command(["fetch", host.file])], {
          stdout: "ignore",
          stderr: "pipe",
        });
        expect(await child.stderr.text()).toContain(`${host.path(".lock")}: cannot lock it: `);
        expect(await child.exited).toBe(74);
        expect(host.snapshot()).toEqual(before);
      },
    );

    test("DST-16: many runs at once all end well, and one of them fetches", async () => {
      await using host = createHost();
      const origin = site.origin(one, two);
      host.configure({ Origin: origin.url });
      const children = Array.from({ length: 5 }, () => start(host.file));
      const outputs = await Promise.all(children.map(({ stdout }) => stdout.text()));
      expect(await Promise.all(children.map(({ exited }) => exited))).toEqual([0, 0, 0, 0, 0]);
      expect(outputs.toSorted()).toEqual([
        ...Array(4).fill(`${host.file}: 1.1.0 is current\n`),
        `${host.file}: updated to 1.1.0\n`,
      ]);
      expect(await origin.asked()).toEqual([
        "manifest 200",
        `store/${two.digest} 200`,
        ...Array(4).fill("manifest 304"),
      ]);
    });
  });
}
