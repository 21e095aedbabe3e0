// Files in the destination that somebody else can still change, and repairs that go wrong: nothing may
// start from bytes that are not verified.

import { describe, expect, test } from "bun:test";
import { chownSync, linkSync, lstatSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { createHost, stateOf } from "../support/host.ts";
import { programs } from "../support/program.ts";
import { image, write } from "../support/publishing.ts";

const isRoot = process.getuid?.() === 0;
const [one, two] = [image("1.0.0"), image("1.1.0")];

for (const program of programs) {
  describe(program.name, () => {
    test("FET-67: a partial with another name is not continued, and the other name stays as it was", async () => {
      await using host = createHost();
      host.publish(one);
      const victim = `${host.folder}/victim`;
      write(victim, one.content.slice(0, 5));
      mkdirSync(host.path("store"));
      linkSync(victim, host.path(`store/${one.digest}.partial`));
      expect((await program.run(["fetch", host.file])).status).toBe(0);
      expect(readFileSync(victim, "utf8")).toBe(one.content.slice(0, 5));
      expect(statSync(victim).mode & 0o777).toBe(0o644);
      expect(statSync(host.path("latest")).ino).not.toBe(statSync(victim).ino);
    });

    test.if(isRoot)("FET-67: a partial of another user is not continued", async () => {
      await using host = createHost();
      host.publish(one);
      const partial = host.path(`store/${one.digest}.partial`);
      write(partial, one.content.slice(0, 5));
      chownSync(partial, 65534, 65534);
      expect((await program.run(["fetch", host.file])).status).toBe(0);
      expect(statSync(host.path("latest")).uid).toBe(0);
    });

    test.if(isRoot)("DST-33: a store that others can write gets a warning", async () => {
      await using host = createHost();
      host.publish(one);
      mkdirSync(host.path("store"), { mode: 0o755 });
      chownSync(host.path("store"), 65534, 65534);
      const { status, stderr } = await program.run(["fetch", host.file]);
      expect(status).toBe(0);
      expect(stderr).toContain(`${host.path("store")} belongs to another user (uid 65534)`);
    });

    test.each([
      [".owed", []],
      [".owed", ["--init"]],
      [".good", []],
      [".good", ["--init"]],
    ])(
      "FET-56: a damaged image goes also when it cannot be told what its repair owes: %s is no file; %p",
      async (record, options) => {
        await using host = createHost();
        host.publish(one);
        host.configure({ Restart: "app.service", WatchSec: "1" });
        host.install({ published: [one], latest: one });
        write(host.path(`store/${one.digest}`), `D${one.content.slice(1)}`, 0o444);
        mkdirSync(host.path(record));
        const { status, stderr } = await program.run(["fetch", ...options, host.file]);
        expect(status).toBe(74);
        expect(stderr).toContain("the image of 1.0.0 is damaged");
        expect(stderr.split(`${host.path(record)}: it is not a regular file`)).toHaveLength(2);
        expect(lstatSync(host.path("latest"), { throwIfNoEntry: false })).toBeUndefined();
        expect(
          lstatSync(host.path(`store/${one.digest}`), { throwIfNoEntry: false }),
        ).toBeUndefined();
      },
    );

    test("DST-15: a restart stays owed while the config names no unit", async () => {
      await using host = createHost();
      host.publish(one, two);
      host.configure({ Version: "1.0.0" });
      host.install({ published: [one, two], latest: one, files: { ".owed": `${one.digest}\n` } });
      expect((await program.run(["fetch", host.file])).status).toBe(0);
      expect(host.state()).toEqual(
        stateOf({ published: [one, two], latest: one, files: { ".owed": `${one.digest}\n` } }),
      );
    });
  });
}
