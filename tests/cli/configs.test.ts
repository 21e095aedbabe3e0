// How configs are named on the command line, and what is said about those that cannot be read.

import { describe, expect, test } from "bun:test";
import { symlinkSync } from "node:fs";
import { emptyHost } from "../support/host.ts";
import { programs } from "../support/program.ts";

for (const program of programs) {
  describe(program.name, () => {
    test("FET-11: a config that is given twice, also by its directory, runs once", async () => {
      using host = emptyHost();
      host.publish(["1", "bytes"]);
      host.config("app");
      const app = host.at("app.tako");
      const { status, stdout } = await program.run(["fetch", app, host.folder, app]);
      expect([status, stdout]).toEqual([0, `${app}: updated to 1\n`]);
    });

    test("FET-6: the error of a shared destination says that it stays as it was", async () => {
      using host = emptyHost();
      host.publish(["1", "bytes"]);
      host.config("one");
      host.config("two", { Destination: host.at("one") });
      const words = ["fetch", "one.tako", "two.tako"];
      const { status, stderr } = await program.run(words, { cwd: host.folder });
      expect(stderr.split("  Neither of them is touched.\n")).toHaveLength(3);
      expect(status).toBe(2);
    });

    test("CFG-10: a key that is missing is told with what its value looks like", async () => {
      using host = emptyHost();
      host.write("app.tako", "");
      const { stderr } = await program.run(["fetch", "app.tako"], { cwd: host.folder });
      expect(stderr).toBe(
        "app.tako: Origin= is missing: expected a URL such as https://images.example.com/app\n" +
          "app.tako: PublicKey= is missing: expected a public key of 44 characters\n" +
          "app.tako: Destination= is missing: expected a directory\n" +
          "app.tako: Version= is missing: expected a version pattern such as 1.*\n",
      );
    });

    test("FET-12: a config that is missing is named by its absolute path", async () => {
      using host = emptyHost();
      symlinkSync("nowhere", host.at("link.tako"));
      for (const name of ["missing.tako", "link.tako"]) {
        const { status, stderr } = await program.run(["fetch", name], { cwd: host.folder });
        expect(stderr).toBe(
          `tako: ${name}: cannot read it: no such file or directory\n` +
            `  Looked for ${host.at(name)}.\n`,
        );
        expect(status).toBe(2);
      }
    });
  });
}
