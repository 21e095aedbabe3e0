// The table of exit statuses (CLI-40 to CLI-44), each kind of error by a real failure.

import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { worst } from "../../src/cli/exit-status.ts";
import { emptyHost, type Host } from "../support/host.ts";
import { environment, exitStatus, programs, whileRunning } from "../support/program.ts";
import { key, secondKey, sha256sum } from "../support/publishing.ts";

/** What makes a config called `app` end with this status, for this kind of error. */
const failures: Record<string, [status: number, prepare: (host: Host) => void]> = {
  config: [2, (host) => host.config("app", { Origin: "gopher://example.com" })],
  version: [2, (host) => host.config("app", { Version: "1..*.2" })],
  key: [2, (host) => host.config("app", { PublicKey: key.public.slice(1) })],
  manifest: [
    65,
    (host) => writeFileSync(join(host.originDirectory, "manifest"), "<html>Moved</html>\n"),
  ],
  "newer-format": [
    65,
    (host) => writeFileSync(join(host.originDirectory, "manifest"), "Tako Manifest 2\n"),
  ],
  signature: [65, (host) => host.config("app", { PublicKey: secondKey.public })],
  history: [65, (host) => host.publish(["2", "other bytes"])],
  digest: [
    65,
    (host) => {
      host.publish(["1", "bytes"], ["2", "newer"]);
      writeFileSync(join(host.originDirectory, "store", sha256sum("newer")), "never");
    },
  ],
  origin: [69, (host) => rmSync(host.originDirectory, { recursive: true })],
  storage: [74, (host) => rmSync(host.at("app"), { recursive: true })],
  unit: [
    70,
    (host) => {
      host.publish(["1", "bytes"], ["2", "newer"]);
      host.config("app", { Restart: "tako-test-of-no-such-unit.service" });
    },
  ],
};

for (const program of programs) {
  describe(program.name, () => {
    /** A host whose config `app` has been fetched once. */
    async function upToDate(): Promise<Host> {
      const host = emptyHost();
      host.publish(["1", "bytes"]);
      host.config("app");
      const { status, stderr } = await program.run(["fetch", "app.tako"], { cwd: host.folder });
      if (status !== 0) throw new Error(stderr);
      return host;
    }

    test("CLI-40, CLI-41: 0, the job is done or there was nothing to do", async () => {
      using host = await upToDate();
      expect(host.read("app", "latest")).toBe("bytes");
      const again = await program.run(["fetch", "app.tako"], { cwd: host.folder });
      expect(again).toEqual({ status: 0, stdout: "app.tako: 1 is current\n", stderr: "" });
    });

    test.each(Object.entries(failures))("CLI-40: kind %s", async (kind, [status, prepare]) => {
      using host = await upToDate();
      prepare(host);
      const ended = await program.run(["fetch", "--json", "app.tako"], { cwd: host.folder });
      const result = JSON.parse(ended.stdout.trimEnd().split("\n").at(-1) ?? "");
      expect(result.outcome).toBe("failed");
      // What is wrong in a config file is of kind config, whatever its value is.
      expect(result.errors[0].kind).toBe(status === 2 ? "config" : kind);
      expect(ended.status).toBe(status);
      // Only the failed restart came after the swap.
      expect(existsSync(host.at("app", "latest"))).toBe(kind !== "storage");
      if (status < 70) expect(host.read("app", "latest")).toBe("bytes");
    });

    test.each([
      ["failed", 1, ["image", "1"]],
      ["usage", 2, ["image"]],
      ["version", 2, ["image", "1*"]],
      ["key", 2, ["-k", "SECRET+AAAA", "image", "2"]],
      ["key", 2, ["--rotate-key", "AAAA"]],
      ["signature", 65, ["-k", secondKey.secret, "image", "2"]],
      ["storage", 74, ["no-such-image", "2"]],
    ] as const)("CLI-40: kind %s of store is %d", async (_kind, status, words) => {
      using host = emptyHost();
      host.publish(["1", "bytes"]);
      host.write("image", "other bytes");
      const env = { TAKO_SECRET_KEY: key.secret };
      const before = host.read("origin", "manifest");
      const args = ["store", "-o", "origin", ...words];
      const ended = await program.run(args, { cwd: host.folder, env });
      expect(ended.stderr).not.toBe("");
      expect([ended.status, ended.stdout]).toEqual([status, ""]);
      expect(host.read("origin", "manifest")).toBe(before);
    });

    test("CLI-43: of several configs the worst counts, and the others are done", async () => {
      using host = emptyHost();
      host.publish(["1", "bytes"]);
      host.config("good");
      host.config("wrong", { Version: "" });
      host.config("unsigned", { PublicKey: secondKey.public });
      host.config("absent", { Origin: `file://${host.folder}/nowhere` });
      const run = (...names: string[]) =>
        program.run(["fetch", ...names.map((name) => `${name}.tako`)], { cwd: host.folder });
      expect((await run("absent", "good")).status).toBe(69);
      expect((await run("good", "absent", "wrong")).status).toBe(2);
      const all = await run("absent", "wrong", "unsigned", "good");
      expect(all.status).toBe(65);
      expect(all.stdout).toBe("good.tako: 1 is current\n");
    });

    test.each(["SIGINT", "SIGTERM"] as const)("CLI-44: %s ends the program", async (signal) => {
      using host = emptyHost();
      host.publish(["1", "bytes"]);
      const child = Bun.spawn(program.command(["store", "-o", host.originDirectory, "-", "2"]), {
        env: environment({ TAKO_SECRET_KEY: key.secret }),
        stdin: "pipe",
        stderr: "pipe",
      });
      child.stdin.write("half an image");
      await child.stdin.flush();
      await whileRunning(child, () => existsSync(join(host.originDirectory, "store/.new")));
      const before = readFileSync(join(host.originDirectory, "manifest"));
      child.kill(signal);
      expect(await child.stderr.text()).toBe("");
      await child.exited;
      expect(child.signalCode).toBe(signal);
      expect(exitStatus(child)).toBe(signal === "SIGINT" ? 130 : 143);
      expect(readFileSync(join(host.originDirectory, "manifest"))).toEqual(before);
    });
  });
}

test("CLI-43: from worst to best, 65, 70, 74, 1, 75, 2, 69, 0", () => {
  const order = [65, 70, 74, 1, 75, 2, 69, 0];
  for (const [place, status] of order.entries()) {
    expect(worst(order.slice(place))).toBe(status);
    expect(worst(order.slice(place).toReversed())).toBe(status);
  }
  expect(worst([])).toBe(0);
});
