// tako fetch in the manager of a user, user@UID.service: the units that it restarts are that manager's (ACT-120).

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { needs } from "../support/needs.ts";
import { checkJson } from "../support/schemas.ts";
import { type App, type Apps, startApps, WORKS } from "./apps.ts";

const systemd = needs("systemd", "sudo");
const UID = 4242;
const HOME = "/home/casey";
const RUNTIME = `XDG_RUNTIME_DIR=/run/user/${UID}`;

/** Without PAM, logind and D-Bus, of which nothing is needed for this. */
const MANAGER = `[Service]\nPAMName=\nEnvironment=${RUNTIME}\n`;
const DIRECTORY = `[Service]\nExecStart=\nExecStop=\nExecStart=/usr/bin/install -d -m 0700 -o %i /run/user/%i\n`;

describe.skipIf(systemd.missing)("in the manager of a user", () => {
  let apps: Apps;
  beforeAll(async () => {
    apps = await startApps();
    const { machine } = apps;
    // The journal lets its group read it.
    const groups = ["--groups", "systemd-journal"];
    await machine.must("useradd", "--create-home", "--uid", `${UID}`, ...groups, "casey");
    await machine.write("/etc/sudoers.d/casey", "casey ALL=(root) NOPASSWD: ALL\n", 0o440);
    await machine.write("/etc/systemd/system/user@.service.d/test.conf", MANAGER);
    await machine.write("/etc/systemd/system/user-runtime-dir@.service.d/test.conf", DIRECTORY);
    await machine.must("systemctl", "daemon-reload");
    await machine.must("systemctl", "start", `user@${UID}.service`);
  }, 60_000);
  afterAll(() => apps?.machine.stop());

  /** systemctl of the user, as if typed in a shell of theirs. */
  const asUser = (...words: readonly string[]) => {
    const user = ["setpriv", `--reuid=${UID}`, `--regid=${UID}`, "--clear-groups"];
    return [...user, "env", RUNTIME, ...words];
  };
  const systemctl = (...words: readonly string[]) =>
    apps.machine.must(...asUser("systemctl", "--user", ...words));
  const show = async (unit: string, property: string) =>
    (await systemctl("show", "-P", property, unit)).trim();

  /** An app of the user, beside which the system has a unit of the same name that runs. */
  async function userApp(name: string, program = "tako"): Promise<App> {
    const system = "[Service]\nExecStart=/bin/sleep infinity\n";
    const app = await apps.add(name, { config: ["WatchSec=2"], unit: system });
    const units = `${HOME}/.config/systemd/user`;
    const service = `[Service]\nExecStart=/bin/sh ${app.destination}/latest\n`;
    await apps.machine.write(`${units}/${name}.service`, service);
    const fetch = `[Service]\nType=oneshot\nExecStart=${program} fetch --json ${app.config}\nStandardOutput=file:/run/user/${UID}/${name}.json\n`;
    await apps.machine.write(`${units}/${name}-fetch.service`, fetch);
    await apps.machine.must("chown", "-R", "casey:", HOME, app.destination);
    await systemctl("daemon-reload");
    await apps.machine.must("systemctl", "daemon-reload");
    await apps.machine.must("systemctl", "start", app.unit);
    return app;
  }

  /** A run as a unit of the user: its exit status, and the outcome. */
  async function fetch({ name }: App): Promise<readonly [string, string]> {
    const unit = `${name}-fetch.service`;
    await apps.machine.run(asUser("systemctl", "--user", "start", unit));
    const output = readFileSync(apps.machine.path(`/run/user/${UID}/${name}.json`), "utf8");
    checkJson(["fetch", "--json"], output);
    const { outcome } = JSON.parse(output.trim().split("\n").at(-1) ?? "{}");
    return [await show(unit, "ExecMainStatus"), outcome];
  }

  test("ACT-120: it restarts the user's unit, and leaves the system's of that name alone", async () => {
    const app = await userApp("mine");
    const [system] = await app.is("InvocationID");
    app.publish("1.0.0", WORKS);
    expect(await fetch(app)).toEqual(["0", "updated"]);
    const first = await show(app.unit, "InvocationID");
    app.publish("1.1.0", WORKS);
    expect(await fetch(app)).toEqual(["0", "updated"]);
    expect([await show(app.unit, "ActiveState"), app.good]).toEqual(["active", "1.1.0"]);
    expect(await show(app.unit, "InvocationID")).not.toBe(first);
    expect(await app.is("InvocationID", "ActiveState")).toEqual([system, "active"]);
  });

  for (const [script, what] of [
    ["exit 1", "fails"],
    ["exit 0", "ends by itself, as the user's journal has it,"],
  ] as const) {
    test(`ACT-26, ACT-56, ACT-120: it goes back from an image that ${what}`, async () => {
      const app = await userApp(`bad-${script.at(-1)}`);
      app.publish("1.0.0", WORKS);
      await fetch(app);
      app.publish("1.1.0", script);
      expect(await fetch(app)).toEqual(["75", "rolled-back"]);
      expect([app.inUse, app.refused]).toEqual(["1.0.0", ["1.1.0"]]);
      expect(await show(app.unit, "ActiveState")).toBe("active");
    });
  }

  test("ACT-26, ACT-120: a stop by the user in the window leaves the question open", async () => {
    const app = await userApp("stopped");
    app.publish("1.0.0", WORKS);
    await fetch(app);
    app.publish("1.1.0", `(sleep 0.5; systemctl --user stop stopped.service) & ${WORKS}`);
    expect(await fetch(app)).toEqual(["0", "unconfirmed"]);
    expect([app.inUse, app.refused]).toEqual(["1.1.0", []]);
    expect(await show(app.unit, "ActiveState")).toBe("inactive");
  });

  test("ACT-120: a run that sudo starts there belongs to the system", async () => {
    const app = await userApp("root", "/usr/bin/sudo tako");
    await apps.machine.must("chown", "-R", "root:", app.destination);
    const [before] = await app.is("InvocationID");
    app.publish("1.0.0", WORKS);
    expect(await fetch(app)).toEqual(["0", "updated"]);
    expect(await show(app.unit, "ActiveState")).toBe("inactive");
    expect(await app.is("InvocationID")).not.toEqual([before]);
  });
});
