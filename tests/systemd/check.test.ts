// tako check on a machine with a real systemd: units that it knows and does not, and the service that ships.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { needs } from "../support/needs.ts";
import { programs } from "../support/program.ts";
import { key } from "../support/publishing.ts";
import { type Machine, startMachine } from "./machine.ts";
import { shipped } from "./shipped.ts";

const systemd = needs("systemd");
const root = join(import.meta.dir, "../..");

describe.skipIf(systemd.missing)("a machine with systemd, the binary", () => {
  let machine: Machine;
  beforeAll(async () => {
    // It is built when it is too old.
    expect(programs[1]?.name).toBe("binary");
    machine = await startMachine({ binary: join(root, "dist/tako") });
    for (const [path, text] of Object.entries(units)) {
      await machine.write(`/etc/systemd/system/${path}`, text);
    }
    await machine.must("systemctl", "mask", "masked.service");
    await machine.must("systemctl", "daemon-reload");
  });
  afterAll(() => machine?.stop());

  const units = {
    "app.service": "[Service]\nExecStart=/bin/sleep infinity\n",
    "broken.service": "[Service]\nType=nonsense\n",
    "slot@.service": "[Service]\nExecStart=/bin/sleep infinity\n",
  };

  async function configure(name: string, lines: Readonly<Record<string, string>>) {
    const all = {
      Origin: "https://images.example.com/app",
      PublicKey: key.public,
      Destination: `/var/lib/images/${name}`,
      Version: "1.*",
      ...lines,
    };
    await machine.must("install", "-d", all.Destination);
    const text = Object.entries(all).map(([line, value]) => `${line}=${value}\n`);
    await machine.write(`/etc/tako/${name}.tako`, text.join(""));
  }

  test("CHK-1, CHK-17: units that systemd does not know, refuses, or that are masked, of all of /etc/tako", async () => {
    await configure("units", {
      Restart: "app.service ap.service",
      Reload: "masked",
      OnUpdate: "broken.service",
    });
    await configure("slots", { Restart: "slot@.service", Slots: "a b", WatchSec: "5s" });
    await configure("unslots", { Restart: "slut@.service", Slots: "a b", WatchSec: "5s" });
    const { status, stdout, stderr } = await machine.run(["tako", "check"]);
    await machine.must("rm", "-r", "/etc/tako");
    expect(stderr.trimEnd().split("\n")).toEqual([
      "/etc/tako/units.tako:5: warning: ap.service: systemd knows no unit of this name",
      "/etc/tako/units.tako:6: warning: masked.service: it is masked, so nothing starts it",
      expect.stringContaining("/etc/tako/units.tako:7: warning: broken.service: systemd refuses"),
      "/etc/tako/unslots.tako:5: warning: slut@a.service: systemd knows no unit of this name",
      "/etc/tako/unslots.tako:5: warning: slut@b.service: systemd knows no unit of this name",
    ]);
    expect(status).toBe(0);
    expect(stdout).toContain("/etc/tako/slots.tako: valid\n");
  });

  test("CHK-16: a destination that tako-fetch.service may not write to, until a drop-in says so", async () => {
    await configure("inside", {});
    await configure("outside", { Destination: "/srv/images" });
    const check = () => machine.run(["tako", "check"]);
    // Without that service, nobody is kept from it.
    expect(await check()).toMatchObject({ status: 0, stderr: "" });
    await machine.write("/etc/systemd/system/tako-fetch.service", shipped("tako-fetch.service"));
    await machine.must("systemctl", "daemon-reload");
    const kept = await check();
    expect(kept.stderr).toBe(
      "/etc/tako/outside.tako:3: warning: tako-fetch.service cannot write to /srv/images (ProtectSystem=strict): add ReadWritePaths= to it\n",
    );
    // What it says is so.
    await machine.run(["systemctl", "start", "tako-fetch.service"]);
    const log = await machine.must("journalctl", "-u", "tako-fetch.service", "-o", "cat");
    expect(log).toMatch(/outside\.tako.*read-only/);
    await machine.write(
      "/etc/systemd/system/tako-fetch.service.d/more.conf",
      "[Service]\nReadWritePaths=/srv/images\n",
    );
    await machine.must("systemctl", "daemon-reload");
    expect(await check()).toMatchObject({ status: 0, stderr: "" });
    await machine.must("rm", "-r", "/etc/tako", "/etc/systemd/system/tako-fetch.service");
    await machine.must("systemctl", "daemon-reload");
  });

  test("CHK-16: of the services that ship those count that a timer starts, an instance for its own config alone", async () => {
    await configure("web", { Destination: "/srv/web" });
    await configure("other", { Destination: "/srv/other" });
    const units = ["tako-fetch.service", "tako-fetch.timer"];
    const alone = ["tako-fetch@.service", "tako-fetch@.timer"];
    for (const unit of [...units, ...alone]) {
      await machine.write(`/etc/systemd/system/${unit}`, shipped(unit));
    }
    await machine.must("systemctl", "daemon-reload");
    const kept = async () => {
      const { stderr } = await machine.run(["tako", "check"]);
      return [...stderr.matchAll(/\S+ cannot write to \S+/g)].map(([said]) => said);
    };
    const other = "tako-fetch.service cannot write to /srv/other";
    const all = [other, "tako-fetch.service cannot write to /srv/web"];
    const web = "tako-fetch@web.service cannot write to /srv/web";
    expect(await kept()).toEqual(all);
    await machine.must("systemctl", "start", "tako-fetch@web.timer");
    expect(await kept()).toEqual([other, web]);
    // What it says is so.
    await machine.run(["systemctl", "start", "tako-fetch@web.service"]);
    const log = await machine.must("journalctl", "-u", "tako-fetch@web.service", "-o", "cat");
    expect(log).toMatch(/web\.tako.*read-only/);
    await machine.must("systemctl", "start", "tako-fetch.timer");
    expect(await kept()).toEqual([...all, web]);

    const more = "[Service]\nReadWritePaths=/srv/web\n";
    await machine.write("/etc/systemd/system/tako-fetch@.service.d/more.conf", more);
    await machine.must("systemctl", "stop", "tako-fetch.timer");
    await machine.must("systemctl", "daemon-reload");
    expect(await kept()).toEqual([other]);
    await machine.must("systemctl", "stop", "tako-fetch@web.timer");
    await machine.must("sh", "-c", "rm -r /etc/tako /etc/systemd/system/tako-fetch*");
    await machine.must("systemctl", "daemon-reload");
  });

  test("CHK-16: the service that tako runs in counts, for any config", async () => {
    await configure("own", { Destination: "/srv/own" });
    await machine.must("mv", "/etc/tako/own.tako", "/srv/own.tako");
    const { stdout, stderr } = await machine.run([
      ...["systemd-run", "--quiet", "--wait", "--pipe", "--unit=run-own.service"],
      ...["--property=ProtectSystem=strict", "tako", "check", "/srv/own.tako"],
    ]);
    expect(`${stdout}${stderr}`).toContain("run-own.service cannot write to /srv/own");
    await machine.must("rm", "-rf", "/etc/tako");
  });
});
