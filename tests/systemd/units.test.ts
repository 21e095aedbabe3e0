// The units of systemd/ on a machine of their own: systemd has nothing to object, the sandbox leaves tako fetch
// what it needs and little else, and what failed or went well is told.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { basename, join } from "node:path";
import { needs } from "../support/needs.ts";
import { programs } from "../support/program.ts";
import { image, key, type Published, publishTo } from "../support/publishing.ts";
import { type Machine, startMachine } from "./machine.ts";
import { INSTALLED, installUnits, settingsOf, unitPaths } from "./shipped.ts";

const systemd = needs("systemd");
const DESTINATION = "/var/lib/images/app";

test("tako-fetch@.service is tako-fetch.service for one config, and so is its timer", () => {
  const ofOne = (setting: string) =>
    setting
      .replace("the images of /etc/tako", "the image of /etc/tako/%i.tako")
      .replace(/^(ExecStart=.*) \/etc\/tako$/, "$1 /etc/tako/%i.tako");
  for (const type of ["service", "timer"]) {
    const all = settingsOf(`tako-fetch.${type}`);
    expect(settingsOf(`tako-fetch@.${type}`)).toEqual(all.map(ofOne));
  }
});

describe.skipIf(systemd.missing)("the units that ship, the binary", () => {
  let machine: Machine;
  let origin: Bun.Server<undefined>;
  let published: string;

  beforeAll(async () => {
    // It is built when it is too old.
    expect(programs[1]?.name).toBe("binary");
    machine = await startMachine({ binary: join(import.meta.dir, "../../dist/tako") });
    await installUnits(machine);
    published = machine.path("/srv/origin");
    // Not of the machine: what the sandbox lets through is the network.
    origin = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      async fetch({ url }) {
        const file = Bun.file(join(published, new URL(url).pathname));
        return (await file.exists()) ? new Response(file) : new Response("", { status: 404 });
      },
    });
    await machine.write(
      "/etc/systemd/system/app.service",
      "[Service]\nExecStartPre=/usr/bin/test ! -e /run/broken\nExecStart=/bin/sh /var/lib/images/app/latest\n",
    );
  }, 60_000);
  afterAll(async () => {
    await origin?.stop(true);
    await machine?.stop();
  });

  beforeEach(async () => {
    await dropIn("");
    await machine.must("systemctl", "stop", "app.service");
    await machine.must("systemctl", "reset-failed");
    await machine.must("rm", "-rf", "/srv", "/run/broken", DESTINATION);
    await machine.must("install", "-d", "-m", "0755", "/srv/app", "/var/lib/images", DESTINATION);
    await configure();
  });

  async function configure(
    destination = DESTINATION,
    restart = "app.service",
    ...more: readonly string[]
  ): Promise<void> {
    const lines = [
      `Origin=http://127.0.0.1:${origin.port}`,
      `PublicKey=${key.public}`,
      `Destination=${destination}`,
      "Version=1.*",
      `Restart=${restart}`,
      ...more,
    ];
    await machine.write("/etc/tako/app.tako", `${lines.join("\n")}\n`);
  }

  async function dropIn(text: string): Promise<void> {
    await machine.write("/etc/systemd/system/tako-fetch.service.d/test.conf", text);
    await machine.must("systemctl", "daemon-reload");
  }

  const app = (version: string): Published => [version, `: ${version}\nexec sleep infinity\n`];
  const publish = (...versions: string[]) => publishTo(published, versions.map(app));

  const property = async (unit: string, name: string) =>
    (await machine.must("systemctl", "show", "-P", name, unit)).trim();

  /** Starts a unit of tako fetch and waits for its end. The exit status of tako. */
  async function run(unit = "tako-fetch.service"): Promise<number> {
    await machine.run(["systemctl", "start", unit]);
    return Number(await property(unit, "ExecMainStatus"));
  }

  /** What a unit reports of a run, and the journal of that run, where its line leads to. */
  async function reported(identifier: string, run: () => Promise<number>) {
    const reports = () => journal("-t", identifier);
    const before = await reports();
    const status = await run();
    for (const deadline = Date.now() + 10_000; Date.now() < deadline; await Bun.sleep(50)) {
      const line = (await reports()).slice(before.length);
      const [, told, link] = /^(.+); journalctl (_SYSTEMD_INVOCATION_ID=\w+)\n$/.exec(line) ?? [];
      if (link !== undefined) return { status, told, journal: await journal(link) };
    }
    throw new Error(`${identifier} reports nothing`);
  }
  async function journal(...options: readonly string[]): Promise<string> {
    await machine.must("journalctl", "--sync");
    return await machine.must("journalctl", "-q", "-o", "cat", ...options);
  }

  test("systemd-analyze verify says nothing of them", async () => {
    // It looks for the program of a RootImage= in the host's tree.
    await machine.write("/usr/bin/site", "#!/bin/sh\n", 0o755);
    const paths = unitPaths.map((path) => join(INSTALLED, basename(path)));
    // The manuals are not installed there.
    expect(await machine.run(["systemd-analyze", "verify", "--man=no", ...paths])).toEqual({
      status: 0,
      stdout: "",
      stderr: "",
    });
  });

  for (const unit of ["tako-fetch.service", "tako-fetch@.service"]) {
    test(`systemd-analyze security gives ${unit} 2.0 at most`, async () => {
      const limit = ["--offline=true", "--threshold=20", "--no-pager"];
      const path = join(INSTALLED, unit);
      const { status, stdout } = await machine.run(["systemd-analyze", "security", ...limit, path]);
      expect([status, stdout]).toEqual([0, expect.stringContaining("Overall exposure level")]);
    });
  }

  test("tako-fetch.service updates from an http: origin, restarts the app, and OnSuccess= reports the run", async () => {
    publish("1.0.0");
    expect(await run()).toBe(0);
    expect(await property("app.service", "ActiveState")).toBe("active");
    const before = await property("app.service", "InvocationID");

    publish("1.0.0", "1.1.0");
    const { status, told, journal } = await reported("tako-succeeded", run);
    expect([status, told]).toEqual([0, "tako-fetch.service succeeded: success, status 0"]);
    expect(journal).toContain("/etc/tako/app.tako: restarted app.service\n");
    expect(await machine.must("head", "-n", "1", `${DESTINATION}/latest`)).toBe(": 1.1.0\n");
    expect(await property("app.service", "ActiveState")).toBe("active");
    expect(await property("app.service", "InvocationID")).not.toBe(before);
  });

  test("OnFailure= reports what failed: a unit that is down, what is not authentic, an origin that is away", async () => {
    await machine.write("/run/broken", "");
    publish("1.0.0");
    const down = await reported("tako-failed", run);
    expect([down.status, down.told]).toEqual([
      70,
      "tako-fetch.service failed: exit-code, status 70",
    ]);
    expect(down.journal).toContain("systemctl could not restart app.service");
    await machine.must("rm", "/run/broken");
    expect(await run()).toBe(0);

    publishTo(published, [image("1.0.0", "another\n")]);
    const forged = await reported("tako-failed", () => run("tako-fetch@app.service"));
    expect([forged.status, forged.told]).toEqual([
      65,
      "tako-fetch@app.service failed: exit-code, status 65",
    ]);

    await machine.must("rm", "-r", "/srv/origin");
    const away = await reported("tako-failed", run);
    expect([away.status, away.told]).toEqual([
      69,
      "tako-fetch.service failed: exit-code, status 69",
    ]);
  });

  test("OnFailure= reports an image that was rolled back, and the app runs on the earlier one", async () => {
    await configure(DESTINATION, "app.service", "WatchSec=2s");
    publish("1.0.0");
    expect(await run()).toBe(0);
    publishTo(published, [app("1.0.0"), image("1.1.0", "exit 1\n")]);
    const { status, told } = await reported("tako-failed", run);
    expect([status, told]).toEqual([75, "tako-fetch.service failed: exit-code, status 75"]);
    expect(await machine.must("head", "-n", "1", `${DESTINATION}/latest`)).toBe(": 1.0.0\n");
    expect(await property("app.service", "ActiveState")).toBe("active");
  });

  test("a run that takes longer than TimeoutStartSec= is reported, too", async () => {
    await dropIn("[Service]\nTimeoutStartSec=1s\nExecStart=\nExecStart=/bin/sleep infinity\n");
    const { told } = await reported("tako-failed", run);
    expect(told).toBe("tako-fetch.service failed: timeout, status TERM");
  });

  test("the sandbox lets systemctl and journalctl through", async () => {
    publish("1.0.0");
    await dropIn(`[Service]
ExecStartPre=/usr/bin/systemctl show -P ActiveState app.service
ExecStartPre=/usr/bin/journalctl -q -n 1 -o cat _PID=1
`);
    const { status, journal } = await reported("tako-succeeded", run);
    expect([status, journal]).toEqual([0, expect.stringMatching(/^inactive\n.+\n/m)]);
  });

  test("a destination outside of /var/lib/images needs a ReadWritePaths= in a drop-in", async () => {
    publish("1.0.0");
    // The app reads another image.
    await configure("/srv/app", "");
    const { status, journal } = await reported("tako-failed", run);
    expect([status, journal]).toEqual([
      74,
      expect.stringContaining("the file system is read-only"),
    ]);
    await dropIn("[Service]\nReadWritePaths=/srv/app\n");
    expect(await run()).toBe(0);
    expect(await machine.must("head", "-n", "1", "/srv/app/latest")).toBe(": 1.0.0\n");
  });
});
