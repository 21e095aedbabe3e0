// What a verdict is made of where a unit alone does not tell, and the way back where something else happens meanwhile: a
// check hangs, somebody stops a unit, the run dies, two configs share a unit. Real units are proved in tests/systemd.

import { describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { programs } from "../support/program.ts";
import { write } from "../support/publishing.ts";
import { fakeSystemctl } from "./systemctl.ts";
import { one, restart, three, two, uses, Watching } from "./watching.ts";

/** Lines for a file of the stand-in, written when app.service is restarted on 1.1.0; else it is as usual. */
const onTwo = ({ host }: Watching, then: string) => `
  if [ $1 = restart ]; then case $(readlink ${host.path("latest")}) in
    store/${two.digest}) ${then};;
    *) rm -f $UNITS/app.service;;
  esac; fi`;

for (const program of programs) {
  describe.concurrent(program.name, () => {
    test("ACT-20: a unit that restarts itself does not work, though it is active now", async () => {
      await using each = new Watching();
      const looping = onTwo(each, "echo NRestarts=2 > $UNITS/app.service");
      const { status, stderr } = await each.run(program, looping);
      expect([status, each.inUse]).toEqual([75, uses(one)]);
      expect(stderr).toContain("app.service does not work: active, restarted itself 2 times\n");
    });

    test.each([
      ["restart", 75, one],
      ["stop", 0, two],
      ["", 0, two],
    ] as const)(
      "ACT-26: of a unit that ended, the last job in the journal tells whether it was stopped: '%s'",
      async (job, expected, inUse) => {
        await using each = new Watching();
        const ended = onTwo(each, "echo ActiveState=inactive > $UNITS/app.service");
        const jobs = job === "" ? "" : `echo ${job} > $UNITS/app.service.jobs`;
        const { status, stdout, stderr } = await each.run(program, `${ended}\n${jobs}`);
        expect([status, each.inUse]).toEqual([expected, uses(inUse)]);
        if (expected === 0) expect(stdout).toContain("1.1.0 has still to prove");
        else expect(stderr).toContain("app.service does not work: inactive, it ended by itself");
      },
    );

    test("ACT-25: a service that dies at each request, and that its socket starts anew, is bad", async () => {
      await using each = new Watching();
      const dying = `${onTwo(each, "echo TriggeredBy=app.socket > $UNITS/app.service; echo x > $UNITS/looks")}
        if [ $1 = show ] && [ -e $UNITS/looks ]; then
          echo x >> $UNITS/looks
          [ $(wc -l < $UNITS/looks) -ne 3 ] || printf 'InvocationID=%032d\\n' 9 >> $UNITS/app.service
        fi`;
      const fine = await each.run(program, dying);
      expect([fine.status, each.inUse]).toEqual([0, uses(two)]);

      await using other = new Watching();
      const failing = `${dying.replaceAll(each.host.destination, other.host.destination)}\ntouch $UNITS/failed; echo app failed > $UNITS/failed`;
      const bad = await other.run(program, failing);
      expect([bad.status, other.inUse]).toEqual([75, uses(one)]);
    });

    test("ACT-25: a service that dies, and that a unit of OnFailure= starts anew, is bad; one that somebody restarted is not", async () => {
      const anew = (each: Watching) => `${onTwo(each, "echo x > $UNITS/looks")}
        if [ $1 = show ] && [ -e $UNITS/looks ]; then
          echo x >> $UNITS/looks
          [ $(wc -l < $UNITS/looks) -ne 3 ] || printf 'InvocationID=%032d\\n' 9 >> $UNITS/app.service
        fi
        echo app failed > $UNITS/failed`;
      await using each = new Watching();
      const bad = await each.run(program, anew(each));
      expect([bad.status, each.inUse]).toEqual([75, uses(one)]);
      expect(bad.stderr).toContain("app.service does not work: failed, and was started again");

      await using other = new Watching();
      const fine = await other.run(program, `${anew(other)}\necho app stopped > $UNITS/ended`);
      expect([fine.status, other.inUse]).toEqual([0, uses(two)]);
    });

    test("ACT-10: the start limit of what a unit triggers is reset, too", async () => {
      await using each = new Watching();
      const { status, orders } = await each.run(
        program,
        `echo Triggers=worker.service > $UNITS/app.service
        [ $1 != reset-failed ] || echo "reset $*" >> $LOG`,
      );
      expect([status, orders]).toEqual([
        0,
        ["reset reset-failed -- app.service worker.service", restart],
      ]);
    });

    test("ACT-21: without any answer to show there is no verdict", async () => {
      await using each = new Watching();
      const { status, stdout } = await each.run(program, "[ $1 != show ] || exit 1");
      expect([status, each.inUse]).toEqual([0, uses(two)]);
      expect(stdout).toContain("1.1.0 has still to prove itself");
      expect(each.record(".good")).toBe(`${one.digest}\n`);
    });

    test("FET-97: the last words of a unit are told", async () => {
      await using each = new Watching();
      const script = `${each.failingOn(two)}\nprintf 'no \\033[31mdatabase\\n' > $UNITS/said`;
      const { stderr } = await each.run(program, script);
      expect(stderr).toMatch(/app\.service does not work: .*; it said last: no .*database\n/);
      expect(stderr).not.toContain("\x1b");
    });

    test("ACT-28: a check that hangs does not delay the way back, and is stopped", async () => {
      await using each = new Watching({ Check: "probe.service" });
      const hanging = `${each.failingOn(two)}
        [ "$1 $(readlink ${each.host.path("latest")})" != "start store/${two.digest}" ] || {
          sleep 8; echo survived >> $LOG; }`;
      const { status, orders } = await each.run(program, hanging);
      expect([status, each.inUse]).toEqual([75, uses(one)]);
      expect(orders).not.toContain("survived");
      expect(orders).toContain("stop --no-block -- probe.service");
    });

    test("ACT-16: units of OnUpdate= are started after the verdict, once nothing is owed", async () => {
      await using each = new Watching({ OnUpdate: "tell.service" });
      const look = `[ $1 != start ] || { cat ${each.host.path(".good")}; ls -A ${each.host.destination}; } >> $LOG`;
      const { status, orders } = await each.run(program, look);
      expect([status, ...orders.slice(0, 3)]).toEqual([
        0,
        restart,
        "start --no-block -- tell.service",
        two.digest,
      ]);
      expect(orders).not.toContain(".owed");
    });

    test("ACT-44: a newer version is taken meanwhile, and the way back from it leads to the one that proved itself", async () => {
      await using each = new Watching();
      await each.run(program, onTwo(each, "echo ActiveState=activating > $UNITS/app.service"));
      expect([each.inUse, each.record(".good")]).toEqual([uses(two), `${one.digest}\n`]);
      each.host.publish(one, two, three);
      const { status } = await each.run(program, each.failingOn(three));
      expect([status, each.inUse]).toEqual([75, uses(one)]);
      expect(each.record(".refused")).toStartWith(`${three.digest} ${one.digest} `);
    });

    test("ACT-45: nothing is decided of an image that somebody takes out of use by hand meanwhile", async () => {
      await using each = new Watching();
      const byHand = `ln -sfn store/${one.digest} ${each.host.path("latest")}`;
      const { status, stderr } = await each.run(
        program,
        `${onTwo(each, "touch $UNITS/looks")}
        if [ $1 = show ] && [ -e $UNITS/looks ]; then
          echo x >> $UNITS/looks
          [ $(wc -l < $UNITS/looks) -ne 2 ] || { ${byHand}; echo ActiveState=failed > $UNITS/app.service; }
        fi`,
      );
      expect([status, each.inUse]).toEqual([70, uses(one)]);
      expect(stderr).toContain("latest: it names another image than at the start of the watch");
      expect([each.record(".refused"), each.record(".good")]).toEqual([
        undefined,
        `${one.digest}\n`,
      ]);
    });

    test("ACT-42, ACT-56: where checks alone tell, a run that died after the swap back is finished, too", async () => {
      await using each = new Watching({ Restart: "", Check: "probe.service" });
      const failing = `case "$1 $(readlink ${each.host.path("latest")})" in
        "start store/${two.digest}") echo ActiveState=failed > $UNITS/probe.service;;
        start*) rm -f $UNITS/probe.service; [ -e $UNITS/again ] || { touch $UNITS/again; kill -9 $PPID; };; esac`;
      const killed = await each.run(program, failing);
      expect([killed.status, each.inUse]).toEqual([137, uses(one)]);
      const next = await each.run(program);
      expect([next.status, each.inUse, each.record(".owed")]).toEqual([75, uses(one), undefined]);
      expect(next.stderr).toContain("went back to 1.0.0, for 1.1.0 does not work here");
    });

    test("ACT-53: the good image is verified by its digest, whatever --no-verify says", async () => {
      await using each = new Watching();
      const damaged = one.content.toUpperCase();
      expect(damaged).toHaveLength(one.content.length);
      each.host.replace(`store/${one.digest}`, damaged);
      const { status, stderr } = await each.run(program, each.failingOn(two), "--no-verify");
      expect([status, each.inUse]).toEqual([75, uses(one)]);
      expect(stderr).toContain("downloaded 1.0.0");
      expect(each.host.state()[`store/${one.digest}`]).toBe(`444 ${one.content}`);
    });

    test("ACT-54, ACT-56: killed on the way back, the next run ends it without a look for news, and tells it", async () => {
      await using each = new Watching();
      const killed = await each.run(
        program,
        `${each.failingOn(two)}
        [ "$1 $(readlink ${each.host.path("latest")})" != "restart store/${one.digest}" ] || kill -9 $PPID`,
      );
      expect([killed.status, each.inUse]).toEqual([137, uses(one)]);
      rmSync(each.host.originDirectory, { recursive: true });
      const next = await each.run(program);
      expect([next.status, next.orders]).toEqual([75, [restart]]);
      expect(next.stderr).toContain("went back to 1.0.0, for 1.1.0 does not work here");
      expect([each.record(".owed"), each.record(".good")]).toEqual([undefined, `${one.digest}\n`]);
    });

    test.each([
      ["LoadState=masked\\nActiveState=inactive", ""],
      ["ActiveState=inactive", "stop"],
    ])(
      "ACT-52, ACT-3: on a way back on which a run died, a unit that is masked or was stopped stays so: %s",
      async (state, job) => {
        await using each = new Watching({ Restart: "app.service web.service" });
        rmSync(each.host.path("latest"));
        const refused = `${two.digest} ${one.digest} 1 app.service: failed\n`;
        const files = { ".refused": refused, ".good": `${one.digest}\n` };
        each.host.install({ published: [one, two], latest: two, files });
        const script = `printf '${state}\\n' > $UNITS/web.service; echo ${job} > $UNITS/web.service.jobs`;
        const { status, orders } = await each.run(program, script);
        expect([status, orders, each.inUse]).toEqual([75, [restart], uses(one)]);
      },
    );

    test("ACT-54, FET-91: a dry run tells the way back that is to be gone, and does not look for news either", async () => {
      await using each = new Watching();
      rmSync(each.host.path("latest"));
      const refused = `${two.digest} ${one.digest} 1 app.service: failed\n`;
      const files = { ".refused": refused, ".good": `${one.digest}\n` };
      each.host.install({ published: [one, two], latest: two, files });
      rmSync(each.host.path(`store/${one.digest}`));
      rmSync(each.host.originDirectory, { recursive: true });
      const before = each.host.snapshot();
      const { status, stdout, orders } = await each.run(program, "", "--dry-run");
      expect([status, orders]).toEqual([0, []]);
      const told = [
        "would download 1.0.0, 19 B",
        "would activate 1.0.0",
        "would restart app.service",
      ];
      expect(stdout).toBe(told.map((line) => `${each.host.file}: ${line}\n`).join(""));
      expect(each.host.snapshot()).toEqual(before);
    });

    test("ACT-60: configs that share a unit go back together, and are restarted once each way", async () => {
      await using first = new Watching();
      await using second = new Watching();
      const fake = fakeSystemctl(first.failingOn(two));
      const words = ["fetch", first.host.file, second.host.file];
      const { status } = await program.run(words, { env: fake.env });
      const orders = fake.orders();
      fake.remove();
      expect([status, orders]).toEqual([75, [restart, restart]]);
      for (const each of [first, second]) {
        expect([each.inUse, each.record(".owed")]).toEqual([uses(one), undefined]);
        expect(each.record(".refused")).toStartWith(`${two.digest} ${one.digest} `);
      }
    });

    test("ACT-60: so it is with a check that they share, and one that was good before stays so", async () => {
      await using first = new Watching({ Check: "probe.service" });
      await using second = new Watching({ Restart: "web.service", Check: "probe.service" });
      second.host.publish(one);
      const failing = `[ $1 != start ] || case $(readlink ${first.host.path("latest")}) in
        store/${two.digest}) echo ActiveState=failed > $UNITS/probe.service;;
        *) rm -f $UNITS/probe.service;; esac`;
      const fake = fakeSystemctl(failing);
      const words = ["fetch", first.host.file, second.host.file];
      const { status, stdout } = await program.run(words, { env: fake.env });
      const orders = fake.orders().filter((order) => !order.startsWith("start "));
      fake.remove();
      expect([status, orders]).toEqual([75, [restart, restart]]);
      expect(stdout).toBe(`${second.host.file}: 1.0.0 is current\n`);
      expect(second.record(".refused")).toBeUndefined();
    });

    test.each([
      [".hold", `${one.digest}\n`],
      [".refused", `${two.digest} ${one.digest} 1 app.service: failed\n`],
    ])(
      "ACT-37, FET-80: with --init, the image of %s is enough, also where the pattern does not allow it, without an origin",
      async (name, content) => {
        await using each = new Watching({ Version: "1.1.*" });
        write(each.host.path("manifest"), each.host.read("origin", "manifest"), 0o444);
        write(each.host.path(name), content);
        rmSync(each.host.originDirectory, { recursive: true });
        const { status, stdout } = await each.run(program, "", "--init");
        expect([status, stdout]).toEqual([0, `${each.host.file}: 1.0.0 is current\n`]);
        // Without the record it is not.
        rmSync(each.host.path(name));
        expect((await each.run(program, "", "--init")).status).not.toBe(0);
      },
    );
  });
}
