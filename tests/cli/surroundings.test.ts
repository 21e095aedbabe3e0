// What must not steer the program: files of the working directory, and the tree it was built from.

import { describe, expect, test } from "bun:test";
import { copyFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import { needs } from "../support/needs.ts";
import { environment, programs } from "../support/program.ts";
import { Host, key } from "./host.ts";

const root = join(import.meta.dir, "../..");
const strace = needs("strace");

for (const program of programs) {
  describe(program.name, () => {
    test("PUB-1: a .env of the working directory gives no key", async () => {
      using host = await Host.create();
      host.write(".env", `TAKO_SECRET_KEY=${key.secret}\n`);
      host.write("image", "bytes");
      const args = ["store", "-o", "origin", "image", "1"];
      const { status, stdout } = await program.run(args, { cwd: host.folder });
      expect([status, stdout]).toEqual([2, ""]);
    });

    test("CLI-12: a bunfig.toml of the working directory runs nothing", async () => {
      using host = await Host.create();
      host.write("bunfig.toml", 'preload = ["./preload.ts"]\n');
      host.write("preload.ts", 'await Bun.write("ran", "");\n');
      expect((await program.run(["--version"], { cwd: host.folder })).status).toBe(0);
      expect(existsSync(host.path("ran"))).toBe(false);
    });
  });
}

test.skipIf(strace.missing)("the binary opens nothing of the source tree", async () => {
  using host = await Host.create();
  host.publish(["1", "bytes"]);
  const binary = host.path("tako");
  copyFileSync(join(root, "dist/tako"), binary);
  const log = host.path("log");
  const traced = ["strace", "-f", "-o", log, "-e", "trace=%file", binary];
  for (const args of [["--help"], ["fetch", host.config("app")], ["gen-key"], ["fetsh"]]) {
    const child = Bun.spawn([...traced, ...args], {
      cwd: host.folder,
      env: environment(),
      stdio: ["ignore", "ignore", "ignore"],
    });
    expect(await child.exited).toBe(args[0] === "fetsh" ? 2 : 0);
    const calls = host.read("log");
    expect(calls).toContain(binary);
    expect(calls).not.toContain(`${root}/`);
  }
});
