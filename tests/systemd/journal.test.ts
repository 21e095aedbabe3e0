// What a monitor finds in the journal of a real systemd (ACT-130), by the words and fields of the specification.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { needs } from "../support/needs.ts";
import { type Machine, startMachine, store } from "./machine.ts";

const systemd = needs("systemd");

/** A run as a unit, whose standard error is the journal; 75 is a way back. */
const FETCH = `[Service]
Type=oneshot
ExecStart=tako fetch /srv/app.tako
SuccessExitStatus=75
`;

describe.skipIf(systemd.missing)("the journal", () => {
  let machine: Machine;
  beforeAll(async () => {
    machine = await startMachine({ binary: join(import.meta.dir, "../../dist/tako") });
    await machine.write("/etc/systemd/system/fetch.service", FETCH);
    await machine.write(
      "/etc/systemd/system/app.service",
      "[Service]\nExecStart=/bin/sh /srv/app/latest\n",
    );
    await machine.must("systemctl", "daemon-reload");
    await machine.must("mkdir", "-p", "/srv/origin", "/srv/app");
    const generated = await machine.must("tako", "gen-key", "--output", "/root/secret-key");
    const key = /\S{43}=/.exec(generated)?.[0] ?? "";
    const config = ["Origin=file:///srv/origin", `PublicKey=${key}`, "Destination=/srv/app"];
    const watch = ["Version=*", "Restart=app.service", "WatchSec=1"];
    await machine.write("/srv/app.tako", `${[...config, ...watch].join("\n")}\n`);
  }, 60_000);
  afterAll(() => machine?.stop());

  async function update(version: string, script: string): Promise<void> {
    await machine.write("/srv/image", `${script}\n`);
    await store(machine, "/root/secret-key", version);
    await machine.must("systemctl", "start", "fetch.service");
  }

  /** The entries of a unit's own processes that match, oldest first. */
  async function entries(...matches: readonly string[]): Promise<Record<string, string>[]> {
    await machine.must("journalctl", "--sync");
    const words = ["--output=json", "--unit=fetch.service", ...matches];
    const lines = (await machine.must("journalctl", ...words)).trim();
    return lines === "" ? [] : lines.split("\n").map((line) => JSON.parse(line));
  }

  test("ACT-130: what an activation does is found by MESSAGE_ID, with its fields, and stands there once", async () => {
    await update("1.0.0", "exec sleep infinity");
    await update("1.1.0", "echo out of order; exit 3");
    const activated = await entries("MESSAGE_ID=afd3a0f9be4a8640c367b57526d22390");
    const fields = ["PRIORITY", "TAKO_EVENT", "TAKO_CONFIG", "TAKO_VERSION", "_SYSTEMD_UNIT"];
    const valuesOf = (entry: Record<string, string> | undefined, names: readonly string[]) =>
      names.map((name) => entry?.[name]);
    expect(activated.map((entry) => valuesOf(entry, fields))).toEqual(
      ["1.0.0", "1.1.0"].map((version) => [
        "6",
        "activated",
        "/srv/app.tako",
        version,
        "fetch.service",
      ]),
    );
    const [unhealthy, ...others] = await entries("MESSAGE_ID=fea7384c794bbe18b6f0cf08a6c26b82");
    expect(others).toEqual([]);
    expect(valuesOf(unhealthy, ["PRIORITY", "TAKO_EVENT", "TAKO_UNIT"])).toEqual([
      "4",
      "unhealthy",
      "app.service",
    ]);
    expect(unhealthy?.["MESSAGE"]).toContain("it said last: out of order");

    const [back] = await entries("TAKO_EVENT=rolled-back");
    expect(
      valuesOf(back, ["MESSAGE_ID", "TAKO_VERSION", "TAKO_REFUSED", "SYSLOG_IDENTIFIER"]),
    ).toEqual(["033f92527049949008b23fee87037502", "1.0.0", "1.1.0", "tako"]);
    const lines = (await entries()).map(({ MESSAGE = "" }) => MESSAGE);
    expect(lines.filter((line) => line.includes("activated 1.1.0"))).toHaveLength(1);
  }, 60_000);

  test("ACT-130: the last words of an image are waited for where the journal is behind", async () => {
    await machine.must("systemctl", "kill", "--signal=STOP", "systemd-journald");
    const updated = update("1.2.0", "echo late words; exit 3");
    await Bun.sleep(1000);
    await machine.must("systemctl", "kill", "--signal=CONT", "systemd-journald");
    await updated;
    const [unhealthy] = await entries("TAKO_EVENT=unhealthy", "--reverse");
    expect(unhealthy?.["MESSAGE"]).toContain("it said last: late words");
  }, 60_000);

  test("ACT-131: where the journal's socket is not there, the line is", async () => {
    await machine.write(
      "/etc/systemd/system/fetch.service.d/apart.conf",
      "[Service]\nInaccessiblePaths=/run/systemd/journal/socket\n",
    );
    await machine.must("systemctl", "daemon-reload");
    await update("1.3.0", "exec sleep infinity # 1.3.0");
    const lines = (await entries()).map(({ MESSAGE = "" }) => MESSAGE);
    expect(lines).toContain("/srv/app.tako: activated 1.3.0");
    expect(await entries("TAKO_VERSION=1.3.0")).toEqual([]);
  }, 60_000);
});
