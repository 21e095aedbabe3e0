// What is on disk about restarts, and when systemctl is called. The units themselves are proved in
// tests/systemd.

import { describe, expect, test } from "bun:test";
import { realpathSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { createHost, stateOf } from "../support/host.ts";
import { environment, type Program, programs } from "../support/program.ts";
import { image } from "../support/publishing.ts";
import { type FakeSystemctl, fakeSystemctl } from "./systemctl.ts";

const [one, two] = [image("1.0.0"), image("1.1.0")];
/** A host with 1.0.0 in use, to which 1.1.0 is offered. */
class Prepared implements AsyncDisposable {
  readonly host = createHost();
  readonly #fakes: FakeSystemctl[] = [];

  /** @param owed what an earlier run left in `.owed` */
  constructor(owed?: string) {
    this.host.publish(one, two);
    this.host.configure({ Restart: "app.service web.service" });
    const files = owed === undefined ? {} : { ".owed": owed };
    this.host.install({ published: [one], latest: one, files });
  }

  /** Runs with a systemctl that does so. */
  async run(program: Program, script = "") {
    const fake = fakeSystemctl(script);
    this.#fakes.push(fake);
    const outcome = await program.run(["fetch", this.host.file], { env: fake.env });
    const calls = fake.calls();
    const orders = calls.filter((call) => !/^(show|reset-failed) /.test(call));
    return { ...outcome, calls, orders };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const fake of this.#fakes) fake.remove();
    this.host[Symbol.dispose]();
  }
}

const both = "restart -- app.service web.service";

/** A restart that fails for app.service, which is in that state then; the other unit is restarted. */
const failing = (state: string) => `if [ $1 = restart ]; then
  echo 2 > $UNITS/web.service.starts
  echo ActiveState=${state} > $UNITS/app.service
  printf 'InvocationID=%032d\n' 7 >> $UNITS/app.service
  echo it did not work >&2; exit 1
fi`;
const before = stateOf({ published: [one], latest: one });

/** The state after the update. */
const current = (owed?: string) =>
  stateOf({
    published: [one, two],
    latest: two,
    ...(owed === undefined ? {} : { files: { ".owed": owed } }),
  });

for (const program of programs) {
  describe.concurrent(program.name, () => {
    test("FET-71, FET-76, FET-77, DST-15, DST-44: owed before the swap, restarted in one call under the lock, and done", async () => {
      await using each = new Prepared();
      // What the disk holds, and who has the lock, while systemctl runs.
      const look = `if [ $1 = restart ]; then
          cd ${each.host.destination}
          cat .owed >> $LOG
          readlink latest >> $LOG
          flock -n .lock echo unlocked >> $LOG || echo locked >> $LOG
        fi`;
      const { status, stdout, stderr, calls } = await each.run(program, look);
      expect([status, stdout]).toEqual([0, `${each.host.file}: updated to 1.1.0\n`]);
      expect(stderr).toEndWith(`tako: ${each.host.file}: restarted app.service web.service\n`);
      const units = "app.service web.service";
      expect(calls).toEqual([
        `show -- ${units}`,
        `reset-failed -- ${units}`,
        both,
        two.digest,
        `store/${two.digest}`,
        "locked",
        `show -- ${units}`,
      ]);
      expect(each.host.state()).toEqual(current());

      // FET-79: nothing new, nothing owed, no call.
      const snapshot = each.host.snapshot();
      const next = await each.run(program);
      expect([next.status, next.calls]).toEqual([0, []]);
      expect(each.host.snapshot()).toEqual(snapshot);
    });

    test("FET-78, DST-60, ACT-12: after a failed call the restarted units are noted, and the next run restarts the others", async () => {
      await using each = new Prepared();
      const { status, stderr, orders } = await each.run(program, failing("failed"));
      expect(status).toBe(70);
      expect(stderr).toContain("systemctl could not restart app.service: it did not work");
      expect(orders).toEqual([both]);
      expect(each.host.state()).toEqual(current(`${two.digest}\nweb.service\n`));

      const next = await each.run(program);
      expect([next.status, next.orders]).toEqual([0, ["restart -- app.service"]]);
      expect(each.host.state()).toEqual(current());
    });

    test("FET-78: what is done stays done when the rest fails again", async () => {
      await using each = new Prepared(`${one.digest}\nweb.service\n`);
      each.host.publish(one);
      const { status, orders } = await each.run(program, failing("failed"));
      expect(status).toBe(70);
      expect(orders).toEqual(["restart -- app.service"]);
      expect(each.host.state()).toEqual(
        stateOf({
          published: [one],
          latest: one,
          files: { ".owed": `${one.digest}\nweb.service\n` },
        }),
      );
    });

    test.each(["activating", "deactivating", "reloading", "inactive", "failed", "maintenance"])(
      "FET-78, ACT-13: after a failed call a unit that is '%s' has not restarted",
      async (state) => {
        await using each = new Prepared();
        const { status, stderr } = await each.run(program, failing(state));
        expect(status).toBe(70);
        expect(stderr).toContain("systemctl could not restart app.service");
        expect(each.host.state()).toEqual(current(`${two.digest}\nweb.service\n`));
      },
    );

    test("ACT-12: an old process that systemd did not restart is not taken for a new one, whatever it said", async () => {
      await using each = new Prepared();
      const { status, stderr } = await each.run(program, "[ $1 != restart ] || exit 0");
      expect(status).toBe(70);
      expect(stderr).toContain("systemctl could not restart app.service web.service");
      expect(each.host.state()).toEqual(current(`${two.digest}\n`));
    });

    test("ACT-12: where systemctl does not say how units are, the status of the call decides", async () => {
      await using each = new Prepared();
      const failed = await each.run(program, "[ $1 = reset-failed ] || exit 1");
      expect(failed.status).toBe(70);
      expect(each.host.state()).toEqual(current(`${two.digest}\n`));
      const next = await each.run(program, "exit 0");
      expect([next.status, next.orders]).toEqual([0, [both]]);
      expect(each.host.state()).toEqual(current());
    });

    test("ACT-5, ACT-7: a unit that was stopped stays so, and is noted before the swap", async () => {
      await using each = new Prepared();
      const look = `echo ActiveState=inactive > $UNITS/web.service
        [ $1 != restart ] || cat ${join(each.host.destination, ".owed")} >> $LOG`;
      const { status, stderr, orders } = await each.run(program, look);
      expect(status).toBe(0);
      expect(stderr).toContain("web.service is stopped and stays so\n");
      expect(orders).toEqual(["restart -- app.service", two.digest, "web.service"]);
      expect(each.host.state()).toEqual(current());
    });

    test("ACT-6: the first image starts all units, stopped ones too", async () => {
      await using each = new Prepared();
      rmSync(join(each.host.destination, "latest"));
      const { status, orders } = await each.run(
        program,
        "echo ActiveState=inactive > $UNITS/web.service",
      );
      expect([status, orders]).toEqual([0, [both]]);
    });

    test("ACT-3: a masked unit is left alone; ACT-4: one without a file, or masked while it runs, is an error", async () => {
      await using masked = new Prepared();
      const left = await masked.run(
        program,
        'printf "LoadState=masked\nActiveState=inactive\n" > $UNITS/web.service',
      );
      expect([left.status, left.orders]).toEqual([0, ["restart -- app.service"]]);
      expect(left.stderr).toContain("web.service is masked and stays so\n");
      expect(masked.host.state()).toEqual(current());

      for (const [load, words] of [
        ["not-found", 'web.service cannot be restarted: its unit file is "not-found"'],
        ["masked", "web.service is masked, and runs what it ran before"],
      ]) {
        await using each = new Prepared();
        const said = await each.run(program, `echo LoadState=${load} > $UNITS/web.service`);
        expect([said.status, said.orders]).toEqual([70, ["restart -- app.service"]]);
        expect(said.stderr).toContain(`${words}\n`);
        expect(each.host.state()).toEqual(current(`${two.digest}\napp.service\n`));
      }
    });

    test("ACT-18: a socket whose service runs is refused before the swap; one whose service is down is restarted", async () => {
      await using each = new Prepared();
      each.host.configure({ Restart: "app.socket" });
      const triggers = "echo Triggers=app.service > $UNITS/app.socket";
      const { status, stderr, orders } = await each.run(program, triggers);
      expect([status, orders]).toEqual([70, []]);
      expect(stderr).toContain("app.socket would be down after its restart, since app.service");
      expect(each.host.state()["latest"]).toBe(`-> store/${one.digest}`);

      const down = `${triggers}; echo ActiveState=inactive > $UNITS/app.service`;
      const next = await each.run(program, down);
      expect([next.status, next.orders]).toEqual([0, ["restart -- app.socket"]]);
    });

    test("ACT-11, ACT-15: the units of Reload= are reloaded after the restart, and a reload that fails stays owed", async () => {
      await using each = new Prepared();
      each.host.configure({ Restart: "app.service", Reload: "web.service" });
      const failed = await each.run(program, '[ "$1" != reload-or-restart ] || exit 1');
      expect([failed.status, failed.orders]).toEqual([
        70,
        ["restart -- app.service", "reload-or-restart -- web.service"],
      ]);
      expect(each.host.state()).toEqual(current(`${two.digest}\napp.service\n`));
      const next = await each.run(program);
      expect([next.status, next.orders]).toEqual([0, ["reload-or-restart -- web.service"]]);
      expect(each.host.state()).toEqual(current());
    });

    test("ACT-16: the units of OnUpdate= are started once all is done, and not waited for", async () => {
      await using each = new Prepared();
      each.host.configure({ Restart: "app.service", OnUpdate: "tell.service" });
      const failed = await each.run(program, "[ $1 != restart ] || exit 1");
      expect([failed.status, failed.orders]).toEqual([70, ["restart -- app.service"]]);
      const start = "start --no-block -- tell.service";
      const next = await each.run(program, "[ $1 != start ] || exit 1");
      expect([next.status, next.orders]).toEqual([0, ["restart -- app.service", start]]);
      expect(next.stderr).toContain("warning: tell.service could not be started");
    });

    test("ACT-16: so they are by the run that makes good a restart, though it gets no news", async () => {
      await using each = new Prepared(`${one.digest}\n`);
      each.host.configure({ Restart: "app.service", OnUpdate: "tell.service" });
      rmSync(join(each.host.originDirectory, "manifest"));
      const { status, orders } = await each.run(program);
      expect([status, orders]).toEqual([
        69,
        ["restart -- app.service", "start --no-block -- tell.service"],
      ]);
    });

    test("ACT-60: two runs lock what they share in one order, by whatever paths they know it", async () => {
      await using first = new Prepared();
      await using second = new Prepared();
      const hosts = [first.host, second.host];
      const holders = hosts.map((host) =>
        Bun.spawn(["flock", "--no-fork", host.path(".lock"), "sh", "-c", "echo; exec sleep 60"], {
          stdout: "pipe",
        }),
      );
      for (const holder of holders) await holder.stdout.getReader().read();
      /** The destination at which a run waits that knows them by these names. */
      const waitsAt = async (...names: readonly string[]) => {
        for (const [index, host] of hosts.entries()) {
          const path = first.host.at(names[index] ?? "");
          symlinkSync(host.destination, path);
          host.configure({ Destination: path, Restart: "app.service" });
        }
        const words = ["fetch", "--json", ...hosts.map(({ file }) => file)];
        const run = Bun.spawn(program.command(words), { env: environment(), stdout: "pipe" });
        const { value } = await run.stdout.getReader().read();
        run.kill();
        await run.exited;
        const { event, directory } = JSON.parse(
          new TextDecoder().decode(value).split("\n")[0] ?? "",
        );
        expect(event).toBe("waiting");
        return realpathSync(directory);
      };
      const [some, others] = [await waitsAt("z", "a"), await waitsAt("b", "y")];
      for (const holder of holders) holder.kill();
      expect(some).toBe(others);
    });

    test("ACT-60: configs that share a unit are swapped together, and it is restarted once", async () => {
      await using first = new Prepared();
      await using second = new Prepared();
      second.host.configure({ Restart: "web.service" });
      const fake = fakeSystemctl(
        `[ $1 != restart ] || readlink ${first.host.destination}/latest ${second.host.destination}/latest >> $LOG`,
      );
      const words = ["fetch", first.host.file, second.host.file];
      const { status } = await program.run(words, { env: fake.env });
      const orders = fake.orders();
      fake.remove();
      expect(status).toBe(0);
      expect(orders).toHaveLength(3);
      expect(orders[0]?.split(" ").toSorted()).toEqual(both.split(" ").toSorted());
      expect(orders.slice(1)).toEqual([`store/${two.digest}`, `store/${two.digest}`]);
    });

    test("ACT-61: a restart that takes its time keeps no other config from its work", async () => {
      await using slow = new Prepared();
      await using quick = new Prepared();
      quick.host.configure();
      const wait = `while kill -0 $PPID && { [ ! -L ${quick.host.destination}/latest ] || [ $(readlink ${quick.host.destination}/latest) != store/${two.digest} ]; }; do sleep 0.05; done`;
      const fake = fakeSystemctl(`[ $1 != restart ] || { ${wait}; }`);
      const words = ["fetch", "--jobs", "1", slow.host.file, quick.host.file];
      const { status } = await program.run(words, { env: fake.env });
      fake.remove();
      expect(status).toBe(0);
    });

    test("FET-75: a restart that is owed is done also when the origin fails", async () => {
      await using each = new Prepared(`${one.digest}\napp.service\n`);
      rmSync(join(each.host.originDirectory, "manifest"));
      const { status, orders } = await each.run(program);
      expect([status, orders]).toEqual([69, ["restart -- web.service"]]);
      expect(each.host.state()).toEqual(before);
    });

    test("FET-75: so it is when nothing matches", async () => {
      await using each = new Prepared(`${one.digest}\n`);
      each.host.configure({ Restart: "app.service", Version: "7.*" });
      const { status, orders } = await each.run(program);
      expect([status, orders]).toEqual([0, ["restart -- app.service"]]);
      expect(each.host.state()).toEqual(
        stateOf({ published: [one, two], store: [one], latest: one }),
      );
    });

    test("DST-62: a damaged record owes every unit for the image in use", async () => {
      await using stack = new AsyncDisposableStack();
      const damaged = ["", "\0".repeat(65), `${one.digest}\napp.ser`, "x".repeat(70_000)];
      const all = damaged.map((owed) => stack.use(new Prepared(owed)));
      for (const { host } of all) host.publish(one);
      const fake = fakeSystemctl();
      const words = ["fetch", ...all.map(({ host }) => host.file)];
      const { status } = await program.run(words, { env: fake.env });
      // They share their units, so each of these is restarted once (ACT-60).
      expect([status, fake.orders()]).toEqual([0, [both]]);
      fake.remove();
      for (const { host } of all) expect(host.state()).toEqual(before);
    });

    test("DST-61, DST-64: a record of a swap that never came owes nothing", async () => {
      await using each = new Prepared(`${two.digest}\n`);
      each.host.publish(one);
      const { status, calls } = await each.run(program);
      expect([status, calls]).toEqual([0, []]);
      expect(each.host.state()).toEqual(before);
    });

    test("FET-71: a swap writes the record anew, whatever was done for the image earlier", async () => {
      await using each = new Prepared(`${two.digest}\napp.service\nweb.service\n`);
      const { status, orders } = await each.run(program);
      expect([status, orders]).toEqual([0, [both]]);
      expect(each.host.state()).toEqual(current());
    });

    test("DST-60: a restart that is open for the image in use stays on record until the swap; killed in systemctl, the next run restarts", async () => {
      await using each = new Prepared(`${one.digest}\napp.service\n`);
      const killed = await each.run(program, "[ $1 != restart ] || kill -9 $PPID");
      expect([killed.status, killed.orders]).toEqual([137, [both]]);
      expect(each.host.state()).toEqual(current(`${two.digest}\n${one.digest}\napp.service\n`));

      const next = await each.run(program);
      expect([next.status, next.orders]).toEqual([0, [both]]);
      expect(each.host.state()).toEqual(current());
    });

    test("FET-55: a repaired image in use is restarted", async () => {
      await using each = new Prepared();
      each.host.publish(one);
      each.host.replace(`store/${one.digest}`, "damaged");
      const { status, orders } = await each.run(program);
      expect([status, orders]).toEqual([0, [both]]);
      expect(each.host.state()).toEqual(before);
    });

    test("FET-56, DST-66, FET-83: without an image in use nothing is restarted, and what is owed stays", async () => {
      await using each = new Prepared();
      each.host.publish(one);
      rmSync(join(each.host.originDirectory, "store", one.digest));
      each.host.replace(`store/${one.digest}`, "damaged");
      const { status, calls } = await each.run(program);
      expect([status, calls]).toEqual([69, []]);
      const owed = `${one.digest}\n`;
      expect(each.host.state()).toEqual(
        stateOf({ published: [one], store: [], files: { ".owed": owed } }),
      );

      // The image comes back in the start of a unit; what else runs is restarted by the next run.
      each.host.publish(one);
      await program.run(["fetch", "--init", each.host.file]);
      const next = await each.run(program);
      expect([next.status, next.orders]).toEqual([0, [both]]);
      expect(each.host.state()).toEqual(before);
    });

    test("FET-71, FET-79: without Restart= nothing is owed, and systemctl is never called", async () => {
      await using each = new Prepared(`${two.digest}\n`);
      each.host.configure();
      const { status, calls } = await each.run(program);
      expect([status, calls]).toEqual([0, []]);
      expect(each.host.state()).toEqual(current());
    });
  });
}

test("FET-76, FET-78: without a systemctl the restart stays owed, status 70", async () => {
  await using each = new Prepared();
  // The sources alone: the way in which the binary is started needs programs itself.
  const outcome = await programs[0]?.run(["fetch", each.host.file], { env: { PATH: "/nowhere" } });
  expect(outcome?.status).toBe(70);
  expect(outcome?.stderr).toContain("systemctl could not be run");
  expect(each.host.state()).toEqual(current(`${two.digest}\n`));
});
