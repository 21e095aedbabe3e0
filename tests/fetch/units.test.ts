// What systemd is asked and told about units that are restarted, and about those of a way back: which calls, in which order,
// within which time, and what people are told of it. What is on disk meanwhile is in restart.test.ts and trial.test.ts.

import { expect, test } from "bun:test";
import { chmodSync, linkSync, readFileSync, readlinkSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import {
  hasFailed,
  lastWords,
  systemctlFailed,
  tell,
  wasStopped,
} from "../../src/commands/fetch/units.ts";
import type { Systemd } from "../../src/shell/systemd.ts";
import type { ConfigLines } from "../support/host.ts";
import { type Image, image, manifestOf, write } from "../support/publishing.ts";
import { Bench, ended, failed, OK, up } from "./bench.ts";

const [one, two, three] = [image("1.0.0"), image("1.1.0"), image("1.2.0")];

/** A host with 1.0.0 in use and proven, to which 1.1.0 is offered, and units that restart when they are told to. */
class Units extends Bench {
  /** The images on which app.service fails. */
  bad: readonly Image[] = [];

  constructor(lines: ConfigLines = {}, files: Record<string, string> = {}) {
    super({ Restart: "app.service", ...lines });
    this.host.publish(one, two);
    const good = { ".good": `${one.digest}\n` };
    this.host.install({ published: [one], latest: one, files: { ...good, ...files } });
    this.on("restart", (units) => {
      for (const unit of units) {
        const isBad = unit === "app.service" && this.bad.some(({ digest }) => this.uses(digest));
        this.units[unit] = isBad ? failed : up(this.invocation());
      }
    });
    this.on("reload-or-restart", () => {});
  }

  uses(digest: string): boolean {
    return this.host.state()["latest"] === `-> store/${digest}`;
  }

  record(name: string): string | undefined {
    return this.host.state()[name]?.slice("644 ".length);
  }
}

const errorsOf = ({ result }: Awaited<ReturnType<Bench["fetch"]>>) =>
  result.outcome === "failed" ? result.errors.map(({ message }) => message) : [];
const warningsOf = ({ events }: Awaited<ReturnType<Bench["fetch"]>>) =>
  events.flatMap((event) => (event.event === "warning" ? event.message : []));
const without = (words: string) => words.replace(/ --property=\S+/, "");

test("ACT-1: units, checks and the services that this run is a part of are asked about in one call", async () => {
  using each = new Units({ Reload: "web.service", Check: "probe.service", WatchSec: "1" });
  each.ownUnits = ["system.slice", "tako.service", "run-1.scope"];
  const { calls } = await each.fetch();
  expect(without(calls[0]?.words ?? "")).toBe(
    "show -- app.service web.service probe.service tako.service",
  );
  expect(calls.filter(({ words }) => words.includes("tako.service"))).toHaveLength(1);
});

test("FET-4, ACT-60: what nobody foresaw ends each config of a group, and no other", async () => {
  using each = new Units({ Restart: "app.service", WatchSec: "1" });
  each.host.config("more", { Restart: "app.service", WatchSec: "1" });
  each.host.config("alone", { Restart: [] });
  const sleep = () => Promise.reject(new RangeError("nobody foresaw it"));
  Object.assign(each.clock, { sleep });
  const { results } = await each.fetch({ paths: [each.host.folder] });
  const ends = results.map((result) =>
    result.outcome === "failed" ? result.errors.map(({ message }) => message) : result.outcome,
  );
  const internal = ["internal error; please report it"];
  expect(ends.toSorted()).toEqual([internal, internal, "updated"]);
});

test("ACT-1, FET-79: with checks alone systemd is asked, too, and without either it is not", async () => {
  using checked = new Units({ Restart: [], Check: "probe.service", WatchSec: "1" });
  checked.units["probe.service"] = ended("LoadState=not-found");
  expect(errorsOf(await checked.fetch())).toEqual([
    'probe.service of Check= cannot be started: its unit file is "not-found"',
  ]);
  using plain = new Units({ Restart: [] });
  plain.ownUnits = ["tako.service"];
  const { result, calls } = await plain.fetch();
  expect([result.outcome, calls]).toEqual(["updated", []]);
});

test("ACT-19, ACT-21: that systemctl has no answer says nothing against a check", async () => {
  using each = new Units({ Check: "probe.service", WatchSec: "1" });
  each.answers = () => false;
  expect((await each.fetch()).orders).toContain("restart -- app.service");
});

test("ACT-2: a unit that is ordered after the starting one of this run is an error before anything changes", async () => {
  for (const [own, after, isRefused] of [
    ["activating", "basic.target tako.service", true],
    ["active", "basic.target tako.service", false],
    ["activating", "basic.target", false],
  ] as const) {
    using each = new Units({ Restart: "web.service app.service" });
    each.ownUnits = ["tako.service"];
    each.units["tako.service"] = up(`ActiveState=${own}`);
    each.units["app.service"] = up(`After=${after}`);
    const run = await each.fetch();
    expect([run.result.outcome === "failed", each.uses(one.digest)]).toEqual([
      isRefused,
      isRefused,
    ]);
    if (!isRefused) continue;
    expect(errorsOf(run)).toEqual([
      "app.service is ordered after tako.service, which this run is a part of: each would wait for the other's end",
    ]);
    expect([run.orders, each.record(".owed")]).toEqual([[], undefined]);
  }
});

test("ACT-18: a socket whose service runs is an error before anything changes", async () => {
  for (const [unit, triggers, service, isRefused] of [
    ["app.socket", "other.service app.service", up(), true],
    ["app.socket", "other.service app.service", ended(), false],
    ["app.socket", "", up(), false],
    ["app.timer", "other.service app.service", up(), false],
  ] as const) {
    using each = new Units({ Restart: `web.service ${unit}` });
    each.units = {
      [unit]: up(`Triggers=${triggers}`),
      "app.service": service,
      "other.service": ended(),
    };
    const run = await each.fetch();
    expect(errorsOf(run)).toEqual(
      isRefused
        ? [`${unit} would be down after its restart, since app.service, which it starts, runs`]
        : [],
    );
    expect([each.uses(one.digest), run.orders.length]).toEqual([isRefused, isRefused ? 0 : 1]);
  }
});

test("ACT-10, ACT-11, FET-76: reset-failed for units and what they trigger, then restart, then reload, each with its time", async () => {
  using each = new Units({ Restart: "app.timer app.service", Reload: "proxy.service" });
  each.units["app.timer"] = up("Triggers=job.service app.service");
  each.units["proxy.service"] = up("TimeoutStartUSec=10min", "TimeoutStopUSec=10min");
  const run = await each.fetch();
  expect(run.result.outcome).toBe("updated");
  const told = run.calls.filter(({ words }) => /^re/.test(words));
  expect(told.map(({ words, limits }) => [words, limits.timeoutMs])).toEqual([
    ["reset-failed -- app.timer app.service proxy.service job.service", 60_000],
    ["restart -- app.timer app.service", 2_400_000],
    ["reload-or-restart -- proxy.service", 2_400_000],
  ]);
  expect(run.events).toContainEqual(
    expect.objectContaining({
      event: "restarted",
      units: ["app.timer", "app.service", "proxy.service"],
    }),
  );
});

test("ACT-15: a reload counts as done if its call went well and the unit is not down", async () => {
  for (const [state, status, isDone] of [
    [up(), 0, true],
    [ended(), 0, true],
    [failed, 0, false],
    [up(), 1, false],
    [undefined, 0, true],
    [undefined, 1, false],
  ] as const) {
    using each = new Units({ Restart: "app.service", Reload: "proxy.service" });
    each.on("reload-or-restart", () => {
      each.answers = () => state !== undefined;
      each.units["proxy.service"] = state ?? "";
    });
    each.outcome = (words) => (words.startsWith("reload") ? { status, stderr: "no\n" } : {});
    const run = await each.fetch();
    expect(run.result.outcome).toBe(isDone ? "updated" : "failed");
    const owed = `${two.digest}\napp.service\n`;
    expect(each.record(".owed")).toBe(isDone ? undefined : owed);
    expect(errorsOf(run)).toEqual(isDone ? [] : ["systemctl could not restart proxy.service: no"]);
  }
});

test("ACT-14: only what restarted itself meanwhile, or reached its start limit, is told once more", async () => {
  for (const line of ["NRestarts=1", "ActiveState=failed\nResult=start-limit-hit"]) {
    using each = new Units({ Restart: "app.service web.service", Reload: "proxy.service" });
    let times = 0;
    each.on("restart", (units) => {
      times++;
      for (const unit of units) {
        const isFirst = times === 1 && unit === "app.service";
        each.units[unit] = up(each.invocation(), ...(isFirst ? [line] : []));
      }
    });
    const { result, orders, calls } = await each.fetch();
    expect(result.outcome).toBe("updated");
    expect(orders).toEqual([
      "restart -- app.service web.service",
      "reload-or-restart -- proxy.service",
      "restart -- app.service",
    ]);
    const resets = calls.filter(({ words }) => words.startsWith("reset-failed"));
    expect(resets.map(({ words }) => words)).toEqual([
      "reset-failed -- app.service web.service proxy.service",
      "reset-failed -- app.service",
    ]);
  }
});

test("ACT-14, FET-78: what did not restart at first, and is not told once more, is an error all the same", async () => {
  using each = new Units({ Restart: "app.service web.service" });
  each.on("restart", (units) => {
    const isFirst = units.length === 2;
    each.units["app.service"] = up(each.invocation(), ...(isFirst ? ["NRestarts=1"] : []));
    if (isFirst) each.units["web.service"] = failed;
  });
  each.outcome = (words) =>
    words.includes("restart -- app.service web") ? { status: 1, stderr: "web failed\n" } : {};
  const run = await each.fetch();
  expect(errorsOf(run)).toEqual(["systemctl could not restart web.service: web failed"]);
  expect(each.record(".owed")).toBe(`${two.digest}\napp.service\n`);
});

test("ACT-11: a call that is ended at its limit is told as that, and is not made once more", async () => {
  using each = new Units({ Restart: "app.service web.service" });
  each.on("restart", () => {
    each.units["app.service"] = up("NRestarts=1", "ActiveState=activating", each.invocation());
    each.units["web.service"] = up(each.invocation());
  });
  each.outcome = (words) => (words.startsWith("restart") ? { status: undefined } : {});
  const run = await each.fetch();
  expect(errorsOf(run)).toEqual([
    "systemctl could not restart app.service, which did not end within its time limit",
  ]);
  expect(run.orders).toEqual(["restart -- app.service web.service"]);
});

test("ACT-11: with WatchSec= what is still starting then is bad, and what is up is not", async () => {
  for (const [state, status, outcome] of [
    ["activating", undefined, "rolled-back"],
    ["activating", 0, "unconfirmed"],
    ["active", undefined, "updated"],
  ] as const) {
    using each = new Units({ WatchSec: "1" });
    each.on("restart", () => {
      const isNew = each.uses(two.digest);
      each.units["app.service"] = up(each.invocation(), ...(isNew ? [`ActiveState=${state}`] : []));
    });
    each.outcome = (words) =>
      words.startsWith("restart") && each.uses(two.digest) ? { status } : {};
    const { result } = await each.fetch();
    expect(result.outcome).toBe(outcome);
    if (result.outcome === "rolled-back") {
      expect(result.reason).toBe("app.service: does not come up");
    }
  }
});

test("ACT-17: units that take their time to start are told once, by each config its own", async () => {
  using each = new Units({ Restart: "app.service web.service" });
  each.units["web.service"] = ended();
  each.on("restart", () => {
    each.units["app.service"] = up(each.invocation());
    for (const { ms, look } of [...each.limits, ...each.limits]) if (ms === 10_000) look();
  });
  const { events } = await each.fetch();
  const told = events.filter(({ event }) => event === "starting");
  expect(told).toEqual([
    { config: each.host.file, event: "starting", units: ["app.service"], limitMs: 900_000 },
  ]);
});

test("ACT-60: a unit that one config restarts and another one reloads is restarted, once", async () => {
  using each = new Units({ Restart: "app.service" });
  const other = each.host.at(each.host.config("other", { Reload: "app.service proxy.service" }));
  const { results, orders } = await each.fetch({ paths: [each.host.file, other] });
  expect(results.map(({ outcome }) => outcome)).toEqual(["updated", "updated"]);
  expect(orders).toEqual(["restart -- app.service", "reload-or-restart -- proxy.service"]);
});

test("ACT-3, ACT-5, ACT-7: what is stopped or masked is left alone and told, by the run that does so alone", async () => {
  using each = new Units({ Restart: "app.service web.service old.service" });
  each.units["web.service"] = ended();
  each.units["old.service"] = ended("LoadState=masked");
  const { orders, events } = await each.fetch();
  expect(orders).toEqual(["restart -- app.service"]);
  expect(events.filter(({ event }) => event === "skipped")).toEqual([
    expect.objectContaining({ unit: "web.service", reason: "stopped" }),
    expect.objectContaining({ unit: "old.service", reason: "masked" }),
  ]);
});

test("ACT-27: what is left alone is not watched", async () => {
  using each = new Units({ Restart: "app.service web.service", WatchSec: "1" });
  each.units["web.service"] = ended();
  const { result, events } = await each.fetch();
  expect(result.outcome).toBe("updated");
  expect(events.filter(({ event }) => event === "watching")).toEqual([
    expect.objectContaining({ units: ["app.service"] }),
  ]);
});

test("ACT-11: so is the reload that is ended at its limit", async () => {
  using each = new Units({ Restart: [], Reload: "app.service", WatchSec: "1" });
  each.on("reload-or-restart", () => {
    const isNew = each.uses(two.digest);
    each.units["app.service"] = up(each.invocation(), ...(isNew ? ["ActiveState=activating"] : []));
  });
  each.outcome = (words) =>
    words.startsWith("reload") && each.uses(two.digest) ? { status: undefined } : {};
  expect((await each.fetch()).result.outcome).toBe("rolled-back");
});

test("FET-9, FET-90, FET-106: a run in a unit of its own config is refused, a dry one too, but not one that restarts nothing", async () => {
  for (const [options, isRefused] of [
    [{}, true],
    [{ mode: "dry-run" }, true],
    [{ mode: "dry-init" }, false],
    [{ mode: "init" }, false],
    [{ activates: false }, false],
    [{ mode: "dry-run", activates: false }, false],
  ] as const) {
    using each = new Units({ Restart: "web.service app.service" });
    each.ownUnits = ["system.slice", "app.service"];
    const before = each.host.snapshot();
    const { result, calls } = await each.fetch(options);
    expect([result.outcome === "failed", calls]).toEqual([isRefused, []]);
    if (result.outcome !== "failed") continue;
    expect(result.errors[0]).toMatchObject({
      kind: "usage",
      message: "this run is a part of app.service, which it would have to restart",
      hint: "Use tako fetch --init inside the unit itself.",
    });
    expect(each.host.snapshot()).toEqual(before);
  }
});

test("ACT-6: of what is owed, the journal is asked whether somebody stopped it since", async () => {
  for (const [said, orders] of [
    ["stop", ["restart -- app.service"]],
    ["start", ["restart -- app.service web.service"]],
    ["", ["restart -- app.service web.service"]],
    [undefined, ["restart -- app.service web.service"]],
  ] as const) {
    using each = new Units({ Restart: "app.service web.service" }, { ".owed": `${one.digest}\n` });
    each.host.publish(one);
    each.units["web.service"] = ended();
    each.journal = () => said;
    const run = await each.fetch();
    expect(run.orders).toEqual([...orders]);
    const asked = run.calls.filter(({ words }) => words.includes("UNIT=web.service"));
    expect(asked).toHaveLength(1);
    expect(asked[0]?.words).toMatch(/ --since=@1[0-9]{9}(\.\d+)? /);
    expect(run.calls.some(({ words }) => words.includes("UNIT=app.service"))).toBe(false);
    expect(run.events.some(({ event }) => event === "skipped")).toBe(said === "stop");
  }
});

test("ACT-6: what failed is restarted, whatever the journal says of an earlier stop", async () => {
  using each = new Units({}, { ".owed": `${one.digest}\n` });
  each.host.publish(one);
  each.units["app.service"] = failed;
  each.journal = () => "stop";
  expect((await each.fetch()).orders).toEqual(["restart -- app.service"]);
});

test("ACT-41: the image in use becomes the good one before the swap, unless a unit is down or unknown", async () => {
  for (const [state, good] of [
    [up(), one.digest],
    [ended(), one.digest],
    [failed, undefined],
    [undefined, undefined],
  ] as const) {
    using each = new Units({ Restart: "app.service web.service", WatchSec: "1" });
    rmSync(each.host.path(".good"));
    if (state === undefined) each.answers = () => false;
    else each.units["web.service"] = state;
    const goods: (string | undefined)[] = [];
    each.on("restart", (units) => {
      goods.push(each.record(".good"));
      for (const unit of units) each.units[unit] = up(each.invocation());
    });
    await each.fetch();
    expect(goods).toEqual([good && `${good}\n`]);
  }
});

test("ACT-16: a unit that cannot be started after an update is a warning", async () => {
  for (const [names, what] of [
    ["tell.service", "tell.service could not"],
    ["tell.service log.service", "not all of tell.service, log.service could"],
  ] as const) {
    using each = new Units({ OnUpdate: names });
    each.outcome = (words) =>
      words.startsWith("start") ? { status: 1, stderr: "Failed:\nno such unit\n" } : {};
    const run = await each.fetch();
    expect(run.result.outcome).toBe("updated");
    expect(run.orders.at(-1)).toBe(`start --no-block -- ${names}`);
    expect(warningsOf(run)).toEqual([`${what} be started: Failed: no such unit`]);
    expect(run.events.some(({ event }) => event === "started")).toBe(false);
  }
});

test("ACT-16: nothing follows an update while a restart is owed", async () => {
  using each = new Units({ OnUpdate: "tell.service" });
  each.bad = [two];
  expect((await each.fetch()).orders).toEqual(["restart -- app.service"]);
});

test("ACT-43, ACT-16: what proved itself becomes the good one, its refusal goes, and so does the record; then OnUpdate= follows", async () => {
  const refused = `${two.digest} ${one.digest} 5 app.service: failed\n`;
  using each = new Units({ WatchSec: "1", OnUpdate: "tell.service" }, { ".refused": refused });
  rmSync(each.host.path("latest"));
  rmSync(each.host.path(".good"));
  each.host.install({ published: [one, two], latest: two, files: { ".owed": `${two.digest}\n` } });
  const records: (string | undefined)[] = [];
  each.on("start", () => records.push(each.record(".owed"), each.record(".good")));
  const { result, orders } = await each.fetch();
  expect(result.outcome).not.toBe("failed");
  expect(orders).toEqual(["restart -- app.service", "start --no-block -- tell.service"]);
  expect(records).toEqual([undefined, `${two.digest}\n`]);
  expect([each.record(".owed"), each.record(".refused")]).toEqual([undefined, undefined]);
});

test("ACT-42, ACT-44: undecided, the record stays with what is done, and the next run judges without a restart", async () => {
  using each = new Units({ WatchSec: "1", OnUpdate: "never.service" });
  each.on("restart", () => {
    each.units["app.service"] = up("ActiveState=activating", each.invocation());
  });
  const { result } = await each.fetch();
  expect(result).toMatchObject({ outcome: "unconfirmed", version: "1.1.0", sha256: two.digest });
  expect(each.record(".owed")).toBe(`${two.digest}\napp.service\n`);
  const next = await each.fetch();
  expect([next.result.outcome, next.orders]).toEqual(["unconfirmed", []]);
  each.units["app.service"] = up("InvocationID=7");
  const last = await each.fetch();
  expect(last.orders).toEqual(["start --no-block -- never.service"]);
  expect([last.result.outcome, each.record(".good")]).toEqual(["current", `${two.digest}\n`]);
});

test("ACT-44: what kept the run from news is an error also while nothing is decided", async () => {
  using each = new Units({ WatchSec: "1" });
  rmSync(each.host.path("latest"));
  each.host.install({ published: [one, two], latest: two });
  rmSync(each.host.at("origin", "manifest"));
  each.units["app.service"] = up("ActiveState=activating");
  each.on("restart", () => {});
  const run = await each.fetch();
  expect(run.result.outcome).toBe("failed");
  expect(errorsOf(run)).toHaveLength(1);
});

test("ACT-27: a unit that still runs what it ran before proves nothing, and is an error; the other one is watched", async () => {
  using each = new Units({ Restart: "app.service web.service", WatchSec: "1" });
  each.units["app.service"] = up("InvocationID=5");
  each.on("restart", () => {
    each.units["web.service"] = up(each.invocation());
  });
  const run = await each.fetch();
  expect(errorsOf(run)).toEqual(["systemctl could not restart app.service"]);
  expect(run.events.filter(({ event }) => event === "watching")).toEqual([
    expect.objectContaining({ units: ["web.service"] }),
  ]);
  expect([each.record(".good"), each.record(".owed")]).toEqual([
    `${one.digest}\n`,
    `${two.digest}\nweb.service\n`,
  ]);
});

test("ACT-4, ACT-27: a unit without a usable file is an error for itself, and keeps no other from its restart", async () => {
  for (const [load, said] of [
    ["masked", "is masked, and runs what it ran before"],
    ["not-found", 'cannot be restarted: its unit file is "not-found"'],
    ["", "cannot be restarted: its unit file is unknown to systemd"],
  ] as const) {
    for (const watch of [[], "1"]) {
      using each = new Units({ Restart: "app.service web.service", WatchSec: watch });
      each.units["web.service"] = up(`LoadState=${load}`);
      const run = await each.fetch();
      expect(errorsOf(run)).toEqual([`web.service ${said}`]);
      expect(run.orders).toEqual(["restart -- app.service"]);
      expect(each.record(".owed")).toBe(`${two.digest}\napp.service\n`);
      expect(run.events).toContainEqual(
        expect.objectContaining({ event: "restarted", units: ["app.service"] }),
      );
    }
  }
});

test("ACT-58: bad, and no way back: the image stays, only the bad unit is owed, and that is the error", async () => {
  using each = new Units({ Restart: "app.service web.service", WatchSec: "1", Version: "1.1.*" });
  each.bad = [two];
  const run = await each.fetch();
  expect(errorsOf(run)).toEqual([
    "app.service: failed (exit-code), status 3; there is no earlier version to go back to",
  ]);
  expect([each.uses(two.digest), each.record(".owed"), each.record(".refused")]).toEqual([
    true,
    `${two.digest}\nweb.service\n`,
    undefined,
  ]);
  expect(run.events).toContainEqual(
    expect.objectContaining({ event: "unhealthy", result: "exit-code", status: "3" }),
  );
  const restarted = run.events.filter(({ event }) => event === "restarted");
  expect(restarted).toEqual([expect.objectContaining({ units: ["web.service"] })]);
});

test("ACT-12, FET-97: where no unit restarted, none is told to have been", async () => {
  using each = new Units();
  each.on("restart", () => {});
  const run = await each.fetch();
  expect(run.result.outcome).toBe("failed");
  expect(run.events.some(({ event }) => event === "restarted")).toBe(false);
});

test("ACT-57: neither works: the refusal is taken back, the bad unit is owed, and the error says so", async () => {
  using each = new Units({
    ...{ Restart: "app.service web.service", WatchSec: "2", OnRollback: "tell.service" },
  });
  each.bad = [one, two];
  const run = await each.fetch();
  const what = "app.service: failed (exit-code), status 3";
  expect(errorsOf(run)).toEqual([
    `neither 1.1.0 nor 1.0.0, to which this host went back, works: ${what}`,
  ]);
  const [error] = run.result.outcome === "failed" ? run.result.errors : [];
  expect(error?.hint).toStartWith("Look at the host, not at the image");
  expect([each.uses(one.digest), each.record(".owed"), each.record(".refused")]).toEqual([
    true,
    `${one.digest}\nweb.service\n`,
    undefined,
  ]);
  expect(run.events).toContainEqual(
    expect.objectContaining({ event: "rolled-back", version: "1.0.0", refused: "1.1.0" }),
  );
  expect(run.orders.at(-1)).toBe("start --no-block -- tell.service");
});

test("ACT-56, ACT-27: a unit that was not restarted keeps a way back open, and is not watched meanwhile", async () => {
  using each = new Units({ Restart: "app.service web.service", WatchSec: "2" });
  each.on("restart", (units) => {
    for (const unit of units) {
      if (unit === "web.service" && each.uses(one.digest)) continue;
      each.units[unit] =
        unit === "app.service" && each.uses(two.digest) ? failed : up(each.invocation());
    }
  });
  const run = await each.fetch();
  expect(errorsOf(run)).toEqual(["systemctl could not restart web.service"]);
  const watched = run.events.flatMap((event) => (event.event === "watching" ? [event.units] : []));
  expect(watched).toEqual([["app.service", "web.service"], ["app.service"]]);
  expect(each.record(".owed")).toBe(`${one.digest}\napp.service\n${two.digest}\nweb.service\n`);
  const next = await each.fetch();
  expect(next.orders).toEqual(["restart -- web.service"]);
});

test("ACT-53: where the good image cannot be had, the bad one stays, and the error says why", async () => {
  for (const reason of ["missing", "removed"]) {
    using each = new Units({ WatchSec: "2" });
    each.on("restart", () => {
      each.units["app.service"] = failed;
      rmSync(each.host.path(`store/${one.digest}`));
      rmSync(each.host.at("origin", "store", one.digest));
      if (reason === "removed") each.host.write(`origin/store/${one.digest}.gone`, "");
    });
    const run = await each.fetch();
    const [message] = errorsOf(run);
    expect(message).toStartWith("the image of 1.0.0, to go back to, cannot be had: ");
    expect([each.uses(two.digest), run.orders]).toEqual([true, ["restart -- app.service"]]);
    expect(each.record(".refused")).toStartWith(`${two.digest} ${one.digest} `);
  }
});

test("ACT-60: of configs that share a unit all go back together, by the longest WatchSec=", async () => {
  using each = new Units({ WatchSec: "1" });
  each.host.config("other", { Restart: "app.service", WatchSec: "4" });
  const other = each.host.at("other");
  const linkOf = () => readlinkSync(join(other, "latest"));
  write(join(other, "manifest"), manifestOf([one]), 0o444);
  write(join(other, "store", one.digest), one.content, 0o444);
  write(join(other, ".good"), `${one.digest}\n`);
  symlinkSync(`store/${one.digest}`, join(other, "latest"));
  each.bad = [two];
  const paths = [each.host.file, each.host.at("other.tako")];
  const { results, orders, events } = await each.fetch({ paths });
  expect(results.map(({ outcome }) => outcome)).toEqual(["rolled-back", "rolled-back"]);
  expect(orders).toEqual(["restart -- app.service", "restart -- app.service"]);
  expect([each.uses(one.digest), linkOf()]).toEqual([true, `store/${one.digest}`]);
  const seconds = events.flatMap((event) => (event.event === "watching" ? event.seconds : []));
  expect(seconds).toEqual([4, 4, 4, 4]);
});

test("ACT-45: where latest names another image at the end of the watch, nothing is decided", async () => {
  using each = new Units({ WatchSec: "2" });
  each.units["app.service"] = (at) => {
    if (each.at("restart").length === 0) return up();
    if (at > 1000 && each.uses(two.digest)) {
      rmSync(each.host.path("latest"));
      each.host.install({ latest: one });
    }
    return up("InvocationID=2", ...(at > 1900 ? ["ActiveState=failed"] : []));
  };
  each.on("restart", () => {});
  const run = await each.fetch();
  expect(errorsOf(run)).toEqual([
    "it names another image than at the start of the watch, so nothing is decided",
  ]);
  expect([each.record(".refused"), each.record(".good")]).toEqual([undefined, `${one.digest}\n`]);
});

test("ACT-50, ACT-56: a way back restarts on the good image, which is watched for ten seconds at most", async () => {
  for (const [watch, seconds] of [
    ["4", 4],
    ["30", 10],
  ] as const) {
    using each = new Units({ WatchSec: watch, OnRollback: "tell.service" });
    each.bad = [two];
    each.journal = (words) =>
      words.includes("_SYSTEMD_INVOCATION_ID=1") ? "its last words\n" : "";
    const { systemctl } = each.effects.systemd;
    Object.assign(each.effects.systemd, {
      systemctl: async (...call: Parameters<typeof systemctl>) => {
        if (call[0][0] === "start") await Bun.sleep(50);
        return systemctl(...call);
      },
    });
    const { result, orders, events } = await each.fetch();
    const reason = "app.service: failed (exit-code), status 3";
    expect(result).toMatchObject({ outcome: "rolled-back", reason, refused: "1.1.0" });
    expect(orders).toEqual([
      "restart -- app.service",
      "restart -- app.service",
      "start --no-block -- tell.service",
    ]);
    expect(events.filter(({ event }) => event === "watching")).toEqual([
      expect.objectContaining({ seconds: Number(watch) }),
      expect.objectContaining({ seconds }),
    ]);
    expect(events).toContainEqual(expect.objectContaining({ log: "its last words", restarts: 0 }));
    // ACT-16: that it was started is told before the run ends.
    expect(events.at(-1)).toMatchObject({ event: "started", units: ["tell.service"] });
    expect(each.record(".refused")).toBe(`${two.digest} ${one.digest} 1700000000 ${reason}\n`);
    expect([each.record(".owed"), each.uses(one.digest)]).toEqual([undefined, true]);
    // ACT-32: later runs stay on it, and say why.
    expect((await each.fetch()).result).toMatchObject({
      ...{ outcome: "refused", version: "1.0.0", sha256: one.digest, refused: "1.1.0", reason },
    });
  }
});

test("ACT-52: units that somebody stopped since, and masked ones, stay so on the way back; what the bad image ended does not", async () => {
  using each = new Units({
    Restart: "app.service done.service gone.service old.service",
    WatchSec: "2",
  });
  each.bad = [two];
  each.journal = (words) => (words.includes("UNIT=gone.service") ? "stop" : "start");
  const restart = (units: readonly string[]) => {
    for (const unit of units) each.units[unit] = up(each.invocation());
    if (!each.uses(two.digest)) return;
    each.units["app.service"] = failed;
    each.units["done.service"] = ended();
    each.units["gone.service"] = ended();
    each.units["old.service"] = ended("LoadState=masked");
  };
  each.on("restart", restart);
  const { result, orders } = await each.fetch();
  expect(result.outcome).toBe("rolled-back");
  expect(orders).toEqual([
    "restart -- app.service done.service gone.service old.service",
    "restart -- app.service done.service",
  ]);
});

test("ACT-55: sockets that failed are started while their services are stopped, before these are restarted", async () => {
  for (const isLimited of [false, true]) {
    using each = new Units({ Restart: "app.service web.service", WatchSec: "2" });
    each.on("restart", (units) => {
      for (const unit of units) each.units[unit] = up(each.invocation());
      if (!each.uses(two.digest)) return;
      each.units["app.service"] = `${failed}\nTriggeredBy=app.socket app.timer other.socket`;
      each.units["web.service"] = up(each.invocation(), "TriggeredBy=web.timer");
      each.units["app.socket"] = failed;
    });
    let starts = 0;
    each.on("start", () => {
      starts++;
      if (!isLimited || starts === 2) each.units["app.socket"] = up();
    });
    each.outcome = (words) =>
      words === "start -- app.socket" && isLimited && starts === 1 ? { status: 1 } : {};
    const { result, calls } = await each.fetch();
    expect(result.outcome).toBe("rolled-back");
    const told = calls.map(({ words }) => without(words)).filter((words) => !/^show/.test(words));
    const from = told.indexOf("stop -- app.service");
    expect(told.slice(from).filter((words) => !words.startsWith("--"))).toEqual([
      "stop -- app.service",
      "reset-failed -- app.service",
      "start -- app.socket",
      ...(isLimited ? ["reset-failed -- app.socket", "start -- app.socket"] : []),
      "reset-failed -- app.service web.service",
      "restart -- app.service web.service",
    ]);
    expect(calls.map(({ words }) => without(words))).toContain(
      "show -- app.socket app.timer other.socket",
    );
  }
});

test("ACT-55: a service that systemd is about to start again is stopped before its socket is looked at", async () => {
  using each = new Units({ WatchSec: "2" });
  const trigger = "TriggeredBy=app.socket";
  each.on("restart", () => {
    each.units["app.service"] = each.uses(two.digest)
      ? up(each.invocation(), "ActiveState=activating", "NRestarts=1", trigger)
      : up(each.invocation(), trigger);
  });
  const { result, calls } = await each.fetch();
  expect(result.outcome).toBe("rolled-back");
  const told = calls.map(({ words }) => without(words));
  const stop = told.indexOf("stop -- app.service");
  expect(told.slice(stop, stop + 2)).toEqual(["stop -- app.service", "show -- app.socket"]);
});

test("ACT-55: without a socket that failed nothing is stopped", async () => {
  for (const [triggeredBy, state] of [
    ["app.socket", up()],
    ["app.socket", ended()],
    ["app.timer", failed],
  ] as const) {
    using each = new Units({ WatchSec: "2" });
    each.units[triggeredBy] = state;
    each.on("restart", () => {
      const trigger = `TriggeredBy=${triggeredBy}`;
      each.units["app.service"] = each.uses(two.digest)
        ? `${failed}\n${trigger}`
        : up(each.invocation(), trigger);
    });
    const { result, orders } = await each.fetch();
    expect([result.outcome, orders]).toEqual([
      "rolled-back",
      ["restart -- app.service", "restart -- app.service"],
    ]);
  }
});

test("ACT-53: a good image that others could change is taken as it is on the way back, one that is damaged is not", async () => {
  const changes = {
    linked: (path: string, each: Units) => linkSync(path, each.host.at("backup")),
    exposed: (path: string) => chmodSync(path, 0o666),
    damaged: (_: string, each: Units) => each.host.replace(`store/${one.digest}`, "damaged"),
  };
  for (const [name, change] of Object.entries(changes)) {
    using each = new Units({ WatchSec: "2" });
    each.bad = [two];
    const restart = (units: readonly string[]) => {
      for (const unit of units)
        each.units[unit] = each.uses(two.digest) ? failed : up(each.invocation());
      if (each.uses(two.digest)) change(each.host.path(`store/${one.digest}`), each);
    };
    each.on("restart", restart);
    const { result, events } = await each.fetch();
    expect(result.outcome).toBe("rolled-back");
    const downloads = events.flatMap((event) => (event.event === "download" ? event.version : []));
    expect(downloads).toEqual(name === "damaged" ? ["1.1.0", "1.0.0"] : ["1.1.0"]);
    expect(readFileSync(each.host.path(`store/${one.digest}`), "latin1")).toBe(one.content);
  }
});

test("ACT-54, FET-91: a way back on which a run died is told by a dry run, and gone to its end by a run, without news", async () => {
  using each = new Units(
    { WatchSec: "2", OnRollback: "tell.service" },
    {
      ".refused": `${two.digest} ${one.digest} 5 app.service: failed\n`,
      ".owed": `${two.digest}\napp.service\n`,
    },
  );
  rmSync(each.host.path("latest"));
  each.host.install({ published: [one, two], latest: two });
  each.host.publish(one, two, three);
  // FET-106: without activating it waits, and what is news is brought here.
  const waiting = await each.fetch({ activates: false });
  expect(waiting.result).toMatchObject({ outcome: "ready", version: "1.2.0" });
  expect([waiting.orders, each.uses(two.digest)]).toEqual([[], true]);
  const plan = await each.fetch({ mode: "dry-run" });
  expect(plan.result).toMatchObject({ outcome: "planned", version: "1.0.0" });
  expect(
    plan.events.flatMap((event) => (event.event === "would" ? [event.action, event.what] : [])),
  ).toEqual(["activate", "1.0.0", "restart", "app.service"]);
  const { result, orders } = await each.fetch();
  expect(result).toMatchObject({ outcome: "rolled-back", reason: "app.service: failed" });
  expect(orders).toEqual(["restart -- app.service", "start --no-block -- tell.service"]);
  expect([each.record(".refused"), each.uses(one.digest)]).toEqual([
    `${two.digest} ${one.digest} 5 app.service: failed\n`,
    true,
  ]);
});

test("ACT-56: so is a control on which a run died", async () => {
  using each = new Units(
    { WatchSec: "2" },
    {
      ".refused": `${two.digest} ${one.digest} 5 app.service: failed\n`,
      ".owed": `${one.digest}\n${two.digest}\napp.service\n`,
    },
  );
  each.host.install({ published: [one, two] });
  const { result, orders } = await each.fetch();
  expect([result.outcome, orders]).toEqual(["rolled-back", ["restart -- app.service"]]);
  expect(each.record(".owed")).toBeUndefined();
});

const asked: string[] = [];
const journal = (stdout: string, manager: Systemd["manager"] = "system"): Systemd => ({
  manager,
  systemctl: async () => OK,
  journalctl: async (words, limits) => {
    asked.push(`${words.join(" ")} ${limits?.timeoutMs}`);
    return { ...OK, stdout };
  },
  ownUnits: () => [],
});

test("ACT-26, ACT-120: the journal is asked for the newest entry of that manager, within a minute", async () => {
  asked.length = 0;
  const about = "--quiet --no-pager --reverse --lines=1";
  const jobs = "JOB_TYPE=start JOB_TYPE=stop JOB_TYPE=restart 60000";
  expect(await wasStopped(journal("stop\n"), "a.service", 1500)).toBe(true);
  expect(await wasStopped(journal("restart\n", "user"), "a.service")).toBe(false);
  expect(await wasStopped(journal("\n"), "a.service")).toBeUndefined();
  expect(asked.slice(0, 2)).toEqual([
    `${about} --output-fields=JOB_TYPE --output=cat --since=@1.5 _PID=1 UNIT=a.service ${jobs}`,
    `${about} --output-fields=JOB_TYPE --output=cat --since=@0 USER_UNIT=a.service ${jobs}`,
  ]);
});

test("ACT-25, ACT-120: whether a run failed is asked by SD_MESSAGE_UNIT_FAILURE_RESULT, and by a job that stops it", async () => {
  asked.length = 0;
  expect(await hasFailed(journal("an entry"), "0f")).toBe(false);
  expect(await hasFailed(journal("", "user"), "0f")).toBe(false);
  const about = "--quiet --no-pager --reverse --lines=1 --output=cat";
  // As systemd's catalog has it (sd-messages.h).
  const message = "MESSAGE_ID=d9b373ed55a64feb8242e02dbe79a49c 60000";
  expect(asked).toEqual([
    `${about} INVOCATION_ID=0f ${message}`,
    `${about} INVOCATION_ID=0f JOB_TYPE=stop JOB_TYPE=restart 60000`,
    `${about} USER_INVOCATION_ID=0f ${message}`,
  ]);
});

test("FET-97: the last words of a run are one line that can be shown; of a run without an id there are none", async () => {
  asked.length = 0;
  const run = { unit: "a.service", invocation: "0f" };
  expect(await lastWords(journal("a\u001b[31mb\n"), run)).not.toContain("\u001b");
  expect(await lastWords(journal(" a line \n"), run)).toBe("a line");
  expect(asked.slice(2)).toEqual([
    "--sync 60000",
    "--quiet --no-pager --reverse --lines=1 --output=cat _SYSTEMD_INVOCATION_ID=0f 60000",
  ]);
  expect(await lastWords(journal("of another"), { ...run, invocation: "" })).toBe("");
  const silent = { ...journal(""), journalctl: () => Promise.reject(new Error("none")) };
  expect(await lastWords(silent, run)).toBe("");
});

test("FET-97: of a run whose line has no id, they are what its unit logged since it began", async () => {
  const run = { unit: "a.service", invocation: "0f" };
  const time = "--output-fields=_SOURCE_REALTIME_TIMESTAMP";
  for (const [manager, id, unit] of [
    ["system", "INVOCATION_ID", "_SYSTEMD_UNIT"],
    ["user", "USER_INVOCATION_ID", "_SYSTEMD_USER_UNIT"],
  ] as const) {
    asked.length = 0;
    const answers = ["", "", "1795702297018875\n1795702297018990\n", "late\n"];
    const answering: Systemd = {
      ...journal("", manager),
      journalctl: async (words) => {
        asked.push(words.join(" "));
        return { ...OK, stdout: answers.shift() ?? "" };
      },
    };
    expect(await lastWords(answering, run)).toBe("late");
    const newest = "--quiet --no-pager --reverse --lines=1 --output=cat";
    expect(asked.slice(2)).toEqual([
      `--quiet --no-pager --output=cat ${time} ${id}=0f`,
      `${newest} --since=@1795702297.018875 ${unit}=a.service`,
    ]);
  }
});

test("FET-78, FET-87: what systemctl says is told by its first line, and by which call it was", () => {
  const call = { status: 1, stdout: "", stderr: "Job failed.\nSee more.\n" };
  expect(systemctlFailed(["a.service", "b.service"], call).message).toBe(
    "systemctl could not restart a.service b.service: Job failed.",
  );
  expect(systemctlFailed(["a.service"], { ...call, stderr: "" }, "stop").message).toBe(
    "systemctl could not stop a.service",
  );
  for (const [verb, done] of [
    ["restart", "restarted"],
    ["start", "started"],
    ["stop", "stopped"],
  ] as const) {
    const stderr = "Failed to connect to bus: Operation not permitted\n";
    expect(systemctlFailed(["a.service"], { ...call, stderr }, verb)).toMatchObject({
      message: `systemctl does not reach systemd, so a.service was not ${done}: Failed to connect to bus: Operation not permitted`,
      hint: expect.stringContaining("AF_UNIX in RestrictAddressFamilies="),
    });
  }
});

test("FET-85: a systemctl that cannot be run is an error with the reason", async () => {
  for (const [code, hint] of [
    ["E2BIG", "Name fewer units in Restart=, or let one stand for all."],
    ["ENOENT", "Is systemd's systemctl installed and in PATH?"],
  ] as const) {
    const cause = Object.assign(new Error("spawn"), { code });
    const none = { ...journal(""), systemctl: () => Promise.reject(cause) };
    await expect(tell(none, ["restart"], ["a.service"])).rejects.toMatchObject({
      kind: "unit",
      hint,
    });
  }
});
