// Slots with units that do as a test says: what is told to which unit in which order, what is on disk at that moment, and
// how each run ends (ACT-100 to ACT-114). Real units, and a client that asks them all the time, are in tests/systemd.

import { expect, test } from "bun:test";
import { readFileSync, readlinkSync, rmSync, symlinkSync } from "node:fs";
import { type ConfigLines, stateOf } from "../support/host.ts";
import { type Image, image } from "../support/publishing.ts";
import { Bench, ended, failed, up } from "./bench.ts";

const [one, two] = [image("1.0.0"), image("1.1.0")];
const [A, B] = ["app@a.service", "app@b.service"];
const idle = ended("InvocationID=");
const starting = up("ActiveState=activating");

/** A host with 1.0.0 in slot a, in use and proven, to which 1.1.0 is offered. */
class Slots extends Bench {
  /** How a unit is after it was started on an image; it runs unless told. */
  starts: (image: string | undefined, unit: string) => string = () => up(this.invocation());
  /** What the disk holds, noted when a unit is started or stopped. */
  readonly seen: string[] = [];

  constructor(lines: ConfigLines = {}, files: Record<string, string> = {}) {
    super({ Restart: "app@.service", Slots: "a b", WatchSec: "1", ...lines });
    this.host.publish(one, two);
    this.host.install({
      ...{ published: [one], latest: one, files: { ".good": `${one.digest}\n`, ...files } },
    });
    this.link("a", one);
    this.units = { [A]: up(this.invocation()), [B]: idle };
    this.on("start", ([unit = ""]) => {
      this.#look(`start ${unit}`);
      if (unit.startsWith("app@")) {
        this.units[unit] = this.starts(this.linked(unit.slice(4, 5)), unit);
      }
    });
    this.on("stop", ([unit = ""]) => {
      this.#look(`stop ${unit}`);
      this.units[unit] = idle;
    });
  }

  link(name: string, { digest }: Image): void {
    symlinkSync(`store/${digest}`, this.host.path(name));
  }

  /** The version that a link names. */
  linked(name: string): string | undefined {
    try {
      const target = readlinkSync(this.host.path(name));
      return [one, two].find(({ digest }) => target === `store/${digest}`)?.version;
    } catch {
      return undefined;
    }
  }

  /** By their names, what the three links name. */
  get links() {
    return { latest: this.linked("latest"), a: this.linked("a"), b: this.linked("b") };
  }

  record(name: string): string | undefined {
    try {
      return readFileSync(this.host.path(name), "utf8");
    } catch {
      return undefined;
    }
  }

  /** The images with which a unit fails. */
  failOn(...images: readonly Image[]): void {
    const bad = images.map(({ version }) => version);
    this.starts = (version) =>
      bad.some((other) => other === version) ? failed : up(this.invocation());
  }

  #look(what: string): void {
    const { latest, a, b } = this.links;
    this.seen.push(`${what}: latest ${latest}, a ${a}, b ${b}`);
  }
}

test("ACT-103, ACT-105, ACT-10, ACT-16: the free slot is started beside the current one, proves itself, takes over, and the other one ends", async () => {
  using each = new Slots({ OnUpdate: "tell.service" });
  const { result, calls, events } = await each.fetch();
  expect(result).toMatchObject({ outcome: "updated", version: "1.1.0", sha256: two.digest });
  expect(calls.map(({ words }) => words.replace(/ --property=\S+/, ""))).toEqual([
    `show -- ${A} ${B}`,
    `reset-failed -- ${B}`,
    `start -- ${B}`,
    ...Array.from({ length: each.at("show").length - 1 }, () => `show -- ${B}`),
    `stop -- ${A}`,
    `reset-failed -- ${A}`,
    "start --no-block -- tell.service",
  ]);
  // One before anything changes, one after the start; the rest is the watch.
  expect(each.at("show").length).toBeGreaterThan(3);
  expect(each.seen).toEqual([
    `start ${B}: latest 1.0.0, a 1.0.0, b 1.1.0`,
    `stop ${A}: latest 1.1.0, a 1.0.0, b 1.1.0`,
    "start tell.service: latest 1.1.0, a undefined, b 1.1.0",
  ]);
  const told = events.filter(({ event }) => ["activated", "switched"].includes(event));
  expect(told).toEqual([
    expect.objectContaining({ version: "1.1.0", sha256: two.digest, previous: one.digest }),
    expect.objectContaining({ event: "switched", slot: "b", unit: B }),
  ]);
  const files = { ".good": `${two.digest}\n` };
  const { b, ...rest } = each.host.state();
  expect([b, rest]).toEqual([
    `-> store/${two.digest}`,
    stateOf({ published: [one, two], latest: two, files }),
  ]);
  expect(each.at("stop")[0]).toBe(1000);

  // Nothing is left to do.
  const next = await each.fetch();
  expect([next.result.outcome, next.orders]).toEqual(["current", []]);
});

test("ACT-103, ACT-11: a start and a stop have the time that they may take, at least 15 minutes", async () => {
  using each = new Slots();
  const slow = "TimeoutStartUSec=20min\nTimeoutStopUSec=10min";
  each.units = { [A]: `${up()}\n${slow}`, [B]: `${idle}\n${slow}` };
  const { calls } = await each.fetch();
  const limits = calls
    .filter(({ words }) => /^st(art|op) /.test(words))
    .map(({ limits: { timeoutMs } }) => timeoutMs);
  expect(limits).toEqual([3_600_000, 3_600_000]);
});

test("ACT-106, DST-74, FET-97: a bad image is refused while the current slot serves, its slot ended, and OnRollback= follows", async () => {
  for (const state of ["active", "reloading", "refreshing"]) {
    using each = new Slots({ OnRollback: "tell.service", OnUpdate: "never.service" });
    each.units[A] = up(`ActiveState=${state}`);
    each.failOn(two);
    each.journal = (words) => (words.includes("_SYSTEMD_INVOCATION_ID=1") ? "last words\n" : "");
    const { result, orders, events } = await each.fetch();
    const reason = `${B}: failed (exit-code), status 3`;
    const about = { version: "1.0.0", sha256: one.digest, refused: "1.1.0", reason };
    expect(result).toMatchObject({ outcome: "rolled-back", ...about });
    expect(orders).toEqual([`start -- ${B}`, `stop -- ${B}`, "start --no-block -- tell.service"]);
    expect(events.slice(-3)).toEqual([
      expect.objectContaining({ event: "unhealthy", unit: B, log: "last words", status: "3" }),
      expect.objectContaining({ event: "rolled-back", ...about }),
      expect.objectContaining({ event: "started", units: ["tell.service"] }),
    ]);
    expect(each.links).toEqual({ latest: "1.0.0", a: "1.0.0", b: undefined });
    expect(each.record(".refused")).toBe(`${two.digest} ${one.digest} 1700000000 ${reason}\n`);
    expect(each.record(".good")).toBe(`${one.digest}\n`);
  }
});

test.each(["inactive", "failed", "activating", "deactivating"])(
  "ACT-106: where the current slot is %s, nobody knows which is to blame: an error, and nothing is refused",
  async (state) => {
    using each = new Slots({ OnRollback: "never.service" });
    each.units[A] = up(`ActiveState=${state}`);
    each.failOn(two);
    const { result, orders } = await each.fetch();
    expect(result).toMatchObject({
      outcome: "failed",
      errors: [
        expect.objectContaining({
          kind: "unit",
          message: `${B}: failed (exit-code), status 3; nor does ${A}: look at the host, not at the image`,
        }),
      ],
    });
    expect(orders).toEqual([`start -- ${B}`, `stop -- ${B}`]);
    expect(each.links).toEqual({ latest: "1.0.0", a: "1.0.0", b: undefined });
    expect(each.record(".refused")).toBeUndefined();
  },
);

test("ACT-107: what is still starting at the end is undecided: its slot is ended, and the next run tries again", async () => {
  using each = new Slots({ OnUpdate: "never.service" });
  each.starts = () => starting;
  const { result, orders } = await each.fetch();
  expect(result).toMatchObject({ outcome: "unconfirmed", version: "1.1.0", sha256: two.digest });
  expect(orders).toEqual([`start -- ${B}`, `stop -- ${B}`]);
  expect(each.links).toEqual({ latest: "1.0.0", a: "1.0.0", b: undefined });
  expect(each.record(".refused")).toBeUndefined();
  each.starts = () => up(each.invocation());
  expect((await each.fetch()).result).toMatchObject({ outcome: "updated", version: "1.1.0" });
});

test("ACT-103, DST-37: where the link of a slot cannot be made, nothing is started", async () => {
  for (const isNew of [false, true]) {
    using each = new Slots();
    if (isNew) {
      each.host.publish(one);
      rmSync(each.host.path("a"));
    }
    each.units[A] = () => {
      rmSync(each.host.path(".lock"), { force: true });
      return isNew ? idle : up();
    };
    const { result, orders } = await each.fetch();
    expect([result.outcome, orders]).toEqual(["failed", []]);
  }
});

test("ACT-104: the unit of a slot that ends by itself is bad, a job too, and open where somebody stopped it", async () => {
  for (const [said, outcome] of [
    ["start", "rolled-back"],
    ["stop", "unconfirmed"],
    [undefined, "unconfirmed"],
  ] as const) {
    using each = new Slots();
    each.starts = () => ended("Type=oneshot", each.invocation());
    each.journal = () => said;
    expect((await each.fetch()).result.outcome).toBe(outcome);
  }
});

test("ACT-20, ACT-103: restarts before this start do not count, those of a unit that runs already do not either", async () => {
  for (const [before, after, outcome] of [
    [failed, up("NRestarts=1"), "rolled-back"],
    [`${failed}\nNRestarts=4`, up("NRestarts=3"), "rolled-back"],
    [up("NRestarts=3"), up("NRestarts=3"), "updated"],
    [up("NRestarts=3"), up("NRestarts=4"), "rolled-back"],
  ] as const) {
    using each = new Slots();
    each.units[B] = before;
    each.starts = () => after;
    expect((await each.fetch()).result.outcome).toBe(outcome);
  }
});

test("ACT-11, ACT-103: a unit that does not come up within its time is bad", async () => {
  using each = new Slots();
  each.startMs = Number.POSITIVE_INFINITY;
  each.units[B] = starting;
  const { result, orders } = await each.fetch();
  expect(result).toMatchObject({ outcome: "rolled-back", reason: `${B}: does not come up` });
  expect([each.at("stop")[0], orders.at(-1)]).toEqual([900_000, `stop -- ${B}`]);
});

test.each([
  ["inactive", idle],
  ["unknown", "LoadState=\n"],
])(
  "ACT-113: a start that fails and leaves the unit %s is an error, not a verdict; the slot is ended",
  async (_, state) => {
    using each = new Slots();
    each.starts = () => state;
    each.outcome = (words) =>
      words === `start -- ${B}` ? { status: 1, stderr: "Dependency failed.\n" } : {};
    const { result, orders } = await each.fetch();
    expect(result).toMatchObject({
      outcome: "failed",
      errors: [
        expect.objectContaining({
          message: `systemctl could not start ${B}: Dependency failed.`,
        }),
      ],
    });
    expect(orders).toEqual([`start -- ${B}`, `stop -- ${B}`]);
    expect(each.links).toEqual({ latest: "1.0.0", a: "1.0.0", b: undefined });
    expect(each.record(".refused")).toBeUndefined();
  },
);

test("ACT-113: a start that fails and leaves the unit failed, or on its way, is for the watch to judge", async () => {
  for (const [state, outcome] of [
    [failed, "rolled-back"],
    [up("ActiveState=activating", "SubState=auto-restart"), "rolled-back"],
    [starting, "unconfirmed"],
    [up(), "updated"],
  ] as const) {
    using each = new Slots();
    each.starts = () => state;
    each.outcome = (words) => (words === `start -- ${B}` ? { status: 1 } : {});
    expect((await each.fetch()).result.outcome).toBe(outcome);
  }
});

test("ACT-112: a unit that cannot be stopped is an error, its link stays, and the next run stops it", async () => {
  using each = new Slots();
  each.outcome = (words) => (words === `stop -- ${A}` ? { status: 1, stderr: "No.\n" } : {});
  each.on("stop", () => {});
  const { result } = await each.fetch();
  expect(result).toMatchObject({
    outcome: "failed",
    errors: [expect.objectContaining({ message: `systemctl could not stop ${A}: No.` })],
  });
  expect(each.links).toEqual({ latest: "1.1.0", a: "1.0.0", b: "1.1.0" });
  each.outcome = () => ({});
  const next = await each.fetch();
  expect([next.result.outcome, next.orders]).toEqual(["current", [`stop -- ${A}`]]);
  expect(each.links).toEqual({ latest: "1.1.0", a: undefined, b: "1.1.0" });
});

test("ACT-112: after a stop that failed, a unit that does not run is ended, and one without an answer is not", async () => {
  for (const [answers, a] of [
    [true, undefined],
    [false, "1.0.0"],
  ] as const) {
    using each = new Slots();
    each.outcome = (words) => {
      if (words !== `stop -- ${A}`) return {};
      each.answers = () => answers;
      return { status: 5 };
    };
    const { result } = await each.fetch();
    expect([result.outcome, each.links.a]).toEqual([answers ? "updated" : "failed", a]);
  }
});

test("ACT-108: a config that has slots only now gets the image in use into the first one, and OnUpdate= follows", async () => {
  using each = new Slots({ OnUpdate: "tell.service" });
  each.host.publish(one);
  rmSync(each.host.path("a"));
  rmSync(each.host.path(".good"));
  each.units[A] = idle;
  const { result, orders, events } = await each.fetch();
  expect(result).toMatchObject({ outcome: "current", version: "1.0.0" });
  expect(orders).toEqual([`start -- ${A}`, "start --no-block -- tell.service"]);
  expect(each.seen[0]).toBe(`start ${A}: latest 1.0.0, a 1.0.0, b undefined`);
  expect(each.record(".good")).toBe(`${one.digest}\n`);
  const names = events.map(({ event }) => event);
  expect([names.includes("switched"), names.includes("activated")]).toEqual([true, false]);
});

test("ACT-108: if it does not work there, that is an error, and unit and link stay; undecided, it is no error", async () => {
  for (const [state, outcome] of [
    [failed, "failed"],
    [starting, "unconfirmed"],
  ] as const) {
    using each = new Slots({ OnUpdate: "never.service" });
    each.host.publish(one);
    rmSync(each.host.path("a"));
    rmSync(each.host.path(".good"));
    each.units[A] = idle;
    each.starts = () => state;
    const { result, orders, events } = await each.fetch();
    expect(result.outcome).toBe(outcome);
    if (result.outcome === "failed") {
      expect(result.errors.map(({ message }) => message)).toEqual([
        `${A}: failed (exit-code), status 3; and it stays in use: there is no earlier version to go back to`,
      ]);
      expect(events).toContainEqual(expect.objectContaining({ event: "unhealthy", unit: A }));
    }
    expect(orders).toEqual([`start -- ${A}`]);
    expect([each.links, each.record(".good")]).toEqual([
      { latest: "1.0.0", a: "1.0.0", b: undefined },
      undefined,
    ]);
  }
});

test("ACT-108: without a current slot that comes before an update, which is made even if it went wrong", async () => {
  for (const works of [true, false]) {
    using each = new Slots({ OnUpdate: "tell.service" });
    rmSync(each.host.path("a"));
    rmSync(each.host.path(".good"));
    each.units[A] = idle;
    if (!works) each.failOn(one);
    const { result, orders, events } = await each.fetch();
    expect(result).toMatchObject({ outcome: "updated", version: "1.1.0" });
    expect(orders.filter((words) => !words.includes("tell"))).toEqual([
      `start -- ${A}`,
      `start -- ${B}`,
      `stop -- ${A}`,
    ]);
    expect(each.links).toEqual({ latest: "1.1.0", a: undefined, b: "1.1.0" });
    const warnings = events.filter(({ event }) => event === "warning");
    expect(warnings).toHaveLength(works ? 0 : 1);
    if (!works) {
      expect(warnings[0]).toMatchObject({ message: expect.stringContaining(`${A}: failed`) });
    }
  }
});

test("ACT-108: a current slot that has not proved its image is started and watched; an update takes the place of that", async () => {
  const unproven = { ".good": `${two.digest}\n` };
  using each = new Slots({}, unproven);
  each.host.publish(one);
  each.units[A] = idle;
  const { result, orders } = await each.fetch();
  expect([result.outcome, orders]).toEqual(["current", [`start -- ${A}`]]);
  expect([each.links.a, each.record(".good")]).toEqual(["1.0.0", `${one.digest}\n`]);

  using other = new Slots({}, unproven);
  const update = await other.fetch();
  expect([update.result.outcome, update.orders]).toEqual([
    "updated",
    [`start -- ${B}`, `stop -- ${A}`],
  ]);
});

test("ACT-109, FET-55: the other slot takes over with an image that was damaged, and the record stays until this one has ended", async () => {
  using each = new Slots({}, { ".owed": `${one.digest}\n` });
  each.host.publish(one);
  const records: (string | undefined)[] = [];
  each.on("stop", ([unit = ""]) => {
    records.push(each.record(".owed"));
    each.units[unit] = idle;
  });
  const { result, orders, events } = await each.fetch();
  expect([result.outcome, orders]).toEqual(["current", [`start -- ${B}`, `stop -- ${A}`]]);
  expect([records, each.record(".owed")]).toEqual([[`${one.digest}\n`], undefined]);
  expect(each.links).toEqual({ latest: "1.0.0", a: undefined, b: "1.0.0" });
  expect(events.some(({ event }) => event === "activated")).toBe(false);
});

test("ACT-109, ACT-106: if that does not work, the image is not refused for itself", async () => {
  using each = new Slots({}, { ".owed": `${one.digest}\n` });
  each.host.publish(one);
  each.failOn(one);
  const { result } = await each.fetch();
  expect(result).toMatchObject({
    outcome: "failed",
    errors: [
      expect.objectContaining({
        message: `${B}: failed (exit-code), status 3; and ${A} goes on with what it read of the damaged image`,
      }),
    ],
  });
  expect([each.record(".refused"), each.record(".owed")]).toEqual([undefined, `${one.digest}\n`]);
  expect(each.links).toEqual({ latest: "1.0.0", a: "1.0.0", b: undefined });
});

test("ACT-101: a slot with another image than the one in use is ended, with a warning, also where nothing else is to do", async () => {
  using each = new Slots();
  each.host.publish(one);
  each.link("b", two);
  each.units[B] = up();
  const { result, orders, events } = await each.fetch();
  expect([result.outcome, orders]).toEqual(["current", [`stop -- ${B}`]]);
  expect(each.seen).toEqual([`stop ${B}: latest 1.0.0, a 1.0.0, b 1.1.0`]);
  expect(each.links).toEqual({ latest: "1.0.0", a: "1.0.0", b: undefined });
  const warnings = events.flatMap((event) => (event.event === "warning" ? event.message : []));
  expect(warnings).toEqual([expect.stringContaining(`${B} is stopped`)]);
});

test.each([
  [up(), idle, A],
  [up(), up(), A],
  [idle, up(), B],
  [idle, failed, A],
])(
  "ACT-101: of two with the image in use one is ended: the second, unless only that one is at work",
  async (a, b, stays) => {
    using each = new Slots();
    each.host.publish(one);
    each.link("b", one);
    each.units = { [A]: a, [B]: b };
    const { result, orders } = await each.fetch();
    expect([result.outcome, orders]).toEqual(["current", [`stop -- ${stays === A ? B : A}`]]);
    expect(each.links).toEqual(
      stays === A
        ? { latest: "1.0.0", a: "1.0.0", b: undefined }
        : { latest: "1.0.0", a: undefined, b: "1.0.0" },
    );
  },
);

test("ACT-101, ACT-103: after that the update goes into the slot that is free by then", async () => {
  using each = new Slots();
  each.link("b", one);
  each.units = { [A]: idle, [B]: up() };
  const { result, orders } = await each.fetch();
  expect([result.outcome, orders]).toEqual([
    "updated",
    [`stop -- ${A}`, `start -- ${A}`, `stop -- ${B}`],
  ]);
});

test("ACT-114: a slot whose image was refused by a run that died is told when it is ended, unless a newer one is taken", async () => {
  const refused = { ".refused": `${two.digest} ${one.digest} 1 ${B}: failed\n` };
  using each = new Slots({ OnRollback: "tell.service" }, refused);
  each.host.install({ published: [one, two] });
  each.link("b", two);
  const { result, orders, events } = await each.fetch();
  expect(result).toMatchObject({ outcome: "rolled-back", refused: "1.1.0", version: "1.0.0" });
  expect(orders).toEqual([`stop -- ${B}`, "start --no-block -- tell.service"]);
  expect(events.some(({ event }) => event === "warning")).toBe(false);

  using other = new Slots({}, refused);
  const three = image("1.2.0");
  other.host.install({ published: [one, two] });
  other.link("b", two);
  other.host.publish(one, two, three);
  expect((await other.fetch()).result).toMatchObject({ outcome: "updated", version: "1.2.0" });
});

test("ACT-100, FET-56: while latest is absent, the slot with the good image is the current one", async () => {
  using each = new Slots();
  rmSync(each.host.path("latest"));
  const { result, orders } = await each.fetch();
  expect([result.outcome, orders]).toEqual(["updated", [`start -- ${B}`, `stop -- ${A}`]]);
});

test("ACT-103: on a new host the first slot starts the image, and no other one ends", async () => {
  for (const works of [true, false]) {
    using each = new Slots();
    for (const name of ["latest", "a", ".good", "manifest"]) rmSync(each.host.path(name));
    each.units = { [A]: idle, [B]: idle };
    if (!works) each.failOn(two);
    const { result, orders } = await each.fetch();
    expect(orders).toEqual(works ? [`start -- ${A}`] : [`start -- ${A}`, `stop -- ${A}`]);
    if (works) {
      expect(result).toMatchObject({ outcome: "updated", version: "1.1.0" });
      expect(each.links).toEqual({ latest: "1.1.0", a: "1.1.0", b: undefined });
    } else {
      expect(result).toMatchObject({
        errors: [
          expect.objectContaining({
            message: `${A}: failed (exit-code), status 3; and there is no earlier version in a slot`,
          }),
        ],
      });
      expect(each.links).toEqual({ latest: undefined, a: undefined, b: undefined });
    }
  }
});

test.each([
  ["an instance without a unit file", B, idle, "LoadState=not-found"],
  [
    "a limit of starts beside a socket",
    A,
    up(),
    "TriggeredBy=app.socket\nStartLimitIntervalUSec=10s",
  ],
  ["a limit of the new one, too", B, idle, "TriggeredBy=app.socket\nStartLimitIntervalUSec=10s"],
])("ACT-102: %s is an error before anything changes", async (_, unit, usual, lines) => {
  using each = new Slots();
  each.units[unit] = `${usual}\n${lines}`;
  const before = each.host.state();
  const { result, orders } = await each.fetch();
  expect([result.outcome, orders]).toEqual(["failed", []]);
  const { a, b, latest } = each.host.state();
  expect({ a, b, latest }).toEqual({ a: before["a"], b: undefined, latest: before["latest"] });
  const [error] = result.outcome === "failed" ? result.errors : [];
  expect(error?.message).toStartWith(`${unit} `);
  if (lines.startsWith("Tr")) {
    expect(error?.hint).toBe("Put StartLimitIntervalSec=0 into [Unit] of the template.");
  }
});

test.each([
  ["a socket and no limit", "TriggeredBy=app.socket\nStartLimitIntervalUSec=0"],
  ["a limit and no socket", "TriggeredBy=app.timer\nStartLimitIntervalUSec=10s"],
])("ACT-102: %s is none", async (_, lines) => {
  using each = new Slots();
  each.units = { [A]: `${up()}\n${lines}`, [B]: `${idle}\n${lines}` };
  each.starts = () => `${up(each.invocation())}\n${lines}`;
  expect((await each.fetch()).result.outcome).toBe("updated");
});

test("ACT-2, ACT-102: nor is one started that waits for the unit of this run", async () => {
  using each = new Slots();
  each.ownUnits = ["system.slice", "boot.service"];
  each.units["boot.service"] = starting;
  each.units[B] = `${idle}\nAfter=basic.target boot.service`;
  const { result, orders } = await each.fetch();
  expect([result.outcome, orders, each.links.b]).toEqual(["failed", [], undefined]);
});

test("ACT-110: a dry run tells activate for an update, and restart with the unit for what else would be started", async () => {
  const plan = async (each: Slots) => {
    const before = each.host.snapshot();
    const { result, calls, events } = await each.fetch({ mode: "dry-run" });
    expect([calls, each.host.snapshot()]).toEqual([[], before]);
    const told = events.flatMap((event) =>
      event.event === "would" ? `${event.action} ${event.what}` : [],
    );
    return { outcome: result.outcome, told };
  };
  using update = new Slots();
  const told = ["download 1.1.0", "activate 1.1.0"];
  expect(await plan(update)).toEqual({ outcome: "planned", told });

  using rest = new Slots();
  rest.host.publish(one);
  expect(await plan(rest)).toEqual({ outcome: "current", told: [] });

  using unproven = new Slots({}, { ".good": `${two.digest}\n` });
  unproven.host.publish(one);
  expect(await plan(unproven)).toEqual({ outcome: "planned", told: [`restart ${A}`] });

  using renewed = new Slots({}, { ".owed": `${one.digest}\n` });
  renewed.host.publish(one);
  expect(await plan(renewed)).toEqual({ outcome: "planned", told: [`restart ${B}`] });

  using fresh = new Slots();
  fresh.host.publish(one);
  rmSync(fresh.host.path("a"));
  expect(await plan(fresh)).toEqual({ outcome: "planned", told: [`restart ${A}`] });
});

test("ACT-111: --init is an error of kind usage, and nothing is done", async () => {
  using each = new Slots();
  const before = each.host.snapshot();
  const { result, calls } = await each.fetch({ mode: "init" });
  expect(result).toMatchObject({
    errors: [expect.objectContaining({ kind: "usage", source: each.host.file })],
  });
  expect([calls, each.host.snapshot()]).toEqual([[], before]);
});

test("ACT-100: that the unit of the current slot is stopped keeps nobody from the update", async () => {
  using each = new Slots();
  each.units[A] = idle;
  const { result, orders, events } = await each.fetch();
  expect([result.outcome, orders]).toEqual(["updated", [`start -- ${B}`, `stop -- ${A}`]]);
  expect(events.some(({ event }) => event === "skipped")).toBe(false);
});
