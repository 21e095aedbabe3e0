// MinAge= (ACT-62 to ACT-69) with real times: what `.seen` holds, and when it is written. What follows from it is proved
// in spec/ages.spec.ts.

import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { record } from "../faults/strace.ts";
import { createHost, type Host, stateOf } from "../support/host.ts";
import { needs } from "../support/needs.ts";
import { environment, programs } from "../support/program.ts";
import { image } from "../support/publishing.ts";

const [one, two, three] = [image("1.0.0"), image("1.1.0"), image("1.2.0")];
const tools = needs("strace");
const HOUR = 3600;

/** A host with 1.0.0 in use, to which more is offered. */
function hostOffered(minAge: string, seen?: string): Host {
  const host = createHost();
  host.configure({ MinAge: minAge });
  host.publish(one, two, three);
  const files = seen === undefined ? {} : { ".seen": seen };
  host.install({ published: [one, two], store: [one], latest: one, files });
  return host;
}

function secondsNow(): number {
  return Math.ceil(Date.now() / 1000);
}

for (const program of programs) {
  describe.concurrent(program.name, () => {
    test("ACT-62, DST-90: the record has what is new, since now, until it is old enough; told is when that is", async () => {
      using host = hostOffered("2s", `${two.digest} ${secondsNow() + 1000 * HOUR}\n`);
      const before = secondsNow();
      const { status, stdout, stderr } = await program.run(["fetch", host.file]);
      const after = secondsNow();
      expect([status, stdout]).toEqual([0, `${host.file}: 1.0.0 is current\n`]);
      const [, second, third] =
        /^([0-9a-f]{64} \d+)\n([0-9a-f]{64} \d+)\n$/.exec(host.read("app/.seen")) ?? [];
      for (const [line, { digest }] of [
        [second, two],
        [third, three],
      ] as const) {
        const [hex, since] = line?.split(" ") ?? [];
        expect(hex).toBe(digest);
        expect(Number(since)).toBeWithin(before, after + 1);
      }
      const at = new Date((Number(third?.split(" ")[1]) + 2) * 1000).toISOString();
      const shown = at.replace("T", " ").replace(".000Z", " UTC");
      expect(stderr).toEndWith(
        `tako: ${host.file}: 1.2.0 is too young (MinAge=), and is taken from ${shown} on\n`,
      );
      expect(host.state()).toMatchObject({ latest: `-> store/${one.digest}` });

      await Bun.sleep(Number(third?.split(" ")[1]) * 1000 + 2000 - Date.now());
      const next = await program.run(["fetch", host.file]);
      expect([next.status, next.stdout]).toEqual([0, `${host.file}: updated to 1.2.0\n`]);
      expect(host.state()).toEqual(
        stateOf({
          published: [one, two, three],
          store: [one, three].toSorted(byDigest),
          latest: three,
        }),
      );
    });

    test("ACT-67: of several, the newest that is old enough", async () => {
      const now = secondsNow();
      using host = hostOffered("1h", `${two.digest} ${now - 2 * HOUR}\n`);
      const { status, stdout } = await program.run(["fetch", host.file]);
      expect([status, stdout]).toEqual([0, `${host.file}: updated to 1.1.0\n`]);
      expect(host.read("app/.seen")).toStartWith(`${three.digest} `);
    });

    test("ACT-68: with nothing in use, what is known longest, also for a unit that starts", async () => {
      const now = secondsNow();
      using host = hostOffered("1h", `${one.digest} ${now - 60}\n${two.digest} ${now - 120}\n`);
      rmSync(host.path("latest"));
      const { status, stdout, stderr } = await program.run(["fetch", "--init", host.file]);
      expect([status, stdout]).toEqual([0, `${host.file}: updated to 1.1.0\n`]);
      expect(stderr).toContain("1.2.0 is too young");
    });

    test("DST-92: a run that finds the record true does not write it again", async () => {
      using host = hostOffered("1h");
      expect((await program.run(["fetch", host.file])).status).toBe(0);
      const before = host.snapshot();
      const { status, stderr } = await program.run(["fetch", host.file]);
      expect(status).toBe(0);
      expect(stderr).toContain("1.2.0 is too young");
      expect(host.snapshot()).toEqual(before);
    });

    test("DST-91: a damaged record is told, makes all wait, and is written anew", async () => {
      using host = hostOffered("1h", `${two.digest}`);
      const { status, stdout, stderr } = await program.run(["fetch", host.file]);
      expect([status, stdout]).toEqual([0, `${host.file}: 1.0.0 is current\n`]);
      expect(stderr).toContain(
        `${host.path(".seen")} is damaged, and counts as having seen every version just now for the first time`,
      );
      const next = await program.run(["fetch", host.file]);
      expect([next.stdout, next.stderr.includes("damaged")]).toEqual([stdout, false]);
    });

    test("DST-27: what is no file in its place is an error, and stays", async () => {
      using host = hostOffered("1h");
      mkdirSync(host.path(".seen"));
      const { status, stderr } = await program.run(["fetch", host.file]);
      expect(status).toBe(74);
      expect(stderr).toContain(host.path(".seen"));
      expect(existsSync(host.path(".seen"))).toBe(true);
    });
  });
}

describe.skipIf(tools.missing)("the order of writes", () => {
  test("DST-92: the record is in place before the manifest", async () => {
    using host = hostOffered("1h");
    const [program] = programs;
    const words = program?.command(["fetch", host.file]) ?? [];
    const { status, calls } = await record({ words, env: environment(), tree: host.destination });
    expect(status).toBe(0);
    const places = [".seen", "manifest"].map((name) =>
      calls.findIndex((call) => call.name.startsWith("rename") && call.paths.includes(name)),
    );
    expect(places[0]).toBeGreaterThan(0);
    expect(places[1]).toBeGreaterThan(places[0] ?? Number.NaN);
  });
});

function byDigest(a: { digest: string }, b: { digest: string }): number {
  return a.digest < b.digest ? -1 : 1;
}
