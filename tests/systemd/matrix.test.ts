// What becomes of an image, by the type of its unit, by what the image does, and by the unit's Restart=: the verdict,
// the way back, and that the next run leaves it at that. All of them are updated side by side, by one run of the binary.
// What is expected follows from spec/activation.md, and from what systemd does with such a unit.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import type { Socket } from "bun";
import { needs } from "../support/needs.ts";
import { type App, type AppRun, type Apps, startApps } from "./apps.ts";

const systemd = needs("systemd");

/** What an image does, as a script. It is ready at READY, in the way of its type. */
const IMAGES = {
  works: "READY; exec sleep infinity",
  "exits with 1 at once": "exit 1",
  "exits with 0 at once": "READY; exit 0",
  "exits with 1 after a while": "READY; sleep 1.2; exit 1",
  "exits with 0 after a while": "READY; sleep 1.2; exit 0",
  "is killed after a while": "READY; sleep 0.4; kill -SEGV $$",
  "is never ready": "exec sleep infinity",
  "lacks its interpreter": "#!/no/such/interpreter",
  "reaches the start limit": "READY; sleep 0.2; exit 1",
  "dies of each request": "READY; sleep 0.2; exit 1",
} as const;
type Behaviour = keyof typeof IMAGES;

/** Restart= of the unit. */
type Policy = "no" | "always" | "on-failure";
const POLICIES: readonly Policy[] = ["no", "always", "on-failure"];

/** The settings of each type of unit. A socket and a template have a plain service. */
const TYPES = {
  simple: ["Type=simple"],
  exec: ["Type=exec"],
  notify: ["Type=notify", "NotifyAccess=all", "TimeoutStartSec=2s"],
  forking: ["Type=forking", "TimeoutStartSec=2s"],
  // It stays active when it is done. One that does not is at rest while images change: see truth.test.ts.
  oneshot: ["Type=oneshot", "RemainAfterExit=yes", "TimeoutStartSec=2s"],
  socket: ["Type=simple"],
  template: ["Type=simple"],
} as const;
type Type = keyof typeof TYPES;

/** Not those that systemd does not know, nor those that are no others than their neighbours. */
function makesSense(type: Type, policy: Policy, behaviour: Behaviour): boolean {
  // systemd refuses a oneshot with Restart=always, and one that exits with 0 is done.
  if (type === "oneshot" && (policy === "always" || behaviour.startsWith("exits with 0"))) {
    return false;
  }
  // Of these, Restart= is that of a simple service: once is enough.
  if (type === "exec" && policy !== "no") return false;
  if (type === "template" && policy !== "on-failure") return false;
  switch (behaviour) {
    // The other types are ready as soon as they run.
    case "is never ready":
      return ["notify", "forking", "oneshot"].includes(type);
    // Only what systemd starts again gets there.
    case "reaches the start limit":
      return policy !== "no";
    // Nobody sends a request to the others.
    case "dies of each request":
      return type === "socket";
    default:
      return true;
  }
}

/** Whether an image is good, by ACT-20 to ACT-26. */
function isGood(type: Type, policy: Policy, behaviour: Behaviour): boolean {
  if (behaviour === "works") return true;
  // What a socket starts may end when it has nothing to do (ACT-26), but not be started again at once (ACT-20).
  return type === "socket" && behaviour.startsWith("exits with 0") && policy !== "always";
}

/** The script of an image for a type of unit. Each start is noted beside the program that it became. */
function scriptFor(type: Type, behaviour: Behaviour, version: string): string {
  const script = IMAGES[behaviour];
  if (script.startsWith("#!")) return script;
  const [, ready, rest] = /^(READY; )?(.*)$/.exec(script) ?? [];
  const start = `echo ${version} >> $0.starts`;
  if (ready === undefined) return `${start}; ${rest}`;
  switch (type) {
    case "notify":
      return `${start}; systemd-notify --ready; ${rest}`;
    case "forking":
      return `${start}; sh -c '${rest}' & exit 0`;
    case "oneshot":
      return behaviour === "works" ? start : `${start}; ${rest}`;
    default:
      return `${start}; ${rest}`;
  }
}

interface Combination {
  readonly type: Type;
  readonly policy: Policy;
  readonly behaviour: Behaviour;
  readonly name: string;
}

const typed = <Name extends string>(names: Readonly<Record<Name, unknown>>) =>
  Object.keys(names) as Name[];

const combinations: readonly Combination[] = typed(TYPES).flatMap((type) =>
  POLICIES.flatMap((policy) =>
    typed(IMAGES)
      .filter((behaviour) => makesSense(type, policy, behaviour))
      .map((behaviour) => {
        const name = [type, policy, behaviour].join("-").replaceAll(" ", "-");
        return { type, policy, behaviour, name: type === "template" ? `${name}@1` : name };
      }),
  ),
);

/** One that shall run an image needs a program, so that systemd itself meets an image that is none. */
function unitOf({ type, policy, behaviour }: Combination): string {
  const limit = behaviour === "reaches the start limit" ? "StartLimitBurst=1" : "";
  return `[Unit]
${limit}

[Service]
${TYPES[type].join("\n")}
Restart=${policy}
ExecStartPre=/usr/bin/install -m 755 /srv/%N/latest /run/%N.program
ExecStart=/run/%N.program
`;
}

/** What was so after a run. */
interface After {
  readonly run: AppRun;
  readonly inUse: string | undefined;
  readonly good: string | undefined;
  readonly refused: readonly (string | undefined)[];
  readonly isOwed: boolean;
  readonly active: string | undefined;
  readonly invocation: string | undefined;
  readonly socket: string | undefined;
  /** The version that started last. */
  readonly runs: string | undefined;
}

describe.skipIf(systemd.missing)("what becomes of an image", () => {
  let apps: Apps;
  const all = new Map<string, App>();
  const clients: Socket[] = [];
  let updated: ReadonlyMap<string, After>;
  let again: ReadonlyMap<string, After>;
  let newer: ReadonlyMap<string, After>;

  beforeAll(async () => {
    apps = await startApps();
    for (const combination of combinations) {
      const { type, name } = combination;
      const file = type === "template" ? name.replace(/1$/, "") : name;
      const unit = `/etc/systemd/system/${file}.service`;
      await apps.machine.write(unit, unitOf(combination));
      all.set(name, await apps.add(name, { config: ["WatchSec=3"], unit: "" }));
      const socket = `[Socket]\nListenStream=/run/${name}.socket\n`;
      if (type === "socket") await apps.machine.write(unit.replace(/service$/, "socket"), socket);
    }
    await apps.machine.must("systemctl", "daemon-reload");
    const sockets = combinations.filter(({ type }) => type === "socket");
    await apps.machine.must("systemctl", "start", ...sockets.map(({ name }) => `${name}.socket`));

    const installed = await fetchAll("1.0.0", () => "works");
    for (const { run, good } of installed.values()) {
      expect([run.errors, run.outcome, good]).toEqual([[], "updated", "1.0.0"]);
    }
    for (const { name } of combinations.filter(isRequested)) {
      const unix = apps.machine.path(`/run/${name}.socket`);
      clients.push(await Bun.connect({ unix, socket: { data() {} } }));
    }
    updated = await fetchAll("1.1.0", ({ behaviour }) => behaviour);
    again = await fetchAll();
    newer = await fetchAll("1.2.0", () => "works");
  }, 240_000);
  afterAll(async () => {
    for (const client of clients) client.end();
    await apps?.machine.stop();
  });

  const isRequested = ({ behaviour }: Combination) => behaviour === "dies of each request";

  /** A run for all, and what is so after it. */
  async function fetchAll(
    version?: string,
    behaviourOf: (combination: Combination) => Behaviour = ({ behaviour }) => behaviour,
  ): Promise<ReadonlyMap<string, After>> {
    for (const combination of version === undefined ? [] : combinations) {
      const script = scriptFor(combination.type, behaviourOf(combination), version ?? "");
      all.get(combination.name)?.publish(version ?? "", script);
    }
    const runs = await apps.fetch([...all.values()]);
    const afters = combinations.map(async ({ type, name }): Promise<[string, After]> => {
      const [app, run] = [all.get(name), runs.get(name)];
      if (app === undefined || run === undefined) throw new Error(`nothing of ${name}`);
      const { inUse, good, refused, isOwed } = app;
      const [active, invocation] = await app.is("ActiveState", "InvocationID");
      const socket = type === "socket" ? `${name}.socket` : undefined;
      const [state] = socket ? await apps.show([socket], ["ActiveState"]) : [];
      const starts = readFileSync(apps.machine.path(`/run/${name}.program.starts`), "utf8");
      const common = { run, inUse, good, refused, isOwed, active, invocation };
      const last = starts.trim().split("\n").at(-1);
      return [name, { ...common, socket: state?.["ActiveState"], runs: last }];
    });
    return new Map(await Promise.all(afters));
  }

  function after(runs: ReadonlyMap<string, After>, name: string): After {
    const found = runs.get(name);
    if (found === undefined) throw new Error(`nothing of ${name}`);
    return found;
  }

  for (const { type, policy, behaviour, name } of combinations) {
    const works = isGood(type, policy, behaviour);
    const what = `${type}, Restart=${policy}: an image that ${behaviour}`;
    // What a socket starts need not run.
    const active = type === "socket" && works && behaviour !== "works" ? "inactive" : "active";
    const settled = { isOwed: false, socket: type === "socket" ? "active" : undefined };

    if (works) {
      test(`ACT-24, ACT-26, ACT-43: ${what} proves itself, and stays`, () => {
        const { run, invocation, ...is } = after(updated, name);
        const good = { inUse: "1.1.0", good: "1.1.0", refused: [], runs: "1.1.0" };
        expect([run.errors, run.outcome, is]).toEqual([
          [],
          "updated",
          { ...settled, ...good, active },
        ]);
        const next = after(again, name);
        expect([next.run.outcome, next.invocation]).toEqual(["current", invocation]);
      });
    } else {
      test(`ACT-28, ACT-50, ACT-56: ${what} goes, and the one before is back`, () => {
        const { run, invocation: _, ...is } = after(updated, name);
        const back = { inUse: "1.0.0", good: "1.0.0", refused: ["1.1.0"], runs: "1.0.0" };
        expect([run.errors, run.outcome, is]).toEqual([
          [],
          "rolled-back",
          { ...settled, ...back, active },
        ]);
      });
      test(`ACT-31, ACT-32: ${what} is not tried again`, () => {
        const { run, inUse, invocation, runs } = after(again, name);
        expect([run.outcome, inUse, runs]).toEqual(["refused", "1.0.0", "1.0.0"]);
        expect(invocation).toBe(after(updated, name).invocation);
      });
    }

    if (active === "inactive") {
      test(`ACT-5, ACT-44: ${what} is at rest when a newer one comes, which nothing tries then`, () => {
        const { run, invocation: _, ...is } = after(newer, name);
        const open = { inUse: "1.2.0", good: "1.1.0", refused: [], active, runs: "1.1.0" };
        expect([run.errors, run.outcome, is]).toEqual([
          [],
          "unconfirmed",
          { ...settled, ...open, isOwed: true },
        ]);
      });
    } else {
      test(`ACT-31: ${what} keeps no newer one away`, () => {
        const { run, invocation: _, refused: __, ...is } = after(newer, name);
        const good = { inUse: "1.2.0", good: "1.2.0", active, runs: "1.2.0" };
        expect([run.errors, run.outcome, is]).toEqual([[], "updated", { ...settled, ...good }]);
      });
    }
  }

  test("ACT-32, ACT-56: a way back is a failure of the run that goes it, and of none after it", () => {
    const statuses = [updated, again, newer].map((runs) => [...runs.values()][0]?.run.status);
    expect(statuses).toEqual([75, 0, 0]);
  });
});
