// Slots on a real systemd (ACT-100 to ACT-113): one instance takes over from the other. What a client sees of it, with
// a shared socket and behind nginx; what an image that does not work does to the one that serves; and what is left when
// a run is killed anywhere.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../support/daemon.ts";
import { needs } from "../support/needs.ts";
import { serveWithNginx } from "../support/nginx.ts";
import { programs } from "../support/program.ts";
import { type Machine, startMachine, store } from "./machine.ts";
import { installUnits, shipped } from "./shipped.ts";
import { askAllTheTime, ENDING, FAILING, webImage } from "./slots.ts";

const systemd = needs("systemd");
const serving = needs("systemd", "python3", "nginx");
const tracing = needs("systemd", "strace");

/** How often a slot takes over while a client asks. */
const SWITCHES = 20;

/** Notes each call; /run/kill says before or after which one of its verb the run is killed: `before 2 show`. */
const WRAPPER = `#!/bin/sh
echo "$@" | sed 's/ --property=[^ ]*//' >> /run/systemctl.log
call="$(grep -c "^$1 " /run/systemctl.log) $1"
[ "$(cat /run/kill 2>/dev/null)" != "before $call" ] || { kill -9 $PPID; exit 1; }
/usr/bin/systemctl "$@"
status=$?
[ "$(cat /run/kill 2>/dev/null)" != "after $call" ] || kill -9 $PPID
exit $status
`;

/** An image is a script of the shell, which its slot runs. */
const TEMPLATE = `[Unit]
ConditionPathIsSymbolicLink=/srv/app/%i
[Service]
ExecStart=/bin/sh /srv/app/%i %i
`;
const works = (version: string) => `echo ${version} > /run/runs-$1; exec sleep infinity\n`;
const FAILS = "sleep 0.2; exit 3\n";

describe.skipIf(systemd.missing)("slots on a real systemd, the binary", () => {
  let machine: Machine;
  let publicKey: string;

  beforeAll(async () => {
    // It is built when it is too old.
    expect(programs[1]?.name).toBe("binary");
    machine = await startMachine({ binary: join(import.meta.dir, "../../dist/tako") });
    await machine.write("/usr/local/bin/systemctl", WRAPPER, 0o755);
    await machine.write("/etc/systemd/system/app@.service", TEMPLATE);
    for (const name of ["told", "back"]) {
      const unit = `[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo x >> /run/${name}'\n`;
      await machine.write(`/etc/systemd/system/${name}.service`, unit);
    }
    await installUnits(machine);
    const generated = await machine.must("tako", "gen-key", "--output", "/root/secret-key");
    publicKey = /\S{43}=/.exec(generated)?.[0] ?? "";
  }, 60_000);
  afterAll(() => machine?.stop());

  beforeEach(async () => {
    await machine.run(["/usr/bin/systemctl", "stop", "app@a.service", "app@b.service"]);
    await systemctl("reset-failed");
    const clean =
      "rm -rf /srv/origin /srv/app /run/runs-* /run/systemctl.log /run/kill /run/told /run/back";
    await machine.must("sh", "-c", `${clean}; mkdir -p /srv/origin /srv/app`);
    config = "/srv/app.tako";
    await configure();
  });

  const systemctl = (...words: string[]) => machine.must("/usr/bin/systemctl", ...words);

  async function publish(version: string, image = works(version)): Promise<void> {
    await machine.write("/srv/image", image);
    await store(machine, "/root/secret-key", version);
  }

  const SLOTS = ["Restart=app@.service", "Slots=a b", "WatchSec=1"];

  async function configure(lines: readonly string[] = SLOTS): Promise<void> {
    const usual = [
      "Origin=file:///srv/origin",
      `PublicKey=${publicKey}`,
      "Destination=/srv/app",
      "Version=*",
    ];
    await machine.write("/srv/app.tako", [...usual, ...lines, ""].join("\n"));
  }

  let config = "/srv/app.tako";
  const fetchNow = (...options: string[]) => machine.run(["tako", "fetch", ...options, config]);

  /** A run that has to end with status 0. */
  async function fetched(): Promise<void> {
    const { status, stderr } = await fetchNow();
    expect([status, stderr]).toEqual([0, expect.any(String)]);
  }

  const at = (name: string) => machine.path(`/srv/app/${name}`);
  const read = (path: string) =>
    existsSync(machine.path(path)) ? readFileSync(machine.path(path), "utf8") : undefined;
  function linkOf(name: string): string | undefined {
    try {
      return readlinkSync(at(name));
    } catch {
      return undefined;
    }
  }
  const show = async (unit: string, property: string) =>
    (await systemctl("show", "-P", property, unit)).trim();
  const invocation = (unit: string) => show(unit, "InvocationID");
  /** What is told to do, without the questions. */
  const orders = () =>
    (read("/run/systemctl.log") ?? "")
      .split("\n")
      .filter((line) => /^(start|stop|restart)/.test(line));

  /** What a process of its own writes, and nobody waits for. */
  async function expectSoon(path: string, text: string): Promise<void> {
    for (let left = 100; left > 0 && read(path) !== text; left--) await Bun.sleep(50);
    expect(read(path)).toBe(text);
  }

  /** The slot that runs a version, and nothing else is left of any other one (DST-102). */
  async function expectAtRest(version: string): Promise<string> {
    const linked = ["a", "b"].filter((slot) => linkOf(slot) !== undefined);
    expect(linked).toHaveLength(1);
    const [slot = ""] = linked;
    const other = slot === "a" ? "b" : "a";
    expect(linkOf(slot)).toBe(linkOf("latest")!);
    expect(read("/srv/app/.good")).toBe(`${linkOf("latest")?.slice("store/".length)}\n`);
    expect(await show(`app@${slot}`, "ActiveState")).toBe("active");
    await expectSoon(`/run/runs-${slot}`, `${version}\n`);
    expect(await show(`app@${other}`, "ActiveState")).toBe("inactive");
    expect(existsSync(at(".owed"))).toBe(false);
    expect(existsSync(at(".slot.new"))).toBe(false);
    return slot;
  }

  test("ACT-103, ACT-105: the first image starts in the first slot, and the next one beside it, which ends then", async () => {
    await configure([...SLOTS, "OnUpdate=told.service"]);
    await publish("1.0.0");
    await fetched();
    expect(await expectAtRest("1.0.0")).toBe("a");
    expect(orders()).toEqual(["start -- app@a.service", "start --no-block -- told.service"]);

    await publish("1.1.0");
    const { stdout } = await fetchNow("--json");
    expect(await expectAtRest("1.1.0")).toBe("b");
    expect(orders().slice(2)).toEqual([
      "start -- app@b.service",
      "stop -- app@a.service",
      "start --no-block -- told.service",
    ]);
    const events = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { event: string });
    expect(events.map(({ event }) => event)).toEqual([
      ...["manifest", "download", "downloaded", "watching", "activated", "switched"],
      ...["started", "result"],
    ]);
    expect(events.find(({ event }) => event === "switched")).toMatchObject({
      slot: "b",
      unit: "app@b.service",
    });

    await publish("1.2.0");
    await fetched();
    expect(await expectAtRest("1.2.0")).toBe("a");
  });

  test("FET-79: without news, nothing is asked of systemd", async () => {
    await publish("1.0.0");
    await fetched();
    await machine.must("rm", "/run/systemctl.log");
    await fetched();
    expect(read("/run/systemctl.log")).toBeUndefined();
  });

  test("ACT-106: an image that does not work is refused, and the one that serves is not touched", async () => {
    await configure([...SLOTS, "OnRollback=back.service"]);
    await publish("1.0.0");
    await fetched();
    const before = await invocation("app@a");

    await publish("1.1.0", FAILS);
    const { status, stdout } = await fetchNow("--json");
    expect([status, stdout]).toEqual([75, expect.stringContaining('"event":"rolled-back"')]);
    expect(await expectAtRest("1.0.0")).toBe("a");
    expect(await invocation("app@a")).toBe(before);
    expect(read("/srv/app/.refused")).toContain("app@b.service: failed (exit-code), status 3");
    await expectSoon("/run/back", "x\n");

    const later = await fetchNow();
    expect([later.status, later.stderr]).toEqual([0, expect.stringContaining("stays on 1.0.0")]);
    await publish("1.2.0");
    await fetched();
    expect(await expectAtRest("1.2.0")).toBe("b");
  });

  test("ACT-104, ACT-106: nor is one that works which ends by itself, with success", async () => {
    await publish("1.0.0");
    await fetched();
    await publish("1.1.0", "sleep 0.3\n");
    expect((await fetchNow()).status).toBe(75);
    expect(await expectAtRest("1.0.0")).toBe("a");
  });

  test("ACT-106: while the other slot is down, no image is to blame", async () => {
    await publish("1.0.0");
    await fetched();
    await systemctl("stop", "app@a");
    await publish("1.1.0", FAILS);
    const { status, stderr } = await fetchNow();
    expect([status, stderr]).toEqual([70, expect.stringContaining("look at the host")]);
    expect([linkOf("a"), linkOf("b")]).toEqual([linkOf("latest"), undefined]);
    expect(existsSync(at(".refused"))).toBe(false);
    expect(await show("app@a", "ActiveState")).toBe("inactive");

    // A slot that is down does not keep the next image from the other one.
    await publish("1.2.0");
    await fetched();
    expect(await expectAtRest("1.2.0")).toBe("b");
  });

  test("ACT-106: a first image that does not work leaves nothing behind, and is tried again", async () => {
    await publish("1.0.0", FAILS);
    for (let run = 0; run < 2; run++) {
      expect((await fetchNow()).status).toBe(70);
      expect([linkOf("latest"), linkOf("a"), linkOf("b")]).toEqual([
        undefined,
        undefined,
        undefined,
      ]);
      expect(existsSync(at(".refused"))).toBe(false);
    }
    expect(orders().filter((line) => line.startsWith("start"))).toHaveLength(2);
  });

  test("ACT-107: somebody who stops the new slot has decided nothing about the image", async () => {
    await configure(["Restart=app@.service", "Slots=a b", "WatchSec=5"]);
    await publish("1.0.0");
    await fetched();
    await publish("1.1.0");
    const running = fetchNow("--json");
    while (read("/run/runs-b") === undefined) await Bun.sleep(50);
    await systemctl("stop", "app@b");
    const { status, stdout } = await running;
    expect([status, stdout]).toEqual([
      0,
      expect.stringContaining('"outcome":"unconfirmed","version":"1.1.0"'),
    ]);
    expect(await expectAtRest("1.0.0")).toBe("a");
    expect(existsSync(at(".refused"))).toBe(false);
    await configure();
    await fetched();
    expect(await expectAtRest("1.1.0")).toBe("b");
  });

  test("ACT-26: a journal that is behind blames nobody", async () => {
    await configure(["Restart=app@.service", "Slots=a b", "WatchSec=5"]);
    await publish("1.0.0");
    await fetched();
    await publish("1.1.0");
    const running = fetchNow();
    while (read("/run/runs-b") === undefined) await Bun.sleep(50);
    await machine.must("pkill", "-STOP", "-x", "systemd-journal");
    await systemctl("stop", "app@b");
    await Bun.sleep(2000);
    await machine.must("pkill", "-CONT", "-x", "systemd-journal");
    const { status, stdout } = await running;
    expect([status, stdout]).toEqual([0, expect.stringContaining("1.1.0 has still to prove")]);
    expect(existsSync(at(".refused"))).toBe(false);
  });

  test("ACT-108: a host that had none gets its slots for the image in use", async () => {
    await configure([]);
    await publish("1.0.0");
    await fetched();
    await configure();
    expect((await fetchNow("--dry-run")).stdout).toContain("would restart app@a.service");
    await fetched();
    expect(await expectAtRest("1.0.0")).toBe("a");
  });

  test("ACT-108: an image in use that does not work in its slot keeps no better one away", async () => {
    await configure([]);
    await publish("1.0.0", FAILS);
    await fetched();
    await configure();
    for (let run = 0; run < 2; run++) {
      const { status, stderr } = await fetchNow();
      expect([status, stderr]).toEqual([70, expect.stringContaining("app@a.service: failed")]);
    }
    await publish("1.1.0");
    await fetched();
    expect(await expectAtRest("1.1.0")).toBe("b");
  });

  test("ACT-109, FET-55: what was damaged is read anew by the other slot", async () => {
    await publish("1.0.0");
    await fetched();
    await machine.must("sh", "-c", "echo exit >> $(echo /srv/app/store/*)");
    await fetched();
    expect(await expectAtRest("1.0.0")).toBe("b");
  });

  test("FET-56, ACT-100: a slot serves on while its damaged image cannot be had", async () => {
    await publish("1.0.0");
    await fetched();
    const before = await invocation("app@a");
    await machine.must("sh", "-c", "echo exit >> $(echo /srv/app/store/*)");
    await machine.must("mv", "/srv/origin/store", "/srv/store-away");
    for (let run = 0; run < 2; run++) expect((await fetchNow()).status).toBe(69);
    expect(await invocation("app@a")).toBe(before);
    expect(linkOf("latest")).toBeUndefined();
    await machine.must("mv", "/srv/store-away", "/srv/origin/store");
    await fetched();
    expect(await expectAtRest("1.0.0")).toBe("b");
  });

  test("ACT-113: a unit that cannot be started for another one is no verdict", async () => {
    await publish("1.0.0");
    await fetched();
    await machine.write(
      "/etc/systemd/system/app@b.service.d/needs.conf",
      "[Unit]\nRequires=fails.service\nAfter=fails.service\n",
    );
    await machine.write(
      "/etc/systemd/system/fails.service",
      "[Service]\nType=oneshot\nExecStart=/bin/false\n",
    );
    await systemctl("daemon-reload");
    try {
      await publish("1.1.0");
      const { status, stderr } = await fetchNow();
      expect([status, stderr]).toEqual([
        70,
        expect.stringContaining("systemctl could not start app@b.service"),
      ]);
      expect(await expectAtRest("1.0.0")).toBe("a");
      expect(existsSync(at(".refused"))).toBe(false);
    } finally {
      await machine.must("rm", "-r", "/etc/systemd/system/app@b.service.d");
      await systemctl("daemon-reload");
    }
    await fetched();
    expect(await expectAtRest("1.1.0")).toBe("b");
  });

  test("ACT-102: what systemd has no usable file of is told before anything changes", async () => {
    await publish("1.0.0");
    await fetched();
    await systemctl("mask", "--runtime", "app@b.service");
    try {
      await publish("1.1.0");
      const { status, stderr } = await fetchNow();
      expect([status, stderr]).toEqual([70, expect.stringContaining('its unit file is "masked"')]);
      expect(orders()).toEqual(["start -- app@a.service"]);
      expect(await expectAtRest("1.0.0")).toBe("a");
    } finally {
      await systemctl("unmask", "--runtime", "app@b.service");
    }
  });

  test("FET-9: a run inside of a slot is refused; ACT-111: and so is its --init", async () => {
    await publish("1.0.0");
    const [unit, status] = ["/etc/systemd/system/app@.service.d/self.conf", "ExecMainStatus"];
    try {
      for (const option of ["", "--init"]) {
        const start = `ExecStart=\nExecStart=/usr/local/bin/tako fetch ${option} /srv/app.tako\n`;
        await machine.write(unit, `[Unit]\nConditionPathIsSymbolicLink=\n[Service]\n${start}`);
        await systemctl("daemon-reload");
        await systemctl("start", "app@a");
        for (let left = 100; left > 0 && (await show("app@a", status)) !== "2"; left--)
          await Bun.sleep(50);
        expect(await show("app@a", status)).toBe("2");
        await systemctl("reset-failed", "app@a");
      }
      expect(existsSync(at("manifest"))).toBe(false);
    } finally {
      await machine.must("rm", "-r", "/etc/systemd/system/app@.service.d");
      await systemctl("daemon-reload");
    }
  });

  test("at boot, the condition of the template starts the slot in use alone", async () => {
    await publish("1.0.0");
    await fetched();
    await publish("1.1.0");
    await fetched();
    await systemctl("stop", "app@b");
    await machine.must("sh", "-c", "rm /run/runs-*");
    await systemctl("start", "app@a", "app@b");
    expect(await expectAtRest("1.1.0")).toBe("b");
    expect(read("/run/runs-a")).toBeUndefined();
  });

  test.skipIf(tracing.missing)(
    "DST-101: a link is renamed into place and synced, and its end is synced, too",
    async () => {
      await publish("1.0.0");
      await fetched();
      await publish("1.1.0");
      const calls = "symlink,symlinkat,rename,renameat,renameat2,unlink,unlinkat,fsync";
      const strace = ["strace", "-f", "-y", "-o", "/run/trace", "-e", `trace=${calls}`];
      await machine.must(...strace, "tako", "fetch", "/srv/app.tako");
      const done = Array.from(
        (read("/run/trace") ?? "").matchAll(/(symlink|rename|unlink|fsync)[a-z0-9]*\((.*)\) += 0/g),
        ([, name = "", words = ""]) =>
          [name, ...words.matchAll(/\/srv\/app(?:\/[^">]*)?/g)].join(" "),
      );
      const from = done.indexOf("symlink /srv/app/.slot.new");
      expect(done.slice(from, from + 3)).toEqual([
        "symlink /srv/app/.slot.new",
        "rename /srv/app/.slot.new /srv/app/b",
        "fsync /srv/app",
      ]);
      expect(done.slice(done.indexOf("unlink /srv/app/a")).slice(0, 2)).toEqual([
        "unlink /srv/app/a",
        "fsync /srv/app",
      ]);
    },
  );

  describe("a run that is killed", () => {
    const KILLED = 128 + 9;

    async function killAt(call: string): Promise<void> {
      await machine.must("rm", "-f", "/run/systemctl.log");
      await machine.write("/run/kill", call);
      expect((await fetchNow()).status).toBe(KILLED);
      await machine.must("rm", "/run/kill");
    }

    /** The first such call on a path in the destination is not done any more. */
    async function killAtCall(call: string, path: string): Promise<void> {
      const strace = ["strace", "-f", "-q", "-o", "/run/trace", "-P", `/srv/app/${path}`];
      const all = [call, `${call}at`, ...(call === "rename" ? ["renameat2"] : [])].join();
      const fault = ["-e", `trace=${all}`, "-e", `inject=${all}:signal=KILL:when=1`];
      const { status } = await machine.run([...strace, ...fault, "tako", "fetch", "/srv/app.tako"]);
      expect(status).toBe(KILLED);
    }

    /** From 1.0.0 in slot a to 1.1.0 in slot b: a run that dies on the way, and the one after it. */
    async function expectUpdate(die: () => Promise<void>): Promise<void> {
      await publish("1.0.0");
      await fetched();
      const [before, old] = [await invocation("app@a"), linkOf("latest")];
      await publish("1.1.0");
      await die();
      // Before the swap, nobody has touched what serves.
      if (linkOf("latest") === old) {
        expect([await invocation("app@a"), linkOf("a")]).toEqual([before, old]);
      }
      await fetched();
      await expectAtRest("1.1.0");
    }

    /** The calls by which 1.1.0 takes over; the looks of a second stand between. */
    const CALLS = ["1 show", "1 reset-failed", "1 start", "2 show", "3 show", "4 show"];
    const ENDS = ["1 stop", "2 reset-failed"];

    test("ACT-101: the calls below are all that there are", async () => {
      await publish("1.0.0");
      await fetched();
      await publish("1.1.0");
      await machine.must("rm", "/run/systemctl.log");
      await fetched();
      const calls = (read("/run/systemctl.log") ?? "").trimEnd().split("\n");
      const isLook = (call: string, index: number) => index > 3 && call === "show -- app@b.service";
      expect(calls.filter((call, index) => !isLook(call, index))).toEqual([
        "show -- app@a.service app@b.service",
        "reset-failed -- app@b.service",
        "start -- app@b.service",
        "show -- app@b.service",
        "stop -- app@a.service",
        "reset-failed -- app@a.service",
      ]);
    });

    for (const call of [...CALLS, ...ENDS]) {
      for (const when of ["before", "after"]) {
        test(`ACT-101: an update, ${when} call ${call}`, async () => {
          await expectUpdate(() => killAt(`${when} ${call}`));
        });
      }
    }

    for (const call of CALLS) {
      for (const when of ["before", "after"]) {
        test(`ACT-101: the first install, ${when} call ${call}`, async () => {
          await publish("1.0.0");
          await killAt(`${when} ${call}`);
          expect(linkOf("latest")).toBeUndefined();
          await fetched();
          expect(await expectAtRest("1.0.0")).toBe("a");
        });
      }
    }

    for (const [call, path] of [
      ["symlink", ".slot.new"],
      ["rename", ".slot.new"],
      ["symlink", ".latest.new"],
      ["rename", ".latest.new"],
      ["rename", ".good.new"],
      ["unlink", "a"],
    ] as const) {
      test.skipIf(tracing.missing)(
        `ACT-101: an update, before the ${call} of ${path}`,
        async () => {
          await expectUpdate(() => killAtCall(call, path));
        },
      );
    }

    for (const [what, die] of [
      ["the looks", () => killAt("after 4 show")],
      ["its refusal", () => killAtCall("rename", ".refused.new")],
      ["its end", () => killAt("before 1 stop")],
      ["what is left of it", () => killAt("after 1 stop")],
      ["its link", () => killAtCall("unlink", "b")],
    ] as const) {
      test.skipIf(tracing.missing)(
        `ACT-101, ACT-114: an image that does not work, at ${what}`,
        async () => {
          await publish("1.0.0");
          await fetched();
          const before = await invocation("app@a");
          await publish("1.1.0", FAILS);
          await die();
          expect((await fetchNow()).status).toBe(75);
          expect(await expectAtRest("1.0.0")).toBe("a");
          expect(await invocation("app@a")).toBe(before);
          expect(read("/srv/app/.refused")).toContain("app@b.service: failed");
        },
      );
    }

    for (const [what, die] of [
      ["the swap that is none", () => killAtCall("rename", ".good.new")],
      ["the end of the other slot", () => killAt("before 1 stop")],
      ["its link", () => killAtCall("unlink", "a")],
      ["the record", () => killAtCall("unlink", ".owed")],
    ] as const) {
      test.skipIf(tracing.missing)(`ACT-109: what was damaged, at ${what}`, async () => {
        await publish("1.0.0");
        await fetched();
        const before = await invocation("app@a");
        await machine.must("sh", "-c", "echo exit >> $(echo /srv/app/store/*)");
        await die();
        await fetched();
        const slot = await expectAtRest("1.0.0");
        expect(await invocation(`app@${slot}`)).not.toBe(before);
      });
    }

    test("ACT-101: an update that dies again and again still gets there", async () => {
      await publish("1.0.0");
      await fetched();
      await publish("1.1.0");
      for (const call of ["after 1 start", "before 1 start", "after 1 stop", "after 4 show"]) {
        await killAt(call);
      }
      await fetched();
      await expectAtRest("1.1.0");
    });
  });

  describe.skipIf(serving.missing)(
    "the examples, under a client that asks 50 times a second",
    () => {
      const TAKES_MS = 180_000;
      const LAST = `1.0.${SWITCHES}`;

      /** Takes over an example, with ports that are free here. */
      async function take(name: string, ports: ReadonlyMap<string, number>): Promise<void> {
        const onOtherPorts = (path: string) =>
          [...ports].reduce(
            (text, [from, to]) => text.replaceAll(from, String(to)),
            shipped(`examples/slots/${path}`),
          );
        config = `/etc/tako/${name}.tako`;
        const text = onOtherPorts(`${name}.tako`)
          .replace(/^Origin=.*/m, "Origin=file:///srv/origin")
          .replace(/^PublicKey=.*/m, `PublicKey=${publicKey}`)
          .replace(/^WatchSec=.*/m, "WatchSec=1s");
        await machine.write(config, text);
        const destination = `/var/lib/images/${name}`;
        await machine.must("sh", "-c", `rm -rf ${destination}; mkdir -p ${destination}`);
        if (name === "web") {
          await machine.write("/etc/systemd/system/web.socket", onOtherPorts("web.socket"));
          await systemctl("daemon-reload");
        }
      }
      const stopAll = (...units: string[]) => machine.run(["/usr/bin/systemctl", "stop", ...units]);
      const versionAt = async (url: string) => await (await fetch(url)).text();

      /** Every switch is an image of its own. */
      async function switchAgainAndAgain(url: string): Promise<void> {
        await publish("1.0.0", webImage("1.0.0"));
        await fetched();
        const client = askAllTheTime(url);
        for (let each = 1; each <= SWITCHES; each++) {
          await publish(`1.0.${each}`, webImage(`1.0.${each}`));
          await fetched();
        }
        const { asked, failed } = await client.stop();
        expect(failed).toEqual([]);
        expect(asked).toBeGreaterThan(SWITCHES * 50);
        expect(await versionAt(url)).toBe(LAST);
      }

      /** A slot that does not work is gone before anybody has noticed. */
      async function refuseUnderLoad(url: string, version: string, image: string): Promise<void> {
        const client = askAllTheTime(url);
        await publish(version, image);
        const { status } = await fetchNow();
        await Bun.sleep(500);
        const { failed } = await client.stop();
        expect([status, failed]).toEqual([75, []]);
        expect(await versionAt(url)).toBe(LAST);
      }

      describe("web.socket", () => {
        const UNITS = ["web.socket", "web.service", "web@a.service", "web@b.service"];
        const port = freePort();
        const url = `http://127.0.0.1:${port}/`;
        beforeEach(() => take("web", new Map([["8080", port]])));
        afterEach(async () => {
          await stopAll(...UNITS);
          await machine.must("rm", "-rf", "/etc/systemd/system/web@.service.d");
        });

        test(
          `ACT-103, ACT-104, ACT-106: ${SWITCHES} switches, and images that do not work, fail no request`,
          async () => {
            await switchAgainAndAgain(url);
            expect(await show("web@b.service", "TriggeredBy")).toBe("web.socket");
            await refuseUnderLoad(url, "1.1.0", FAILING);
            // The socket would start a slot again: no reason to take it for one that works.
            await refuseUnderLoad(url, "1.2.0", ENDING);

            // As at boot: who comes before any slot runs is served by the one whose link is there.
            await stopAll(...UNITS);
            await systemctl("start", "web.socket");
            const client = askAllTheTime(url);
            await systemctl("start", "web.service");
            await Bun.sleep(1000);
            expect((await client.stop()).failed).toEqual([]);
            expect(await versionAt(url)).toBe(LAST);
            expect(await show("web.socket", "ActiveState")).toBe("active");
          },
          TAKES_MS,
        );

        test("ACT-102: a limit of starts, by which a slot would end the socket, is refused before anything changes", async () => {
          const limit = "[Unit]\nStartLimitIntervalSec=10s\n";
          await machine.write("/etc/systemd/system/web@.service.d/limit.conf", limit);
          await systemctl("daemon-reload");
          await publish("1.0.0", webImage("1.0.0"));
          const { status, stderr } = await fetchNow();
          expect([status, stderr]).toEqual([
            70,
            expect.stringContaining("StartLimitIntervalSec=0"),
          ]);
          const names = await machine.must("ls", "/var/lib/images/web");
          expect(names).toBe("manifest\nstore\n");
          expect(orders()).toEqual([]);
        });
      });

      test(
        `nginx: ACT-103, ACT-106: ${SWITCHES} switches, and an image that does not work, fail no request`,
        async () => {
          const [first, second] = [freePort(), freePort()];
          await take(
            "api",
            new Map([
              ["8081", first],
              ["8082", second],
            ]),
          );
          const [upstream = ""] =
            /^upstream api \{.*?^\}/ms.exec(shipped("examples/slots/api.conf")) ?? [];
          const nginx = await serveWithNginx("/nonexistent", {
            httpSnippet: upstream.replace("8081", String(first)).replace("8082", String(second)),
            configSnippet: "location / { proxy_pass http://api; }",
          });
          try {
            await switchAgainAndAgain(nginx.url);
            await refuseUnderLoad(nginx.url, "1.1.0", FAILING);
          } finally {
            await nginx.stop();
            await stopAll(`api@${first}.service`, `api@${second}.service`);
          }
        },
        TAKES_MS,
      );
    },
  );
});
