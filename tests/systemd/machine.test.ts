// Proves the machine the other tests of this folder run in: that it is a real systemd, that it is apart, and that it leaves nothing.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { basename, join } from "node:path";
import { needs } from "../support/needs.ts";
import { type Machine, startMachine } from "./machine.ts";

const systemd = needs("systemd");

describe.skipIf(systemd.missing)("a machine", () => {
  let machine: Machine;
  beforeAll(async () => {
    machine = await startMachine({ bind: { [import.meta.path]: "/opt/shown" } });
  });
  afterAll(() => machine?.stop());

  test("its systemd is PID 1 and runs without a failed unit", async () => {
    expect(await machine.must("systemctl", "is-system-running")).toBe("running\n");
    expect(await machine.must("cat", "/proc/1/comm")).toBe("systemd\n");
  });

  test("a service starts, is seen in its cgroup and the journal, and stops", async () => {
    await machine.write(
      "/etc/systemd/system/hello.service",
      '[Service]\nExecStart=/bin/sh -c "echo hello; grep ^0: /proc/self/cgroup; exec sleep infinity"\n',
    );
    await machine.must("systemctl", "daemon-reload");
    await machine.must("systemctl", "start", "hello.service");
    expect(await machine.must("systemctl", "is-active", "hello.service")).toBe("active\n");

    let journal = "";
    const deadline = Date.now() + 30_000;
    while (!journal.includes("0::") && Date.now() < deadline) {
      // Of the service alone: what systemd says of it may come in between.
      const own = ["--unit=hello", "--identifier=sh", "--output=cat"];
      journal = await machine.must("journalctl", ...own);
    }
    expect(journal).toBe("hello\n0::/system.slice/hello.service\n");

    await machine.must("systemctl", "stop", "hello.service");
    expect((await machine.run(["systemctl", "is-active", "hello.service"])).stdout).toBe(
      "inactive\n",
    );
  });

  test("run gives status, output and only the environment asked for", async () => {
    expect(
      await machine.run(["sh", "-c", "echo $A $HOME; echo err >&2; exit 7"], { env: { A: "a" } }),
    ).toEqual({
      status: 7,
      stdout: "a\n",
      stderr: "err\n",
    });
  });

  test("files bound into it are there, and the sources run", async () => {
    expect(await Bun.file(machine.path("/opt/shown")).text()).toBe(
      await Bun.file(import.meta.path).text(),
    );
    expect(await machine.must("/opt/tako/bun", "--version")).toBe(`${Bun.version}\n`);
    expect(await machine.must("ls", "/opt/tako/source")).toContain("package.json");
  });

  test("what it writes stays in it", async () => {
    const name = `/tmp/tako-${crypto.randomUUID()}`;
    const files = [name, `/var${name}`, `/etc${name}`, `/run${name}`, `/dev${name}`];
    for (const file of files) {
      await machine.write(file, "machine");
      expect(await machine.must("cat", file)).toBe("machine");
      expect(existsSync(file)).toBe(false);
    }
    expect(
      (await machine.run(["sh", "-c", "echo 1 > /proc/sys/fs/protected_regular"])).status,
    ).not.toBe(0);
  });
});

describe.skipIf(systemd.missing)("the end of a machine", () => {
  test("stop leaves no process, cgroup, mount or folder", async () => {
    const machine = await startMachine();
    const namespace = pidNamespace(machine.pid);
    expect(processes(namespace, machine.folder).length).toBeGreaterThan(2);
    expect(cgroups(machine.folder)).not.toBe("");

    await machine.stop();
    expect(processes(namespace, machine.folder)).toEqual([]);
    expect(cgroups(machine.folder)).toBe("");
    expect(readFileSync("/proc/self/mounts", "utf8")).not.toContain(machine.folder);
    expect(existsSync(machine.folder)).toBe(false);
  });

  test("a test run that is killed takes its machine along", async () => {
    const program = `
      const { startMachine } = await import(${JSON.stringify(join(import.meta.dir, "machine.ts"))});
      const { pid, folder } = await startMachine();
      console.log(JSON.stringify({ pid, folder }));
      await Bun.sleep(60_000);`;
    const run = Bun.spawn([process.execPath, "-e", program], { stdout: "pipe" });
    const { value } = await run.stdout.getReader().read();
    const { pid, folder } = JSON.parse(new TextDecoder().decode(value));
    const namespace = pidNamespace(pid);
    expect(processes(namespace, folder)).toContain(pid);

    run.kill("SIGKILL");
    await run.exited;
    const deadline = Date.now() + 10_000;
    while (processes(namespace, folder).length > 0 && Date.now() < deadline) await Bun.sleep(20);
    expect(processes(namespace, folder)).toEqual([]);
    expect(cgroups(folder)).toBe("");
    expect(existsSync(folder)).toBe(false);
  });
});

function pidNamespace(pid: number): string {
  return readlinkSync(`/proc/${pid}/ns/pid`);
}

/** The processes of a machine: those in its PID namespace, and those outside that were started for its folder. */
function processes(namespace: string, folder: string): number[] {
  const pids = readdirSync("/proc").filter((name) => /^[0-9]+$/.test(name));
  return pids.map(Number).filter((pid) => {
    try {
      return (
        pidNamespace(pid) === namespace ||
        readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(folder)
      );
    } catch {
      return false; // gone meanwhile
    }
  });
}

/** The cgroups made for a machine's folder. */
function cgroups(folder: string): string {
  const find = `mount -t cgroup2 cgroup2 /mnt && find /mnt -name ${basename(folder)}`;
  const { stdout, success } = Bun.spawnSync(["unshare", "--mount", "sh", "-c", find]);
  if (!success) throw new Error("no look at the cgroups");
  return stdout.toString();
}
