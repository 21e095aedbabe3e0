// tako status (spec/status.md) on what real runs have left: what it says, what it does not touch, and its exit status.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, rmSync, statSync, truncateSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { binary } from "../faults/binary.ts";
import { needs } from "../support/needs.ts";
import { programs, sources } from "../support/program.ts";
import { image, manifestOf, secondKey, write } from "../support/publishing.ts";
import { canMount } from "../support/tmpfs.ts";
import { Fleet, one, three, two } from "./fleet.ts";

const program = sources();
const DAY = 86_400;

const schema = JSON.parse(
  readFileSync(join(import.meta.dir, "../../docs/schema/status.json"), "utf8"),
);
const isDocumented = new Ajv2020({ allErrors: true, allowUnionTypes: true }).compile(schema);

interface Told {
  readonly config: string;
  readonly severity: string;
  readonly states: readonly Record<string, unknown>[];
  readonly [field: string]: unknown;
}

/** Runs `tako status --json`, whose lines are as their schema has them (STS-22). */
async function told(fleet: Fleet, ...words: readonly string[]) {
  const { status, stdout, stderr } = await fleet.run(["status", "--json", ...words]);
  const results: Told[] = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  for (const result of results) {
    isDocumented(result);
    expect([result, isDocumented.errors]).toEqual([result, null]);
  }
  return { status, stderr, results };
}

/** The states of one config, without what differs from run to run. */
async function statesOf(fleet: Fleet, name: string, ...words: readonly string[]) {
  const { results } = await told(fleet, ...words, `${name}.tako`);
  return results[0]?.states;
}

for (const each of programs) {
  test(`STS-5, STS-20, STS-22: ${each.name}: a table for people, an object for programs`, async () => {
    using fleet = new Fleet(each);
    await fleet.fetched("app", [one, two, three], { Version: "1.*" });
    const bytes = two.content.length;
    const { status, stdout, stderr } = await fleet.run(["status", "app.tako"]);
    expect([status, stderr]).toEqual([0, ""]);
    const [age = ""] = /\d+ s ago/.exec(stdout) ?? [];
    const gap = " ".repeat(age.length - "CHECKED".length);
    expect(stdout).toBe(
      `NAME      IN USE  ALLOWED  NEWEST  PATTERN  DISK  ${gap}CHECKED  STATE\n` +
        `app.tako  1.1.0   1.1.0    2.0.0   1.*      ${bytes} B  ${age}  2.0.0 is beyond Version=\n` +
        `${gap}                                                           current\n`,
    );
    const manifest = fleet.host.at("app", "manifest");
    const { results } = await told(fleet, "app.tako");
    expect(results).toEqual([
      {
        ...{ event: "result", config: "app.tako", name: "app.tako", severity: "ok" },
        in_use: { version: "1.1.0", sha256: two.digest },
        ...{ pattern: "1.*", allowed: "1.1.0", newest: "2.0.0", versions: 3, images: 1, bytes },
        checked: { time: expect.any(Number), outcome: "ok", since: expect.any(Number) },
        manifest_changed: Math.floor(statSync(manifest).mtimeMs / 1000),
        states: [{ state: "beyond", version: "2.0.0" }, { state: "current" }],
      },
    ]);
  });
}

describe("a host with many states, whose origins have gone", () => {
  let fleet: Fleet;
  const names = ["damaged", "fine", "held", "owed", "skipped", "stale", "stale2"];
  beforeAll(async () => {
    fleet = new Fleet(program);
    await fleet.fetched("fine", [one]);
    await Promise.all([
      fleet.stale("stale"),
      fleet.stale("stale2"),
      fleet.damaged("damaged"),
      fleet.owed("owed"),
      fleet.held("held"),
      fleet.skipped("skipped"),
    ]);
    fleet.takeOriginsAway(...names);
  });
  afterAll(() => fleet[Symbol.dispose]());

  test("STS-1, STS-10, STS-12: each is told by its state, in the order of a directory", async () => {
    const { status, results } = await told(fleet, fleet.host.folder);
    const short = results.map(({ config, severity, states }) => [
      config.replace(/^.*\/|\.tako$/g, ""),
      severity,
      states.map(({ state }) => state),
    ]);
    expect([status, short]).toEqual([
      0,
      [
        ["damaged", "critical", ["damaged"]],
        ["fine", "ok", ["current"]],
        ["held", "ok", ["held"]],
        ["owed", "critical", ["restart-owed"]],
        ["skipped", "warning", ["skipped"]],
        ["stale", "ok", ["outage", "behind"]],
        ["stale2", "ok", ["outage", "behind"]],
      ],
    ]);
  });

  test("STS-10: with what belongs to it", async () => {
    expect(await statesOf(fleet, "damaged")).toEqual([
      { state: "damaged", version: "1.0.0", sha256: one.digest, in_use: true, missing: false },
    ]);
    expect(await statesOf(fleet, "fine", "--verify")).toEqual([{ state: "current" }]);
    expect(await statesOf(fleet, "held")).toEqual([{ state: "held", version: "1.0.0" }]);
    expect(await statesOf(fleet, "owed")).toEqual([
      { state: "restart-owed", units: ["app.service"], tries: 2 },
    ]);
    const reason = "app.service: failed (exit-code), status 3";
    expect(await statesOf(fleet, "skipped")).toEqual([
      { state: "skipped", version: "1.1.0", reason },
    ]);
    const message = expect.stringContaining(`store/${two.digest}: `);
    expect(await statesOf(fleet, "stale")).toEqual([
      { state: "outage", kind: "origin", message, since: expect.any(Number) },
      { state: "behind", version: "1.1.0", here: false, missing: 19 },
    ]);
  });

  test("STS-20: and in words", async () => {
    const { stdout } = await fleet.run(["status", fleet.host.folder]);
    for (const words of [
      "  damaged: the image of 1.0.0, in use, is not as the manifest has it\n",
      "  current\n",
      "  held on 1.0.0\n",
      "  restart owed: app.service (2 tries)\n",
      "  1.1.0 is skipped, it did not work here: app.service: failed (exit-code), status 3\n",
      "  behind: 1.1.0 is not fetched yet, 19 B\n",
      "  origin not reachable since 20",
    ]) {
      expect(stdout).toContain(words);
    }
    // Every column begins at one place.
    const heads = stdout.slice(0, stdout.indexOf("\n"));
    const rows = stdout.split("\n").slice(1, -1);
    for (const row of rows) expect(row[heads.indexOf("STATE") - 1]).toBe(" ");
  });

  test("STS-14: --quiet shows what wants a person, and nothing else", async () => {
    const quiet = await fleet.run(["status", "--quiet", fleet.host.folder]);
    const rows = quiet.stdout
      .match(/^\S+\.tako/gm)
      ?.map((file) => file.replace(/.*\/|\.tako$/g, ""));
    expect([quiet.status, rows]).toEqual([0, ["damaged", "owed", "skipped"]]);
    const json = await told(fleet, "--quiet", "fine.tako", "damaged.tako");
    expect(json.results.map(({ config }) => config)).toEqual(["damaged.tako"]);
    const nothing = await fleet.run(["status", "--quiet", "fine.tako", "held.tako"]);
    expect([nothing.stdout, nothing.stderr, nothing.status]).toEqual(["", "", 0]);
    expect((await fleet.run(["status", "--quiet", "--format=nagios"])).status).toBe(2);
  });

  test("STS-12, STS-25: --exit-code is 1 where something wants a person", async () => {
    const status = async (...names: readonly string[]) =>
      (await fleet.run(["status", "--exit-code", ...names.map((name) => `${name}.tako`)])).status;
    expect(await Promise.all([status("fine"), status("held", "stale")])).toEqual([0, 0]);
    expect(await Promise.all([status("fine", "skipped"), status("damaged")])).toEqual([1, 1]);
  });

  test("STS-24, STS-25: as a plugin of Nagios, 0 to 3", async () => {
    const nagios = async (...names: readonly string[]) =>
      await fleet.run(["status", "--format=nagios", ...names.map((name) => `${name}.tako`)]);
    const fine = await nagios("fine", "held");
    expect(fine.status).toBe(0);
    expect(fine.stdout).toMatch(
      /^TAKO OK - 2 configs in order \| configs=2;;;0 attention=0;;;0;2 behind=0;;;0;2 held=1;;;0;2 damaged=0;;;0;2 disk=\d+B;;;0 check_age=\d+s;;;0\n$/,
    );
    expect((await nagios("skipped")).status).toBe(1);
    const bad = await nagios("missing", "skipped", "fine", "damaged");
    expect(bad.status).toBe(2);
    const [first = "", ...more] = bad.stdout.trimEnd().split("\n");
    expect(first).toMatch(
      /^TAKO CRITICAL - damaged.tako: damaged: .* \(and 2 more\) \| configs=4;/,
    );
    expect(first.split("|")).toHaveLength(2);
    expect(more.map((line) => line.split(":")[0])).toEqual([
      "damaged.tako",
      "missing.tako",
      "skipped.tako",
    ]);
    const unknown = await nagios("missing", "skipped");
    expect([unknown.status, unknown.stdout.slice(0, 12)]).toEqual([3, "TAKO UNKNOWN"]);
  });

  const tools = needs("strace");
  test.skipIf(tools.missing)(
    "STS-2: no socket, no lock, no other program, and nothing is written",
    async () => {
      const before = ["fine", "damaged", "owed"].map((name) => treeOf(fleet.host.at(name)));
      for (const words of [
        ["status", fleet.host.folder],
        ["status", "--verify", "--format=prometheus", fleet.host.folder],
        ["list", "skipped.tako"],
      ]) {
        const trace = fleet.host.at("trace");
        const watched = "trace=%network,flock,execve,openat,rename,unlink,mkdir,symlink";
        const strace = ["strace", "-f", "-qq", "-e", watched, "-o", trace];
        const child = Bun.spawn([...strace, ...binary.command(words)], {
          cwd: fleet.host.folder,
          stdio: ["ignore", "ignore", "ignore"],
        });
        await child.exited;
        const calls = readFileSync(trace, "latin1").split("\n");
        expect(calls.length).toBeGreaterThan(20);
        // The first call is that of the program itself.
        const changing = calls
          .slice(1)
          .filter((call) => !/ (openat)\(/.test(call) || /O_WRONLY|O_RDWR|O_CREAT/.test(call))
          .filter(
            (call) =>
              / \w+\(/.test(call) && !/"\/(dev|proc)\/|\/counters\/|\.pile"|= -1 ENOENT/.test(call),
          );
        expect(changing).toEqual([]);
      }
      expect(["fine", "damaged", "owed"].map((name) => treeOf(fleet.host.at(name)))).toEqual(
        before,
      );
    },
  );
});

/** All names below a directory, with the times at which they changed. */
function treeOf(directory: string): string {
  return Bun.spawnSync(["find", directory, "-printf", "%p %T@ %C@ %s %m\n"]).stdout.toString();
}

describe("other states", () => {
  test("STS-10: no image yet, one that is here and not in use, a partial download", async () => {
    using fleet = new Fleet(program);
    fleet.config("new", [one]);
    expect(await statesOf(fleet, "new")).toEqual([{ state: "no-image" }]);
    const file = await fleet.fetched("window", [one]);
    fleet.publish("window", one, two);
    await fleet.run(["fetch", "--no-activate", file]);
    expect(await statesOf(fleet, "window")).toEqual([
      { state: "behind", version: "1.1.0", here: true, missing: 0 },
    ]);
    fleet.publish("window", one, two, three);
    rmSync(`${fleet.origin("window")}/store/${three.digest}`);
    await fleet.run(["fetch", file]);
    write(fleet.host.at("window", "store", `${three.digest}.partial`), three.content.slice(0, 5));
    expect(await statesOf(fleet, "window")).toContainEqual({
      ...{ state: "partial", version: "2.0.0", bytes: 5, size: three.content.length },
    });
  });

  test("STS-4, STS-10: damage that the size does not show, and a foreign key, are found by --verify", async () => {
    using fleet = new Fleet(program);
    const file = await fleet.fetched("app", [one]);
    fleet.publish("app", one, two);
    await fleet.run(["fetch", file]);
    const path = fleet.host.at("app", "store", one.digest);
    write(path, one.content.toUpperCase(), 0o444);
    fleet.host.config("app", { PublicKey: secondKey.public });
    expect(await statesOf(fleet, "app")).toEqual([{ state: "current" }]);
    expect(await statesOf(fleet, "app", "--verify")).toEqual([
      { state: "damaged", version: "1.0.0", sha256: one.digest, in_use: false, missing: false },
      { state: "foreign" },
      { state: "current" },
    ]);
    rmSync(fleet.host.at("app", "store", two.digest));
    expect(await statesOf(fleet, "app")).toEqual([
      { state: "damaged", version: "1.1.0", sha256: two.digest, in_use: true, missing: true },
    ]);
  });

  test("STS-13: an outage, a freeze and nothing new are told apart", async () => {
    using fleet = new Fleet(program);
    const now = Math.floor(Date.now() / 1000);
    await fleet.fetched("app", [one]);
    const look = (line: string) => write(fleet.host.at("app", ".checked"), line);
    const states = async () => (await statesOf(fleet, "app"))?.map(({ state }) => state);
    expect(await states()).toEqual(["current"]);
    const old = now - 31 * DAY;
    utimesSync(fleet.host.at("app", "manifest"), old, old);
    expect(await statesOf(fleet, "app")).toEqual([
      { state: "no-news", since: old },
      { state: "current" },
    ]);
    look(`${now} origin ${now - 3 * DAY} no route\n`);
    const outage = { state: "outage", kind: "origin", message: "no route", since: now - 3 * DAY };
    expect(await statesOf(fleet, "app")).toEqual([outage, { state: "current" }]);
    expect((await fleet.run(["status", "--exit-code", "app.tako"])).status).toBe(1);
    look(`${now - 3 * DAY} ok ${now - 9 * DAY}\n`);
    expect(await states()).toEqual(["unchecked", "current"]);
    look("garbage");
    expect((await told(fleet, "app.tako")).results[0]?.["checked"]).toBeNull();
  });

  test("STS-10: what is not authentic is told at once", async () => {
    using fleet = new Fleet(program);
    const file = await fleet.fetched("app", [one]);
    write(
      `${fleet.origin("app")}/manifest`,
      fleet.host.read("app.origin/manifest").replace("1.0.0", "1.0.1"),
    );
    expect((await fleet.run(["fetch", file])).status).toBe(65);
    const { results } = await told(fleet, "app.tako");
    expect(results[0]?.severity).toBe("critical");
    expect(results[0]?.states[0]).toMatchObject({ state: "rejected", kind: "signature" });
  });

  test("STS-10: a version that is too young, a pattern without a match, a damaged record, an image on trial", async () => {
    using fleet = new Fleet(program);
    const file = await fleet.fetched("app", [one], { MinAge: "1d" });
    fleet.publish("app", one, two);
    await fleet.run(["fetch", file]);
    const [waiting, current] = (await statesOf(fleet, "app")) ?? [];
    expect([waiting?.["state"], waiting?.["version"], current]).toEqual([
      "waiting",
      "1.1.0",
      { state: "current" },
    ]);
    expect(Number(waiting?.["at"]) * 1000 - Date.now()).toBeGreaterThan((DAY - 600) * 1000);

    fleet.host.config("app", { Version: "7.*" });
    write(fleet.host.at("app", ".refused"), "x\n");
    expect(await statesOf(fleet, "app")).toEqual([
      { state: "no-match", pattern: "7.*", offered: ["1.1.0", "1.0.0"] },
      {
        state: "record",
        message: expect.stringContaining("app/.refused is damaged, and counts as empty"),
      },
    ]);
    rmSync(fleet.host.at("app", ".refused"));
    fleet.host.config("app", { Restart: "app.service", WatchSec: "1", Version: "1.0.*" });
    expect(await statesOf(fleet, "app")).toEqual([
      { state: "on-trial", version: "1.0.0" },
      { state: "beyond", version: "1.1.0" },
    ]);
  });
});

describe("what cannot be looked at", () => {
  test("STS-3, STS-25: is a row with its error, and the others have theirs", async () => {
    using fleet = new Fleet(program);
    await fleet.fetched("fine", [one]);
    fleet.host.write("broken.tako", "Origin=x\nVersion=\n");
    fleet.config("gone", [one]);
    rmSync(fleet.host.at("gone"), { recursive: true });
    await fleet.fetched("planted", [one]);
    mkdirSync(fleet.host.at("planted", ".owed"));
    const names = ["broken", "fine", "gone", "planted"].map((name) => `${name}.tako`);
    const { status, stdout } = await fleet.run(["status", ...names]);
    expect(status).toBe(74);
    expect(stdout).toContain("line 1: invalid origin: expected a URL with the scheme");
    expect(stdout).toContain(`${fleet.host.at("gone")}: there is no such directory\n`);
    expect(stdout).toContain("planted/.owed: it is not a regular file\n");
    expect(stdout).toMatch(/\nfine.tako .* current\n/);

    const { results, stderr, status: json } = await told(fleet, ...names);
    expect([json, results.map(({ severity }) => severity)]).toEqual([
      74,
      ["unknown", "ok", "unknown", "unknown"],
    ]);
    expect(results[0]?.["errors"]).toContainEqual(
      expect.objectContaining({ kind: "config", line: 1 }),
    );
    expect(stderr).toContain("broken.tako:1: invalid origin");
    expect((await fleet.run(["status", "broken.tako"])).status).toBe(2);
  });

  test("STS-3, DST-27: a link in the place of the manifest or the image in use is not followed", async () => {
    using fleet = new Fleet(program);
    await fleet.fetched("app", [one]);
    const path = fleet.host.at("app", "store", one.digest);
    rmSync(path);
    Bun.spawnSync(["ln", "-s", "/etc/passwd", path]);
    const { stdout, status } = await fleet.run(["status", "app.tako"]);
    expect(status).toBe(74);
    expect(stdout).toContain(`${path}: it is not a regular file\n`);
  });

  test.skipIf(!canMount)(
    "STS-1: without a CONFIG, /etc/tako, whose configs have short names",
    async () => {
      using fleet = new Fleet(program);
      const file = await fleet.fetched("app", [one]);
      const script = `mount -t tmpfs tmpfs /etc && mkdir /etc/tako && cp ${file} /etc/tako && shift 0 && exec "$@"`;
      const run = (...words: readonly string[]) =>
        Bun.spawnSync(["unshare", "--mount", "sh", "-c", script, "sh", ...program.command(words)]);
      expect(run("status").stdout.toString()).toMatch(/\napp +1\.0\.0 .* current\n$/);
      expect(run("status", "app").stdout.toString()).toMatch(/\napp +1\.0\.0 .* current\n$/);
    },
  );

  test("STS-22: wrong usage", async () => {
    using fleet = new Fleet(program);
    for (const words of [["--format=xml"], ["--json", "--format=table"], ["--format="]]) {
      const { status, stdout } = await fleet.run(["status", ...words]);
      expect([words, status, stdout]).toEqual([words, 2, ""]);
    }
  });

  const python = needs("python3");
  test.skipIf(python.missing)("STS-6: the memory does not grow with the configs", async () => {
    using fleet = new Fleet(program);
    const older = Array.from({ length: 10_000 }, (_, minor) => `0.${minor} 1 ${one.digest}`);
    const manifest = manifestOf([...older, one]);
    const files = Array.from({ length: 30 }, (_, index) => {
      const file = fleet.host.config(`app${index}`);
      write(fleet.host.at(`app${index}`, "manifest"), manifest);
      return file;
    });
    const measure = `import resource, subprocess, sys
status = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
print(status, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)`;
    const peak = (count: number) => {
      const words = binary.command(["status", ...files.slice(0, count)]);
      const run = Bun.spawnSync(["python3", "-c", measure, ...words], { cwd: fleet.host.folder });
      const [status, mib] = run.stdout.toString().split(" ").map(Number);
      expect(status).toBe(0);
      return mib ?? 0;
    };
    const [some, many] = [peak(10), peak(30)];
    expect(some).toBeGreaterThan(20);
    // Each has a manifest of a megabyte, whose decoded form takes several.
    expect(many).toBeLessThan(some + 40);
  });

  test("STS-4: of versions that share an image, each is here, and the disk has it once", async () => {
    using fleet = new Fleet(program);
    const again = image("1.0.1", one.content);
    await fleet.fetched("app", [one, again]);
    const { results } = await told(fleet, "app.tako");
    expect([results[0]?.["images"], results[0]?.["bytes"]]).toEqual([2, one.content.length]);
    const du = Bun.spawnSync([
      "find",
      fleet.host.at("app", "store"),
      "-type",
      "f",
      "-printf",
      "%s\n",
    ]);
    expect(du.stdout.toString()).toBe(`${one.content.length}\n`);
    truncateSync(fleet.host.at("app", "store", one.digest), 0);
    expect((await statesOf(fleet, "app"))?.map(({ version }) => version)).toEqual(["1.0.1"]);
  });
});
