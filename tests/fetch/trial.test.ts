// WatchSec= with a systemctl that keeps states: what is on disk about a trial and a way back, in which order units are
// told to do what, and what people and programs are told. Real units are proved in tests/systemd.

import { describe, expect, test } from "bun:test";
import { rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { stateOf } from "../support/host.ts";
import { needs } from "../support/needs.ts";
import { programs, sources } from "../support/program.ts";
import { secondKey, write } from "../support/publishing.ts";
import { Site } from "./site.ts";
import { fakeSystemctl } from "./systemctl.ts";
import { one, restart, three, two, uses, Watching } from "./watching.ts";

const nginx = needs("nginx");

for (const program of programs) {
  describe.concurrent(program.name, () => {
    test("ACT-40, ACT-43: an image that runs for WatchSec= becomes the good one, and nothing is left on record", async () => {
      await using each = new Watching();
      const { status, stdout, stderr, orders } = await each.run(program);
      expect([status, orders]).toEqual([0, [restart]]);
      expect(stdout).toBe(`${each.host.file}: updated to 1.1.0\n`);
      expect(stderr).toContain("watching app.service for 1 s\n");
      const files = { ".good": `${two.digest}\n` };
      expect(each.host.state()).toEqual(stateOf({ published: [one, two], latest: two, files }));
    });

    test("ACT-14: a unit whose own restart came in between is restarted once more, and is not to blame", async () => {
      await using each = new Watching({ Restart: "app.service web.service" });
      // As when systemd restarted it on its own after reset-failed: what is ordered then joins that restart.
      const joined = `case "$1 $(ls $UNITS)" in "restart ") echo NRestarts=1 > $UNITS/app.service;;
        restart*) rm -f $UNITS/app.service;; esac`;
      const { status, orders } = await each.run(program, joined);
      expect([status, orders]).toEqual([0, ["restart -- app.service web.service", restart]]);
      expect(each.record(".good")).toBe(`${two.digest}\n`);
    });

    test("ACT-14, ACT-20: one that restarts itself again after that is bad", async () => {
      await using each = new Watching();
      const always = `[ $1 != restart ] || echo NRestarts=1 > $UNITS/app.service`;
      const { status, orders } = await each.run(program, always);
      expect([status, orders.slice(0, 2)]).toEqual([70, [restart, restart]]);
    });

    test("ACT-41: without a good image, the one in use becomes it before the swap", async () => {
      await using each = new Watching();
      rmSync(each.host.path(".good"));
      const look = `[ $1 != restart ] || cat ${each.host.path(".good")} >> $LOG`;
      expect((await each.run(program, look)).orders).toEqual([restart, one.digest]);
    });

    test("ACT-50, ACT-56, ACT-32, DST-74: a bad image is refused, the good one put back, status 75; later runs warn, and a newer one is taken", async () => {
      await using each = new Watching();
      const script = `${each.failingOn(two)}
        [ $1 != restart ] || { readlink ${each.host.path("latest")}; cat ${each.host.path(".refused")}; } >> $LOG 2> /dev/null`;
      const bad = await each.run(program, script);
      expect(bad.status).toBe(75);
      // The second restart finds the refusal and the link in place.
      expect(bad.orders.slice(0, 2)).toEqual([restart, restart]);
      expect(bad.orders[2]).toBe(`store/${one.digest}`);
      expect(bad.orders[3]).toStartWith(`${two.digest} ${one.digest} `);
      expect(bad.stderr).toContain("app.service does not work: failed (exit-code), status 3");
      expect(bad.stderr).toContain(
        "went back to 1.0.0, for 1.1.0 does not work here: app.service: failed (exit-code), status 3\n",
      );
      expect(each.inUse).toBe(uses(one));
      expect(each.record(".refused")).toMatch(
        new RegExp(
          `^${two.digest} ${one.digest} \\d{10} app\\.service: failed \\(exit-code\\), status 3\n$`,
        ),
      );
      expect([each.record(".good"), each.record(".owed")]).toEqual([`${one.digest}\n`, undefined]);

      const later = await each.run(program);
      expect([later.status, later.orders]).toEqual([0, []]);
      expect(later.stderr).toContain("stays on 1.0.0, for 1.1.0 did not work here: app.service");
      const json = (await each.run(program, "", "--json")).stdout.trim().split("\n").at(-1) ?? "";
      expect(JSON.parse(json)).toMatchObject({
        event: "result",
        outcome: "refused",
        version: "1.0.0",
        refused: "1.1.0",
        reason: "app.service: failed (exit-code), status 3",
      });

      each.host.publish(one, two, three);
      const next = await each.run(program);
      expect([next.status, each.inUse]).toEqual([0, uses(three)]);
    });

    test("FET-97, FET-98: what happens on a way back is told as JSON", async () => {
      await using each = new Watching({ OnRollback: "tell.service" });
      const { status, stdout, orders } = await each.run(program, each.failingOn(two), "--json");
      expect(status).toBe(75);
      expect(orders).toEqual([restart, restart, "start --no-block -- tell.service"]);
      const told = stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line));
      const about = { version: "1.0.0", sha256: one.digest, refused: "1.1.0" };
      expect(told.slice(-7)).toEqual([
        expect.objectContaining({ event: "watching", units: ["app.service"], seconds: 1 }),
        expect.objectContaining({
          event: "unhealthy",
          unit: "app.service",
          result: "exit-code",
          status: "3",
          restarts: 0,
        }),
        expect.objectContaining({ event: "restarted", units: ["app.service"] }),
        expect.objectContaining({ event: "watching" }),
        expect.objectContaining({ event: "rolled-back", ...about }),
        expect.objectContaining({ event: "started", units: ["tell.service"] }),
        expect.objectContaining({ event: "result", outcome: "rolled-back", ...about }),
      ]);
    });

    test("ACT-58: a bad image without one to go back to stays, its unit is owed, status 70", async () => {
      await using each = new Watching();
      rmSync(each.host.path("latest"));
      rmSync(each.host.path(".good"));
      const { status, stderr } = await each.run(program, each.failingOn(two));
      expect(status).toBe(70);
      expect(stderr).toContain("there is no earlier version to go back to");
      expect([each.inUse, each.record(".owed")]).toEqual([uses(two), `${two.digest}\n`]);
      expect([each.record(".refused"), each.record(".good")]).toEqual([undefined, undefined]);
      const next = await each.run(program);
      expect([next.status, next.orders]).toEqual([0, [restart]]);
    });

    test("ACT-57: where the good image does not work either, none stays refused, the unit is owed, status 70", async () => {
      await using each = new Watching();
      const { status, stderr } = await each.run(program, each.failingOn(one, two));
      expect(status).toBe(70);
      expect(stderr).toContain("neither 1.1.0 nor 1.0.0, to which this host went back, works");
      expect([each.inUse, each.record(".refused")]).toEqual([uses(one), undefined]);
      expect(each.record(".owed")).toBe(`${one.digest}\n`);
      const next = await each.run(program);
      expect([next.status, each.inUse]).toEqual([0, uses(two)]);
      expect(each.record(".owed")).toBeUndefined();
    });

    test("ACT-27, ACT-57: a unit that still runs the bad image does not speak for the good one", async () => {
      await using each = new Watching();
      const { status, stderr } = await each.run(
        program,
        `[ $1 != restart ] || case $(readlink ${each.host.path("latest")}) in
          store/${two.digest}) printf 'ActiveState=activating\nSubState=auto-restart\n' > $UNITS/app.service;;
          *) echo "Operation refused." >&2; exit 1;;
        esac`,
      );
      expect([status, each.inUse]).toEqual([70, uses(one)]);
      expect(stderr).toContain("systemctl could not restart app.service: Operation refused.\n");
      expect(each.record(".refused")).toStartWith(`${two.digest} ${one.digest} `);
      expect(each.record(".owed")).toBe(`${one.digest}\n${two.digest}\n`);
      expect((await each.run(program)).status).toBe(75);
    });

    test("ACT-4, ACT-56: a unit without a usable file stays owed at the end of a way back", async () => {
      await using each = new Watching({ Restart: "app.service web.service" });
      // Its file is gone, and with it the unit, once the bad image is in use.
      const lose = `[ $1 != restart ] || printf 'LoadState=not-found\\nActiveState=inactive\\nInvocationID=\\n' > $UNITS/web.service`;
      const { status, stderr } = await each.run(program, `${lose}\n${each.failingOn(two)}`);
      expect([status, each.inUse]).toEqual([70, uses(one)]);
      expect(stderr).toContain("web.service cannot be restarted");
      expect(each.record(".owed")).toBe(`${one.digest}\napp.service\n`);
      expect(each.record(".refused")).toStartWith(`${two.digest} ${one.digest} `);
    });

    test("ACT-42, ACT-44: what is still starting at the end is undecided, and the next run judges without a restart", async () => {
      await using each = new Watching();
      const starting = "[ $1 != restart ] || echo ActiveState=activating > $UNITS/app.service";
      const { status, stdout } = await each.run(program, starting);
      expect([status, stdout]).toEqual([0, `${each.host.file}: 1.1.0 has still to prove itself\n`]);
      expect([each.record(".owed"), each.record(".good")]).toEqual([
        `${two.digest}\napp.service\n`,
        `${one.digest}\n`,
      ]);
      const next = await each.run(program);
      expect([next.status, next.orders, next.stdout]).toEqual([
        0,
        [],
        `${each.host.file}: 1.1.0 is current\n`,
      ]);
      expect([each.record(".owed"), each.record(".good")]).toEqual([undefined, `${two.digest}\n`]);
    });

    test("ACT-27: a unit that still runs what it ran before proves nothing, and is an error", async () => {
      await using each = new Watching({ Restart: "app.service web.service" });
      // web.service is restarted, app.service is not, whatever systemctl says.
      const half = "if [ $1 = restart ]; then echo 2 > $UNITS/web.service.starts; exit 0; fi";
      const { status, stderr } = await each.run(program, half);
      expect(status).toBe(70);
      expect(stderr).toContain("systemctl could not restart app.service");
      expect([each.inUse, each.record(".good")]).toEqual([uses(two), `${one.digest}\n`]);
      expect(each.record(".owed")).toBe(`${two.digest}\nweb.service\n`);
    });

    test("ACT-52: a unit that is left alone stays so on the way back, too", async () => {
      await using each = new Watching({ Restart: "app.service web.service" });
      const script = `echo ActiveState=inactive > $UNITS/web.service\n${each.failingOn(two)}`;
      const { status, orders } = await each.run(program, script);
      expect([status, orders]).toEqual([75, [restart, restart]]);
    });

    test("ACT-53: a good image that is missing is got from the origin", async () => {
      await using each = new Watching();
      const lose = `[ $1 != reset-failed ] || rm -f ${each.host.path(`store/${one.digest}`)}`;
      const { status, stderr } = await each.run(program, `${each.failingOn(two)}\n${lose}`);
      expect([status, each.inUse]).toEqual([75, uses(one)]);
      expect(stderr).toContain("downloaded 1.0.0");
    });

    test("ACT-53, ACT-54: if it cannot be had, the bad one stays, and the next run finishes the way back before all else", async () => {
      await using each = new Watching();
      const origin = join(each.host.originDirectory, "store", one.digest);
      const lose = `[ $1 != reset-failed ] || rm -f ${each.host.path(`store/${one.digest}`)} ${origin}`;
      const { status, stderr } = await each.run(program, `${each.failingOn(two)}\n${lose}`);
      expect(status).toBe(70);
      expect(stderr).toContain(`${origin}: the image of 1.0.0, to go back to, cannot be had`);
      expect(each.inUse).toBe(uses(two));
      expect(each.record(".refused")).toStartWith(`${two.digest} ${one.digest} `);

      write(origin, one.content, 0o444);
      each.host.publish(one, two, three);
      const next = await each.run(program, each.failingOn(two));
      expect([next.status, next.orders, each.inUse]).toEqual([75, [restart], uses(one)]);
    });

    test("ACT-51: nor is there a way back to a version that the config no longer allows", async () => {
      await using each = new Watching({ Version: "1.1.*" });
      const { status, stderr } = await each.run(program, each.failingOn(two));
      expect([status, each.inUse]).toEqual([70, uses(two)]);
      expect(stderr).toContain("there is no earlier version to go back to");
    });

    test("ACT-55: a socket that has failed with its service is started while that is stopped", async () => {
      await using each = new Watching();
      const script = `
        if [ $1 = restart ]; then case $(readlink ${each.host.path("latest")}) in
          store/${two.digest})
            printf 'ActiveState=failed\\nTriggeredBy=app.socket\\n' > $UNITS/app.service
            echo ActiveState=failed > $UNITS/app.socket; exit 1;;
          *) echo TriggeredBy=app.socket > $UNITS/app.service;;
        esac; fi
        [ "$1 $3" != "start app.socket" ] || rm $UNITS/app.socket`;
      const { status, orders } = await each.run(program, script);
      expect([status, orders]).toEqual([
        75,
        [restart, "stop -- app.service", "start -- app.socket", restart],
      ]);
    });

    test("ACT-29: a check that fails at the end makes the image bad; one that succeeds does not", async () => {
      await using each = new Watching({ Check: "probe.service" });
      const failing = `[ $1 != start ] || case $(readlink ${each.host.path("latest")}) in
        store/${two.digest}) printf 'ActiveState=failed\\nResult=exit-code\\nExecMainStatus=7\\n' > $UNITS/probe.service;;
        *) rm -f $UNITS/probe.service;; esac`;
      const bad = await each.run(program, failing);
      expect(bad.status).toBe(75);
      expect(bad.stderr).toContain("probe.service does not work: failed (exit-code), status 7");
      expect(bad.orders).toContain("start -- probe.service");
      each.host.publish(one, two, three);
      expect((await each.run(program)).status).toBe(0);
    });

    test("ACT-19: a check that has no unit file is an error before anything changes", async () => {
      await using each = new Watching({ Check: "probe.service" });
      const missing =
        "printf 'LoadState=not-found\\nActiveState=inactive\\n' > $UNITS/probe.service";
      const { status, stderr, orders } = await each.run(program, missing);
      expect([status, orders, each.inUse]).toEqual([70, [], uses(one)]);
      expect(stderr).toContain(
        'probe.service of Check= cannot be started: its unit file is "not-found"',
      );
    });

    test("ACT-19: so it is with slots, of which none is started", async () => {
      await using each = new Watching({
        Restart: "app@.service",
        Slots: "a b",
        Check: "probe.service",
      });
      const missing =
        "printf 'LoadState=not-found\\nActiveState=inactive\\n' > $UNITS/probe.service";
      const { status, stderr, orders } = await each.run(program, missing);
      expect([status, orders, each.inUse]).toEqual([70, [], uses(one)]);
      expect(stderr).toContain("probe.service of Check= cannot be started");
    });

    test("ACT-114: a slot whose image was refused by a run that died is ended, and that is told", async () => {
      await using each = new Watching({
        Restart: "app@.service",
        Slots: "a b",
        OnRollback: "tell.service",
      });
      const refused = `${two.digest} ${one.digest} 1 app@b.service: failed\n`;
      each.host.install({ published: [one, two], files: { ".refused": refused } });
      symlinkSync(`store/${one.digest}`, each.host.path("a"));
      symlinkSync(`store/${two.digest}`, each.host.path("b"));
      const stopped = `[ $1 != stop ] || echo ActiveState=inactive > $UNITS/app@b.service`;
      const { status, orders, stderr } = await each.run(program, stopped);
      expect([status, each.inUse]).toEqual([75, uses(one)]);
      expect(orders).toEqual(["stop -- app@b.service", "start --no-block -- tell.service"]);
      expect(stderr).toContain("went back from 1.1.0 to 1.0.0");
      expect(each.host.state()["b"]).toBeUndefined();
      expect((await each.run(program)).status).toBe(0);
    });

    test("ACT-29, ACT-28: while a unit is stopped, a check says nothing", async () => {
      await using each = new Watching({
        Restart: "app.service web.service",
        Check: "probe.service",
      });
      const script = `
        [ $1 != restart ] || echo ActiveState=deactivating > $UNITS/web.service
        [ $1 != start ] || echo ActiveState=failed > $UNITS/probe.service`;
      const { status, stdout } = await each.run(program, script);
      expect(status).toBe(0);
      expect(stdout).toContain("has still to prove itself");
      expect(each.inUse).toBe(uses(two));
    });

    test("DST-71, DST-77, DST-82: a record that is damaged is told, and stops nothing", async () => {
      await using each = new Watching();
      for (const name of [".good", ".refused"]) write(each.host.path(name), "damaged\n");
      const { status, stderr } = await each.run(program);
      expect([status, each.inUse]).toEqual([0, uses(two)]);
      expect(stderr).toContain(".good is damaged, and counts as absent");
      expect(stderr).toContain(".refused is damaged, and counts as empty");

      await using held = new Watching();
      write(held.host.path(".hold"), "damaged\n");
      const kept = await held.run(program);
      expect([kept.status, held.inUse]).toEqual([0, uses(one)]);
      expect(kept.stderr).toContain(".hold is damaged, and counts as holding what is in use now");
      expect(kept.stdout).toContain("held on 1.0.0");
    });

    test.each([
      ["a narrower pattern", { Version: "1.1.*" }],
      ["another key", { PublicKey: secondKey.public }],
    ])(
      "ACT-38: with %s and a lock that another run has, --init starts from what is whole",
      async (_, lines) => {
        await using each = new Watching();
        each.host.configure({ Restart: "app.service", ...lines });
        const held = Bun.spawn(
          ["flock", "--no-fork", each.host.path(".lock"), "sh", "-c", "echo locked; exec sleep 60"],
          { stdout: "pipe" },
        );
        await held.stdout.getReader().read();
        const { status, stderr } = await each.run(program, "", "--init");
        held.kill();
        await held.exited;
        expect([status, each.inUse]).toEqual([0, uses(one)]);
        expect(stderr).toContain("another run has the lock, so the unit starts from 1.0.0");
      },
    );
  });
}

test("ACT-17, ACT-10: a restart that takes longer than ten seconds is told once; the start limits are reset before it", async () => {
  const [source] = programs;
  if (source === undefined) throw new Error("there is no program");
  await using each = new Watching();
  const fake = fakeSystemctl("[ $1 != restart ] || sleep 11");
  const { status, stderr } = await source.run(["fetch", each.host.file], { env: fake.env });
  const calls = fake.calls().filter((call) => !call.startsWith("show"));
  fake.remove();
  expect([status, calls]).toEqual([0, ["reset-failed -- app.service", restart]]);
  expect(stderr.match(/waiting for app\.service to start, up to 15 min/g)).toHaveLength(1);
});

test.skipIf(nginx.missing)(
  "FET-52, ACT-32: where what was put back is gone, too, the error says how the other one is tried again",
  async () => {
    const site = await Site.start();
    await using _stop = { [Symbol.asyncDispose]: async () => site.stop() };
    await using each = new Watching();
    const origin = site.origin(one, two);
    origin.retire(one);
    each.host.configure({ Origin: origin.url, Restart: "app.service", WatchSec: "1" });
    rmSync(each.host.path("latest"));
    rmSync(each.host.path(`store/${one.digest}`));
    write(each.host.path(".refused"), `${two.digest} ${one.digest} 1 down\n`);
    const { status, stderr } = await each.run(sources());
    expect(status).toBe(69);
    expect(stderr).toContain("the origin no longer has version 1.0.0");
    expect(stderr).toContain("tako release lets what was refused here be tried again.");
  },
);

test("ACT-36: where all that is allowed was refused, and nothing is here to go back to, that is an error", async () => {
  await using each = new Watching();
  rmSync(each.host.path("latest"));
  const refused = [one, two].map(({ digest }) => `${digest} ${three.digest} 1 down\n`).join("");
  write(each.host.path(".refused"), refused);
  const { status, stderr } = await each.run(sources());
  expect(status).toBe(1);
  expect(stderr).toContain("every version that the config allows was refused here");
});
