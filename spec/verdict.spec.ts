// Proof of what the state of units says (spec/activation.md): how an answer of systemd is read, what is to be done
// with a unit, whether it was restarted, and the verdict, rule by rule.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { groupsOf } from "../src/core/groups.ts";
import { dutyOf, isOvertaken, isRestarted } from "../src/core/unit-duty.ts";
import {
  describeState,
  isDown,
  isRunning,
  parseUnitStates,
  type UnitState,
} from "../src/core/unit-state.ts";
import { describeBad, judge, type Look, verdictOf, type Watched } from "../src/core/verdict.ts";
import { readFixture } from "../tests/support/fixtures.ts";
import { runs } from "../tests/support/properties.ts";

const [ours, another] = ["1".padStart(32, "0"), "2".padStart(32, "0")];

const running: UnitState = {
  unit: "app.service",
  load: "loaded",
  active: "active",
  sub: "running",
  result: "success",
  status: "0",
  restarts: 0,
  invocation: ours,
  isJob: false,
  triggeredBy: [],
  triggers: [],
  after: [],
  startLimitMs: 10_000,
  longestMs: 0,
};
const watched: Watched = { unit: "app.service", hasRun: true, invocation: ours, restarts: 0 };

describe("an answer of systemctl show", () => {
  // What systemd 252 answered; how it was asked, and of which units, is in fixtures/activation/README.md.
  const units = ["web.service", "once.service", "web.socket", "gone.service", "masked.service"];
  const answer = new TextDecoder().decode(readFixture("activation/show-five.txt"));
  const states = parseUnitStates(answer, units) ?? [];

  test("ACT-1: has a block for each unit, in the order of the question", () => {
    expect(states.map(({ unit }) => unit)).toEqual(units);
    expect(states.map(({ load, active, sub }) => [load, active, sub])).toEqual([
      ["loaded", "active", "running"],
      ["loaded", "inactive", "dead"],
      ["loaded", "active", "running"],
      ["not-found", "inactive", "dead"],
      ["masked", "inactive", "dead"],
    ]);
  });

  test("ACT-2, ACT-11, ACT-12, ACT-26: what follows is known of each", () => {
    const [web, once, socket, gone] = states;
    expect(web?.triggeredBy).toEqual(["web.socket"]);
    expect(web?.after).toContain("web.socket");
    expect(web?.invocation).toMatch(/^[0-9a-f]{32}$/);
    expect(web?.longestMs).toBe(90_000 + 90_000);
    expect([web?.isJob, once?.isJob]).toEqual([false, true]);
    // A oneshot has no limit for its start.
    expect(once?.longestMs).toBe(Number.POSITIVE_INFINITY);
    expect([socket?.restarts, gone?.invocation, gone?.longestMs]).toEqual([0, "", 180_000]);
  });

  /** How a unit of show-states.txt is, in words, what is to be done with it, and what a look says after its start. */
  const told: readonly (readonly [string, string, ReturnType<typeof dutyOf>, Look])[] = [
    ["failed.service", "failed (exit-code), status 3", "restart", "bad"],
    ["again.service", "waits for its restart (signal), status 9", "restart", "bad"],
    ["limit.service", "failed (exit-code), status 4, restarted itself 3 times", "restart", "bad"],
    ["slow.service", "activating", "restart", "wait"],
    ["stays.service", "active", "restart", "good"],
    ["job.timer", "active", "restart", "good"],
    ["job.service", "inactive, it ended by itself", "leave-stopped", "good"],
    ["bad.service", "inactive, it ended by itself", "unusable", "unless-stopped"],
    ["late.service", "inactive, it ended by itself", "leave-stopped", "unless-stopped"],
    ["twice.service", "active, restarted itself 2 times", "restart", "bad"],
  ];
  const all = new TextDecoder().decode(readFixture("activation/show-states.txt"));
  const named = told.map(([unit]) => unit);
  test.each(told)("ACT-3 to ACT-6, ACT-20 to ACT-26: of %s: %s", (unit, words, duty, look) => {
    const state = parseUnitStates(all, named)?.find((each) => each.unit === unit);
    if (state === undefined) throw new Error("no answer");
    expect(describeState(state)).toBe(words);
    expect(dutyOf(state, false)).toBe(duty);
    const { invocation } = state;
    expect(judge(state, { unit, hasRun: true, invocation, restarts: 0 })).toBe(look);
  });

  test("ACT-11: time limits are as systemd spells them, both together", () => {
    const limits = parseUnitStates(all, named)?.map(({ longestMs }) => longestMs);
    expect(limits?.slice(3, 7)).toEqual([4_020_500, Infinity, 0, Infinity]);
  });

  test.each([
    ["nothing", ""],
    ["a block too few", "ActiveState=active\n"],
    ["a block too many", "ActiveState=active\n\nActiveState=active\n\nActiveState=active\n"],
    ["one without a state", "ActiveState=active\n\nLoadState=loaded\n"],
    ["what is no property", "ActiveState=active\n\n=\nfoo\n"],
  ])("ACT-21: %s is no answer", (_, answer) => {
    expect(parseUnitStates(answer, ["a.service", "b.service"])).toBeUndefined();
  });

  test("ACT-11: a limit that cannot be read is none", () => {
    const answer = "ActiveState=active\nTimeoutStartUSec=some time\nTimeoutStopUSec=1min 30s\n";
    expect(parseUnitStates(answer, ["a.service"])?.[0]?.longestMs).toBe(90_000);
  });

  test.each([
    ["10s", 10_000],
    ["0", 0],
    ["infinity", Number.POSITIVE_INFINITY],
  ])("ACT-102: a limit of starts within %s", (span, expected) => {
    const answer = `ActiveState=active\nStartLimitIntervalUSec=${span}\n`;
    expect(parseUnitStates(answer, ["a.service"])?.[0]?.startLimitMs).toBe(expected);
  });

  test("how a unit is, in words", () => {
    const failed = { ...running, active: "failed", result: "exit-code", status: "3", restarts: 2 };
    expect(describeState(failed)).toBe("failed (exit-code), status 3, restarted itself 2 times");
    expect(describeState({ ...failed, restarts: 1 })).toBe(
      "failed (exit-code), status 3, restarted itself once",
    );
    const socket = { ...running, active: "failed", result: "service-start-limit-hit", status: "" };
    expect(describeState(socket)).toBe("failed (service-start-limit-hit)");
    expect(describeState({ ...running, active: "inactive" })).toBe("inactive, it ended by itself");
    const again = { ...running, active: "activating", sub: "auto-restart" };
    expect(describeState(again)).toBe("waits for its restart");
  });
});

describe("what is to be done with a unit", () => {
  const rows: readonly (readonly [
    string,
    Partial<UnitState>,
    ReturnType<typeof dutyOf>,
    ReturnType<typeof dutyOf>,
  ])[] = [
    ["ACT-6: one that runs is restarted", {}, "restart", "restart"],
    ["ACT-6: one that failed, too", { active: "failed" }, "restart", "restart"],
    ["ACT-6: one on its way up, too", { active: "activating" }, "restart", "restart"],
    ["ACT-5: one that does not run stays so", { active: "inactive" }, "leave-stopped", "restart"],
    [
      "ACT-3: a masked one is left alone",
      { load: "masked", active: "inactive" },
      "leave-masked",
      "leave-masked",
    ],
    [
      "ACT-4: a masked one that runs cannot be restarted",
      { load: "masked" },
      "unusable",
      "unusable",
    ],
    ["ACT-4: nor can one without a file", { load: "not-found" }, "unusable", "unusable"],
    ["ACT-4: nor one that is wrong", { load: "bad-setting" }, "unusable", "unusable"],
  ];
  test.each(rows)("%s", (_, state, usually, startsAll) => {
    expect(dutyOf({ ...running, ...state }, false)).toBe(usually);
    expect(dutyOf({ ...running, ...state }, true)).toBe(startsAll);
  });
});

describe("whether a unit was restarted", () => {
  const rows: readonly (readonly [string, Partial<UnitState>, succeeded: boolean, boolean])[] = [
    ["ACT-12: another InvocationID", { invocation: another }, true, true],
    ["ACT-12: the same one is the old process", {}, true, false],
    [
      "ACT-12: none, after a call that went well",
      { active: "inactive", invocation: "" },
      true,
      true,
    ],
    ["ACT-12: failed", { active: "failed", invocation: another }, true, false],
    [
      "ACT-12: in auto-restart",
      { active: "activating", sub: "auto-restart", invocation: another },
      true,
      false,
    ],
    ["ACT-12: still starting", { active: "activating", invocation: another }, true, true],
    ["ACT-13: after a failed call, active", { invocation: another }, false, true],
    [
      "ACT-13: after a failed call, still starting",
      { active: "activating", invocation: another },
      false,
      false,
    ],
    [
      "ACT-13: after a failed call, gone",
      { active: "inactive", invocation: another },
      false,
      false,
    ],
    [
      "ACT-13: after a failed call, a job that is done",
      { active: "inactive", invocation: another, isJob: true },
      false,
      true,
    ],
  ];
  test.each(rows)("%s", (_, after, succeeded, expected) => {
    expect(isRestarted(running, { ...running, ...after }, succeeded)).toBe(expected);
  });

  test("ACT-12: of a unit that did not run before, any InvocationID is another", () => {
    expect(isRestarted(undefined, running, true)).toBe(true);
    expect(isRestarted({ ...running, invocation: "" }, running, false)).toBe(true);
  });

  test.each<[string, Partial<UnitState> | undefined, boolean]>([
    ["runs, and never restarted itself", {}, false],
    ["has failed", { active: "failed", result: "exit-code" }, false],
    ["restarted itself once", { restarts: 1 }, true],
    ["was refused for its start limit", { active: "failed", result: "start-limit-hit" }, true],
    ["is not known", undefined, false],
  ])("ACT-14: told once more is not, or is, a unit that %s", (_, after, expected) => {
    expect(isOvertaken(after && { ...running, ...after })).toBe(expected);
  });
});

describe("the verdict on a unit", () => {
  const rows: readonly (readonly [string, Partial<UnitState>, Partial<Watched>, Look])[] = [
    ["ACT-20: it restarted itself", { restarts: 1, invocation: another }, {}, "bad"],
    ["ACT-20: it did so before the watch only", { restarts: 3 }, { restarts: 3 }, "good"],
    ["ACT-22: failed", { active: "failed" }, {}, "bad"],
    ["ACT-22: about to restart itself", { active: "activating", sub: "auto-restart" }, {}, "bad"],
    [
      "ACT-22: failed after somebody restarted it",
      { active: "failed", invocation: another },
      {},
      "open-unless-failed",
    ],
    [
      "ACT-22: failed after its socket started it again",
      { active: "failed", invocation: another, triggeredBy: ["app.socket"] },
      {},
      "bad",
    ],
    ["ACT-22: failed, and unloaded", { active: "failed", invocation: "" }, {}, "bad"],
    ["ACT-23: on its way up", { active: "activating", sub: "start" }, {}, "wait"],
    ["ACT-23: on its way down", { active: "deactivating" }, {}, "wait"],
    ["ACT-23: a state that nobody knows", { active: "maintenance" }, {}, "wait"],
    ["ACT-24: active", {}, {}, "good"],
    ["ACT-24: reloading", { active: "reloading" }, {}, "good"],
    ["ACT-24: refreshing", { active: "refreshing" }, {}, "good"],
    [
      "ACT-25: active since somebody, or a unit of OnFailure=, started it again",
      { invocation: another },
      {},
      "unless-failed",
    ],
    [
      "ACT-25: active since its socket started it again",
      { invocation: another, triggeredBy: ["app.socket"] },
      {},
      "unless-failed",
    ],
    ["ACT-26: a job that is done", { active: "inactive", isJob: true, invocation: "" }, {}, "good"],
    [
      "ACT-26: idle behind its socket",
      { active: "inactive", triggeredBy: ["app.socket"], invocation: "" },
      {},
      "good",
    ],
    [
      "ACT-26: behind its socket, and it was killed",
      { active: "inactive", triggeredBy: ["app.socket"], result: "signal" },
      {},
      "unless-stopped",
    ],
    [
      "ACT-104: no slot is idle behind its socket",
      { active: "inactive", triggeredBy: ["app.socket"], invocation: "" },
      { mustStay: true },
      "unless-stopped",
    ],
    [
      "ACT-104: nor is one a job",
      { active: "inactive", isJob: true, invocation: "" },
      { mustStay: true },
      "unless-stopped",
    ],
    ["ACT-26: it ended", { active: "inactive", invocation: "" }, {}, "unless-stopped"],
    [
      "ACT-26: it did not run in the first place",
      { active: "inactive", invocation: "" },
      { hasRun: false, invocation: "" },
      "open",
    ],
  ];
  test.each(rows)("%s", (_, state, base, expected) => {
    expect(judge({ ...running, ...state }, { ...watched, ...base })).toBe(expected);
  });

  test("ACT-28: one bad unit is enough, one that is not good keeps it open", () => {
    const looks: readonly Look[] = [
      "good",
      "wait",
      "open",
      "unless-stopped",
      "unless-failed",
      "open-unless-failed",
    ];
    expect(verdictOf([])).toBe("good");
    expect(verdictOf(["good", "good"])).toBe("good");
    for (const look of looks) {
      expect(verdictOf([look, "bad"])).toBe("bad");
      expect(verdictOf(["good", look])).toBe(look === "good" ? "good" : "open");
    }
  });

  test("what is wrong with it, in words, also if its next run is well", () => {
    expect(describeBad({ ...running, active: "failed" }, watched)).toBe("failed");
    expect(describeBad({ ...running, active: "inactive" }, watched)).toContain("ended by itself");
    expect(describeBad({ ...running, restarts: 1 }, watched)).toContain("restarted itself once");
    const other = { ...running, invocation: another };
    expect(describeBad(other, watched)).toBe("failed, and was started again");
  });

  test("a unit that runs is not down, but for one in auto-restart", () => {
    expect([isRunning(running), isDown(running)]).toEqual([true, false]);
    const again = { ...running, active: "activating", sub: "auto-restart" };
    expect([isRunning(again), isDown(again)]).toEqual([true, true]);
    expect(isRunning({ ...running, active: "inactive" })).toBe(false);
  });
});

describe("groups", () => {
  const item = fc.uniqueArray(fc.constantFrom("a", "b", "c", "d", "e", "f"), { maxLength: 3 });
  const items = fc.array(item, { maxLength: 8 });

  test("ACT-60: two that share a unit are in one group, also by way of a third; others are not", () => {
    expect(groupsOf([["a"], ["b"], ["c"]], (each) => each)).toEqual([[["a"]], [["b"]], [["c"]]]);
    expect(groupsOf([["a"], ["b"], ["a", "b"], ["c"]], (each) => each)).toEqual([
      [["a"], ["b"], ["a", "b"]],
      [["c"]],
    ]);
    expect(groupsOf([[], []], (each) => each)).toEqual([[[]], [[]]]);
  });

  test("ACT-60: each is in one group, and no two groups share a unit", () => {
    fc.assert(
      fc.property(items, (all) => {
        const groups = groupsOf(all, (each) => each);
        expect(groups.flat().toSorted()).toEqual(all.toSorted());
        const units = groups.map((group) => [...new Set(group.flat())]);
        expect(new Set(units.flat()).size).toBe(units.flat().length);
      }),
      runs,
    );
  });
});
