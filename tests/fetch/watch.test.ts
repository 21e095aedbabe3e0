// How units are watched, on a clock that stands still but where somebody waits: when they are looked at, when checks are
// started and for how long, and what the journal is asked. The whole of a trial is in trial.test.ts.

import { expect, test } from "bun:test";
import { loadConfigs } from "../../src/commands/fetch/configs.ts";
import { Member } from "../../src/commands/fetch/member.ts";
import { limitOf, tellLate } from "../../src/commands/fetch/restart.ts";
import { startRun } from "../../src/commands/fetch/run.ts";
import { watchAll, watchedRun } from "../../src/commands/fetch/watch.ts";
import { parseUnitStates, type UnitState } from "../../src/core/unit-state.ts";
import type { Watched } from "../../src/core/verdict.ts";
import { type Clock, systemClock } from "../../src/shell/clock.ts";
import { lockDestination } from "../../src/shell/destination.ts";
import { LargeManifests } from "../../src/shell/origin/manifest-room.ts";
import type { ConfigLines } from "../support/host.ts";
import { Bench, ended, failed, up } from "./bench.ts";

/** The run of a unit that was restarted just now. */
const watched = (unit: string): Watched => ({ unit, hasRun: true, invocation: "1", restarts: 0 });

/** Watches these units for a config with these lines. */
async function watch(
  bench: Bench,
  units: readonly string[],
  seconds: number,
  lines: ConfigLines = {},
) {
  using _ = bench;
  const { host, effects } = bench;
  host.configure({ Restart: "app.service web.service", WatchSec: `${seconds}`, ...lines });
  const [loaded] = loadConfigs([host.file]);
  if (loaded === undefined || "error" in loaded) throw new Error("the config is not valid");
  const largeManifests = new LargeManifests();
  const how = { mode: "run", activates: true, verify: true, largeManifests } as const;
  const waiting = { clock: systemClock, onWait: () => {} };
  using destination = await lockDestination(host.destination, waiting);
  const member = new Member(startRun(loaded, how, effects), destination);
  return await watchAll([member], effects, units.map(watched), seconds * 1000);
}

const gaps = (moments: readonly number[]) =>
  moments.slice(1).map((at, index) => at - (moments[index] ?? 0));

test("ACT-24, ACT-28: units are looked at at once, soon again, then every second, and at the very end", async () => {
  const bench = new Bench();
  expect(await watch(bench, ["app.service", "web.service"], 6)).toEqual({ verdict: "good" });
  const looks = bench.at("show");
  expect(looks[0]).toBeLessThan(200);
  expect(looks[1]).toBeLessThan(500);
  expect(looks.at(-1)).toBe(6000);
  const pauses = gaps(looks).slice(0, -1);
  expect(Math.max(...pauses)).toBe(1000);
  expect(pauses.slice(-3)).toEqual([1000, 1000, 1000]);
  expect(bench.events).toEqual([
    expect.objectContaining({
      event: "watching",
      units: ["app.service", "web.service"],
      seconds: 6,
    }),
  ]);
});

test("ACT-28: one bad unit ends the watch at the look that finds it, the other one being good", async () => {
  const bench = new Bench();
  bench.units = { "web.service": (at) => (at < 1000 ? up() : failed) };
  const seen = await watch(bench, ["app.service", "web.service"], 60);
  expect(seen.verdict).toBe("bad");
  expect(seen.culprit).toMatchObject({
    ...{ unit: "web.service", what: "failed (exit-code), status 3", invocation: "1" },
    state: expect.objectContaining({ unit: "web.service", active: "failed" }),
  });
  expect(bench.now).toBeLessThan(3000);
});

test("ACT-28: it is open at once when no unit is left that runs the image, and not before", async () => {
  const bench = new Bench();
  bench.units = { "app.service": () => ended() };
  bench.journal = () => "stop";
  const one = await watch(bench, ["app.service", "web.service"], 5);
  expect([one.verdict, bench.now]).toEqual(["open", 5000]);
  const alone = new Bench();
  alone.units = bench.units;
  alone.journal = () => "stop";
  expect([(await watch(alone, ["app.service"], 60)).verdict, alone.now < 1000]).toEqual([
    "open",
    true,
  ]);
});

test("ACT-27, ACT-28: where all units are left alone, nothing is watched, and no check is started", async () => {
  const bench = new Bench();
  expect(await watch(bench, [], 5, { Check: "probe.service" })).toEqual({ verdict: "open" });
  expect([bench.calls, bench.events]).toEqual([[], []]);
});

test("ACT-21: no answer is no news: what was seen before counts, and before that nothing", async () => {
  const silent = new Bench();
  silent.answers = () => false;
  expect(await watch(silent, ["app.service"], 3)).toEqual({ verdict: "open" });
  const late = new Bench();
  late.answers = (at) => at < 1000;
  expect(await watch(late, ["app.service"], 3)).toEqual({ verdict: "good" });
});

test("ACT-26: who ended by itself is bad once two looks say so, between which the journal catches up", async () => {
  const bench = new Bench();
  bench.units = { "app.service": () => ended() };
  bench.journal = () => "start";
  const seen = await watch(bench, ["app.service", "web.service"], 60);
  expect([seen.verdict, seen.culprit?.unit]).toEqual(["bad", "app.service"]);
  expect(bench.at("show")).toHaveLength(2);
  const asked = bench.calls.map(({ words }) => words.match(/^show|--sync|JOB_TYPE=start/)?.[0]);
  expect(asked).toEqual(["show", "JOB_TYPE=start", "--sync", "show", "JOB_TYPE=start"]);
});

test("ACT-26: the second look may be past the end", async () => {
  const bench = new Bench();
  bench.units = { "app.service": (at) => (at < 3000 ? up() : ended()) };
  bench.journal = () => "start";
  expect((await watch(bench, ["app.service"], 3)).verdict).toBe("bad");
  expect(bench.at("show").filter((at) => at >= 3000)).toHaveLength(2);
});

test("ACT-26: that a unit is up between two such looks makes the second one the first", async () => {
  const bench = new Bench();
  const down: number[] = [];
  bench.units = {
    "app.service": (at) => {
      const isDown = at > 1000 && down.length < 2 && down.every((other) => at - other > 1500);
      if (isDown) down.push(at);
      return isDown ? ended() : up();
    },
  };
  bench.journal = () => "start";
  expect((await watch(bench, ["app.service"], 8)).verdict).toBe("good");
  expect(down).toHaveLength(2);
});

test("ACT-26: it is open where somebody stopped it, or the journal does not tell until the end", async () => {
  for (const [said, isAtOnce] of [
    ["stop", true],
    ["", false],
    [undefined, false],
  ] as const) {
    const bench = new Bench();
    bench.units = { "app.service": () => ended() };
    bench.journal = () => said;
    expect(await watch(bench, ["app.service"], 4)).toEqual({ verdict: "open" });
    expect(bench.now < 4000).toBe(isAtOnce);
  }
});

test("ACT-22, ACT-25: who was started anew is judged by the journal: a failure that no job stopped is bad", async () => {
  const [isUp, isDown] = [up("InvocationID=2"), `${failed}\nInvocationID=2`];
  const failure = (words: string) => (words.includes("JOB_TYPE=") ? "" : "it failed");
  for (const [state, journal, verdict] of [
    [isUp, failure, "bad"],
    [isUp, () => "an entry", "good"],
    [isUp, () => "", "good"],
    [isDown, failure, "bad"],
    [isDown, () => "an entry", "open"],
  ] as const) {
    const bench = new Bench();
    bench.units = { "app.service": () => state };
    bench.journal = journal;
    expect((await watch(bench, ["app.service"], 2)).verdict).toBe(verdict);
    expect(bench.calls.some(({ words }) => words.includes(" INVOCATION_ID=1 "))).toBe(true);
  }
});

test("ACT-29: checks are started every 3 s, in one call after a reset-failed, and once more at the end", async () => {
  const bench = new Bench();
  const lines = { Check: "probe.service other.service" };
  expect(await watch(bench, ["app.service"], 11, lines)).toEqual({ verdict: "good" });
  const starts = bench.at("start -- probe.service other.service");
  expect(starts).toEqual(bench.at("start"));
  expect(starts).toEqual(bench.at("reset-failed -- probe.service other.service"));
  expect(starts.at(-1)).toBe(11_000);
  expect(starts[0]).toBeLessThan(200);
  const pauses = gaps(starts.slice(0, -1));
  expect(pauses).toHaveLength(3);
  for (const pause of pauses) expect(Math.abs(pause - 3500)).toBeLessThanOrEqual(500);
  expect(bench.events).toEqual([
    expect.objectContaining({ units: ["app.service", "probe.service", "other.service"] }),
  ]);
});

test("ACT-29: a check has as long as the watch takes, at least 10 s", async () => {
  for (const [seconds, timeoutMs] of [
    [3, 10_000],
    [20, 20_000],
  ] as const) {
    const bench = new Bench();
    await watch(bench, ["app.service"], seconds, { Check: "probe.service" });
    const limits = bench.calls.filter(({ words }) => words.startsWith("start "));
    expect(new Set(limits.map((call) => call.limits.timeoutMs))).toEqual(new Set([timeoutMs]));
  }
});

test("ACT-29: the next start of a check waits for the end of the one before", async () => {
  const bench = new Bench();
  bench.startMs = 4500;
  await watch(bench, ["app.service"], 12, { Check: "probe.service" });
  const starts = bench.at("start ");
  expect(starts.length).toBeGreaterThan(2);
  for (const pause of gaps(starts)) expect(pause).toBeGreaterThanOrEqual(4500);
});

test("ACT-29: a check that fails only on the way is forgiven, one that fails at the end is not", async () => {
  for (const [isBad, verdict] of [
    [(at: number) => at < 5000, "good"],
    [(at: number) => at >= 5000, "bad"],
  ] as const) {
    const bench = new Bench();
    bench.units = { "probe.service": (at) => (isBad(at) ? failed : ended()) };
    const seen = await watch(bench, ["app.service"], 5, { Check: "probe.service" });
    expect([seen.verdict, bench.now]).toEqual([verdict, 5000]);
    if (verdict === "bad") {
      expect(seen.culprit).toMatchObject({
        unit: "probe.service",
        what: "failed (exit-code), status 3",
      });
    }
  }
});

test.each([
  ["active, as with RemainAfterExit", up(), "good"],
  ["inactive", ended(), "good"],
  ["inactive after a failure", ended("Result=timeout"), "bad"],
  ["activating", up("ActiveState=activating"), "bad"],
  ["without a unit file", ended("LoadState=not-found"), "bad"],
] as const)("ACT-29: a check that is %s at the end", async (_, state, verdict) => {
  const bench = new Bench();
  bench.units = { "probe.service": () => state };
  const seen = await watch(bench, ["app.service"], 1, { Check: "probe.service" });
  expect(seen.verdict).toBe(verdict);
});

test("ACT-29: a check says nothing where systemctl has no answer", async () => {
  const bench = new Bench();
  bench.units = { "probe.service": () => failed };
  const isOfCheck = () => bench.calls.at(-1)?.words.endsWith(" -- probe.service") === true;
  bench.answers = () => !isOfCheck();
  const seen = await watch(bench, ["app.service"], 1, { Check: "probe.service" });
  expect(seen).toEqual({ verdict: "good" });
});

test("ACT-29: a check does not make bad what was stopped while it ran", async () => {
  const bench = new Bench();
  bench.startMs = 1000;
  bench.units = {
    "probe.service": () => failed,
    "app.service": (at) => (at <= 2000 ? up() : ended()),
  };
  bench.journal = () => "stop";
  expect(await watch(bench, ["app.service"], 2, { Check: "probe.service" })).toEqual({
    verdict: "open",
  });
});

test("ACT-29: a check that hangs is bad, and stopped", async () => {
  const bench = new Bench();
  bench.startMs = Number.POSITIVE_INFINITY;
  bench.units = { "probe.service": () => up("ActiveState=activating") };
  const seen = await watch(bench, ["app.service"], 2, { Check: "probe.service" });
  expect(seen).toMatchObject({
    verdict: "bad",
    culprit: { unit: "probe.service", what: "did not end in time" },
  });
  const stops = bench.calls.filter(({ words }) => words === "stop --no-block -- probe.service");
  expect(stops.length).toBe(bench.at("start ").length);
});

test("ACT-28: a check that hangs does not hold up the end of an image that is bad", async () => {
  const bench = new Bench();
  bench.startMs = Number.POSITIVE_INFINITY;
  bench.units = { "app.service": (at) => (at < 1000 ? up() : failed) };
  const seen = await watch(bench, ["app.service"], 60, { Check: "probe.service" });
  expect([seen.culprit?.unit, bench.now < 3000]).toEqual(["app.service", true]);
  // ACT-29: by then nobody leaves it behind.
  expect(bench.calls.at(-1)?.words).toBe("stop --no-block -- probe.service");
});

test("ACT-28, ACT-29: a config without units is judged by its checks, and without these there is nothing to judge", async () => {
  for (const [state, verdict] of [
    [failed, "bad"],
    [ended(), "good"],
  ] as const) {
    const bench = new Bench();
    bench.units = { "probe.service": () => state };
    const lines = { Restart: [], Check: "probe.service" };
    expect((await watch(bench, [], 1, lines)).verdict).toBe(verdict);
    expect(bench.events).toEqual([expect.objectContaining({ units: ["probe.service"] })]);
  }
  const bench = new Bench();
  expect(await watch(bench, [], 1, { Restart: [] })).toEqual({ verdict: "good" });
  expect([bench.calls, bench.events]).toEqual([[], []]);
});

/** States as systemctl has them, by unit. */
const states = (...blocks: readonly [unit: string, lines: string][]) =>
  new Map(
    blocks.map(([unit, lines]): [string, UnitState] => {
      const [state] = parseUnitStates(lines, [unit]) ?? [];
      if (state === undefined) throw new Error("no state");
      return [unit, state];
    }),
  );

test("ACT-20, ACT-26: what is watched is the run since the restart, or else the one that was found", () => {
  const before = states(["a.service", up("InvocationID=1", "NRestarts=3")]);
  const after = states(["a.service", up("InvocationID=2", "NRestarts=1")]);
  const restarted = { undone: [], error: undefined, isLate: false };
  const unit = "a.service";
  expect(watchedRun(unit, before, { ...restarted, states: after })).toEqual({
    ...{ unit, hasRun: true, invocation: "2", restarts: 0 },
  });
  expect(watchedRun(unit, before, { ...restarted, states: undefined })).toEqual({
    ...{ unit, hasRun: true, invocation: "1", restarts: 3 },
  });
  expect(watchedRun(unit, undefined, { ...restarted, states: new Map() })).toEqual({
    ...{ unit, hasRun: false, invocation: "", restarts: 0 },
  });
});

test("ACT-11: a restart has 15 minutes, or twice the longest start and stop together", () => {
  const minutes = 60_000;
  const lasting = (start: string, stop: string) =>
    up(`TimeoutStartUSec=${start}`, `TimeoutStopUSec=${stop}`);
  const before = states(
    ["quick.service", lasting("1min 30s", "1min 30s")],
    ["slow.service", lasting("10min", "5min")],
    ["slower.service", lasting("20min", "1min")],
    ["endless.service", lasting("infinity", "1min")],
  );
  expect(limitOf(["quick.service"], before)).toBe(15 * minutes);
  expect(limitOf(["quick.service", "slow.service"], before)).toBe(30 * minutes);
  expect(limitOf(["slow.service", "slower.service"], before)).toBe(42 * minutes);
  expect(limitOf(["endless.service", "unknown.service"], before)).toBe(15 * minutes);
  expect(limitOf(["endless.service", "slower.service"], before)).toBe(42 * minutes);
  expect(limitOf(["slow.service"], undefined)).toBe(15 * minutes);
});

test("ACT-17: that a restart takes longer than 10 s is told once", () => {
  const asked: number[] = [];
  const looks: (() => void)[] = [];
  const every: Clock["every"] = (ms, look) => {
    asked.push(ms);
    looks.push(look);
    return { [Symbol.dispose]: () => {} };
  };
  let said = 0;
  using _telling = tellLate({ ...systemClock, every }, () => {
    said++;
  });
  expect(asked).toEqual([10_000]);
  expect(said).toBe(0);
  looks[0]?.();
  looks[0]?.();
  expect(said).toBe(1);
});
