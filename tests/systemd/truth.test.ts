// A restart that is told as done has happened, and one that has not stays owed (spec/activation.md): what systemd
// refuses to restart, what nobody wants to run, what would wait for itself; and what stands around a restart, checks
// and the units that follow it.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { needs } from "../support/needs.ts";
import { secondKey } from "../support/publishing.ts";
import { type App, type AppOptions, type Apps, startApps, WORKS } from "./apps.ts";

const systemd = needs("systemd");

/** Notes each call, with the units that it is about. */
const SYSTEMCTL = `#!/bin/sh
echo "$@" | sed "s/ --property=[^ ]*//" >> /run/systemctl.log
exec /usr/bin/systemctl "$@"
`;

/** Fails once if a unit's file /run/UNIT.mute is there, and takes three seconds once if it is /run/UNIT.slow. */
const JOURNALCTL = `#!/bin/sh
for word in "$@"; do
  mute=/run/\${word#UNIT=}.mute
  slow=/run/\${word#UNIT=}.slow
  if [ -e $mute ]; then rm $mute; exit 1; fi
  if [ -e $slow ]; then rm $slow; sleep 3; fi
done
exec /usr/bin/journalctl "$@"
`;

describe.skipIf(systemd.missing).concurrent("a restart is told as it was", () => {
  let apps: Apps;
  beforeAll(async () => {
    apps = await startApps();
    await apps.machine.write("/usr/local/bin/systemctl", SYSTEMCTL, 0o755);
    await apps.machine.write("/usr/local/bin/journalctl", JOURNALCTL, 0o755);
  }, 60_000);
  afterAll(() => apps?.machine.stop());

  const systemctl = (...words: string[]) => apps.machine.must("/usr/bin/systemctl", ...words);
  const reload = () => systemctl("daemon-reload");

  /** An app that runs 1.0.0, to which 1.1.0 is offered. */
  async function running(name: string, options: AppOptions = {}): Promise<App> {
    const app = await apps.add(name, options);
    await reload();
    app.publish("1.0.0", WORKS);
    expect((await app.fetch()).outcome).toBe("updated");
    app.publish("1.1.0", WORKS);
    return app;
  }

  const unitFile = (name: string) => `/etc/systemd/system/${name}`;
  const serviceOf = (name: string, more = "") =>
    `[Service]\nExecStart=/bin/sh /srv/${name}/latest\n${more}`;

  /** The words of each call that was about a unit. */
  function callsAbout(unit: string): readonly string[] {
    const lines = readFileSync(apps.machine.path("/run/systemctl.log"), "utf8").split("\n");
    return lines.filter((line) => line.split(" ").includes(unit));
  }

  /** What keeps a running unit from its restart, and what lets it through again. */
  interface Obstacle {
    readonly name: string;
    readonly stand: (name: string) => Promise<unknown>;
    readonly fall: (name: string) => Promise<unknown>;
    readonly says: string;
  }

  const rewrite = async (name: string, text: string) => {
    await apps.machine.write(unitFile(`${name}.service`), text);
    await reload();
  };
  const asBefore = (name: string) => rewrite(name, serviceOf(name));
  const obstacles: readonly Obstacle[] = [
    {
      name: "RefuseManualStop=",
      stand: (name) => rewrite(name, `[Unit]\nRefuseManualStop=yes\n\n${serviceOf(name)}`),
      fall: asBefore,
      says: "could not restart",
    },
    {
      name: "masked",
      stand: async (name) => {
        await apps.machine.must("ln", "-sf", "/dev/null", unitFile(`${name}.service`));
        await reload();
      },
      fall: async (name) => {
        await apps.machine.must("rm", unitFile(`${name}.service`));
        await asBefore(name);
      },
      says: "is masked, and runs what it ran before",
    },
    {
      name: "bad-setting",
      stand: (name) => rewrite(name, "[Service]\nType=simple\n"),
      fall: asBefore,
      says: 'its unit file is "bad-setting"',
    },
    {
      name: "not-found",
      stand: async (name) => {
        await apps.machine.must("rm", unitFile(`${name}.service`));
        await reload();
      },
      fall: asBefore,
      says: 'its unit file is "not-found"',
    },
  ];

  for (const { name: obstacle, stand, fall, says } of obstacles) {
    for (const watch of ["", "WatchSec=2"]) {
      const name = `${obstacle.replace("=", "").toLowerCase()}${watch ? "-watched" : ""}`;
      test(`ACT-4, ACT-12, ACT-27: ${obstacle}, ${watch || "no WatchSec="}: not told as done, tried again until it is`, async () => {
        const other = `${name}-other.service`;
        await apps.machine.write(unitFile(other), serviceOf(name));
        const app = await running(name, { config: [`Restart=${name}.service ${other}`, watch] });
        const [before] = await app.is("InvocationID");
        await stand(name);

        const first = await app.fetch();
        expect([first.status, app.inUse, app.isOwed]).toEqual([70, "1.1.0", true]);
        expect(first.errors.join()).toContain(says);
        expect(await app.is("InvocationID", "ActiveState")).toEqual([before, "active"]);
        const told = first.events.filter(({ event }) => event === "restarted");
        expect(told.flatMap(({ units }) => units)).toEqual([other]);

        const second = await app.fetch();
        expect([second.status, app.isOwed]).toEqual([70, true]);
        expect(await app.is("InvocationID")).toEqual([before]);
        expect(app.refused).toEqual([]);

        await fall(name);
        const third = await app.fetch();
        expect([third.errors, third.status, app.isOwed]).toEqual([[], 0, false]);
        expect(await app.is("ActiveState")).toEqual(["active"]);
        expect(await app.is("InvocationID")).not.toEqual([before]);
        if (watch) expect(app.good).toBe("1.1.0");
      });
    }
  }

  test("ACT-3, ACT-7: a unit that is masked and does not run is left alone, and nobody waits for it", async () => {
    const app = await running("asleep", { config: ["WatchSec=2"] });
    await systemctl("stop", app.unit);
    await apps.machine.must("ln", "-sf", "/dev/null", unitFile(app.unit));
    await reload();
    const { status, outcome, events } = await app.fetch();
    expect([status, outcome]).toEqual([0, "unconfirmed"]);
    expect(events.find(({ event }) => event === "skipped")).toMatchObject({
      unit: app.unit,
      reason: "masked",
    });
    expect(await app.is("ActiveState")).toEqual(["inactive"]);
  });

  test("ACT-5, ACT-7, ACT-44: a stopped unit stays stopped, and proves its image once somebody starts it", async () => {
    const app = await running("stopped", { config: ["WatchSec=2"] });
    await systemctl("stop", app.unit);
    const { status, outcome, events } = await app.fetch();
    expect([status, outcome, app.inUse, app.good]).toEqual([0, "unconfirmed", "1.1.0", "1.0.0"]);
    expect(events.filter(({ event }) => event === "skipped")).toHaveLength(1);
    expect((await app.fetch()).status).toBe(0);
    expect(await app.is("ActiveState")).toEqual(["inactive"]);

    await systemctl("start", app.unit);
    const [started] = await app.is("InvocationID");
    expect((await app.fetch()).status).toBe(0);
    expect([app.good, app.isOwed]).toEqual(["1.1.0", false]);
    expect(await app.is("InvocationID")).toEqual([started]);
  });

  test("ACT-5: without WatchSec= a stopped unit stays so, too, and nothing is owed", async () => {
    const app = await running("stopped-plain");
    await systemctl("stop", app.unit);
    expect((await app.fetch()).outcome).toBe("updated");
    expect((await app.fetch()).outcome).toBe("current");
    expect([app.isOwed, ...(await app.is("ActiveState"))]).toEqual([false, "inactive"]);
  });

  test("ACT-5, ACT-6, ACT-26: a oneshot runs for the first image, and an idle one is left alone", async () => {
    const app = await apps.add("job", {
      config: ["WatchSec=2"],
      unit: serviceOf("job", "Type=oneshot\n"),
    });
    await reload();
    app.publish("1.0.0", "echo 1.0.0 >> /run/job.log");
    expect((await app.fetch()).outcome).toBe("updated");
    expect(app.good).toBe("1.0.0");
    app.publish("1.1.0", "echo 1.1.0 >> /run/job.log");
    expect((await app.fetch()).status).toBe(0);
    expect(await apps.machine.must("cat", "/run/job.log")).toBe("1.0.0\n");
    await systemctl("start", app.unit);
    expect(await apps.machine.must("cat", "/run/job.log")).toBe("1.0.0\n1.1.0\n");
  });

  test("ACT-2: a unit that waits for the unit of this run is refused before the swap, and nothing goes down", async () => {
    const app = await running("after");
    await rewrite("after", `[Unit]\nAfter=after-fetch.service\n\n${serviceOf("after")}`);
    const [before] = await app.is("InvocationID");
    await apps.machine.write(
      unitFile("after-fetch.service"),
      `[Service]\nType=oneshot\nExecStart=/usr/local/bin/tako fetch ${app.config}\nStandardError=file:/run/after.log\n`,
    );
    await reload();
    await apps.machine.run(["systemctl", "start", "after-fetch.service"]);
    const [fetch] = await apps.show(["after-fetch.service"], ["ExecMainStatus"]);
    expect(fetch).toEqual({ ExecMainStatus: "70" });
    const said = await apps.machine.must("cat", "/run/after.log");
    expect(said).toContain("after.service is ordered after after-fetch.service");
    expect([app.inUse, app.isOwed]).toEqual(["1.0.0", false]);
    expect(await app.is("InvocationID", "ActiveState")).toEqual([before, "active"]);
    // A run that is no part of that unit has nobody to wait for.
    expect((await app.fetch()).outcome).toBe("updated");
  });

  for (const [name, ...lines] of [
    ["narrowed", "Version=1.0.*"],
    ["rekeyed", `PublicKey=${secondKey.public}`],
  ] as const) {
    test(`ACT-38: a unit whose --init finds the config ${name} starts while the run that restarts it waits`, async () => {
      const app = await running(name);
      const init = await apps.add(`${name}-init`, { unit: "" });
      const config = await apps.machine.must("cat", app.config);
      const [key, value] = /^(\w+)=(.*)$/.exec(lines[0])?.slice(1) ?? [];
      const changed = config.replace(new RegExp(`^${key}=.*$`, "m"), `${key}=${value}`);
      await apps.machine.write(init.config, changed);
      const pre = `ExecStartPre=/usr/local/bin/tako fetch --init ${init.config}\n`;
      await rewrite(name, serviceOf(name, pre));
      const started = Date.now();
      const { errors, outcome } = await app.fetch();
      expect([errors, outcome, app.inUse]).toEqual([[], "updated", "1.1.0"]);
      expect(await app.is("ActiveState")).toEqual(["active"]);
      // Its start would else take until systemd's limit of 90 s.
      expect(Date.now() - started).toBeLessThan(45_000);
    });
  }

  test("ACT-61: a start that hangs holds up no other config, also with one job", async () => {
    const slow = await running("a-slow", {
      unit: serviceOf("a-slow", "ExecStartPre=/bin/sh -c 'test ! -e /run/a-slow || sleep 5'\n"),
    });
    const quick = await running("b-quick", { config: ["WatchSec=2"] });
    await apps.machine.write("/run/a-slow", "");
    const run = (await apps.fetch([slow, quick], "--jobs=1")).get("a-slow");
    const lines = run?.stdout.trim().split("\n") ?? [];
    const told = lines.map((line) => JSON.parse(line));
    const configsOf = (name: string) =>
      told.filter(({ event }) => event === name).map(({ config }) => config);
    expect(configsOf("restarted")).toEqual([quick.config, slow.config]);
    // Whichever ends first (FET-109).
    expect(configsOf("result")).toEqual([slow.config, quick.config]);
    expect(told.filter(({ outcome }) => outcome === "updated")).toHaveLength(2);
  });

  test("ACT-1, ACT-10, ACT-11, ACT-12: without WatchSec= a restart needs three more calls, and a run without news none", async () => {
    const app = await running("counted");
    const before = callsAbout(app.unit).length;
    expect((await app.fetch()).outcome).toBe("updated");
    expect((await app.fetch()).outcome).toBe("current");
    const calls = callsAbout(app.unit).slice(before);
    const words = ["show", "reset-failed", "restart", "show"];
    expect(calls).toEqual(words.map((word) => `${word} -- ${app.unit}`));
  });

  test("ACT-11, ACT-15: Reload= reloads a unit, which goes on running", async () => {
    const unit = serviceOf("reloaded", "ExecReload=/bin/sh -c 'cat /srv/reloaded/latest'\n");
    const app = await running("reloaded", {
      unit,
      config: ["Reload=reloaded.service", "WatchSec=1"],
    });
    const [before] = await app.is("InvocationID");
    expect((await app.fetch()).outcome).toBe("updated");
    expect(await app.is("InvocationID", "ActiveState")).toEqual([before, "active"]);
    expect(callsAbout(app.unit)).toContain(`reload-or-restart -- ${app.unit}`);
    expect(app.good).toBe("1.1.0");
  });

  for (const watch of ["", "WatchSec=1"]) {
    test(`ACT-15, ACT-27: a reload that fails is owed and tried again, ${watch || "no WatchSec="}`, async () => {
      const name = `unreloaded${watch ? "-watched" : ""}`;
      const broken = `/run/${name}.broken`;
      const unit = serviceOf(name, `ExecReload=/usr/bin/test ! -e ${broken}\n`);
      const app = await running(name, { unit, config: [`Reload=${name}.service`, watch] });
      await apps.machine.write(broken, "");
      for (const _ of [1, 2]) {
        expect([(await app.fetch()).status, app.inUse, app.isOwed]).toEqual([70, "1.1.0", true]);
        expect(await app.is("ActiveState")).toEqual(["active"]);
      }
      await apps.machine.must("rm", broken);
      expect([(await app.fetch()).status, app.isOwed]).toEqual([0, false]);
      if (watch) expect(app.good).toBe("1.1.0");
    });
  }

  /** An app with a service that checks it. */
  async function checked(name: string, check: string, more = ""): Promise<App> {
    const service = `${name}-check.service`;
    const text = `[Unit]\n${more}\n[Service]\nType=oneshot\nExecStart=/bin/sh -c '${check}'\n`;
    await apps.machine.write(unitFile(service), text);
    return await running(name, { config: ["WatchSec=2", `Check=${service}`] });
  }
  const isNew = (name: string) => `grep -q 1.1.0 /srv/${name}/latest`;

  test("ACT-22, ACT-25: what a unit of OnFailure= starts again and again is bad; what somebody restarts is not, though it fails when it is stopped", async () => {
    const app = await apps.add("again", {
      config: ["WatchSec=3"],
      unit: `[Unit]\nOnFailure=again-rescue.service\n\n${serviceOf("again")}`,
    });
    const rescue = "systemctl reset-failed again; systemctl start --no-block again";
    await apps.machine.write(
      unitFile("again-rescue.service"),
      `[Service]\nType=oneshot\nExecStart=/bin/sh -c '${rescue}'\n`,
    );
    await reload();
    app.publish("1.0.0", WORKS);
    expect((await app.fetch()).outcome).toBe("updated");
    for (const [version, script] of [
      ["1.1.0", "sleep 0.7; exit 3"],
      ["1.2.0", "exit 3"],
    ] as const) {
      app.publish(version, script);
      expect((await app.fetch()).outcome).toBe("rolled-back");
      expect([app.inUse, app.good, app.refused.at(-1)]).toEqual(["1.0.0", "1.0.0", version]);
    }

    app.publish("1.3.0", "trap 'exit 7' TERM; while :; do sleep 0.1; done");
    const [run] = await Promise.all([
      app.fetch(),
      apps.machine.must("/bin/sh", "-c", "sleep 2; /usr/bin/systemctl restart again"),
    ]);
    expect([run.outcome, app.inUse, app.good]).toEqual(["updated", "1.3.0", "1.3.0"]);
  });

  test("ACT-29: a check that succeeds lets the image stay", async () => {
    const app = await checked("check-good", "true");
    expect([(await app.fetch()).outcome, app.good]).toEqual(["updated", "1.1.0"]);
  });

  test("ACT-29: a check that fails takes the image out of use, though its unit is well", async () => {
    const app = await checked("check-bad", `! ${isNew("check-bad")}`);
    const { status, outcome, events } = await app.fetch();
    expect([status, outcome, app.inUse, app.refused]).toEqual([
      75,
      "rolled-back",
      "1.0.0",
      ["1.1.0"],
    ]);
    const unhealthy = events.find(({ event }) => event === "unhealthy");
    expect(unhealthy).toMatchObject({ unit: "check-bad-check.service", result: "exit-code" });
  });

  test("ACT-29: a check that hangs is bad when its time is over, and nothing of it is left", async () => {
    const app = await checked("check-hangs", `! ${isNew("check-hangs")} || exec sleep infinity`);
    const { outcome, events } = await app.fetch();
    expect([outcome, app.inUse]).toEqual(["rolled-back", "1.0.0"]);
    const unhealthy = events.find(({ event }) => event === "unhealthy");
    expect(unhealthy?.["what"]).toBe("did not end in time");
    const [state] = await apps.show(["check-hangs-check.service"], ["ActiveState"]);
    expect(state?.["ActiveState"]).not.toBe("activating");
  });

  test("ACT-19: a check whose unit file is gone is an error before anything changes", async () => {
    const app = await checked("check-gone", "true");
    const [before] = await app.is("InvocationID");
    await apps.machine.must("rm", unitFile("check-gone-check.service"));
    await reload();
    const { status, errors } = await app.fetch();
    expect([status, app.inUse, app.isOwed, app.refused]).toEqual([70, "1.0.0", false, []]);
    expect(errors.join()).toContain("check-gone-check.service of Check= cannot be started");
    expect(await app.is("InvocationID", "ActiveState")).toEqual([before, "active"]);
  });

  test("ACT-16: OnUpdate= follows the proof, OnRollback= the way back, and what they do changes nothing", async () => {
    const note = (what: string) =>
      `[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo ${what} $(cat /srv/hooks/.good) >> /run/hooks.log; exit 1'\n`;
    await apps.machine.write(unitFile("hooks-updated.service"), note("updated"));
    await apps.machine.write(unitFile("hooks-back.service"), note("back"));
    const config = [
      "WatchSec=1",
      "OnUpdate=hooks-updated.service",
      "OnRollback=hooks-back.service",
    ];
    const app = await running("hooks", { config });
    const log = () =>
      lines("/run/hooks.log").map((line) => {
        const [what, digest = ""] = line.split(" ");
        return [what, app.versionOf(digest)];
      });
    expect((await app.fetch()).outcome).toBe("updated");
    app.publish("1.2.0", "exit 1");
    expect((await app.fetch()).status).toBe(75);
    await waitFor(async () => log().length === 3);
    expect(log()).toEqual([
      ["updated", "1.0.0"],
      ["updated", "1.1.0"],
      ["back", "1.1.0"],
    ]);
  });

  test("ACT-16: a unit of OnUpdate= that can't be started is a warning", async () => {
    const app = await running("hookless", { config: ["OnUpdate=no-such.service"] });
    const { status, events } = await app.fetch();
    expect(status).toBe(0);
    const warning = events.find(({ event }) => event === "warning");
    expect(warning?.["message"]).toContain("no-such.service");
  });

  test("ACT-26: a journal that does not tell at once is asked again, so an image that ended by itself goes", async () => {
    const app = await running("muted", { config: ["WatchSec=2"] });
    app.publish("1.1.1", "sleep 0.2; exit 0");
    await apps.machine.write(`/run/${app.unit}.mute`, "");
    const { outcome } = await app.fetch();
    expect(existsSync(apps.machine.path(`/run/${app.unit}.mute`))).toBe(false);
    expect([outcome, app.refused]).toEqual(["rolled-back", ["1.1.1"]]);
  });

  test("ACT-26: an image that ended by itself goes also if only the last look finds it so", async () => {
    const app = await running("late", { config: ["WatchSec=2"] });
    app.publish("1.1.1", "sleep 0.2; exit 0");
    await apps.machine.write(`/run/${app.unit}.slow`, "");
    const { outcome } = await app.fetch();
    expect(existsSync(apps.machine.path(`/run/${app.unit}.slow`))).toBe(false);
    expect([outcome, app.refused]).toEqual(["rolled-back", ["1.1.1"]]);
  });

  function lines(path: string): readonly string[] {
    const file = apps.machine.path(path);
    return existsSync(file) ? readFileSync(file, "utf8").trimEnd().split("\n") : [];
  }
});

// A daemon-reload makes systemd forget how often units were started, so nobody else may be at work here.
describe.skipIf(systemd.missing)("a start limit", () => {
  let apps: Apps;
  beforeAll(async () => {
    apps = await startApps();
  }, 60_000);
  afterAll(() => apps?.machine.stop());

  const LIMIT = "[Unit]\nStartLimitBurst=2\nStartLimitIntervalSec=1h\n\n";

  for (const watch of ["", "WatchSec=2"]) {
    test(`ACT-6, ACT-10: the start limit of an image refuses no other one, ${watch || "no WatchSec="}`, async () => {
      const name = `limited${watch ? "-watched" : ""}`;
      const unit = `${LIMIT}[Service]
ExecStart=/bin/sh /srv/${name}/latest
Restart=always
RestartSec=50ms
`;
      const app = await apps.add(name, { unit, config: [watch] });
      await apps.machine.must("systemctl", "daemon-reload");
      app.publish("1.0.0", "exit 1");
      await app.fetch();
      await waitFor(async () => (await app.is("ActiveState"))[0] === "failed");
      app.publish("1.1.0", WORKS);
      expect((await app.fetch()).outcome).toBe("updated");
      expect(await app.is("ActiveState")).toEqual(["active"]);
    });
  }

  test("ACT-29: that of a check is none, however often it is started", async () => {
    const check = `${LIMIT}[Service]\nType=oneshot\nExecStart=/bin/true\n`;
    await apps.machine.write("/etc/systemd/system/checked-check.service", check);
    // What an active unit refers to stays loaded, and is counted.
    const unit =
      "[Unit]\nAfter=checked-check.service\n\n[Service]\nExecStart=/bin/sh /srv/checked/latest\n";
    const config = ["WatchSec=4", "Check=checked-check.service"];
    const app = await apps.add("checked", { unit, config });
    await apps.machine.must("systemctl", "daemon-reload");
    for (const version of ["1.0.0", "1.1.0"]) {
      app.publish(version, WORKS);
      expect([(await app.fetch()).outcome, app.good]).toEqual(["updated", version]);
    }
  });
});

/** Waits for what somebody else does, for ten seconds. */
async function waitFor(isDone: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 10_000; !(await isDone()); await Bun.sleep(50)) {
    if (Date.now() > deadline) throw new Error("it did not come to pass in ten seconds");
  }
}
