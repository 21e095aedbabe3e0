// tako prune and Keep= beside a unit of a real systemd. The images are programs that the unit has mapped, so what it runs,
// and whether that is still on disk, is read in /proc; which images are here, by ls.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, readlinkSync } from "node:fs";
import { basename, join } from "node:path";
import { needs } from "../support/needs.ts";
import { sha256sumOfFile } from "../support/publishing.ts";
import { type Machine, startMachine, store } from "./machine.ts";

const systemd = needs("systemd");
const CONFIG = "/etc/tako/app.tako";
const REFUSES = "/etc/systemd/system/app.service.d/refuses.conf";

describe.skipIf(systemd.missing)("prune", () => {
  let machine: Machine;
  let key = "";
  const versions = new Map<string, string>();

  beforeAll(async () => {
    machine = await startMachine({ binary: join(import.meta.dir, "../../dist/tako") });
    // Images are not executable, so the program's interpreter starts them.
    const [loader = ""] = (await machine.must("sh", "-c", "ls /lib*/ld-linux-*.so.*")).split("\n");
    await machine.write(
      "/etc/systemd/system/app.service",
      `[Service]\nExecStart=${loader} /srv/app/latest infinity\n`,
    );
    await machine.must("systemctl", "daemon-reload");
    await machine.must("mkdir", "-p", "/srv/origin", "/srv/app");
    const generated = await machine.must("tako", "gen-key", "--output", "/root/secret-key");
    key = /\S{43}=/.exec(generated)?.[0] ?? "";
  }, 60_000);
  afterAll(() => machine?.stop());

  async function configure(...lines: readonly string[]): Promise<void> {
    const config = ["Origin=file:///srv/origin", `PublicKey=${key}`, "Destination=/srv/app"];
    const all = [...config, "Version=*", "Restart=app.service", ...lines];
    await machine.write(CONFIG, `${all.join("\n")}\n`);
  }

  /** @param program a copy of it is the image: sleep works, false does not */
  async function publish(version: string, program = "/bin/sleep"): Promise<void> {
    const content = Buffer.concat([readFileSync(machine.path(program)), Buffer.from(version)]);
    await machine.write("/srv/image", content);
    versions.set(sha256sumOfFile(machine.path("/srv/image")), version);
    await store(machine, "/root/secret-key", version);
  }

  const tako = (...words: readonly string[]) => machine.run(["tako", ...words]);
  const fetch = async (...options: readonly string[]) =>
    (await tako("fetch", ...options, CONFIG)).status;

  /** The status, and what is told to be open (PRU-12). */
  async function prune(): Promise<readonly [number, unknown]> {
    const { status, stdout } = await tako("prune", "--json", "--keep=0", "app");
    return [status, JSON.parse(stdout.trim().split("\n").at(-1) ?? "").busy];
  }

  /** The version whose image the unit's process has mapped, and whether that is still on disk. */
  async function runs(): Promise<string> {
    const property = "--property=MainPID";
    const pid = (
      await machine.must("systemctl", "show", "--value", property, "app.service")
    ).trim();
    // A simple service counts as started before its interpreter has mapped the image.
    for (let looks = 0; looks < 100; looks++) {
      const maps = await machine.must("cat", `/proc/${pid}/maps`);
      const [image, digest = "", end] = /\/srv\/app\/store\/([0-9a-f]{64})(.*)/.exec(maps) ?? [];
      if (image !== undefined) return `${versions.get(digest)}${end}`;
      await Bun.sleep(20);
    }
    return "nothing";
  }

  async function here(): Promise<readonly (string | undefined)[]> {
    const names = (await machine.must("ls", "/srv/app/store")).trim().split("\n");
    return names.map((name) => versions.get(name)).sort();
  }

  /** The unit goes on as it is, whoever wants it to be restarted. */
  async function refuseRestarts(isRefusing: boolean): Promise<void> {
    await machine.write(REFUSES, isRefusing ? "[Unit]\nRefuseManualStop=yes\n" : "");
    await machine.must("systemctl", "daemon-reload");
  }

  test("PRU-5: what a unit still runs stays while its restart is owed, though nothing else names it, and goes after that", async () => {
    await configure();
    for (const version of ["1.0.0", "1.1.0"]) {
      await publish(version);
      expect(await fetch()).toBe(0);
    }
    expect(await runs()).toBe("1.1.0");
    await refuseRestarts(true);
    for (const version of ["1.2.0", "1.3.0"]) {
      await publish(version);
      expect(await fetch()).not.toBe(0);
    }
    expect(await prune()).toEqual([0, "restart"]);
    expect(await here()).toEqual(["1.0.0", "1.1.0", "1.2.0", "1.3.0"]);
    expect(await runs()).toBe("1.1.0");

    await refuseRestarts(false);
    expect(await fetch()).toBe(0);
    expect(await runs()).toBe("1.3.0");
    expect(await prune()).toEqual([0, null]);
    // The one before stays, since a rollback leads to it (ACT-72).
    expect(await here()).toEqual(["1.2.0", "1.3.0"]);
    expect(await runs()).toBe("1.3.0");
  }, 60_000);

  test("PRU-10: with Keep=, a fetch removes what is old at its end, once units run what is new", async () => {
    await configure("Keep=0");
    await refuseRestarts(true);
    await publish("1.4.0");
    expect(await fetch()).not.toBe(0);
    expect([await runs(), await here()]).toEqual(["1.3.0", ["1.2.0", "1.3.0", "1.4.0"]]);
    await publish("1.5.0");
    expect(await fetch("--no-activate")).toBe(0);
    expect(await here()).toEqual(["1.2.0", "1.3.0", "1.4.0", "1.5.0"]);
    await refuseRestarts(false);
    expect(await fetch()).toBe(0);
    expect([await runs(), await here()]).toEqual(["1.5.0", ["1.4.0", "1.5.0"]]);
  }, 60_000);

  test("PRU-2, PRU-10: what was downloaded without being activated stays, beside what runs", async () => {
    await publish("1.6.0");
    expect(await fetch("--no-activate")).toBe(0);
    expect(await prune()).toEqual([0, null]);
    expect([await runs(), await here()]).toEqual(["1.5.0", ["1.4.0", "1.5.0", "1.6.0"]]);
    expect(await fetch()).toBe(0);
    expect([await runs(), await here()]).toEqual(["1.6.0", ["1.5.0", "1.6.0"]]);
  }, 60_000);

  /** Whether an image is on trial (ACT-40). */
  function isOnTrial(): boolean {
    const good = readFileSync(machine.path("/srv/app/.good"), "latin1").trim();
    return basename(readlinkSync(machine.path("/srv/app/latest"))) !== good;
  }

  /** Until its trial goes on: units that are done are on record from the restart to the verdict (ACT-42). */
  async function onTrial(): Promise<void> {
    const owed = machine.path("/srv/app/.owed");
    const isDone = () => existsSync(owed) && readFileSync(owed, "utf8").includes("app.service");
    while (!(isOnTrial() && isDone())) await Bun.sleep(20);
  }

  test("PRU-5: while an image is on trial nothing is removed, neither by the run that watches it nor beside it", async () => {
    await configure("Keep=0", "WatchSec=3");
    expect(await fetch()).toBe(0);
    await publish("1.7.0");
    const run = fetch();
    await onTrial();
    const beside = prune();
    let looks = 0;
    for (;;) {
      const found = await here();
      if (!isOnTrial()) break;
      expect(found).toEqual(["1.5.0", "1.6.0", "1.7.0"]);
      looks += 1;
    }
    expect(looks).toBeGreaterThan(10);
    expect([await run, await beside]).toEqual([0, [0, null]]);
    expect([await runs(), await here()]).toEqual(["1.7.0", ["1.6.0", "1.7.0"]]);
  }, 60_000);

  test("PRU-5: nor by a prune when the run that watched it was killed", async () => {
    await publish("1.8.0");
    const words = `echo $$ > /run/fetch.pid; exec tako fetch ${CONFIG}`;
    const run = machine.run(["sh", "-c", words]);
    await onTrial();
    await machine.must("sh", "-c", "kill -KILL $(cat /run/fetch.pid)");
    await run;
    expect(await prune()).toEqual([0, "trial"]);
    expect(await here()).toEqual(["1.6.0", "1.7.0", "1.8.0"]);
    expect(await fetch()).toBe(0);
    expect([await runs(), await here()]).toEqual(["1.8.0", ["1.7.0", "1.8.0"]]);
  }, 60_000);

  test("PRU-2, PRU-10: a run that went back removes nothing; then the bad one goes, and what a rollback leads to stays", async () => {
    await publish("1.9.0", "/bin/false");
    expect(await fetch()).toBe(75);
    expect([await runs(), await here()]).toEqual(["1.8.0", ["1.7.0", "1.8.0", "1.9.0"]]);
    expect(await fetch()).toBe(0);
    expect([await runs(), await here()]).toEqual(["1.8.0", ["1.7.0", "1.8.0"]]);
    // Without the origin: the image has to be here.
    await machine.must("mv", "/srv/origin", "/srv/away");
    expect((await tako("rollback", "app")).status).toBe(0);
    expect(await runs()).toBe("1.7.0");
  }, 60_000);
});
