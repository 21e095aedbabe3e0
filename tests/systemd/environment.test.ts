// What docs/hosts.md says about the environment, on a machine of its own: the units that ship and the guide's
// rule for sudo, word for word, keep variables away that would make the runtime load other code, and without
// them these variables do. Tako cannot guard against them itself: the other code runs first.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { needs } from "../support/needs.ts";
import { programs } from "../support/program.ts";
import { image, key, manifestOf } from "../support/publishing.ts";
import { type Machine, startMachine } from "./machine.ts";
import { settingsOf, shipped, unitPaths } from "./shipped.ts";

const systemd = needs("systemd", "sudo");
const root = join(import.meta.dir, "../..");
const guide = readFileSync(join(root, "docs/hosts.md"), "utf8");

/** The lines of the guide's file, which begins with a comment that is its path. */
function fileInGuide(path: string): string {
  const lines = guide.split("\n");
  const start = lines.indexOf(`    # ${path}`);
  const length = lines
    .slice(start)
    .findIndex((line, index) => index > 0 && /^( {4}# \/|[^ ])/.test(line));
  expect([start, length]).not.toContain(-1);
  const block = lines.slice(start, start + length);
  return `${block.map((line) => line.slice(4)).join("\n")}\n`;
}

const runsTako = (setting: string) =>
  /^Exec\w+=\+?(tako|\/usr\/local\/bin\/\.tako\.new) /.test(setting);

const RAN = "/var/lib/images/ran";
const VARIABLES = {
  BUN_OPTIONS: "--preload=/opt/other.js",
  BUN_INSPECT_PRELOAD: "/opt/other.js",
};
/** With these the runtime writes to a file of theirs. */
const WRITING = { BUN_BYTECODE_DIGEST_OUT: RAN, BUN_BYTECODE_ORDER_OUT: RAN };
const assignmentsOf = (variables: Readonly<Record<string, string>>) =>
  Object.entries(variables).map(([name, value]) => `${name}=${value}`);
const assignments = assignmentsOf(VARIABLES);

describe.skipIf(systemd.missing)("docs/hosts.md, the binary", () => {
  let machine: Machine;
  beforeAll(async () => {
    // It is built when it is too old.
    expect(programs[1]?.name).toBe("binary");
    machine = await startMachine({ binary: join(root, "dist/tako") });
    await machine.write("/opt/other.js", `require("node:fs").writeFileSync("${RAN}", "");\n`);
    const config = [
      "Origin=file:///srv/origin",
      `PublicKey=${key.public}`,
      "Destination=/var/lib/images/app",
      "Version=*",
    ];
    const script = image("1", "exec sleep infinity\n");
    await machine.write("/srv/origin/manifest", manifestOf([script]));
    await machine.write(`/srv/origin/store/${script.digest}`, script.content);
    await machine.write("/etc/tako/app.tako", `${config.join("\n")}\n`);
    await machine.must("install", "-d", "-m", "0755", "/var/lib/images", "/var/lib/images/app");
    await machine.must("useradd", "app");
  }, 120_000);
  afterAll(() => machine?.stop());

  /** Whether the other code ran since the last question. */
  function ran(): boolean {
    const path = machine.path(RAN);
    const result = existsSync(path);
    rmSync(path, { force: true });
    return result;
  }

  const units = {
    "tako-fetch": shipped("tako-fetch.service"),
    app: shipped("examples/app.service"),
  };
  for (const [name, unit] of Object.entries(units)) {
    test(`ORG-12: ${name}.service lets no variable of the system's manager load other code`, async () => {
      const guards = unit.split("\n").filter((line) => line.startsWith("UnsetEnvironment="));
      expect(guards).toHaveLength(4);
      const bare = unit.split("\n").filter((line) => !guards.includes(line));
      await machine.write(`/etc/systemd/system/${name}.service`, unit);
      await machine.write(`/etc/systemd/system/bare-${name}.service`, bare.join("\n"));
      await machine.must("systemctl", "daemon-reload");
      for (const variables of [VARIABLES, WRITING]) {
        const names = Object.keys(variables);
        for (const variable of names)
          expect(guards.join("\n")).toMatch(new RegExp(`[= ]${variable}\\b`));
        await machine.must("systemctl", "set-environment", ...assignmentsOf(variables));
        await machine.must("systemctl", "restart", `${name}.service`);
        expect([names, ran()]).toEqual([names, false]);
        // The fault that it guards against is there.
        await machine.must("systemctl", "restart", `bare-${name}.service`);
        expect([names, ran()]).toEqual([names, true]);
        await machine.must("systemctl", "unset-environment", ...names);
      }
    });
  }

  test("ORG-12: every unit that runs tako has the same guards", () => {
    const running = unitPaths.map(settingsOf).filter((settings) => settings.some(runsTako));
    const guards = running.map((settings) =>
      settings.filter((line) => line.startsWith("UnsetEnvironment=")).join("\n"),
    );
    expect([guards.length, new Set(guards).size]).toEqual([6, 1]);
    expect(guide).not.toMatch(/^ {4}UnsetEnvironment=/m);
  });

  test("ORG-12: the rule for sudo lets a user run this one command line, in no environment of theirs", async () => {
    await machine.must("useradd", "deploy");
    await machine.write("/etc/sudoers.d/tako", fileInGuide("/etc/sudoers.d/tako"), 0o440);
    await machine.must("visudo", "-c", "-q");
    await machine.write("/home/deploy/own.tako", "Destination=/etc\n");
    const asUser = (...command: string[]) =>
      machine.run([
        "runuser",
        "-u",
        "deploy",
        "--",
        "env",
        ...assignments,
        "sudo",
        "-n",
        ...command,
      ]);

    const tako = "/usr/local/bin/tako";
    expect((await asUser(tako, "fetch", "/etc/tako")).status).toBe(0);
    expect(ran()).toBe(false);
    for (const command of [
      ["-E", tako, "fetch", "/etc/tako"],
      [...assignments, tako, "fetch", "/etc/tako"],
      ["--preserve-env=BUN_OPTIONS", tako, "fetch", "/etc/tako"],
      [tako, "fetch", "/home/deploy/own.tako"],
      [tako, "fetch", "/etc/tako", "/home/deploy/own.tako"],
      [tako, "gen-key"],
      ["-s"],
    ]) {
      expect([command, (await asUser(...command)).status]).toEqual([command, 1]);
    }
    expect(ran()).toBe(false);
    // The fault that it guards against is there.
    await machine.run([tako, "--version"], { env: VARIABLES });
    expect(ran()).toBe(true);
  });

  test("ORG-12: with BUN_BE_BUN the binary is Bun", async () => {
    const env = { BUN_BE_BUN: "1" };
    expect((await machine.run(["tako", "--version"], { env })).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});
