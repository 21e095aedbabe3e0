// tako fetch on a real systemd: which units are restarted, when, and what happens when they fail or
// the run is killed between swap and restart. `systemctl` is the real one; a wrapper in front of it
// notes each call, and can kill the run that calls.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { needs } from "../support/needs.ts";
import { programs } from "../support/program.ts";
import { type Machine, startMachine, store } from "./machine.ts";

const systemd = needs("systemd");
const dist = join(import.meta.dir, "../../dist/tako");

/** Notes what units are told; kills its caller instead of a restart if `/run/kill-caller` is there. */
const WRAPPER = `#!/bin/sh
case $1 in show | reset-failed) exec /usr/bin/systemctl "$@";; esac
echo "$@" >> /run/systemctl.log
if [ -e /run/kill-caller ]; then rm /run/kill-caller; kill -9 $PPID; exit 1; fi
exec /usr/bin/systemctl "$@"
`;

/**
 * A service that reads the image as a part of each start and notes what it read. Its start fails
 * while /run/NAME.broken is there.
 */
const unit = (name: string) => `[Service]
ExecStart=/bin/sleep infinity
ExecStartPost=/bin/sh -c 'test ! -e /run/${name}.broken && cat /srv/app/latest >> /run/${name}.log'
`;

for (const program of programs) {
  describe.skipIf(systemd.missing)(`fetch on a real systemd, ${program.name}`, () => {
    let machine: Machine;
    let publicKey: string;

    beforeAll(async () => {
      machine = await startMachine(program.name === "binary" ? { binary: dist } : {});
      await machine.write("/usr/local/bin/systemctl", WRAPPER, 0o755);
      for (const name of ["app", "web"])
        await machine.write(`/etc/systemd/system/${name}.service`, unit(name));
      await machine.must("systemctl", "daemon-reload");
      const generated = await machine.must("tako", "gen-key", "--output", "/root/secret-key");
      publicKey = /\S{43}=/.exec(generated)?.[0] ?? "";
    }, 60_000);
    afterAll(() => machine?.stop());

    beforeEach(async () => {
      await machine.must("/usr/bin/systemctl", "stop", "app.service", "web.service");
      await machine.must("/usr/bin/systemctl", "reset-failed");
      await machine.must(
        "sh",
        "-c",
        "rm -rf /srv /run/*.log /run/*.broken; mkdir -p /srv/origin /srv/app",
      );
    });

    async function publish(version: string): Promise<void> {
      await machine.write("/srv/image", `${version}\n`);
      await store(machine, "/root/secret-key", version);
    }

    async function configure(restart: string): Promise<void> {
      const lines = [
        "Origin=file:///srv/origin",
        `PublicKey=${publicKey}`,
        "Destination=/srv/app",
        "Version=1.*",
      ];
      await machine.write("/srv/app.tako", `${lines.join("\n")}\nRestart=${restart}\n`);
    }

    const fetch = (...options: string[]) =>
      machine.run(["tako", "fetch", ...options, "/srv/app.tako"]);

    /** What a file of the machine holds, as lines; none if it is not there. */
    function lines(path: string): string[] {
      const file = machine.path(path);
      return existsSync(file) ? readFileSync(file, "utf8").trimEnd().split("\n") : [];
    }
    const starts = (name: string) => lines(`/run/${name}.log`);
    const systemctlCalls = () => lines("/run/systemctl.log");
    const isOwed = () => existsSync(machine.path("/srv/app/.owed"));
    const isActive = async (name: string) =>
      (await machine.run(["/usr/bin/systemctl", "is-active", "--quiet", name])).status === 0;

    test("FET-75: an update restarts a running service, which reads the new image", async () => {
      await configure("app.service");
      await publish("1.0.0");
      expect((await fetch()).status).toBe(0);
      expect(starts("app")).toEqual(["1.0.0"]);
      const before = await machine.must("/usr/bin/systemctl", "show", "-P", "MainPID", "app");

      await publish("1.1.0");
      expect((await fetch()).status).toBe(0);
      expect(starts("app")).toEqual(["1.0.0", "1.1.0"]);
      expect(await machine.must("/usr/bin/systemctl", "show", "-P", "MainPID", "app")).not.toBe(
        before,
      );
      expect(isOwed()).toBe(false);
    });

    test("FET-76: two units are restarted in one call, in the order of the config", async () => {
      await configure("web.service app.service");
      await publish("1.0.0");
      expect((await fetch()).status).toBe(0);
      expect(systemctlCalls()).toEqual(["restart -- web.service app.service"]);
      expect([starts("app"), starts("web")]).toEqual([["1.0.0"], ["1.0.0"]]);
    });

    test("FET-79: a run without news never calls systemctl", async () => {
      await configure("app.service");
      await publish("1.0.0");
      await fetch();
      rmSync(machine.path("/run/systemctl.log"));
      expect((await fetch()).status).toBe(0);
      expect(systemctlCalls()).toEqual([]);
    });

    test("FET-78: a unit that fails to start gives status 70, stays owed, and is restarted alone by the next run", async () => {
      await configure("app.service web.service missing.service");
      await publish("1.0.0");
      await machine.write("/run/web.broken", "");
      const failed = await fetch();
      expect(failed.status).toBe(70);
      expect(failed.stderr).toContain("web.service");
      expect(failed.stderr).toContain("missing.service");
      expect(await isActive("app")).toBe(true);
      expect(isOwed()).toBe(true);

      await configure("app.service web.service");
      await machine.must("rm", "/run/web.broken", "/run/systemctl.log");
      await machine.must("/usr/bin/systemctl", "reset-failed");
      expect((await fetch()).status).toBe(0);
      expect(systemctlCalls()).toEqual(["restart -- web.service"]);
      expect([starts("app"), starts("web")]).toEqual([["1.0.0"], ["1.0.0"]]);
      expect(isOwed()).toBe(false);
    });

    test("DST-15: killed between swap and restart, the next run restarts once", async () => {
      await configure("app.service");
      await publish("1.0.0");
      await fetch();
      await publish("1.1.0");
      await machine.write("/run/kill-caller", "");
      expect((await fetch()).status).toBe(128 + 9);
      expect(await machine.must("cat", "/srv/app/latest")).toBe("1.1.0\n");
      expect(starts("app")).toEqual(["1.0.0"]);
      expect(isOwed()).toBe(true);

      expect((await fetch()).status).toBe(0);
      expect((await fetch()).status).toBe(0);
      expect(starts("app")).toEqual(["1.0.0", "1.1.0"]);
    });

    test("FET-75: an owed restart is done also when the origin is gone", async () => {
      await configure("app.service");
      await publish("1.0.0");
      await machine.write("/run/kill-caller", "");
      await fetch();
      await machine.must("rm", "-r", "/srv/origin");
      expect((await fetch()).status).toBe(69);
      expect(starts("app")).toEqual(["1.0.0"]);
      expect(isOwed()).toBe(false);
    });

    test("FET-9: a run inside a unit that it would restart is refused; FET-80: its --init is not", async () => {
      await configure("self.service");
      await publish("1.0.0");
      const self = (option: string) =>
        `[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/usr/local/bin/tako fetch ${option} /srv/app.tako\n`;
      await machine.write("/etc/systemd/system/self.service", self(""));
      await machine.must("/usr/bin/systemctl", "daemon-reload");
      expect((await machine.run(["/usr/bin/systemctl", "start", "self.service"])).status).toBe(1);
      expect(await machine.must("/usr/bin/systemctl", "show", "-P", "ExecMainStatus", "self")).toBe(
        "2\n",
      );
      expect(existsSync(machine.path("/srv/app/manifest"))).toBe(false);
      await machine.must("journalctl", "--sync");
      const journal = await machine.must("journalctl", "-u", "self", "-p", "err", "-o", "cat");
      expect(journal).toContain("--init");

      await machine.write("/etc/systemd/system/self.service", self("--init"));
      await machine.must("/usr/bin/systemctl", "daemon-reload");
      await machine.must("/usr/bin/systemctl", "restart", "self.service");
      expect(await machine.must("cat", "/srv/app/latest")).toBe("1.0.0\n");
      await machine.must("/usr/bin/systemctl", "stop", "self.service");
    });

    test("FET-80, FET-83: --init before the start of the unit installs, and lets updates restart it", async () => {
      await configure("app.service");
      await publish("1.0.0");
      await machine.write(
        "/etc/systemd/system/app.service.d/init.conf",
        "[Service]\nExecStartPre=/usr/local/bin/tako fetch --init /srv/app.tako\n",
      );
      await machine.must("/usr/bin/systemctl", "daemon-reload");

      // The first start installs the image itself, and nothing is owed.
      await machine.must("/usr/bin/systemctl", "start", "app.service");
      expect(starts("app")).toEqual(["1.0.0"]);
      expect(isOwed()).toBe(false);

      // The update holds the lock while the unit starts; its --init must get through.
      await publish("1.1.0");
      expect((await fetch()).status).toBe(0);
      expect(starts("app")).toEqual(["1.0.0", "1.1.0"]);
      expect(systemctlCalls()).toEqual(["restart -- app.service"]);

      await machine.must("rm", "-r", "/etc/systemd/system/app.service.d");
      await machine.must("/usr/bin/systemctl", "daemon-reload");
    });

    test("FET-87: without AF_UNIX it is systemd that is not reached, not the unit", async () => {
      await configure("app.service");
      await publish("1.0.0");
      await machine.write(
        "/etc/systemd/system/fetch.service",
        `[Service]
Type=oneshot
ExecStart=/usr/local/bin/tako fetch /srv/app.tako
Environment=PATH=/usr/local/bin:/usr/bin:/bin
StandardError=file:/run/fetch.log
RestrictAddressFamilies=AF_INET AF_INET6
`,
      );
      await machine.must("/usr/bin/systemctl", "daemon-reload");
      expect((await machine.run(["/usr/bin/systemctl", "start", "fetch.service"])).status).toBe(1);
      const status = ["/usr/bin/systemctl", "show", "-P", "ExecMainStatus", "fetch.service"];
      expect(await machine.must(...status)).toBe("70\n");
      const said = lines("/run/fetch.log").join("\n");
      expect(said).toContain(
        "systemctl does not reach systemd, so app.service was not restarted: Failed to connect to bus",
      );
      expect(said).toContain("RestrictAddressFamilies=");
      expect(said).not.toContain("systemctl status");
      expect([isOwed(), starts("app")]).toEqual([true, []]);
      expect((await fetch()).status).toBe(0);
      expect([isOwed(), starts("app")]).toEqual([false, ["1.0.0"]]);
    });

    test("FET-87: nor is the unit to blame where there is no systemd, as in a container", async () => {
      await configure("app.service");
      await publish("1.0.0");
      const hidden = 'mount -t tmpfs tmpfs /run && exec tako fetch "$0"';
      const words = ["unshare", "--mount", "sh", "-c", hidden, "/srv/app.tako"];
      const { status, stderr } = await machine.run(words);
      expect([status, stderr]).toEqual([70, expect.stringContaining("does not reach systemd")]);
      expect(stderr).not.toContain("systemctl status");
      expect(isOwed()).toBe(true);
    });

    test("FET-82, FET-83: --init never calls systemctl, and leaves an update owed to the next run", async () => {
      await configure("app.service");
      await publish("1.0.0");
      await fetch("--init");
      expect(isOwed()).toBe(false);

      await machine.must("sh", "-c", "sed -i s/^Version=.*/Version=1.1.0/ /srv/app.tako");
      await publish("1.1.0");
      expect((await fetch("--init")).status).toBe(0);
      expect(systemctlCalls()).toEqual([]);
      expect(isOwed()).toBe(true);

      expect((await fetch()).status).toBe(0);
      expect(systemctlCalls()).toEqual(["restart -- app.service"]);
      expect(starts("app")).toEqual(["1.1.0"]);
    });
  });
}
