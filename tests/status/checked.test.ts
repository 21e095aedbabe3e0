// `.checked`, what a run keeps of its look for news (spec/destination.md, DST-110 to DST-114), as files on a disk.

import { describe, expect, test } from "bun:test";
import { lstatSync, mkdirSync, renameSync, rmSync, symlinkSync, utimesSync } from "node:fs";
import { fakeSystemctl } from "../fetch/systemctl.ts";
import { createHost, type Host } from "../support/host.ts";
import { programs, sources } from "../support/program.ts";
import { image, write } from "../support/publishing.ts";

const [one, two] = [image("1.0.0"), image("1.1.0")];
const checked = (host: Host) => host.read("app/.checked");
/** A time long ago, in place of that of the last run. */
const setBack = (host: Host, line: string) => write(host.path(".checked"), line);

for (const program of programs) {
  test(`DST-110, DST-111: ${program.name}: how a look for news ended, and since when looks end so`, async () => {
    using host = createHost();
    host.publish(one);
    const start = Math.floor(Date.now() / 1000);
    expect((await program.run(["fetch", host.file])).status).toBe(0);
    const [, time = "", since] = /^(\d{10}) ok (\d{10})\n$/.exec(checked(host)) ?? [];
    expect(since).toBe(time);
    expect(Number(time)).toBeGreaterThanOrEqual(start);
    expect(Number(time)).toBeLessThanOrEqual(Math.floor(Date.now() / 1000));
    expect(lstatSync(host.path(".checked")).mode & 0o7777).toBe(0o644);

    setBack(host, "1700000000 ok 1600000000\n");
    await program.run(["fetch", host.file]);
    expect(checked(host)).toMatch(/^\d{10} ok 1600000000\n$/);

    renameSync(host.originDirectory, `${host.originDirectory}.away`);
    expect((await program.run(["fetch", host.file])).status).toBe(69);
    // The same number twice: this look is the first of its kind.
    expect(checked(host)).toMatch(/^(\d{10}) origin \1 \S*\/origin\/manifest: .+\n$/);

    setBack(host, "1700000000 stale 1600000000 x\n");
    await program.run(["fetch", host.file]);
    expect(checked(host)).toMatch(/^\d{10} origin 1600000000 /);
  });

  test(`DST-115, FET-53, FET-115, STS-10, STS-38: ${program.name}: a version that was withdrawn is said to be, and asked for again`, async () => {
    using host = createHost();
    host.publish(one, two);
    const away = host.at("origin", "store", two.digest);
    renameSync(away, `${away}.kept`);
    write(`${away}.gone`, `${two.digest}\n`);
    const run = async (...args: string[]) => (await program.run([...args, host.file])).stdout;
    const listed = async () =>
      JSON.parse(await run("list", "--json")).versions.map(
        ({ next, withdrawn }: { next: boolean; withdrawn?: boolean }) => [next, withdrawn ?? false],
      );
    expect(await run("fetch", "--dry-run")).toBe(
      `${host.file}: would download 1.1.0\n${host.file}: would activate 1.1.0\n`,
    );
    expect(await run("fetch")).toContain("updated to 1.0.0");
    expect(checked(host)).toMatch(new RegExp(`^\\d{10} ok \\d{10}\\ngone ${two.digest}\\n$`));
    expect(JSON.parse(await run("status", "--json")).states).toEqual([
      { state: "withdrawn", version: "1.1.0" },
      { state: "current" },
    ]);
    expect(await listed()).toEqual([
      [false, false],
      [false, true],
    ]);
    expect(await run("fetch", "--dry-run")).toBe(`${host.file}: 1.0.0 is current\n`);

    renameSync(host.originDirectory, `${host.originDirectory}.away`);
    await run("fetch");
    expect(checked(host)).toEndWith(`\ngone ${two.digest}\n`);
    renameSync(`${host.originDirectory}.away`, host.originDirectory);

    renameSync(`${away}.kept`, away);
    // Asked for by a run alone.
    expect(await run("fetch", "--dry-run")).toBe(`${host.file}: 1.0.0 is current\n`);
    expect(await run("fetch")).toContain("updated to 1.1.0");
    expect(checked(host)).not.toContain("gone");
    expect(await listed()).toEqual([
      [false, false],
      [false, false],
    ]);
  });
}

describe("sources", () => {
  const program = sources();

  test("DST-111: an image that cannot be had is no look that went well", async () => {
    using host = createHost();
    host.publish(one);
    rmSync(host.at("origin", "store", one.digest));
    expect((await program.run(["fetch", host.file])).status).toBe(69);
    expect(checked(host)).toMatch(/^\d+ origin \d+ \S*\/store\/[0-9a-f]{64}: cannot read it/);
  });

  test("DST-111: a manifest that is not authentic has its kind", async () => {
    using host = createHost();
    host.publish(one);
    host.write("origin/manifest", `${host.read("origin/manifest").replace("1.0.0", "1.0.1")}`);
    expect((await program.run(["fetch", host.file])).status).toBe(65);
    expect(checked(host)).toMatch(
      /^\d+ signature \d+ .*not signed by any of the given public keys\n$/,
    );
  });

  test("DST-111: --init keeps it, too, also where the error is but a warning", async () => {
    using host = createHost();
    host.publish(one);
    expect((await program.run(["fetch", "--init", host.file])).status).toBe(0);
    expect(checked(host)).toMatch(/^\d+ ok \d+\n$/);
    renameSync(host.originDirectory, `${host.originDirectory}.away`);
    // An image that others could change sends the run to the origin.
    expect(Bun.spawnSync(["chmod", "666", host.path(`store/${one.digest}`)]).success).toBe(true);
    expect((await program.run(["fetch", "--init", host.file])).status).toBe(0);
    expect(checked(host)).toMatch(/^\d+ origin \d+ /);
  });

  test("DST-112: how many runs could not do a restart that is owed", async () => {
    using host = createHost();
    host.publish(one, two);
    host.configure({ Restart: "app.service" });
    host.install({ published: [one], latest: one });
    const failing = fakeSystemctl(
      `if [ $1 = restart ]; then echo ActiveState=failed > $UNITS/app.service; exit 1; fi`,
    );
    const run = (fake = failing, ...options: string[]) =>
      program.run(["fetch", ...options, host.file], { env: fake.env });
    for (const count of [1, 2, 3]) {
      expect((await run()).status).toBe(70);
      expect(checked(host)).toMatch(new RegExp(`^\\d+ ok \\d+\\n${two.digest} ${count}\\n$`));
    }
    expect((await run(failing, "--no-activate")).status).toBe(0);
    expect(checked(host)).toEndWith(`\n${two.digest} 3\n`);

    const working = fakeSystemctl();
    expect((await run(working)).status).toBe(0);
    expect(checked(host)).toMatch(/^\d+ ok \d+\n$/);
    failing.remove();
    working.remove();
  });

  test("DST-113: a damaged one counts as absent, and is replaced", async () => {
    using host = createHost();
    host.publish(one);
    for (const text of ["", "\0\0\0\0", "1 ok 1", "x".repeat(3_000_000)]) {
      setBack(host, text);
      const { status, stderr } = await program.run(["fetch", host.file]);
      expect([status, stderr.includes(".checked")]).toEqual([0, false]);
      expect(checked(host)).toMatch(/^(\d{10}) ok \1\n$/);
    }
  });

  test.each([
    ["a directory", (path: string) => mkdirSync(path)],
    ["a link", (path: string) => symlinkSync("/dev/null", path)],
    ["a FIFO", (path: string) => Bun.spawnSync(["mkfifo", path])],
  ])("DST-114: %s in its place changes nothing of a run, and stays", async (_, plant) => {
    using host = createHost();
    host.publish(one);
    plant(host.path(".checked"));
    const { ino, ctimeMs } = lstatSync(host.path(".checked"));
    const { status, stderr } = await program.run(["fetch", host.file]);
    expect([status, stderr.includes("warning")]).toEqual([0, false]);
    expect(host.state()["latest"]).toBe(`-> store/${one.digest}`);
    const after = lstatSync(host.path(".checked"));
    expect([after.ino, after.ctimeMs]).toEqual([ino, ctimeMs]);
  });

  test("DST-114: a run that does not look keeps it; a dry run writes none", async () => {
    using host = createHost();
    host.publish(one);
    await program.run(["fetch", host.file]);
    utimesSync(host.path(".checked"), 1, 1);
    const before = host.everything();
    expect((await program.run(["fetch", "--dry-run", host.file])).status).toBe(0);
    expect((await program.run(["fetch", "--init", host.file])).status).toBe(0);
    expect(host.everything()).toEqual(before);
    for (const command of ["hold", "release"]) await program.run([command, host.file]);
    expect(host.everything()[".checked"]).toBe(before[".checked"]!);
  });
});
