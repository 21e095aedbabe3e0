// --init: at the start of the unit that uses the image, most often without asking anybody.

import { describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { createHost, type Host, stateOf } from "../support/host.ts";
import { type Program, programs } from "../support/program.ts";
import { entry, image, manifestOf, secondKey, write } from "../support/publishing.ts";
import { fakeSystemctl } from "./systemctl.ts";

const [one, two] = [image("1.0.0"), image("1.1.0")];

/** A host with 1.0.0 in use, to which 1.1.0 is offered. */
function hostInUse(): Host {
  const host = createHost();
  host.publish(one, two);
  host.install({ published: [one], latest: one });
  host.configure({ Restart: "app.service" });
  return host;
}

/** Runs with --init, and expects that systemctl is never called (FET-82). */
async function init(program: Program, host: Host, ...options: string[]) {
  const systemctl = fakeSystemctl();
  try {
    const words = ["fetch", "--init", ...options, host.file];
    const outcome = await program.run(words, { env: systemctl.env });
    expect(systemctl.calls()).toEqual([]);
    return outcome;
  } finally {
    systemctl.remove();
  }
}

/** Another run that has the lock, until it is ended. */
function lockHolder(directory: string) {
  const child = Bun.spawn(
    ["flock", "--no-fork", join(directory, ".lock"), "sh", "-c", "echo locked; exec sleep 60"],
    {
      stdout: "pipe",
    },
  );
  return {
    ready: async () => expect((await child.stdout.getReader().read()).done).toBe(false),
    async end() {
      child.kill();
      await child.exited;
    },
  };
}

for (const program of programs) {
  describe.concurrent(program.name, () => {
    test.each([
      ["nothing owed", {}],
      ["a restart owed", { ".owed": `${one.digest}\n` }],
      [
        "what a killed run left",
        { ".manifest.new": "x", ".owed.new": "x", [`store/${two.digest}.partial`]: "x" },
      ],
    ])(
      "FET-80, FET-82: an image in use that is allowed and holds is enough, under another run's lock and without an origin; %s",
      async (_, files) => {
        await using host = hostInUse();
        host.install({ store: [], files });
        rmSync(host.originDirectory, { recursive: true });
        const holder = lockHolder(host.destination);
        await holder.ready();
        const before = host.everything();
        const { status, stdout, stderr } = await init(program, host);
        await holder.end();
        expect([status, stdout, stderr]).toEqual([0, `${host.file}: 1.0.0 is current\n`, ""]);
        expect(host.everything()).toEqual(before);
      },
    );

    test("FET-80: the digest must hold, or with --no-verify the size", async () => {
      await using host = hostInUse();
      rmSync(join(host.originDirectory, "manifest"));
      host.replace(`store/${one.digest}`, one.content.toUpperCase());
      const before = host.everything();
      expect((await init(program, host, "--no-verify")).status).toBe(0);
      expect(host.everything()).toEqual(before);
      // Else the run goes on, and meets the origin.
      const whole = host.snapshot();
      expect((await init(program, host)).status).toBe(69);
      expect(host.snapshot()).toEqual(whole);
      host.replace(`store/${one.digest}`, one.content.slice(1));
      expect((await init(program, host, "--no-verify")).status).toBe(69);
    });

    test("FET-81, FET-83: a pattern that the image in use does not match is an update; its restart is left to the next run", async () => {
      await using host = hostInUse();
      host.configure({ Restart: "app.service", Version: "1.1.*" });
      const { status, stdout } = await init(program, host);
      expect([status, stdout]).toEqual([0, `${host.file}: updated to 1.1.0\n`]);
      const owed = { ".owed": `${two.digest}\n` };
      expect(host.state()).toEqual(stateOf({ published: [one, two], latest: two, files: owed }));

      // Nothing that --init finds in order calls systemctl, and the next run without it does.
      expect((await init(program, host)).status).toBe(0);
      const systemctl = fakeSystemctl();
      expect((await program.run(["fetch", host.file], { env: systemctl.env })).status).toBe(0);
      expect(systemctl.orders()).toEqual(["restart -- app.service"]);
      systemctl.remove();
      expect(host.state()).toEqual(stateOf({ published: [one, two], latest: two }));
    });

    test("FET-83: the first install by --init leaves no restart owed", async () => {
      await using host = hostInUse();
      rmSync(host.path("latest"));
      rmSync(host.path("manifest"));
      const { status, stdout } = await init(program, host);
      expect([status, stdout]).toEqual([0, `${host.file}: updated to 1.1.0\n`]);
      expect(host.state()).toEqual(stateOf({ published: [one, two], latest: two }));
    });

    test("FET-55, FET-83: an image in use that --init repairs is left owed", async () => {
      await using host = hostInUse();
      host.publish(one);
      host.replace(`store/${one.digest}`, "damaged");
      expect((await init(program, host)).status).toBe(0);
      expect(host.state()).toEqual(
        stateOf({ published: [one], latest: one, files: { ".owed": `${one.digest}\n` } }),
      );
    });

    test("FET-42: with --init no match is an error, status 1", async () => {
      await using host = hostInUse();
      host.configure({ Version: "7.*" });
      const { status, stdout, stderr } = await init(program, host);
      expect([status, stdout]).toEqual([1, ""]);
      expect(stderr).toEndWith(
        `tako: ${host.file}: no version matches "7.*"; the newest on offer are 1.1.0, 1.0.0\n`,
      );
      expect(host.state()).toEqual(stateOf({ published: [one, two], store: [one], latest: one }));
    });

    test("FET-84: a local manifest that no key of the config signed is not enough", async () => {
      await using host = hostInUse();
      host.configure({ PublicKey: secondKey.public });
      const before = host.snapshot();
      const refused = await init(program, host);
      expect(refused.status).toBe(65);
      expect(host.snapshot()).toEqual(before);

      write(join(host.originDirectory, "manifest"), manifestOf([one, two], secondKey));
      expect((await init(program, host)).status).toBe(0);
      expect(host.state()).toEqual(
        stateOf({ published: [one, two], signer: secondKey, latest: two }),
      );
    });

    test("FET-80, FET-31: nor is an image that is not in the manifest; the run that follows has its checks", async () => {
      await using host = hostInUse();
      const foreign = image("9.9", "foreign");
      host.install({ store: [foreign] });
      rmSync(host.path("latest"));
      host.install({ store: [], latest: foreign });
      write(join(host.originDirectory, "manifest"), manifestOf([two]));
      const before = host.snapshot();
      const { status, stderr } = await init(program, host);
      expect(status).toBe(65);
      expect(stderr).toContain(`"${entry(one)}" is missing`);
      expect(host.snapshot()).toEqual(before);
    });

    test("FET-81, DST-5, DST-27: what is wrong with the destination is told by the run that follows", async () => {
      await using host = hostInUse();
      write(host.path("manifest"), "damaged", 0o444);
      const before = host.snapshot();
      const { status, stderr } = await init(program, host);
      expect(status).toBe(74);
      expect(stderr).toContain("the local manifest is damaged");
      expect(host.snapshot()).toEqual(before);
    });
  });
}
