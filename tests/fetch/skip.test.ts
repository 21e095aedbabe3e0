// `Skip=` in a config, by the program (FET-113, FET-114): what comes into use, and what is told.

import { describe, expect, test } from "bun:test";
import { createHost, stateOf } from "../support/host.ts";
import { programs } from "../support/program.ts";
import { image } from "../support/publishing.ts";

const [one, two, three] = [image("1.0.0"), image("1.1.0"), image("1.2.0")];

for (const program of programs) {
  describe.concurrent(program.name, () => {
    test("FET-113, FET-114: the newest of the others, also back from one that is in use, and it is told", async () => {
      using host = createHost();
      host.publish(one, two, three);
      host.install({ published: [one, two, three], store: [three], latest: three });
      host.configure({ Skip: "1.2" });
      const moved = await program.run(["fetch", host.file]);
      expect([moved.status, moved.stdout]).toEqual([0, `${host.file}: updated to 1.1.0\n`]);
      expect(host.state()["latest"]).toBe(`-> store/${two.digest}`);
      const next = await program.run(["fetch", host.file]);
      expect(next).toEqual({
        status: 0,
        stdout: `${host.file}: stays on 1.1.0, for Skip= names 1.2.0\n`,
        stderr: "",
      });
      const json = await program.run(["fetch", "--json", host.file]);
      expect(JSON.parse(json.stdout.trim().split("\n").at(-1) ?? "")).toEqual({
        event: "result",
        config: host.file,
        outcome: "skipped",
        version: "1.1.0",
        sha256: two.digest,
        refused: "1.2.0",
        reason: "Skip= names it",
      });
    });

    test("FET-113: a unit does not start from a skipped version", async () => {
      using host = createHost();
      host.publish(one, two);
      host.install({ published: [one, two], latest: two });
      host.configure({ Skip: "1.1.0" });
      const { status } = await program.run(["fetch", "--init", host.file]);
      expect(status).toBe(0);
      expect(host.state()).toEqual(stateOf({ published: [one, two], latest: one }));
    });

    test("FET-113: where nothing else matches, that is told", async () => {
      using host = createHost();
      host.publish(one);
      host.configure({ Skip: "1.0.0" });
      const { status, stderr } = await program.run(["fetch", host.file]);
      expect(status).toBe(0);
      expect(stderr).toContain(
        'no version matches "*", those of Skip= aside; the newest on offer is 1.0.0\n',
      );
    });

    test("FET-113: rollback by name takes one with a warning", async () => {
      using host = createHost();
      host.publish(one, two);
      host.install({ published: [one, two], latest: two });
      host.configure({ Skip: "1.0.0" });
      const unnamed = await program.run(["rollback", host.file]);
      expect(unnamed.status).toBe(1);
      const { status, stderr } = await program.run(["rollback", host.file, "1.0.0"]);
      expect(status).toBe(0);
      expect(stderr).toContain("warning: Skip= does not allow 1.0.0: it is in use as long as");
    });
  });
}
