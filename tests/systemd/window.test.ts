// What may happen while an image is being watched, and on the way back from it (spec/activation.md): people who stop
// and restart, systemd that executes itself anew, a second run, what both images need and what only one has.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { needs } from "../support/needs.ts";
import { type App, type AppOptions, type Apps, startApps, WORKS } from "./apps.ts";

const systemd = needs("systemd");
const WATCH = { config: ["WatchSec=4"] };
const QUICK = { config: ["WatchSec=1"] };

let apps: Apps;
const systemctl = (...words: string[]) => apps.machine.must("systemctl", ...words);
const unitFile = (name: string) => `/etc/systemd/system/${name}`;
const serviceOf = (name: string, more = "") =>
  `[Service]\nExecStart=/bin/sh /srv/${name}/latest\n${more}`;

/** An app that runs 1.0.0, which has proved itself. */
async function proven(name: string, options: AppOptions = QUICK): Promise<App> {
  const app = await apps.add(name, options);
  await systemctl("daemon-reload");
  app.publish("1.0.0", WORKS);
  expect((await app.fetch()).errors).toEqual([]);
  expect(app.good).toBe("1.0.0");
  return app;
}

const states = (app: App) => [app.inUse, app.good, app.refused, app.isOwed];
const PROVEN = ["1.1.0", "1.1.0", [], false];
const BACK = ["1.0.0", "1.0.0", ["1.1.0"], false];

describe.skipIf(systemd.missing).concurrent("while an image is watched", () => {
  beforeAll(async () => {
    apps = await startApps();
  }, 60_000);
  afterAll(() => apps?.machine.stop());

  test("ACT-26, ACT-28, ACT-44: a unit that somebody stops leaves the question open at once, and is not started", async () => {
    const app = await proven("stop");
    await app.configure("WatchSec=1h");
    app.publish("1.1.0", WORKS);
    const { status, outcome } = await app.whileWatched(() => systemctl("stop", app.unit));
    expect([status, outcome, app.inUse, app.good]).toEqual([0, "unconfirmed", "1.1.0", "1.0.0"]);
    expect(await app.is("ActiveState")).toEqual(["inactive"]);
    expect((await app.fetch()).outcome).toBe("unconfirmed");
    expect(await app.is("ActiveState")).toEqual(["inactive"]);

    await app.configure("WatchSec=1");
    await systemctl("start", app.unit);
    const [started] = await app.is("InvocationID");
    expect((await app.fetch()).status).toBe(0);
    expect(states(app)).toEqual(PROVEN);
    expect(await app.is("InvocationID")).toEqual([started]);
  });

  test("ACT-24: a unit that somebody restarts proves its image as well", async () => {
    const app = await proven("restart", WATCH);
    app.publish("1.1.0", WORKS);
    const { outcome } = await app.whileWatched(() => systemctl("restart", app.unit));
    expect([outcome, ...states(app)]).toEqual(["updated", ...PROVEN]);
  });

  test("ACT-22, ACT-44: what fails after somebody else restarted it is judged by the next run", async () => {
    const app = await proven("restart-bad", WATCH);
    app.publish("1.1.0", "sleep 2; exit 1");
    const { outcome, status } = await app.whileWatched(() => systemctl("restart", app.unit));
    expect([outcome, status, app.refused]).toEqual(["unconfirmed", 0, []]);
    expect((await app.fetch()).outcome).toBe("rolled-back");
    expect(states(app)).toEqual(BACK);
    expect(await app.is("ActiveState")).toEqual(["active"]);
  });

  test("ACT-24: a unit that somebody masks goes on running, and is good", async () => {
    const app = await apps.add("mask", { ...WATCH, unit: "" });
    await apps.machine.write("/usr/lib/systemd/system/mask.service", serviceOf("mask"));
    await systemctl("daemon-reload");
    app.publish("1.0.0", WORKS);
    await app.fetch();
    app.publish("1.1.0", WORKS);
    const { outcome } = await app.whileWatched(() => systemctl("mask", app.unit));
    expect([outcome, ...states(app)]).toEqual(["updated", ...PROVEN]);
  });

  for (const [name, setting] of [
    ["killed", "no"],
    ["killed-again", "always"],
  ] as const) {
    test(`ACT-20, ACT-22: a unit that somebody kills, with Restart=${setting}, is bad`, async () => {
      const app = await proven(name, { ...WATCH, unit: serviceOf(name, `Restart=${setting}\n`) });
      app.publish("1.1.0", WORKS);
      const kill = () => systemctl("kill", "--signal=KILL", app.unit);
      expect((await app.whileWatched(kill)).outcome).toBe("rolled-back");
      expect(states(app)).toEqual(BACK);
      expect(await app.is("ActiveState")).toEqual(["active"]);
    });
  }

  test("DST-20: a second run waits, finds the image proven, and restarts nothing", async () => {
    const app = await proven("second", WATCH);
    app.publish("1.1.0", WORKS);
    let second: Promise<readonly unknown[]> | undefined;
    const first = await app.whileWatched(async () => {
      const [restarted] = await app.is("InvocationID");
      second = app.fetch().then(async ({ status, outcome }) => {
        return [status, outcome, restarted, ...(await app.is("InvocationID"))];
      });
    });
    expect(first.outcome).toBe("updated");
    const [status, outcome, before, after] = (await second) ?? [];
    expect([status, outcome, after]).toEqual([0, "current", before]);
    expect(states(app)).toEqual(PROVEN);
  });

  test("FET-80, ACT-38: --init ends at once, and the watch goes on", async () => {
    const app = await proven("init", WATCH);
    app.publish("1.1.0", WORKS);
    let init: unknown;
    const { outcome } = await app.whileWatched(async () => {
      const run = await app.fetch("--init");
      init = [run.status, run.outcome, app.good];
    });
    // The watch was not over when it ended.
    expect(init).toEqual([0, "current", "1.0.0"]);
    expect([outcome, ...states(app)]).toEqual(["updated", ...PROVEN]);
  });

  /** An app that is fetched by a unit, and what is so after that unit was stopped in the window. */
  async function stoppedRun(name: string, script: string): Promise<App> {
    const app = await proven(name, WATCH);
    const fetch = `${name}-fetch.service`;
    const service = `[Service]\nType=oneshot\nExecStart=/usr/local/bin/tako fetch ${app.config}\n`;
    await apps.machine.write(unitFile(fetch), service);
    await systemctl("daemon-reload");
    app.publish("1.1.0", script);
    await systemctl("start", "--no-block", fetch);
    await waitFor(() => app.record(".owed").includes(app.unit) && app.inUse === "1.1.0");
    await systemctl("stop", fetch);
    expect([app.inUse, app.good, app.refused]).toEqual(["1.1.0", "1.0.0", []]);
    return app;
  }

  test("ACT-40, ACT-42: a run whose unit is stopped leaves the image on trial, and the next one watches without a restart", async () => {
    const app = await stoppedRun("stopped-run", WORKS);
    const [before] = await app.is("InvocationID");
    expect((await app.fetch()).status).toBe(0);
    expect(states(app)).toEqual(PROVEN);
    expect(await app.is("InvocationID")).toEqual([before]);
  });

  test("ACT-40, ACT-50: and goes back from one that failed meanwhile", async () => {
    const app = await stoppedRun("stopped-run-bad", "sleep 2; exit 1");
    await waitFor(async () => (await app.is("ActiveState"))[0] === "failed");
    expect((await app.fetch()).outcome).toBe("rolled-back");
    expect(states(app)).toEqual(BACK);
  });

  test("ACT-57: when neither image works the host is to blame: no image is refused, and the next run tries again", async () => {
    const away = "ExecStartPre=/usr/bin/test ! -e /run/database-away\n";
    const app = await proven("neither", { ...QUICK, unit: serviceOf("neither", away) });
    app.publish("1.1.0", WORKS);
    await apps.machine.write("/run/database-away", "");
    for (const _ of [1, 2]) {
      const { status, errors } = await app.fetch();
      expect([status, states(app)]).toEqual([70, ["1.0.0", "1.0.0", [], true]]);
      expect(errors.join()).toContain("neither 1.1.0 nor 1.0.0");
    }
    await apps.machine.must("rm", "/run/database-away");
    expect((await app.fetch()).outcome).toBe("updated");
    expect(states(app)).toEqual(PROVEN);
    expect(await app.is("ActiveState")).toEqual(["active"]);
  });

  test("ACT-41, ACT-58: a bad first image stays, is tried again, and is nothing to go back to", async () => {
    const app = await apps.add("first", QUICK);
    await systemctl("daemon-reload");
    app.publish("1.0.0", "echo start >> /run/first.log; exit 1");
    const starts = () =>
      readFileSync(apps.machine.path("/run/first.log"), "utf8").split("\n").length - 1;
    for (const count of [1, 2]) {
      const { status, errors } = await app.fetch();
      expect([status, starts(), app.isOwed, app.good]).toEqual([70, count, true, undefined]);
      expect(errors.join()).toContain("there is no earlier version to go back to");
    }
    app.publish("1.1.0", "exit 1");
    expect([(await app.fetch()).status, app.inUse, app.good]).toEqual([70, "1.1.0", undefined]);
    app.publish("1.2.0", WORKS);
    expect([(await app.fetch()).outcome, app.good]).toEqual(["updated", "1.2.0"]);
  });

  for (const [name, what, harm] of [
    ["pruned", "missing", "rm"],
    ["damaged", "damaged", "truncate -s 3"],
  ] as const) {
    test(`ACT-53: an image to go back to that is ${what} is got again, also with --no-verify`, async () => {
      const app = await proven(name);
      app.publish("1.1.0", "exit 1");
      await apps.machine.must(...harm.split(" "), app.imageOf("1.0.0"));
      expect((await app.fetch("--no-verify")).outcome).toBe("rolled-back");
      expect(states(app)).toEqual(BACK);
      expect(await app.is("ActiveState")).toEqual(["active"]);
      const digest = await apps.machine.must("sha256sum", app.imageOf("1.0.0"));
      expect(app.versionOf(digest.slice(0, 64))).toBe("1.0.0");
    });

    test(`ACT-53, ACT-54: one that is ${what} while the origin is away keeps the bad one in use, until a run can go back`, async () => {
      const app = await proven(`${name}-away`);
      app.publish("1.1.0", "exit 1");
      await apps.machine.must(...harm.split(" "), app.imageOf("1.0.0"));
      const stored = app.imageOf("1.0.0").replace(app.destination, app.origin);
      await apps.machine.must("mv", stored, `${stored}-away`);
      for (const _ of [1, 2]) {
        const { status, errors } = await app.fetch();
        expect([status, app.inUse, app.refused]).toEqual([70, "1.1.0", ["1.1.0"]]);
        expect(errors.join()).toContain("the image of 1.0.0, to go back to, cannot be had");
      }
      await apps.machine.must("mv", `${stored}-away`, stored);
      expect((await app.fetch()).outcome).toBe("rolled-back");
      expect(states(app)).toEqual(BACK);
      expect(await app.is("ActiveState")).toEqual(["active"]);
    });
  }

  test("ACT-28, ACT-50: one bad unit of two takes both back", async () => {
    await apps.machine.write(
      unitFile("two-other.service"),
      serviceOf("two", "Environment=OTHER=1\n"),
    );
    const app = await proven("two", {
      config: ["WatchSec=2", "Restart=two.service two-other.service"],
    });
    app.publish("1.1.0", '[ -z "$OTHER" ] || { sleep 0.5; exit 1; }; exec sleep infinity');
    const [before] = await app.is("InvocationID");
    const { outcome, events } = await app.fetch();
    expect([outcome, ...states(app)]).toEqual(["rolled-back", ...BACK]);
    expect(events.find(({ event }) => event === "unhealthy")).toMatchObject({
      unit: "two-other.service",
    });
    const both = await apps.show([app.unit, "two-other.service"], ["ActiveState"]);
    expect(both).toEqual([{ ActiveState: "active" }, { ActiveState: "active" }]);
    expect(await app.is("InvocationID")).not.toEqual([before]);
  });

  /** Two apps that one unit runs, with 1.0.0 of both proven. Each start of the unit is noted. */
  async function sharing(name: string) {
    const run = [1, 2].map((number) => `/bin/sh /srv/${name}${number}/latest`).join(" && ");
    const unit = `[Service]\nExecStart=/bin/sh -c 'echo start >> /run/${name}.log; ${run}; exec sleep infinity'\n`;
    await apps.machine.write(unitFile(`${name}.service`), unit);
    const options = { config: ["WatchSec=2", `Restart=${name}.service`], unit: "" };
    const both = [
      await apps.add(`${name}1`, options),
      await apps.add(`${name}2`, options),
    ] as const;
    await systemctl("daemon-reload");
    for (const app of both) app.publish("1.0.0", "true");
    await apps.fetch(both);
    expect(both.map((app) => app.good)).toEqual(["1.0.0", "1.0.0"]);
    const log = apps.machine.path(`/run/${name}.log`);
    return { both, starts: () => readFileSync(log, "utf8").split("\n").length - 1 };
  }

  test("ACT-60: two configs that share a unit are one update: one restart, one verdict", async () => {
    const { both, starts } = await sharing("shared");
    expect(starts()).toBe(1);
    for (const app of both) app.publish("1.1.0", "true");
    await apps.fetch(both);
    expect(both.map(states)).toEqual([PROVEN, PROVEN]);
    expect(starts()).toBe(2);

    both[0].publish("1.2.0", "true");
    both[1].publish("1.2.0", "kill $PPID");
    const runs = await apps.fetch(both);
    expect([...runs.values()].map(({ outcome }) => outcome)).toEqual([
      "rolled-back",
      "rolled-back",
    ]);
    const back = ["1.1.0", "1.1.0", ["1.2.0"], false];
    expect(both.map(states)).toEqual([back, back]);
    expect(starts()).toBe(4);
  });

  test("ACT-60: of two configs that share a unit, the one that was not updated is not taken back", async () => {
    const { both } = await sharing("half");
    both[1].publish("1.1.0", "kill $PPID");
    const runs = await apps.fetch(both);
    expect([...runs.values()].map(({ outcome }) => outcome)).toEqual(["current", "rolled-back"]);
    expect(both.map(states)).toEqual([["1.0.0", "1.0.0", [], false], BACK]);
  });

  test("ACT-31, FET-50: in the place of a version that is gone, none that was refused comes, and none before it", async () => {
    let gone = "";
    let origin = "";
    using server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      async fetch({ url }) {
        const { pathname } = new URL(url);
        if (gone !== "" && pathname.endsWith(gone)) return new Response("", { status: 410 });
        const file = Bun.file(join(origin, pathname));
        return (await file.exists()) ? new Response(file) : new Response("", { status: 404 });
      },
    });
    const address = `Origin=http://127.0.0.1:${server.port}`;
    const app = await apps.add("gone", { config: ["WatchSec=1", address] });
    origin = apps.machine.path(app.origin);
    await systemctl("daemon-reload");
    app.publish("1.0.0", WORKS);
    await app.fetch();
    app.publish("1.0.5", WORKS);
    app.publish("1.1.0", "exit 1");
    expect((await app.fetch()).outcome).toBe("rolled-back");
    expect(states(app)).toEqual(BACK);

    app.publish("1.3.0", WORKS);
    gone = app.imageOf("1.3.0").slice(-64);
    expect([(await app.fetch()).status, ...states(app)]).toEqual([69, ...BACK]);
    app.publish("1.2.0", WORKS);
    // A version in between, which is newer than the refused one.
    expect([(await app.fetch()).outcome, app.good]).toEqual(["updated", "1.2.0"]);
  });
});

describe.skipIf(systemd.missing)("while systemd itself changes", () => {
  beforeAll(async () => {
    apps = await startApps();
  }, 60_000);
  afterAll(() => apps?.machine.stop());

  for (const word of ["daemon-reload", "daemon-reexec"]) {
    test(`ACT-21: systemctl ${word} is no news of a unit`, async () => {
      const app = await proven(word, WATCH);
      app.publish("1.1.0", WORKS);
      const [before] = await app.is("InvocationID");
      const { outcome } = await app.whileWatched(() => systemctl(word));
      expect([outcome, ...states(app)]).toEqual(["updated", ...PROVEN]);
      expect(await app.is("ActiveState")).toEqual(["active"]);
      expect(await app.is("InvocationID")).not.toEqual([before]);
    });
  }

  test("ACT-13: a restart during which systemd executes itself anew is judged by what is so then", async () => {
    const slow = "ExecStartPre=/bin/sleep 1\n";
    const app = await proven("reexec-start", { ...QUICK, unit: serviceOf("reexec-start", slow) });
    app.publish("1.1.0", WORKS);
    const running = app.fetch();
    await waitFor(() => app.inUse === "1.1.0");
    await systemctl("daemon-reexec");
    const { outcome, status } = await running;
    const next = await app.fetch();
    // Whatever the call says that systemd cut: nothing good is refused, and the next run has the last word.
    expect([app.refused, status === 0 || outcome === "failed"]).toEqual([[], true]);
    expect([next.status, ...states(app)]).toEqual([0, ...PROVEN]);
    expect(await app.is("ActiveState")).toEqual(["active"]);
  });
});

/** Waits for what somebody else does, for ten seconds. */
async function waitFor(isDone: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 10_000; !(await isDone()); await Bun.sleep(20)) {
    if (Date.now() > deadline) throw new Error("it did not come to pass in ten seconds");
  }
}
