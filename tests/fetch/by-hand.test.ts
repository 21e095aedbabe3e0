// rollback, hold and release (ACT-70 to ACT-87), by the program: what is on disk, what is told, and what is asked of
// systemctl. What units make of it is proved in tests/systemd.

import { describe, expect, test } from "bun:test";
import { mkdirSync, rmSync } from "node:fs";
import { inject, points, record } from "../faults/strace.ts";
import { type ConfigLines, createHost, stateOf } from "../support/host.ts";
import { needs } from "../support/needs.ts";
import { environment, inOnePlace, type Program, programs, sources } from "../support/program.ts";
import { image } from "../support/publishing.ts";
import { type FakeSystemctl, fakeSystemctl } from "./systemctl.ts";

const [one, two, three] = [image("1.0.0"), image("1.1.0"), image("1.2.0")];
const all = [one, two, three];
const store = all.toSorted((a, b) => (a.digest < b.digest ? -1 : 1));
const restart = "restart -- app.service";

/** What people are told who have put a host on hold. */
const UNDO =
  '  It stays there, whatever is published. To undo it: "tako release app.tako", then "tako fetch app.tako".\n';

/** Of app.service: it fails on this image. */
const failsOn = ({ digest }: { digest: string }, destination: string) => `
if [ "$1" = show ] && [ "$(readlink ${destination}/latest)" = store/${digest} ]
then printf 'ActiveState=failed\\nResult=exit-code\\n' > $UNITS/app.service
else rm -f $UNITS/app.service; fi`;

/** A host with 1.2.0 in use, all images here, and an origin that is away. */
class HandledHost implements AsyncDisposable {
  readonly host = createHost();
  readonly file = this.host.file;
  readonly #fakes: FakeSystemctl[] = [];
  #systemctl: FakeSystemctl | undefined;

  constructor(lines: ConfigLines = {}, files: Readonly<Record<string, string>> = {}) {
    this.host.configure({ Restart: "app.service", ...lines });
    this.host.install({ published: all, latest: three, files });
    rmSync(this.host.originDirectory, { recursive: true });
  }

  /** From now on systemctl does so first. */
  let(script: string): void {
    this.#systemctl = fakeSystemctl(script);
    this.#fakes.push(this.#systemctl);
  }

  get systemctl(): FakeSystemctl {
    if (this.#systemctl === undefined) this.let("");
    return this.#systemctl as FakeSystemctl;
  }

  run(program: Program, ...words: readonly string[]) {
    return program.run(words, { env: this.systemctl.env, cwd: this.host.folder });
  }

  restarts(): readonly string[] {
    return this.systemctl.calls().filter((line) => line.startsWith("restart"));
  }

  /** What the destination holds, with this image in use. */
  expectState(latest: (typeof all)[number], files: Readonly<Record<string, string>>): void {
    expect(this.host.state()).toEqual(stateOf({ published: all, store, latest, files }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const fake of this.#fakes) fake.remove();
    this.host[Symbol.dispose]();
  }
}

for (const program of programs) {
  describe.concurrent(program.name, () => {
    test("ACT-70, ACT-75, ACT-78, ACT-82, ACT-89: an earlier image without the origin, its unit restarted, and held; then one further back", async () => {
      await using each = new HandledHost();
      for (const [target, version] of [
        [two, "1.1.0"],
        [one, "1.0.0"],
      ] as const) {
        const { status, stdout, stderr } = await each.run(program, "rollback", "app.tako");
        expect([status, stdout]).toEqual([0, `app.tako: held on ${version}\n`]);
        expect(stderr).toBe(
          `tako: app.tako: activated ${version}\ntako: app.tako: restarted app.service\n${UNDO}`,
        );
        expect(each.restarts()).toEqual([restart]);
        each.expectState(target, { ".hold": `${target.digest}\n` });
      }
      const nothing = await each.run(program, "rollback", "app.tako");
      expect(nothing.status).toBe(1);
      expect(nothing.stderr).toContain("Here are 1.2.0, 1.1.0, 1.0.0 (in use).");
    });

    test("CLI-57, ACT-89: what was done stands before how to undo it", async () => {
      await using each = new HandledHost();
      const told = (...words: readonly string[]) => each.run(inOnePlace(program), ...words);
      const back = (await told("rollback", "app.tako")).stdout;
      expect(back).toEndWith(`restarted app.service\napp.tako: held on 1.1.0\n${UNDO}`);
      expect((await told("release", "app.tako")).stdout).toMatch(
        /^app\.tako: no longer held on 1\.1\.0\n {2}1\.1\.0 is in use until .+\n$/,
      );
      expect((await told("hold", "app.tako")).stdout).toBe(`app.tako: held on 1.1.0\n${UNDO}`);
    });

    test("ACT-73, ACT-78: to the version in use, it is held, and nothing is restarted", async () => {
      await using each = new HandledHost();
      const { status, stdout } = await each.run(program, "rollback", "app.tako", "1.2.0");
      expect([status, stdout]).toEqual([0, "app.tako: held on 1.2.0\n"]);
      expect(each.restarts()).toEqual([]);
      each.expectState(three, { ".hold": `${three.digest}\n` });
    });

    test("ACT-73: a version that the config does not allow gets a warning", async () => {
      await using each = new HandledHost({ Version: "1.2.*" });
      const { status, stdout, stderr } = await each.run(program, "rollback", "app.tako", "1.0.0");
      expect([status, stdout]).toEqual([0, "app.tako: held on 1.0.0\n"]);
      expect(stderr).toStartWith("tako: app.tako: warning: Version=1.2.* does not allow 1.0.0");
    });

    test("ACT-73: what is no version is a usage of the wrong word, and changes nothing", async () => {
      await using each = new HandledHost();
      const before = each.host.everything();
      const { status } = await each.run(program, "rollback", "app.tako", "1 0");
      expect(status).not.toBe(0);
      expect(each.host.everything()).toEqual(before);
    });

    test("ACT-77, ACT-71: with WatchSec=, what does not work is taken out of use again, and the hold holds what was put back", async () => {
      await using each = new HandledHost({ WatchSec: "1s" }, { ".good": `${three.digest}\n` });
      each.let(failsOn(two, each.host.destination));
      const { status, stdout, stderr } = await each.run(program, "rollback", "app.tako");
      expect([status, stdout]).toEqual([75, ""]);
      expect(stderr).toContain("went back to 1.2.0, for 1.1.0 does not work here");
      const state = each.host.state();
      expect(state["latest"]).toBe(`-> store/${three.digest}`);
      expect(state[".hold"]).toBe(`644 ${two.digest}\n`);
      expect(state[".refused"]).toStartWith(`644 ${two.digest} ${three.digest} `);
      // It is not tried again, and nothing newer is taken either.
      each.host.publish(...all, image("1.3.0"));
      const next = await each.run(program, "fetch", "app.tako");
      expect([next.status, next.stdout]).toEqual([0, "app.tako: held on 1.2.0\n"]);
      // Who asks for the next older one gets it.
      const further = await each.run(program, "rollback", "app.tako");
      expect([further.status, further.stdout]).toEqual([0, "app.tako: held on 1.0.0\n"]);
      expect(each.host.state()[".good"]).toBe(`644 ${one.digest}\n`);
    });

    test("ACT-71, ACT-56: from an image that is still on trial to the good one, which is no way back", async () => {
      const records = {
        ".good": `${one.digest}\n`,
        ".owed": `${three.digest}\napp.service\n`,
        ".refused": `${two.digest} ${one.digest} 1790000000 app.service: failed\n`,
      };
      await using each = new HandledHost({ WatchSec: "1s" }, records);
      const { status, stdout } = await each.run(program, "rollback", "app.tako");
      expect([status, stdout]).toEqual([0, "app.tako: held on 1.0.0\n"]);
      expect(each.restarts()).toEqual([restart]);
      const { ".good": good, ".refused": refused } = records;
      each.expectState(one, { ".good": good, ".refused": refused, ".hold": `${one.digest}\n` });
    });

    const died = {
      ".good": `${one.digest}\n`,
      ".owed": `${one.digest}\n${three.digest}\napp.service\n`,
      ".refused": `${three.digest} ${one.digest} 1790000000 app.service: failed\n`,
    };

    test("ACT-76: a way back that a run died on, and that leads to another image, is given up", async () => {
      await using each = new HandledHost({ WatchSec: "1s" }, died);
      const { status, stdout } = await each.run(program, "rollback", "app.tako", "1.1.0");
      expect([status, stdout]).toEqual([0, "app.tako: held on 1.1.0\n"]);
      expect(each.restarts()).toEqual([restart]);
      each.expectState(two, {
        ".good": `${two.digest}\n`,
        ".refused": died[".refused"],
        ".hold": `${two.digest}\n`,
      });
    });

    test("ACT-76: one that leads to that image is gone to its end", async () => {
      await using each = new HandledHost({ WatchSec: "1s" }, died);
      const { status, stderr } = await each.run(program, "rollback", "app.tako");
      expect(status).toBe(75);
      expect(stderr).toContain("went back to 1.0.0, for 1.2.0 does not work here");
      each.expectState(one, {
        ".good": died[".good"],
        ".refused": died[".refused"],
        ".hold": `${one.digest}\n`,
      });
    });

    test("ACT-79: a plan is told in its order, and again nothing once it is done", async () => {
      await using each = new HandledHost();
      rmSync(each.host.path(`store/${one.digest}`));
      const before = each.host.everything();
      const plan = await each.run(program, "rollback", "--dry-run", "app.tako", "1.0.0");
      expect([plan.status, plan.stdout]).toEqual([
        0,
        [
          "would hold 1.0.0",
          "would download 1.0.0",
          "would activate 1.0.0",
          "would restart app.service",
        ]
          .map((line) => `app.tako: ${line}\n`)
          .join(""),
      ]);
      expect(each.host.everything()).toEqual(before);
      expect((await each.run(program, "hold", "app.tako")).status).toBe(0);
      const next = await each.run(program, "rollback", "--dry-run", "app.tako", "1.2.0");
      expect([next.status, next.stdout]).toEqual([0, "app.tako: held on 1.2.0\n"]);
    });

    test("ACT-82: hold says whether the host was held on that before", async () => {
      await using each = new HandledHost({}, { ".hold": `${one.digest}\n` });
      for (const said of ["held on 1.2.0", "already held on 1.2.0"]) {
        const { status, stdout, stderr } = await each.run(program, "hold", "app.tako");
        expect([status, stdout, stderr]).toEqual([0, `app.tako: ${said}\n`, UNDO]);
        each.expectState(three, { ".hold": `${three.digest}\n` });
      }
      const { stdout } = await each.run(program, "hold", "--json", "app.tako");
      expect(JSON.parse(stdout)).toMatchObject({ outcome: "held", already: true });
      rmSync(each.host.path(".hold"));
      const first = await each.run(program, "hold", "--json", "app.tako");
      expect(JSON.parse(first.stdout)).not.toHaveProperty("already");
    });

    test("ACT-84, ACT-86, ACT-89: release says what it did", async () => {
      const refused = [two, one].map(({ digest }) => `${digest} ${three.digest} 1 failed\n`);
      await using each = new HandledHost(
        {},
        { ".hold": `${three.digest}\n`, ".refused": refused.join("") },
      );
      const ends = [
        [
          "no longer held on 1.2.0; 1.1.0, 1.0.0 may be tried again",
          '  1.2.0 is in use until "tako fetch app.tako" takes a newer one. To stay on it: "tako hold app.tako".\n',
        ],
        ["was not on hold, and no version was refused here", ""],
      ];
      for (const [end, undo = ""] of ends) {
        const { status, stdout, stderr } = await each.run(program, "release", "app.tako");
        expect([status, stdout, stderr]).toEqual([0, `app.tako: ${end}\n`, undo]);
        each.expectState(three, {});
      }
      const { stdout } = await each.run(program, "release", "--json", "app.tako");
      expect(JSON.parse(stdout)).toEqual({
        event: "result",
        config: "app.tako",
        outcome: "released",
        version: "1.2.0",
        sha256: three.digest,
        held: null,
        forgotten: [],
      });
      expect(each.systemctl.calls()).toEqual([]);
    });

    test("ACT-86: after a rollback that did not work, it names what is in use beside what was held", async () => {
      const refused = `${two.digest} ${three.digest} 1790000000 app.service: failed\n`;
      const records = { ".hold": `${two.digest}\n`, ".refused": refused };
      await using each = new HandledHost({}, records);
      const { stdout } = await each.run(program, "release", "--json", "app.tako");
      expect(JSON.parse(stdout)).toMatchObject({
        version: "1.2.0",
        sha256: three.digest,
        held: "1.1.0",
        forgotten: ["1.1.0"],
      });
    });

    test("ACT-87, ACT-88: without an earlier image here, and with the origin away, it says how to get one", async () => {
      await using each = new HandledHost();
      for (const { digest } of [one, two]) rmSync(each.host.path(`store/${digest}`));
      const unnamed = await each.run(program, "rollback", "app.tako");
      expect(unnamed.status).toBe(1);
      expect(unnamed.stderr).toContain(
        "Not here are 1.1.0, 1.0.0: name one, and it is downloaded.",
      );
      const before = each.host.state();
      const named = await each.run(program, "rollback", "app.tako", "1.1.0");
      expect(named.status).toBe(69);
      expect(named.stderr).toContain(
        "The image of 1.1.0 has to be downloaded. Here is 1.2.0 (in use).",
      );
      expect(each.host.state()).toEqual(before);
    });

    test("FET-112: --no-activate names what a way back leads to, not what did not work", async () => {
      const records = {
        ".good": `${one.digest}\n`,
        ".refused": `${three.digest} ${one.digest} 1790000000 app.service: failed\n`,
      };
      await using each = new HandledHost({ WatchSec: "1s" }, records);
      each.host.publish(...all);
      const { status, stdout } = await each.run(program, "fetch", "--no-activate", "app.tako");
      expect([status, stdout]).toEqual([0, "app.tako: 1.0.0 is ready, and not in use yet\n"]);
      each.expectState(three, records);
      const back = await each.run(program, "fetch", "app.tako");
      expect(back.status).toBe(75);
      expect(each.host.state()["latest"]).toBe(`-> store/${one.digest}`);
    });

    test("ACT-84: records that are damaged go, too", async () => {
      await using each = new HandledHost({}, { ".hold": "?", ".refused": "?" });
      const { status } = await each.run(program, "release", "app.tako");
      expect(status).toBe(0);
      each.expectState(three, {});
    });

    test("ACT-80, FET-108: one config; a name that is no file here is one of /etc/tako, and the error says both", async () => {
      await using each = new HandledHost();
      mkdirSync(each.host.at("configs"));
      for (const words of [
        ["rollback", "configs/"],
        ["hold", "."],
        ["release", each.host.folder],
      ]) {
        const { status, stderr } = await each.run(program, ...words);
        expect([status, stderr.includes("it is a directory; expected one config")]).toEqual([
          2,
          true,
        ]);
      }
      for (const command of ["hold", "fetch"]) {
        const { status, stderr } = await each.run(program, command, "no-such-config");
        expect(status).toBe(2);
        expect(stderr).toContain(
          `Looked for ${each.host.at("no-such-config")} and /etc/tako/no-such-config.tako.`,
        );
      }
      // What is a URL was not looked for as a file.
      const { status, stderr } = await each.run(program, "fetch", "http://127.0.0.1:9/app");
      expect(status).toBe(2);
      expect(stderr).toContain("A CONFIG is a file, a pipe, or a directory with *.tako files.");
      expect(stderr).not.toContain("Looked for");
    });

    test("ACT-85: they wait for a run that has the lock, and say so", async () => {
      await using each = new HandledHost();
      const held = ["flock", each.host.path(".lock"), "sh", "-c", "echo locked; read told"];
      const holder = Bun.spawn(held, { stdin: "pipe", stdout: "pipe" });
      await holder.stdout.getReader().read();
      const run = Bun.spawn(program.command(["hold", "app.tako"]), {
        cwd: each.host.folder,
        env: environment(each.systemctl.env),
        stdout: "pipe",
        stderr: "pipe",
      });
      const { value: told } = await run.stderr.getReader().read();
      expect(Buffer.from(told ?? []).toString()).toContain("waiting for another run");
      holder.stdin.end();
      expect([await run.exited, await run.stdout.text()]).toEqual([0, "app.tako: held on 1.2.0\n"]);
      await holder.exited;
    });
  });
}

const tools = needs("strace");

describe.skipIf(tools.missing)("a rollback that is killed", () => {
  test("ACT-75: at any step, it has done nothing yet, or the next run brings it to its end", async () => {
    await using undisturbed = hostRefusing();
    const { calls } = await record(commandOf(undisturbed));
    const steps = points(calls).filter(({ name }) => /^(rename|unlink)/.test(name));
    expect(steps.map(({ path }) => path)).toEqual(
      expect.arrayContaining([".refused", ".hold.new", ".owed.new", ".latest.new", ".good.new"]),
    );
    for (const point of steps) {
      await using each = hostRefusing();
      await inject(commandOf(each), point, "KILL", `${point.nth}`);
      const isHeld = each.host.state()[".hold"] !== undefined;
      const { status } = await each.run(sources(), "fetch", "app.tako");
      const latest = each.host.state()["latest"];
      expect({ point, latest, isHeld }).toEqual({
        point,
        latest: `-> store/${(isHeld ? two : three).digest}`,
        isHeld,
      });
      // The origin is away, which is told all the same.
      expect(status).toBe(69);
    }
  }, 120_000);

  function commandOf(each: HandledHost) {
    const words = sources().command(["rollback", each.file, "1.1.0"]);
    return { words, env: environment(each.systemctl.env), tree: each.host.destination };
  }

  /** A host on which 1.1.0 was refused. */
  function hostRefusing(): HandledHost {
    const refused = `${two.digest} ${three.digest} 1790000000 failed\n`;
    const records = { ".good": `${three.digest}\n`, ".refused": refused };
    return new HandledHost({ WatchSec: "1s" }, records);
  }
});

describe.skipIf(tools.missing)("a release that is killed", () => {
  test("ACT-84: at any step, each record is as it was or gone, nothing else changed, and the next release ends it", async () => {
    await using undisturbed = hostOnHold();
    const { calls } = await record(commandOf(undisturbed));
    const steps = points(calls).filter(({ name }) => /^(unlink|fsync)/.test(name));
    expect(steps.map(({ name, path }) => `${name} ${path}`)).toEqual(
      expect.arrayContaining(["unlink .refused", "unlink .hold", "fsync ."]),
    );
    for (const point of steps) {
      await using each = hostOnHold();
      await inject(commandOf(each), point, "KILL", `${point.nth}`);
      const left = Object.entries(RECORDS).filter(([name]) => name in each.host.state());
      each.expectState(three, Object.fromEntries(left));
      const run = await each.run(sources(), "fetch", "app.tako");
      expect({ point, status: run.status, restarts: each.restarts() }).toEqual({
        point,
        status: 69,
        restarts: [],
      });
      each.expectState(three, Object.fromEntries(left));
      expect((await each.run(sources(), "release", "app.tako")).status).toBe(0);
      each.expectState(three, { ".good": RECORDS[".good"] });
    }
  }, 120_000);

  const RECORDS = {
    ".good": `${three.digest}\n`,
    ".hold": `${three.digest}\n`,
    ".refused": `${two.digest} ${one.digest} 1790000000 failed\n`,
  };

  function commandOf(each: HandledHost) {
    const words = sources().command(["release", each.file]);
    return { words, env: environment(each.systemctl.env), tree: each.host.destination };
  }

  function hostOnHold(): HandledHost {
    return new HandledHost({ WatchSec: "1s" }, RECORDS);
  }
});
