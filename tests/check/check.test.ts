// tako check on real files (spec/check.md); what a real systemd makes of units and sandboxes is in tests/systemd.

import { describe, expect, test } from "bun:test";
import { chmodSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { fakeSystemctl } from "../fetch/systemctl.ts";
import { createHost, emptyHost, type Host } from "../support/host.ts";
import { needs } from "../support/needs.ts";
import { type Program, programs } from "../support/program.ts";
import { image } from "../support/publishing.ts";
import { mountBy } from "../support/tmpfs.ts";

const strace = needs("strace");
const isRoot = process.getuid?.() === 0;

const check = (program: Program, host: Host, ...words: readonly string[]) =>
  checkWith("", program, host, ...words);

/** @param script what systemctl does before all else, in sh */
async function checkWith(
  script: string,
  program: Program,
  host: Host,
  ...words: readonly string[]
) {
  const systemctl = fakeSystemctl(script);
  const { env } = systemctl;
  const outcome = await program.run(["check", ...words], { cwd: host.folder, env });
  const calls = systemctl.calls();
  systemctl.remove();
  return { ...outcome, calls };
}

const schema = join(import.meta.dir, "../../docs/schema/check.json");
const isLine = new Ajv2020().compile(JSON.parse(readFileSync(schema, "utf8")));

for (const program of programs) {
  describe.concurrent(program.name, () => {
    test("CHK-1, CHK-2, CHK-4, CHK-5: a config that is as it was meant", async () => {
      using host = createHost();
      const before = host.snapshot();
      const run = await check(program, host, "app.tako");
      expect(run).toEqual({ status: 0, stdout: "app.tako: valid\n", stderr: "", calls: [] });
      const quiet = await check(program, host, "--quiet", "app.tako");
      expect(quiet).toEqual({ status: 0, stdout: "", stderr: "", calls: [] });
      expect(host.snapshot()).toEqual(before);
    });

    test("CHK-3, CHK-5: all problems of all files, by file and line, sorted for a directory", async () => {
      using host = createHost();
      host.write("b.tako", "Orign=x\n[Service]\n\nVersion=^1\nDestination=/srv/b\nRestart=no\n");
      host.write("c.tako", "\0");
      const { status, stdout, stderr } = await check(program, host, ".");
      expect(status).toBe(2);
      expect(stdout).toBe("app.tako: valid\n");
      expect(
        stderr
          .trimEnd()
          .split("\n")
          .map((line) => line.split(" ")[0]),
      ).toEqual(["b.tako:1:", "b.tako:2:", "b.tako:4:", "b.tako:6:", "b.tako:", "c.tako:"]);
      expect(stderr).toContain("did you mean Origin=?");
      expect(stderr).toContain("PublicKey= is missing");
    });

    test("CHK-1, CHK-3: a config that is not there, and a directory without one", async () => {
      using host = emptyHost();
      const { status, stderr } = await check(program, host, "gone.tako", ".");
      expect(status).toBe(2);
      expect(stderr).toContain("gone.tako");
      expect(stderr).toContain("there is no *.tako file");
    });

    test("CHK-3, CHK-4: two configs with one destination, and what else is doubtful of them", async () => {
      using host = createHost();
      host.config("b", { Destination: "./app", Version: "latest" });
      const { status, stdout, stderr } = await check(program, host, "app.tako", "b.tako");
      expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
      expect(stderr).toContain("app.tako:3: its destination ");
      expect(stderr).toContain("b.tako:3: its destination ./app is also that of app.tako");
      expect(stderr).toContain("b.tako:3: warning: a relative path");
      expect(stderr).toContain("b.tako:4: warning: Version=latest");
    });

    test("CHK-4, CHK-5, CHK-10 to CHK-20: warnings alone are status 0, in the order of the lines", async () => {
      using host = createHost();
      host.configure({
        Origin: "http://user:geheim@127.0.0.1/app",
        Version: "3.*",
        Restart: "app.service",
        OnRollback: "tell.service",
      });
      host.install({ published: [image("1.0.0"), image("2.0.0")], store: [] });
      const { status, stdout, stderr } = await check(program, host, "app.tako");
      expect({ status, stdout }).toEqual({ status: 0, stdout: "app.tako: valid, 3 warnings\n" });
      expect(stderr.trimEnd().split("\n")).toEqual([
        expect.stringContaining("app.tako:1: warning: user and password go over http:"),
        expect.stringContaining(
          "app.tako:4: warning: no version that this host knows matches; the newest of them: 2.0.0, 1.0.0",
        ),
        expect.stringContaining("app.tako:6: warning: without WatchSec="),
      ]);
      expect(stderr).not.toContain("geheim");
    });

    test("CHK-14: a destination that is missing, or a file", async () => {
      using host = createHost();
      rmSync(host.destination, { recursive: true });
      const missing = await check(program, host, "app.tako");
      expect(missing.status).toBe(0);
      expect(missing.stderr).toBe(
        `app.tako:3: warning: there is no ${host.destination}, and tako makes none\n`,
      );
      writeFileSync(host.destination, "");
      const file = await check(program, host, "app.tako");
      expect(file.stderr).toBe(`app.tako:3: warning: ${host.destination} is not a directory\n`);
    });

    test.skipIf(!isRoot)("CHK-15: a store on another file system", async () => {
      using host = createHost();
      host.install({ published: [], store: [] });
      const script = `mkdir -p "$0/store" && mount -t tmpfs tmpfs "$0/store" && echo mounted && exec sleep 60`;
      await using mounted = await mountBy(script, host.destination);
      expect(mounted.isMounted).toBe(true);
      host.configure({ Destination: mounted.path });
      const { status, stderr } = await check(program, host, "app.tako");
      expect(status).toBe(0);
      expect(stderr).toContain("app.tako:3: warning: store/ is on another file system");
    });

    test("CHK-18: where systemd does not answer, that is said once, and the rest is checked", async () => {
      using host = createHost();
      host.configure({ Restart: "app.service", Version: "latest" });
      host.config("b", { Restart: "b.service" });
      const run = await checkWith("exit 1", program, host, ".");
      expect(run.status).toBe(0);
      expect(run.stderr.split("systemd does not answer")).toHaveLength(2);
      expect(run.stderr).toContain("app.tako:4: warning: Version=latest");
    });

    test("CHK-19: a unit of two configs is told for both, by its line", async () => {
      using host = createHost();
      host.configure({ Restart: ["app.service", "web.service"] });
      host.config("b", { Reload: "web" });
      host.config("c", { OnUpdate: "app" });
      const { status, stderr } = await check(program, host, ".");
      expect(status).toBe(0);
      expect(stderr.trimEnd().split("\n")).toEqual([
        "app.tako:6: warning: web.service is also a unit of b.tako: both change together",
        "b.tako:5: warning: web.service is also a unit of app.tako: both change together",
      ]);
    });

    test.skipIf(!isRoot)("CHK-21: who else could change the config", async () => {
      using host = createHost();
      chmodSync(host.file, 0o666);
      const { status, stderr } = await check(program, host, "app.tako");
      expect(status).toBe(0);
      expect(stderr).toStartWith("app.tako: warning: it can be written by its group or by others");
    });

    test("CHK-30: each line is as the schema has it", async () => {
      using host = createHost();
      host.configure({ Version: "latest", Restart: "app.service" });
      host.write("b.tako", "Orign=x\nVersion=1\n");
      host.config("c", { Destination: "app" });
      const { status, stdout } = await checkWith("exit 1", program, host, "--json", ".");
      expect(status).toBe(2);
      const lines = stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line));
      for (const line of lines) {
        isLine(line);
        expect(isLine.errors).toBeNull();
      }
      expect(lines.map(({ event, config, valid }) => [event, config, valid])).toEqual([
        ["warning", undefined, undefined],
        ["result", "app.tako", false],
        ["result", "b.tako", false],
        ["result", "c.tako", false],
      ]);
      expect(lines[1].warnings[0]).toMatchObject({ line: 4, key: "Version", rule: "CHK-10" });
      expect(lines[2].errors[0]).toMatchObject({
        line: 1,
        key: "Orign",
        rule: "CFG-8",
        source: "b.tako",
      });
    });

    test.skipIf(strace.missing)("CHK-2: it makes no socket itself", async () => {
      using host = createHost();
      host.configure({ Origin: "https://images.example.com/app", Restart: "app.service" });
      const systemctl = fakeSystemctl();
      const log = host.at("calls");
      const trace = ["strace", "-f", "-qq", "-o", log, "-e", "trace=socket,connect,flock"];
      const words = [...trace, ...program.command(["check", host.file])];
      const { exitCode } = Bun.spawnSync(words, { env: { ...process.env, ...systemctl.env } });
      systemctl.remove();
      expect(exitCode).toBe(0);
      const lines = readFileSync(log, "utf8").split("\n");
      expect(lines.filter((line) => /socket\(|connect\(|flock/.test(line))).toEqual([]);
    });
  });
}
