// rollback, hold and release on a real systemd, with units that are watched: by the words of spec/activation.md, and by
// what runs afterwards.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { needs } from "../support/needs.ts";
import { type Machine, startMachine, store } from "./machine.ts";

const systemd = needs("systemd");
const CONFIG = "/etc/tako/app.tako";

describe.skipIf(systemd.missing)("by hand", () => {
  let machine: Machine;
  beforeAll(async () => {
    machine = await startMachine({ binary: join(import.meta.dir, "../../dist/tako") });
    await machine.write(
      "/etc/systemd/system/app.service",
      "[Service]\nExecStart=/bin/sh /srv/app/latest\n",
    );
    await machine.must("systemctl", "daemon-reload");
    await machine.must("mkdir", "-p", "/srv/origin", "/srv/app");
    const generated = await machine.must("tako", "gen-key", "--output", "/root/secret-key");
    const key = /\S{43}=/.exec(generated)?.[0] ?? "";
    const config = ["Origin=file:///srv/origin", `PublicKey=${key}`, "Destination=/srv/app"];
    const watch = ["Version=*", "Restart=app.service", "WatchSec=2"];
    await machine.write(CONFIG, `${[...config, ...watch].join("\n")}\n`);
  }, 60_000);
  afterAll(() => machine?.stop());

  /** Its image runs as long as there is no file /run/broken-VERSION. */
  async function publish(version: string): Promise<void> {
    const script = `test ! -e /run/broken-${version} || exit 3; echo ${version} > /run/runs; exec sleep infinity`;
    await machine.write("/srv/image", `${script}\n`);
    await store(machine, "/root/secret-key", version);
  }

  const breakIt = (version: string) => machine.write(`/run/broken-${version}`, "");

  /** What a command ends with, and what runs then. */
  async function after(...words: readonly string[]) {
    const { status, stdout } = await machine.run(["tako", ...words]);
    const active = (await machine.run(["systemctl", "is-active", "app.service"])).stdout.trim();
    return { status, stdout, active, runs: (await machine.must("cat", "/run/runs")).trim() };
  }
  const ends = (runs: string, said: string, status = 0) => ({
    status,
    stdout: said === "" ? "" : `${CONFIG}: ${said}\n`,
    active: "active",
    runs,
  });
  const invocation = () =>
    machine.must("systemctl", "show", "--value", "--property=InvocationID", "app.service");

  test("ACT-70, ACT-75, FET-108: the version before runs, is proved, and stays", async () => {
    await publish("1.0.0");
    expect(await after("fetch", CONFIG)).toEqual(ends("1.0.0", "updated to 1.0.0"));
    await publish("1.1.0");
    expect(await after("fetch", "app")).toEqual(ends("1.1.0", "updated to 1.1.0"));

    expect(await after("rollback", "app")).toEqual(ends("1.0.0", "held on 1.0.0"));
    const [good, hold] = [await machine.must("cat", "/srv/app/.good"), "/srv/app/.hold"];
    expect(good).toBe(await machine.must("cat", hold));
    const before = await invocation();
    await publish("1.2.0");
    expect(await after("fetch", CONFIG)).toEqual(ends("1.0.0", "held on 1.0.0"));
    expect(await invocation()).toBe(before);

    expect(await after("release", "app")).toEqual(ends("1.0.0", "no longer held on 1.0.0"));
    expect(await after("fetch", CONFIG)).toEqual(ends("1.2.0", "updated to 1.2.0"));
  }, 60_000);

  test("ACT-77: one that does not work any more gives way to the last good one, which stays", async () => {
    await breakIt("1.0.0");
    expect(await after("rollback", "app", "1.0.0")).toEqual(ends("1.2.0", "", 75));
    await publish("1.3.0");
    expect(await after("fetch", CONFIG)).toEqual(ends("1.2.0", "held on 1.2.0"));
    expect(await after("release", "app")).toEqual(
      ends("1.2.0", "no longer held on 1.0.0; 1.0.0 may be tried again"),
    );
    expect(await after("fetch", CONFIG)).toEqual(ends("1.3.0", "updated to 1.3.0"));
  }, 60_000);

  test("ACT-82, ACT-84: on hold a bad version is not even tried; released, it is, and then again", async () => {
    await breakIt("1.4.0");
    await publish("1.4.0");
    expect(await after("hold", "app")).toEqual(ends("1.3.0", "held on 1.3.0"));
    expect(await after("fetch", CONFIG)).toEqual(ends("1.3.0", "held on 1.3.0"));
    expect(await after("release", "app")).toEqual(ends("1.3.0", "no longer held on 1.3.0"));
    expect(await after("fetch", CONFIG)).toEqual(ends("1.3.0", "", 75));
    await machine.must("rm", "/run/broken-1.4.0");
    expect(await after("fetch", CONFIG)).toEqual(ends("1.3.0", ""));
    expect(await after("release", "app")).toEqual(ends("1.3.0", "1.4.0 may be tried again"));
    expect(await after("fetch", CONFIG)).toEqual(ends("1.4.0", "updated to 1.4.0"));
  }, 60_000);

  test("ACT-78, FET-9: from inside the unit that it would restart, it is refused", async () => {
    const inside = "echo $$ > /sys/fs/cgroup/system.slice/app.service/cgroup.procs";
    const { status, stderr } = await machine.run(["sh", "-c", `${inside}; exec tako rollback app`]);
    expect([status, stderr.includes("this run is a part of app.service")]).toEqual([2, true]);
    expect((await machine.must("cat", "/run/runs")).trim()).toBe("1.4.0");
  });
});
