// `tako prune` and `Keep=` on a host, by the program (spec/prune.md): what is left on disk, what is told, and what is not
// done. Which images may go is proved in spec/prune.spec.ts.

import { describe, expect, test } from "bun:test";
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { inject, record } from "../faults/strace.ts";
import { fakeSystemctl } from "../fetch/systemctl.ts";
import { type ConfigLines, createHost, type Host, stateOf } from "../support/host.ts";
import { needs } from "../support/needs.ts";
import { environment, inOnePlace, type Program, programs, sources } from "../support/program.ts";
import { image } from "../support/publishing.ts";

const [one, two, three, four] = [
  image("1.0.0"),
  image("1.1.0"),
  image("1.2.0"),
  image("1.3.0"),
] as const;
const all = [one, two, three, four];
const SIZE = one.content.length;
const foreign = image("foreign");
const partial = `store/${foreign.digest}.partial`;

/** 1.3.0 in use, all images here, and an origin that is away. */
function hostWith(lines: ConfigLines = {}, files: Readonly<Record<string, string>> = {}): Host {
  const host = createHost();
  host.configure(lines);
  host.install({ published: all, latest: four, files });
  rmSync(host.originDirectory, { recursive: true });
  return host;
}

const run = (program: Program, host: Host, ...words: readonly string[]) =>
  program.run(["prune", ...words], { cwd: host.folder });
const lastLine = (stdout: string) => JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
const shelved = ({ version, digest }: typeof one) => ({ version, sha256: digest, size: SIZE });

for (const program of programs) {
  describe.concurrent(program.name, () => {
    test("PRU-1, PRU-2, PRU-4, PRU-8: the oldest go, without the origin, and a partial download with them", async () => {
      using host = hostWith({}, { [partial]: "xxx", ".manifest.new": "x" });
      const { status, stdout, stderr } = await run(program, host, "--keep=1", "app.tako");
      expect([status, stdout]).toEqual([
        0,
        `app.tako: removed 1 image and 1 partial download, ${SIZE + 3} B; 3 images stay\n`,
      ]);
      expect(stderr).toBe(
        [
          `tako: app.tako: removed the partial download of ${foreign.digest.slice(0, 12)}, 3 B\n`,
          `tako: app.tako: removed 1.0.0, ${SIZE} B\n`,
        ].join(""),
      );
      expect(host.state()).toEqual(
        stateOf({ published: all, store: [two, three, four], latest: four }),
      );
      const again = await run(program, host, "--keep=1", "app.tako");
      expect(again).toEqual({
        status: 0,
        stdout: "app.tako: nothing to remove, 3 images stay\n",
        stderr: "",
      });
    });

    test("PRU-6: Keep= says how many, --keep counts more, and without either only what is left of downloads goes", async () => {
      using host = hostWith({ Keep: "1" });
      expect((await run(program, host, "--dry-run", "--keep=2", "app.tako")).stdout).toEndWith(
        "nothing to remove, 4 images stay\n",
      );
      expect((await run(program, host, "app.tako")).stdout).toContain("removed 1 image");
      using other = hostWith({}, { [partial]: "xxx" });
      const { status, stdout, stderr } = await run(program, other, "app.tako");
      expect([status, stdout]).toEqual([
        0,
        "app.tako: removed 1 partial download, 3 B; 4 images stay\n",
      ]);
      expect(stderr).toContain("All images stay: no Keep= in the config, and no --keep");
    });

    test("CLI-57: that nothing goes stands before why", async () => {
      using host = hostWith();
      expect((await run(inOnePlace(program), host, "app.tako")).stdout).toBe(
        "app.tako: nothing to remove, 4 images stay\n" +
          "  All images stay: no Keep= in the config, and no --keep, says how many may go.\n",
      );
    });

    test("PRU-9: a dry run says what would go and why the rest stays, and writes nothing", async () => {
      using host = hostWith({}, { ".hold": `${one.digest}\n`, [partial]: "xxx" });
      const before = host.snapshot();
      const { status, stdout, stderr } = await run(
        program,
        host,
        "--dry-run",
        "--keep=0",
        "app.tako",
      );
      expect([status, stderr]).toEqual([0, ""]);
      expect(stdout.split("\n")).toEqual([
        `app.tako: would remove the partial download of ${foreign.digest.slice(0, 12)} (in no version of the manifest), 3 B`,
        `app.tako: would remove 1.1.0, ${SIZE} B`,
        `app.tako: 1.3.0, ${SIZE} B, stays: in use`,
        `app.tako: 1.2.0, ${SIZE} B, stays: tako rollback leads to it`,
        `app.tako: 1.0.0, ${SIZE} B, stays: the host is held on it`,
        `app.tako: would remove 1 image and 1 partial download, ${SIZE + 3} B; 3 images stay`,
        "",
      ]);
      expect(host.snapshot()).toEqual(before);
      // Most of all where nothing would go.
      const nothing = await run(program, host, "--dry-run", "--keep=9", "app.tako");
      expect(nothing.stdout).toContain(`app.tako: 1.1.0, ${SIZE} B, stays: among the newest\n`);
    });

    test("PRU-2: what any link in the destination names stays", async () => {
      using host = hostWith();
      symlinkSync(`${host.destination}/store/${one.digest}`, host.path("mounted"));
      const { status } = await run(program, host, "--keep=0", "app.tako");
      expect(status).toBe(0);
      const digests = [one, three, four].map(({ digest }) => `store/${digest}`).sort();
      expect(Object.keys(host.state()).filter((name) => name.startsWith("store/"))).toEqual(
        digests,
      );
    });

    test("PRU-5: with an owed restart no image goes, and it is told", async () => {
      using host = hostWith({ Restart: "app.service" }, { ".owed": `${four.digest}\n` });
      const before = host.state();
      const { status, stdout, stderr } = await run(program, host, "--keep=0", "app.tako");
      expect([status, stdout]).toEqual([0, "app.tako: nothing to remove, 4 images stay\n"]);
      expect(stderr).toContain("no image is removed now: a restart is owed");
      expect(stderr).toContain('"tako fetch app.tako" brings that to its end.');
      expect(host.state()).toEqual(before);
    });

    test("PRU-11: what is no file by the name of an image stays", async () => {
      using host = hostWith();
      rmSync(host.path(`store/${one.digest}`));
      mkdirSync(host.path(`store/${one.digest}`));
      writeFileSync(host.path("store/notes"), "mine");
      const { status } = await run(program, host, "--keep=0", "app.tako");
      expect(status).toBe(0);
      expect(host.state()).toMatchObject({
        [`store/${one.digest}`]: "755 directory",
        "store/notes": expect.stringContaining("mine"),
      });
      expect(host.state()).not.toHaveProperty(`store/${two.digest}`);
    });

    test("PRU-12: JSON", async () => {
      using host = hostWith({}, { [partial]: "xxx" });
      const { stdout } = await run(program, host, "--json", "--keep=1", "app.tako");
      const [first, second] = stdout.split("\n").map((line) => JSON.parse(line || "null"));
      const left = { sha256: foreign.digest, size: 3 };
      expect(first).toEqual({ event: "removed", config: "app.tako", what: "partial", ...left });
      expect(second).toEqual({
        event: "removed",
        config: "app.tako",
        what: "image",
        ...shelved(one),
      });
      expect(lastLine(stdout)).toEqual({
        event: "result",
        config: "app.tako",
        outcome: "pruned",
        keep: 1,
        removed: [shelved(one)],
        partials: [left],
        kept: [
          { ...shelved(four), why: "in-use" },
          { ...shelved(three), why: "go-back" },
          { ...shelved(two), why: "newest" },
        ],
        freed: SIZE + 3,
        busy: null,
      });
    });

    test("PRU-13: quiet where nothing is removed; each config on its own", async () => {
      using host = hostWith();
      const other = host.config("other");
      host.write("wrong.tako", "Nothing=\n");
      const words = ["--quiet", "--keep=9", "app.tako", other];
      expect(await run(program, host, ...words)).toEqual({ status: 0, stdout: "", stderr: "" });
      writeFileSync(host.path(".owed"), `${four.digest}\n`);
      host.configure({ Restart: "app.service" });
      const busy = await run(program, host, "--quiet", "--keep=1", "app.tako");
      expect(busy.stderr).toContain("no image is removed now");
      rmSync(host.path(".owed"));
      const mixed = await run(program, host, "--keep=1", "wrong.tako", "app.tako");
      expect(mixed.status).toBe(2);
      expect(mixed.stdout).toStartWith("app.tako: removed 1 image");
      const usage = await run(program, host, "--keep=few", "app.tako");
      expect([usage.status, usage.stdout]).toEqual([2, ""]);
    });
  });
}

const program = sources();

describe("Keep= at the end of a fetch", () => {
  const fetch = async (host: Host, ...options: readonly string[]) => {
    const systemctl = fakeSystemctl();
    const outcome = await program.run(["fetch", ...options, host.file], { env: systemctl.env });
    systemctl.remove();
    return outcome;
  };
  const here = (host: Host) =>
    all.filter(({ digest }) => `store/${digest}` in host.state()).map(({ version }) => version);
  const updating = (lines: ConfigLines = {}, files: Readonly<Record<string, string>> = {}) => {
    const host = createHost();
    host.configure({ Restart: "app.service", Keep: "0", ...lines });
    host.publish(...all);
    host.install({ published: [one, two, three], latest: three, files });
    return host;
  };

  test("PRU-10: after the update, all but the image before", async () => {
    using host = updating();
    const { status, stdout, stderr } = await fetch(host);
    expect([status, stdout]).toEqual([0, `${host.file}: updated to 1.3.0\n`]);
    expect(stderr).toEndWith(
      `tako: ${host.file}: removed 1.0.0, ${SIZE} B\ntako: ${host.file}: removed 1.1.0, ${SIZE} B\n`,
    );
    expect(here(host)).toEqual(["1.2.0", "1.3.0"]);
    expect((await fetch(host)).stderr).toBe("");
  });

  test("PRU-10: not on hold, nor before the image is in use, nor in a dry run or one of --init", async () => {
    const kept = async (host: Host, ...options: readonly string[]): Promise<readonly string[]> => {
      await fetch(host, ...options);
      return here(host);
    };
    using held = updating({}, { ".hold": `${three.digest}\n` });
    expect(await kept(held)).toEqual(["1.0.0", "1.1.0", "1.2.0"]);
    using dry = updating();
    expect(await kept(dry, "--dry-run")).toEqual(["1.0.0", "1.1.0", "1.2.0"]);
    expect(await kept(dry, "--no-activate")).toEqual(["1.0.0", "1.1.0", "1.2.0", "1.3.0"]);
    expect(await kept(dry, "--init")).toEqual(["1.0.0", "1.1.0", "1.2.0", "1.3.0"]);
    using away = updating();
    rmSync(away.originDirectory, { recursive: true });
    expect(await kept(away)).toEqual(["1.0.0", "1.1.0", "1.2.0"]);
  });

  test("PRU-2: --no-activate and then tako prune leave what the next run puts into use", async () => {
    using host = updating();
    await fetch(host, "--no-activate");
    expect((await run(program, host, "app.tako")).status).toBe(0);
    expect(here(host)).toEqual(["1.1.0", "1.2.0", "1.3.0"]);
    rmSync(`${host.originDirectory}/store`, { recursive: true });
    expect((await fetch(host)).stdout).toEndWith("updated to 1.3.0\n");
  });

  test("PRU-10: not in the run that went back, and in the next one what did not work goes first", async () => {
    using host = updating({ WatchSec: "1", Keep: "1" }, { ".good": `${three.digest}\n` });
    const systemctl = fakeSystemctl(`if [ $1 = restart ]; then
      case $(readlink ${host.path("latest")}) in store/${four.digest})
        printf 'ActiveState=failed\\n' > $UNITS/app.service; exit 1;;
      *) rm -f $UNITS/app.service;; esac; fi`);
    const back = await program.run(["fetch", host.file], { env: systemctl.env });
    systemctl.remove();
    expect(back.status).toBe(75);
    expect(here(host)).toEqual(["1.0.0", "1.1.0", "1.2.0", "1.3.0"]);
    expect((await fetch(host)).status).toBe(0);
    expect(here(host)).toEqual(["1.0.0", "1.1.0", "1.2.0"]);
  });

  test("PRU-5, PRU-10: not while a unit is not restarted, and then by the run that restarts it", async () => {
    using host = updating();
    const systemctl = fakeSystemctl("[ $1 != restart ] || exit 1");
    const failed = await program.run(["fetch", host.file], { env: systemctl.env });
    systemctl.remove();
    expect(failed.status).toBe(70);
    expect(here(host)).toEqual(["1.0.0", "1.1.0", "1.2.0", "1.3.0"]);
    expect((await fetch(host)).status).toBe(0);
    expect(here(host)).toEqual(["1.2.0", "1.3.0"]);
  });

  test("PRU-11: what is none of ours stays, and is no trouble", async () => {
    using host = updating();
    rmSync(host.path(`store/${one.digest}`));
    symlinkSync("nowhere", host.path(`store/${one.digest}`));
    expect((await fetch(host)).status).toBe(0);
    expect(host.state()[`store/${one.digest}`]).toBe("-> nowhere");
  });
});

const tools = needs("strace");
describe.skipIf(tools.missing)("calls", () => {
  test("PRU-10: what cannot be removed is an error of the run, which has done all else", async () => {
    using host = createHost();
    host.configure({ Keep: "0" });
    host.publish(...all);
    host.install({ published: [one, two, three], latest: three });
    const words = program.command(["fetch", host.file]);
    const point = { name: "unlink", path: `store/${one.digest}`, nth: 1 };
    const command = { words, env: environment(), tree: host.destination };
    const { status, stderr } = await inject(command, point, "EIO", "1");
    expect(status).toBe(74);
    expect(stderr).toContain(`store/${one.digest}: cannot remove it: the device reports`);
    expect(host.state()["latest"]).toBe(`-> store/${four.digest}`);
  });

  test("PRU-1, PRU-8: no socket, the destination synced before the first removal and the store after the last", async () => {
    using host = hostWith({ Keep: "0" });
    const { status, calls } = await record({
      words: program.command(["prune", host.file]),
      env: environment(),
      tree: host.destination,
    });
    expect(status).toBe(0);
    const order = calls
      .filter(({ name, succeeded }) => succeeded && /^(fsync|unlink)/.test(name))
      .map(({ name, paths }) => `${name} ${paths[0]}`);
    expect(order).toEqual([
      "fsync .",
      `unlink store/${one.digest}`,
      `unlink store/${two.digest}`,
      "fsync store",
    ]);
    const strace = ["strace", "-f", "-e", "trace=socket,connect", "-o", host.at("sockets")];
    const sockets = Bun.spawnSync([...strace, ...program.command(["prune", host.file])], {
      env: environment(),
    });
    expect(sockets.exitCode).toBe(0);
    expect(host.read("sockets")).not.toContain("socket(");
  });
});
