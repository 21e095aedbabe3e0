// `tako pack` that is disturbed: killed at any moment, on a disk that is full, beside other runs. What is there stays right, and
// the next run does the rest (PCK-66, PCK-67).

import { describe, expect, test } from "bun:test";
import { mkdirSync, openSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { binary } from "../faults/binary.ts";
import { seeded } from "../faults/signals.ts";
import { sideBySide } from "../faults/sweep.ts";
import { needs } from "../support/needs.ts";
import { sources } from "../support/program.ts";
import { type Image, image, publishTo, write } from "../support/publishing.ts";
import { canMount, fillUp, mountTmpfs } from "../support/tmpfs.ts";
import { noise, Origin, patch, series, shell, wrongIn } from "./origins.ts";

const tools = needs("zstd", "python3", "zstandard");
const images = series(3, 60_000) as [Image, Image, Image];
const [first, second, newest] = images;
const program = sources();
const MIB = 1024 * 1024;

/** What a run that nothing disturbs leaves. */
const contents = (directory: string) => shell('cd "$1" && sha256sum *', join(directory, "store"));
const done = (async () => {
  await using origin = await Origin.of(images);
  await origin.run(program, "pack", "-o", "origin");
  return await contents(origin.directory);
})();

/** The most memory that a process had so far, in bytes. */
function peakOf(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "latin1");
    return Number(/^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
  } catch {
    // It has just ended.
    return 0;
  }
}

describe.skipIf(tools.missing)("a disturbed run of pack", () => {
  test("PCK-66, PCK-67: killed at any moment, it leaves no wrong file, and the next run does the rest", async () => {
    const random = seeded(20_261_126);
    const runs = Number(process.env["TAKO_PACK_KILLS"] ?? 16);
    const wrong: unknown[] = [];
    let killed = 0;
    await sideBySide(Array(runs).keys(), 2, async () => {
      await using origin = await Origin.of(images);
      for (let time = 0; time < 2; time++) {
        const child = Bun.spawn(binary.command(["pack", "-o", "origin"]), {
          cwd: origin.folder,
          stdio: ["ignore", "ignore", "ignore"],
        });
        await Bun.sleep(random() * 400);
        child.kill("SIGKILL");
        await child.exited;
        if (child.signalCode === "SIGKILL") killed += 1;
        wrong.push(...(await wrongIn(origin.directory, images)));
      }
      const { status } = await origin.run(program, "pack", "-o", "origin");
      if (status !== 0) wrong.push(status);
      if ((await contents(origin.directory)) !== (await done)) wrong.push(origin.names());
    });
    expect(wrong).toEqual([]);
    expect(killed).toBeGreaterThan(runs / 4);
  }, 180_000);

  test("PCK-67: two runs of pack and one of store at once", async () => {
    await using origin = await Origin.of(images.slice(0, 2));
    write(join(origin.folder, "image"), newest.content);
    await origin.run(program, "store", "-o", "origin", "image", newest.version);
    const more = image("2.0.0", `${newest.content}more`);
    write(join(origin.folder, "more"), more.content);
    const ended = await Promise.all([
      origin.run(program, "pack", "-o", "origin", "--json"),
      origin.run(program, "pack", "-o", "origin", "--json"),
      origin.run(program, "store", "-o", "origin", "more", more.version),
    ]);
    expect(
      ended.map(({ status, stderr }) => [status, stderr.replace(/^tako: .*\n/gm, "")]),
    ).toEqual([
      [0, ""],
      [0, ""],
      [0, ""],
    ]);
    const all = [...images, more];
    expect(await wrongIn(origin.directory, all)).toEqual([]);
    // Whatever one of them made, the other did not.
    const made = ended
      .slice(0, 2)
      .flatMap(({ stdout }) =>
        stdout.split("\n").filter((line) => line.includes('"event":"packed"')),
      );
    expect(new Set(made).size).toBe(made.length);
    expect(origin.names().filter((name) => name.endsWith(".new"))).toEqual([]);
    await origin.run(program, "pack", "-o", "origin");
    expect(origin.names()).toEqual(
      expect.arrayContaining([`${more.digest}.zst`, patch(newest, more), patch(first, second)]),
    );
    expect(await wrongIn(origin.directory, all)).toEqual([]);
  });

  test("PCK-67: what is made of an image that tako prune removes meanwhile is not kept, and that is no error", async () => {
    const old = image("1.0.0", noise(6_000_000, 1));
    const next = image("1.1.0", `${old.content.slice(0, 3_000_000)}${noise(3_000_000, 2)}`);
    await using origin = await Origin.of([old, next]);
    const name = patch(old, next);
    const child = origin.spawn(program, "pack", "--json", "-o", "origin", next.version);
    const made = Bun.file(origin.path(`.${name}.new`));
    while (child.exitCode === null && !(await made.exists())) await Bun.sleep(1);
    expect(child.exitCode).toBeNull();
    // In its order: the mark, the image, then what belongs to it.
    write(origin.path(`${old.digest}.gone`), `${old.digest}\n`);
    for (const gone of [old.digest, `.${name}.new`]) rmSync(origin.path(gone));
    expect(await child.exited).toBe(0);
    expect(origin.names()).toEqual(
      [`${old.digest}.gone`, next.digest, `${next.digest}.packed`, `${next.digest}.zst`].toSorted(),
    );
  });

  test("PCK-67: store --pack of two versions at once", async () => {
    await using origin = await Origin.of([first]);
    for (const each of [second, newest]) write(join(origin.folder, each.version), each.content);
    const ended = await Promise.all(
      [second, newest].map(({ version }) =>
        origin.run(program, "store", "--pack", "-o", "origin", version, version),
      ),
    );
    expect(ended.map(({ status }) => status)).toEqual([0, 0]);
    const manifest = readFileSync(join(origin.directory, "manifest"), "latin1");
    for (const { digest } of images) expect(manifest).toContain(digest);
    expect(await wrongIn(origin.directory, images)).toEqual([]);
  });

  test("PCK-66: what a run that is at work makes is no leftover", async () => {
    await using origin = await Origin.of(images);
    const name = `.${newest.digest}.zst.new`;
    write(origin.path(name), "half", 0o600);
    write(origin.path(`.${second.digest}.zst.new`), "half", 0o444);
    const holder = Bun.spawn(["flock", origin.path(name), "sleep", "2"]);
    await Bun.sleep(300);
    const run = origin.run(program, "pack", "-o", "origin");
    await Bun.sleep(1000);
    expect(readFileSync(origin.path(name), "latin1")).toBe("half");
    await holder.exited;
    const { status, stderr } = await run;
    expect([status, stderr]).toEqual([0, expect.stringContaining("tako: waiting for another run")]);
    expect(await contents(origin.directory)).toBe(await done);
  });

  test.skipIf(!canMount)(
    "PCK-66: a disk that is full at any page is status 74, and the run after it does the rest",
    async () => {
      const statuses: number[] = [];
      await sideBySide([0, 2, 4, 12, 14, 16, 26, 28, 60], 2, async (pages) => {
        await using origin = await Origin.of([]);
        const mount = join(origin.folder, "mount");
        mkdirSync(mount);
        await using tmpfs = await mountTmpfs(mount, MIB);
        publishTo(tmpfs.path, images);
        fillUp(tmpfs.path, pages * 4096);
        const { status, stderr } = await origin.run(program, "pack", "-o", tmpfs.path);
        statuses.push(status);
        if (status !== 0) expect([status, stderr]).toEqual([74, expect.stringMatching(/no space/)]);
        const store = readdirSync(join(tmpfs.path, "store"));
        expect(store.filter((name) => name.endsWith(".new"))).toEqual([]);
        expect(await wrongIn(tmpfs.path, images)).toEqual([]);
        rmSync(join(tmpfs.path, "filler"));
        expect((await origin.run(program, "pack", "-o", tmpfs.path)).status).toBe(0);
        expect(await contents(tmpfs.path)).toBe(await done);
      });
      expect([...new Set(statuses)].sort()).toEqual([0, 74]);
    },
  );

  test("PCK-73: memory is at most 1.2 times the images, and 256 MiB", async () => {
    const size = 100 * MIB;
    const old = noise(size, 5);
    const large = [
      image("1", old),
      image("2", old.slice(0, size / 2) + noise(MIB, 6) + old.slice(size / 2)),
    ];
    await using origin = await Origin.of(large);
    const log = openSync(join(origin.folder, "log"), "w");
    const child = Bun.spawn(binary.command(["pack", "-o", "origin", "--level=3"]), {
      cwd: origin.folder,
      stdio: ["ignore", log, log],
    });
    let peak = 0;
    while (child.exitCode === null) {
      peak = Math.max(peak, peakOf(child.pid));
      await Bun.sleep(10);
    }
    expect(await child.exited).toBe(0);
    const bytes = large.reduce((sum, { content }) => sum + content.length, 0);
    expect(peak).toBeGreaterThan(100 * MIB);
    expect(peak).toBeLessThan(1.2 * bytes + 256 * MIB);
    expect(origin.names()).toHaveLength(7);
  }, 120_000);
});
