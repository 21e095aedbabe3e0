// What is on disk about restarts, and when systemctl is called. The units themselves are proved in
// tests/systemd.

import { describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { createHost, stateOf } from "../support/host.ts";
import { type Program, programs } from "../support/program.ts";
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
    return { ...outcome, calls: fake.calls() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const fake of this.#fakes) fake.remove();
    this.host[Symbol.dispose]();
  }
}

const both = "restart -- app.service web.service";
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
      const look = `cd ${each.host.destination}
        cat .owed >> $LOG
        readlink latest >> $LOG
        flock -n .lock echo unlocked >> $LOG || echo locked >> $LOG`;
      const { status, stdout, stderr, calls } = await each.run(program, look);
      expect([status, stdout]).toEqual([0, `${each.host.file}: updated to 1.1.0\n`]);
      expect(stderr).toEndWith(`tako: ${each.host.file}: restarted app.service web.service\n`);
      expect(calls).toEqual([both, two.digest, `store/${two.digest}`, "locked"]);
      expect(each.host.state()).toEqual(current());

      // FET-79: nothing new, nothing owed, no call.
      const snapshot = each.host.snapshot();
      const next = await each.run(program);
      expect([next.status, next.calls]).toEqual([0, []]);
      expect(each.host.snapshot()).toEqual(snapshot);
    });

    test("FET-78, DST-60: after a failed call the active units are noted, and the next run restarts the others", async () => {
      await using each = new Prepared();
      const failing =
        'case $1 in restart) exit 1;; is-active) printf "failed\\nactive\\n"; exit 3;; esac';
      const { status, stderr, calls } = await each.run(program, failing);
      expect(status).toBe(70);
      expect(stderr).toContain("systemctl could not restart app.service");
      expect(calls).toEqual([both, "is-active -- app.service web.service"]);
      expect(each.host.state()).toEqual(current(`${two.digest}\nweb.service\n`));

      const next = await each.run(program);
      expect([next.status, next.calls]).toEqual([0, ["restart -- app.service"]]);
      expect(each.host.state()).toEqual(current());
    });

    test("FET-78: what is done stays done when the rest fails again", async () => {
      await using each = new Prepared(`${one.digest}\nweb.service\n`);
      each.host.publish(one);
      const failing = "case $1 in restart) exit 1;; is-active) echo failed; exit 3;; esac";
      const { status, calls } = await each.run(program, failing);
      expect(status).toBe(70);
      expect(calls).toEqual(["restart -- app.service", "is-active -- app.service"]);
      expect(each.host.state()).toEqual(
        stateOf({
          published: [one],
          latest: one,
          files: { ".owed": `${one.digest}\nweb.service\n` },
        }),
      );
    });

    test.each(["activating", "deactivating", "reloading", "inactive", "failed", "unknown", ""])(
      "FET-78: after a failed call a unit that is '%s' has not restarted",
      async (state) => {
        await using each = new Prepared();
        const failing = `case $1 in restart) exit 1;; is-active) printf '${state}\\nactive\\n'; exit 3;; esac`;
        const { status, stderr } = await each.run(program, failing);
        expect(status).toBe(70);
        expect(stderr).toContain("systemctl could not restart app.service");
        expect(each.host.state()).toEqual(current(`${two.digest}\nweb.service\n`));
      },
    );

    test("FET-75: a restart that is owed is done also when the origin fails", async () => {
      await using each = new Prepared(`${one.digest}\napp.service\n`);
      rmSync(join(each.host.originDirectory, "manifest"));
      const { status, calls } = await each.run(program);
      expect([status, calls]).toEqual([69, ["restart -- web.service"]]);
      expect(each.host.state()).toEqual(before);
    });

    test("FET-75: so it is when nothing matches", async () => {
      await using each = new Prepared(`${one.digest}\n`);
      each.host.configure({ Restart: "app.service", Version: "7.*" });
      const { status, calls } = await each.run(program);
      expect([status, calls]).toEqual([0, ["restart -- app.service"]]);
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
      expect([status, fake.calls()]).toEqual([0, [both, both, both, both]]);
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
      const { status, calls } = await each.run(program);
      expect([status, calls]).toEqual([0, [both]]);
      expect(each.host.state()).toEqual(current());
    });

    test("DST-60: a restart that is open for the image in use stays on record until the swap; killed in systemctl, the next run restarts", async () => {
      await using each = new Prepared(`${one.digest}\napp.service\n`);
      const killed = await each.run(program, "kill -9 $PPID");
      expect([killed.status, killed.calls]).toEqual([137, [both]]);
      expect(each.host.state()).toEqual(current(`${two.digest}\n${one.digest}\napp.service\n`));

      const next = await each.run(program);
      expect([next.status, next.calls]).toEqual([0, [both]]);
      expect(each.host.state()).toEqual(current());
    });

    test("FET-55: a repaired image in use is restarted", async () => {
      await using each = new Prepared();
      each.host.publish(one);
      each.host.replace(`store/${one.digest}`, "damaged");
      const { status, calls } = await each.run(program);
      expect([status, calls]).toEqual([0, [both]]);
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
      expect([next.status, next.calls]).toEqual([0, [both]]);
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
