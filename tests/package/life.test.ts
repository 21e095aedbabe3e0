// The life of the Debian package on a host, from its installation to its purge: a machine of its own, with a real systemd,
// into which nothing of Tako came but the package. nginx on the loopback is its origin.
//
// The tests go through it in order, each from where the one before has led.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { needs } from "../support/needs.ts";
import { type NginxServer, serveWithNginx } from "../support/nginx.ts";
import { key, publishTo, sha256sum } from "../support/publishing.ts";
import type { Machine } from "../systemd/machine.ts";
import { bareMachine, debianRoot, debootstraps, makeDeb, newerDeb } from "./deb.ts";

const missing = needs("systemd", "nginx", "dpkg-gencontrol").missing;
const noDebootstrap = debootstraps && needs("debootstrap").missing;

const app = (version: string) => [version, `: ${version}\nexec sleep infinity\n`] as const;
const CONFIG = "/etc/tako/app.tako";
const KEY = "/etc/tako/secret.key";
const DESTINATION = "/var/lib/images/app";
const DROP_IN = "/etc/systemd/system/tako-fetch.timer.d/override.conf";
const UNIT = "/etc/systemd/system/app.service";

describe.skipIf(missing || noDebootstrap)("a host with the package", () => {
  let folder: string;
  let machine: Machine;
  let origin: string;
  let server: NginxServer;
  let files: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "tako-deb-"));
    const deb = makeDeb(folder);
    const newer = newerDeb(deb, folder, {
      "usr/lib/systemd/system/tako-fetch.timer": (text) =>
        text.replace("OnCalendar=hourly", "OnCalendar=weekly"),
    });
    origin = join(folder, "origin");
    mkdirSync(origin);
    server = await serveWithNginx(origin);
    const bind = { [deb]: "/mnt/tako.deb", [newer]: "/mnt/newer.deb" };
    machine = await bareMachine(debianRoot(folder), bind);
    // Of systemd, made when the first timer of a host is enabled, or runs.
    const ofTimers = ["/etc/systemd/system/timers.target.wants", "/var/lib/systemd/timers"];
    await machine.must("install", "-d", ...ofTimers);
    files = await listed();
  }, 600_000);
  afterAll(async () => {
    await machine?.stop();
    await server?.stop();
    rmSync(folder, { recursive: true });
  });

  /** Every file where packages go, with mode, owner, size and target; those of /etc with their digests. */
  async function listed(): Promise<string> {
    const changing = ["/var/log", "/var/cache", "/var/tmp", "/var/lib/dpkg"];
    const prune = changing.flatMap((path) => ["-path", path, "-prune", "-o"]);
    const file = ["-printf", "%p %m %u:%g %s %l\n"];
    const folders = ["-type", "d", "-printf", "%p/ %m %u:%g\n", "-o"];
    const all = await machine.must("find", "/etc", "/usr", "/var", ...prune, ...folders, ...file);
    const digests = await machine.must("sh", "-c", "find /etc -type f -exec sha256sum {} +");
    return `${all}${digests}`.split("\n").toSorted().join("\n");
  }

  const install = (deb: string) => machine.must("dpkg", "--install", `/mnt/${deb}`);
  const property = async (unit: string, name: string) =>
    (await machine.must("systemctl", "show", "-P", name, unit)).trim();
  const enabled = async (unit: string) =>
    (await machine.run(["systemctl", "is-enabled", unit])).stdout.trim();
  const active = async (unit: string) =>
    (await machine.run(["systemctl", "is-active", unit])).stdout.trim();
  const inUse = async () => (await machine.must("head", "-n", "1", `${DESTINATION}/latest`)).trim();

  /** Waits until something is so. */
  async function until(holds: () => Promise<boolean>): Promise<void> {
    for (const deadline = Date.now() + 30_000; Date.now() < deadline; await Bun.sleep(100))
      if (await holds()) return;
    throw new Error(await machine.must("journalctl", "-q", "-o", "cat", "-n", "30"));
  }
  const updatedTo = (version: string) =>
    until(async () => {
      const unit = ["-u", "tako-fetch.service"];
      const journal = await machine.must("journalctl", "-q", "-o", "cat", ...unit);
      return journal.includes(`${CONFIG}: updated to ${version}\n`);
    });

  test("it installs without another package, and is what dpkg says", async () => {
    await install("tako.deb");
    expect(await machine.must("dpkg", "--verify", "tako")).toBe("");
    expect(await machine.must("tako", "--version")).toMatch(/^tako \d/);
    const completes = "source /usr/share/bash-completion/completions/tako; complete -p tako";
    expect(await machine.must("bash", "-c", completes)).toEndWith(" tako\n");
    expect(await machine.must("stat", "-c", "%n %a %U", "/etc/tako", "/var/lib/images")).toBe(
      "/etc/tako 755 root\n/var/lib/images 755 root\n",
    );
  });

  test("no timer is enabled or runs, and systemd has nothing to object to any unit", async () => {
    expect([await enabled("tako-fetch.timer"), await active("tako-fetch.timer")]).toEqual([
      "disabled",
      "inactive",
    ]);
    const names = await machine.must("dpkg", "--listfiles", "tako");
    const units = names.split("\n").filter((name) => /\/systemd\/system\/tako/.test(name));
    expect(units).toHaveLength(6);
    expect(await machine.run(["systemd-analyze", "verify", "--man=no", ...units])).toEqual({
      status: 0,
      stdout: "",
      stderr: "",
    });
  });

  test("the timer, once enabled, fetches from nginx and restarts the app", async () => {
    publishTo(origin, [app("1.0.0")]);
    const config = [
      `Origin=${server.url}`,
      `PublicKey=${key.public}`,
      `Destination=${DESTINATION}`,
      "Version=1.*",
      "Restart=app.service",
    ];
    await machine.write(CONFIG, `${config.join("\n")}\n`);
    await machine.must("install", "-d", DESTINATION);
    await machine.write(UNIT, `[Service]\nExecStart=/bin/sh ${DESTINATION}/latest\n`);
    const often = [
      "OnBootSec=1s",
      "OnUnitInactiveSec=1s",
      "RandomizedDelaySec=0",
      "AccuracySec=1ms",
    ];
    await machine.write(DROP_IN, `[Timer]\n${often.join("\n")}\n`);
    await machine.must("systemctl", "daemon-reload");
    await machine.must("systemctl", "enable", "--now", "tako-fetch.timer");
    await updatedTo("1.0.0");
    expect(await inUse()).toBe(": 1.0.0");

    publishTo(origin, [app("1.0.0"), app("1.1.0")]);
    await updatedTo("1.1.0");
    expect(await inUse()).toBe(": 1.1.0");
    expect(await active("app.service")).toBe("active");
    const asked = (await server.requests()).filter(({ uri }) => uri !== "/manifest");
    expect(asked.map(({ status, uri }) => `${status} ${uri}`)).toEqual(
      [app("1.0.0"), app("1.1.0")].map(([, content]) => `200 /store/${sha256sum(content)}`),
    );
  });

  test("status tells it, and rollback goes back", async () => {
    const status = await machine.must("tako", "status", "--json", "app");
    expect(JSON.parse(status.split("\n")[0] ?? "")).toMatchObject({ config: CONFIG });
    expect(await machine.must("tako", "rollback", "app")).toContain("held on 1.0.0");
    expect(await inUse()).toBe(": 1.0.0");
  });

  test("a newer package keeps config, hold and the timer, on its new schedule, and fetches nothing", async () => {
    const kept = async () => [
      await machine.must("cat", CONFIG),
      await enabled("tako-fetch.timer"),
      await property("tako-fetch.timer", "ActiveEnterTimestampMonotonic"),
      await property("tako-fetch.service", "InvocationID"),
      await property("app.service", "InvocationID"),
      await inUse(),
    ];
    await machine.must("rm", "-r", dirname(DROP_IN));
    await machine.must("systemctl", "daemon-reload");
    await until(async () => (await active("tako-fetch.service")) === "inactive");
    await machine.must("systemctl", "enable", "--now", "tako-fetch@app.timer");
    const before = await kept();
    await install("newer.deb");
    expect(await machine.must("dpkg-query", "--show", "tako")).toEndWith(".1-1\n");
    expect(await property("tako-fetch.timer", "TimersCalendar")).toContain("OnCalendar=Mon ");
    expect(await kept()).toEqual(before);
    expect(before[1]).toBe("enabled");
    expect(await active("tako-fetch.timer")).toBe("active");
    expect(await enabled("tako-fetch@app.timer")).toBe("enabled");
    expect(await machine.must("tako", "status", "app")).toContain("held");
  });

  test("a timer that somebody disabled stays so", async () => {
    await machine.must("systemctl", "disable", "--now", "tako-fetch.timer");
    await install("newer.deb");
    expect([await enabled("tako-fetch.timer"), await active("tako-fetch.timer")]).toEqual([
      "disabled",
      "inactive",
    ]);
    await machine.must("systemctl", "enable", "--now", "tako-fetch.timer");
  });

  test("its removal stops the timers, and leaves configs, images and what runs", async () => {
    await machine.must("dpkg", "--remove", "tako");
    expect((await machine.run(["tako", "--version"])).status).toBe(127);
    expect(await active("tako-fetch.timer")).toBe("inactive");
    expect(await active("tako-fetch@app.timer")).toBe("inactive");
    expect(await active("app.service")).toBe("active");
    expect(await machine.must("cat", CONFIG)).toContain("Version=1.*\n");
    expect(await inUse()).toBe(": 1.0.0");
  });

  test("installed again, it goes on: the timer is enabled still", async () => {
    await install("newer.deb");
    expect(await enabled("tako-fetch.timer")).toBe("enabled");
    expect(await machine.must("tako", "status", "app")).toContain("held");
  });

  test("its purge leaves what is not its own, and nothing else", async () => {
    await machine.write(KEY, "a publisher's\n", 0o600);
    await machine.must("dpkg", "--purge", "tako");
    expect((await machine.run(["dpkg-query", "-s", "tako"])).status).toBe(1);
    expect(await machine.must("cat", KEY)).toBe("a publisher's\n");
    expect(await machine.must("ls", "/etc/tako")).toBe("secret.key\n");

    await machine.must("systemctl", "stop", "app.service");
    await machine.must("rm", "-r", "/etc/tako", "/var/lib/images", UNIT);
    const lines = (list: string) => new Set(list.split("\n"));
    expect([...lines(files).symmetricDifference(lines(await listed()))]).toEqual([]);
    expect(await machine.must("ls", "/var/lib/dpkg/info")).not.toContain("tako.");
  });
});
