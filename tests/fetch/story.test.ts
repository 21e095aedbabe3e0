// Runs of `tako fetch` and of what is done by hand, in this very process: how each ends, what is told, and what is on disk
// after it, where the origin has news, none, or is away. The same by the program is in the files beside this one.

import { expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { hold } from "../../src/commands/by-hand/hold.ts";
import { release } from "../../src/commands/by-hand/release.ts";
import { rollback } from "../../src/commands/by-hand/rollback.ts";
import { withRoom } from "../../src/commands/fetch/carry-out.ts";
import { loadConfigs } from "../../src/commands/fetch/configs.ts";
import { fetchAll } from "../../src/commands/fetch/fetch.ts";
import { Member } from "../../src/commands/fetch/member.ts";
import { startRun } from "../../src/commands/fetch/run.ts";
import { parseSha256Hex } from "../../src/core/digest.ts";
import { TakoError } from "../../src/core/error.ts";
import { systemClock } from "../../src/shell/clock.ts";
import { lockDestination, openDestination } from "../../src/shell/destination.ts";
import { storageError } from "../../src/shell/disk/storage-error.ts";
import { LargeManifests } from "../../src/shell/origin/manifest-room.ts";
import { type ConfigLines, type Contents, stateOf } from "../support/host.ts";
import { image, key, manifestOf, secondKey, write } from "../support/publishing.ts";
import { Bench } from "./bench.ts";

const [one, two, three] = [image("1.0.0"), image("1.1.0"), image("1.2.0")];

/** A host that has 1.0.0 in use, unless told; the origin has 1.1.0, too. */
class Story extends Bench {
  constructor(lines: ConfigLines = {}, contents: Contents = { published: [one], latest: one }) {
    super(lines);
    this.host.publish(one, two);
    this.host.install(contents);
  }

  /** The origin is away from now on. */
  leave(): void {
    rmSync(this.host.originDirectory, { recursive: true });
  }

  get inUse(): string | undefined {
    return this.host.state()["latest"];
  }

  /** Events in short: their names, and what they are about. */
  told(events = this.events): readonly string[] {
    return events
      .filter(({ event }) => event !== "progress")
      .map((event) => {
        if (event.event === "would") return `would ${event.action} ${event.what}`;
        if (event.event === "manifest") return `manifest ${event.state}`;
        if (event.event === "warning") return `warning ${event.message}`;
        return "version" in event ? `${event.event} ${event.version}` : event.event;
      });
  }
}

const uses = ({ digest }: typeof one) => `-> store/${digest}`;
const errorOf = ({ result }: Pick<Awaited<ReturnType<Bench["fetch"]>>, "result">) =>
  result.outcome === "failed" ? result.errors[0] : undefined;

test("FET-20, FET-33, FET-70: an update, its events, and nothing to do after it", async () => {
  using each = new Story();
  const { result, events } = await each.fetch();
  expect(result).toMatchObject({ outcome: "updated", version: "1.1.0", sha256: two.digest });
  expect(each.told(events)).toEqual([
    "manifest updated",
    "download 1.1.0",
    "downloaded 1.1.0",
    "activated 1.1.0",
  ]);
  expect(each.host.state()).toEqual(stateOf({ published: [one, two], latest: two }));
  // Nothing is left that would look at a time.
  expect(each.limits.size).toBe(0);
  const snapshot = each.host.snapshot();
  const next = await each.fetch();
  expect(next.result).toMatchObject({ outcome: "current", version: "1.1.0" });
  expect(each.told(next.events)).toEqual(["manifest unchanged"]);
  expect(each.host.snapshot()).toEqual(snapshot);
});

test("FET-24, FET-26, FET-27: without the origin an allowed image that is here is used, and the error stands", async () => {
  using each = new Story({ Version: "1.0.*" }, { published: [one, two], latest: two });
  each.leave();
  const { result, events } = await each.fetch();
  expect(errorOf({ result })?.kind).toBe("origin");
  expect(each.told(events)).toEqual(["manifest local", "activated 1.0.0"]);
  expect(each.inUse).toBe(uses(one));
});

test("FET-24: without a local manifest of a key of the config, the origin's error stands alone", async () => {
  for (const contents of [{}, { published: [one], latest: one, signer: secondKey }]) {
    using each = new Story({}, contents);
    each.leave();
    const { result, events } = await each.fetch();
    expect([errorOf({ result })?.kind, each.told(events)]).toEqual(["origin", []]);
  }
});

test("FET-34: a manifest that is older than the local one is stale, and the local one counts", async () => {
  using each = new Story({}, { published: [one, two, three], latest: three });
  const before = each.host.state();
  const { result, events } = await each.fetch();
  expect(errorOf({ result })).toMatchObject({ kind: "stale" });
  expect(each.told(events)).toEqual(["manifest local"]);
  const starting = await each.fetch({ mode: "init" });
  expect(starting.result).toMatchObject({ outcome: "current", version: "1.2.0" });
  expect(each.host.state()).toEqual(before);
});

test("FET-31: one that is no continuation is not authentic, and nothing of it counts", async () => {
  using each = new Story({}, { published: [one, image("1.1.0", "other\n")], latest: one });
  const before = each.host.state();
  const { result, events } = await each.fetch();
  expect(errorOf({ result })).toMatchObject({ kind: "history" });
  expect(errorOf({ result })?.message).toContain('became "1.1.0 ');
  expect([each.told(events), each.host.state()]).toEqual([[], before]);
});

test("FET-35: the same entries under an older key leave the manifest as it is, with a warning", async () => {
  const keys = { PublicKey: [key.public, secondKey.public] };
  using each = new Story(keys, { published: [one, two], latest: two, signer: secondKey });
  const before = each.host.state();
  const { result, events } = await each.fetch();
  expect(result.outcome).toBe("current");
  expect(each.told(events)).toEqual([
    expect.stringContaining(`signed by ${key.public}; the local one stays`),
    "manifest unchanged",
  ]);
  expect(each.host.state()).toEqual(before);
  // Under the newer key, or with another entry, it is taken.
  using other = new Story(keys, { published: [one, two], latest: two, signer: key });
  write(join(other.host.originDirectory, "manifest"), manifestOf([one, two], secondKey));
  const taken = await other.fetch();
  expect(other.told(taken.events)).toEqual(["manifest updated"]);
  expect(readFileSync(other.host.path("manifest"), "latin1")).toBe(
    manifestOf([one, two], secondKey),
  );
});

test("FET-41, FET-42: no match is an outcome, and an error for a unit that starts", async () => {
  using each = new Story({ Version: "7.*" });
  const { result } = await each.fetch();
  expect(result).toMatchObject({
    outcome: "no-match",
    pattern: "7.*",
    offered: ["1.1.0", "1.0.0"],
  });
  const starting = await each.fetch({ mode: "init" });
  expect(errorOf(starting)).toMatchObject({ kind: "failed", source: each.host.file });
});

test("FET-50 to FET-52: a version that is gone makes way for the one before, and without one that is the error", async () => {
  using each = new Story({}, {});
  rmSync(join(each.host.originDirectory, "store", two.digest));
  writeFileSync(join(each.host.originDirectory, "store", `${two.digest}.gone`), "");
  const { result, events } = await each.fetch();
  // A file: origin has no such thing as a 410.
  expect(errorOf({ result })?.kind).toBe("origin");
  expect(each.told(events)).toEqual(["manifest new", "download 1.1.0"]);
});

test("FET-54 to FET-56: a damaged image is got anew, or goes, and latest with it; then an older one may be used", async () => {
  using each = new Story({}, { published: [one, two], latest: two });
  each.host.replace(`store/${two.digest}`, "damaged");
  const { result, events } = await each.fetch();
  expect(result.outcome).toBe("current");
  expect(each.told(events)).toEqual([
    "manifest unchanged",
    "damaged 1.1.0",
    "download 1.1.0",
    "downloaded 1.1.0",
  ]);
  each.host.replace(`store/${two.digest}`, "damaged");
  rmSync(join(each.host.originDirectory, "store", two.digest));
  expect(errorOf(await each.fetch())?.kind).toBe("origin");
  expect([each.inUse, existsSync(each.host.path(`store/${two.digest}`))]).toEqual([
    undefined,
    false,
  ]);
});

test("FET-54: without verifying, the size alone is looked at", async () => {
  using each = new Story({}, { published: [one, two], latest: two });
  each.host.replace(`store/${two.digest}`, two.content.toUpperCase());
  const { events } = await each.fetch({ verify: false });
  expect(each.told(events)).toEqual(["manifest unchanged"]);
  expect(each.told((await each.fetch()).events)).toContain("damaged 1.1.0");
});

test("DST-34: an image that others could change is got anew with a warning", async () => {
  using each = new Story({}, { published: [one, two], latest: two });
  chmodSync(each.host.path(`store/${two.digest}`), 0o666);
  const { events } = await each.fetch();
  expect(each.told(events)).toEqual([
    "manifest unchanged",
    expect.stringContaining("others could change the image of 1.1.0"),
    "download 1.1.0",
    "downloaded 1.1.0",
  ]);
});

test("FET-80: a unit starts from an image that is here, allowed and whole, and nobody is asked", async () => {
  using each = new Story();
  each.leave();
  const before = each.host.snapshot();
  const { result, events } = await each.fetch({ mode: "init" });
  expect(result).toMatchObject({ outcome: "current", version: "1.0.0", sha256: one.digest });
  expect([each.told(events), each.host.snapshot()]).toEqual([[], before]);
});

test("FET-81, FET-83: else it is a run as any other, without a restart", async () => {
  for (const [lines, contents, told] of [
    [{}, {}, ["manifest new", "download 1.1.0", "downloaded 1.1.0", "activated 1.1.0"]],
    [
      { Version: "1.1.*" },
      { published: [one], latest: one },
      ["manifest updated", "download 1.1.0", "downloaded 1.1.0", "activated 1.1.0"],
    ],
  ] as const) {
    using each = new Story({ Restart: "app.service", ...lines }, contents);
    const { result, events, calls } = await each.fetch({ mode: "init" });
    expect([result.outcome, calls, each.told(events)]).toEqual(["updated", [], [...told]]);
    expect(openDestination(each.host.destination).canBeLocked()).toBe(true);
    const owed = "published" in contents ? `644 ${two.digest}\n` : undefined;
    expect(each.host.state()[".owed"]).toBe(owed);
  }
});

test("FET-101: a unit starts from what is in use where news cannot be had, whatever is wrong with them", async () => {
  const lines = { Version: "1.*" };
  for (const change of [
    (each: Story) => rmSync(join(each.host.originDirectory, "manifest")),
    (each: Story) =>
      write(join(each.host.originDirectory, "manifest"), manifestOf([two], secondKey)),
    (each: Story) => write(join(each.host.originDirectory, "manifest"), manifestOf([two])),
    (each: Story) => write(join(each.host.originDirectory, "store", two.digest), "other"),
  ]) {
    using each = new Story(lines);
    change(each);
    // Else no news would be asked for (FET-80).
    chmodSync(each.host.path(`store/${one.digest}`), 0o666);
    const plain = await each.fetch();
    expect(plain.result.outcome).toBe("failed");
    const { result, events } = await each.fetch({ mode: "init" });
    expect(result).toMatchObject({ outcome: "current", version: "1.0.0" });
    expect(each.told(events).filter((text) => text.startsWith("warning")).length).toBeGreaterThan(
      0,
    );
    expect(each.inUse).toBe(uses(one));
  }
});

test("FET-101, ACT-30: nothing else comes into use then, whatever the host is on hold for; what it is held on may start", async () => {
  const notAuthentic = (each: Story) =>
    write(join(each.host.originDirectory, "manifest"), manifestOf([one, two], secondKey));
  const files = { ".hold": `${two.digest}\n` };
  using other = new Story({}, { published: [one, two], latest: one, files });
  notAuthentic(other);
  const { result } = await other.fetch({ mode: "init" });
  expect(result).toMatchObject({ outcome: "current", version: "1.0.0" });
  expect(other.inUse).toBe(uses(one));

  using held = new Story(
    { Version: "1.1.*" },
    { published: [one, two], latest: one, files: { ".hold": `${one.digest}\n` } },
  );
  notAuthentic(held);
  chmodSync(held.host.path(`store/${one.digest}`), 0o666);
  expect((await held.fetch({ mode: "init" })).result).toMatchObject({ version: "1.0.0" });
});

test("FET-102: an image with another name lets a unit start at once, one that is exposed only while the lock is not to be had", async () => {
  using linked = new Story();
  linkSync(linked.host.path(`store/${one.digest}`), linked.host.at("backup"));
  linked.leave();
  const start = await linked.fetch({ mode: "init" });
  expect(start.result.outcome).toBe("current");
  expect(linked.told(start.events)).toEqual([expect.stringContaining("stays in use")]);

  using exposed = new Story({ Version: "1.0.*" });
  chmodSync(exposed.host.path(`store/${one.digest}`), 0o666);
  const locking = { clock: systemClock, onWait: () => {} };
  {
    using _lock = await lockDestination(exposed.host.destination, locking);
    const { result, events } = await exposed.fetch({ mode: "init" });
    expect(result.outcome).toBe("current");
    expect(exposed.told(events)).toEqual([expect.stringContaining("stays in use")]);
    const plan = await exposed.fetch({ mode: "dry-init" });
    expect(exposed.told(plan.events)).toEqual(["would download 1.0.0"]);
  }
  const { events } = await exposed.fetch({ mode: "init" });
  expect(exposed.told(events)).toContain("downloaded 1.0.0");
});

test("ACT-38: whoever finds a whole image in use does not wait for the lock; who finds none does, and says so", async () => {
  using each = new Story({ Version: "1.1.*" });
  const locking = { clock: systemClock, onWait: () => {} };
  const lock = await lockDestination(each.host.destination, locking);
  const { result, events } = await each.fetch({ mode: "init" });
  expect(result).toMatchObject({ outcome: "current", version: "1.0.0" });
  expect(each.told(events)).toEqual([
    expect.stringContaining("another run has the lock, so the unit starts from 1.0.0"),
  ]);
  each.host.replace(`store/${one.digest}`, "damaged");
  each.events.length = 0;
  const waiting = each.fetch({ mode: "init" });
  for (let turn = 0; turn < 1000 && each.events.length === 0; turn++) await Bun.sleep(1);
  expect(each.events[0]).toMatchObject({ event: "waiting", directory: each.host.destination });
  lock[Symbol.dispose]();
  expect((await waiting).result.outcome).toBe("updated");
});

test("FET-90, FET-91: a dry run tells what a run would do, and writes nothing", async () => {
  for (const [lines, contents, mode, outcome, told] of [
    [{}, {}, "dry-run", "planned", ["download", "activate"]],
    [{}, { published: [one, two], latest: two }, "dry-run", "current", []],
    [
      { Restart: "app.service" },
      { published: [one], latest: one },
      "dry-run",
      "planned",
      ["download", "activate", "restart"],
    ],
    [
      { Restart: "app.service" },
      { published: [one, two], latest: two, files: { ".owed": `${two.digest}\n` } },
      "dry-run",
      "planned",
      ["restart"],
    ],
    [{ Restart: "app.service" }, {}, "dry-init", "planned", ["download", "activate"]],
    [{}, { published: [one], latest: one }, "dry-init", "current", []],
    [{ Version: "7.*" }, {}, "dry-run", "no-match", []],
  ] as const) {
    using each = new Story(lines, contents);
    const before = each.host.snapshot();
    const { result, events, calls } = await each.fetch({ mode });
    expect([result.outcome, calls, each.host.snapshot()]).toEqual([outcome, [], before]);
    const words = each.told(events).map((text) => text.replace(/^would (\S+) .*/, "$1"));
    expect(words).toEqual([...told]);
  }
});

test("FET-92: a dry run without the origin tells what is owed, and the error", async () => {
  using each = new Story(
    { Restart: "app.service" },
    { published: [one], latest: one, files: { ".owed": `${one.digest}\n` } },
  );
  each.leave();
  const { result, events } = await each.fetch({ mode: "dry-run" });
  expect(errorOf({ result })?.kind).toBe("origin");
  expect(each.told(events)).toEqual(["manifest local", "would restart app.service"]);
});

test("FET-104 to FET-106: without activating, the image is here, and the next run puts it into use", async () => {
  using each = new Story({ Restart: "app.service" });
  const { result, events, calls } = await each.fetch({ activates: false });
  expect(result).toMatchObject({ outcome: "ready", version: "1.1.0" });
  expect([calls, each.inUse]).toEqual([[], uses(one)]);
  expect(each.told(events)).toEqual(["manifest updated", "download 1.1.0", "downloaded 1.1.0"]);
  const plan = await each.fetch({ activates: false, mode: "dry-run" });
  expect(each.told(plan.events)).toEqual([]);
  each.on("restart", () => {
    each.units["app.service"] = "ActiveState=active\nInvocationID=9\nLoadState=loaded";
  });
  const next = await each.fetch();
  expect(next.result.outcome).toBe("updated");
  expect(each.told(next.events)).not.toContain("download 1.1.0");
});

test("FET-4: what is wrong with one config is its own result, and the others run", async () => {
  using each = new Story();
  writeFileSync(each.host.at("wrong.tako"), "Origin=\n");
  const paths = [each.host.at("wrong.tako"), each.host.at("missing.tako"), each.host.file];
  const { results } = await each.fetch({ paths, jobs: 1 });
  const outcomes = new Map(results.map(({ config, outcome }) => [config, outcome]));
  expect(outcomes).toEqual(
    new Map([
      [each.host.at("wrong.tako"), "failed"],
      [each.host.at("missing.tako"), "failed"],
      [each.host.file, "updated"],
    ]),
  );
});

test("FET-15: a config that waits for the lock keeps no other from its work", async () => {
  using each = new Story();
  const other = each.host.at(each.host.config("other"));
  const locking = { clock: systemClock, onWait: () => {} };
  const lock = await lockDestination(each.host.destination, locking);
  const done: string[] = [];
  const paths = [each.host.file, other];
  const how = { mode: "run", activates: true, verify: true, jobs: 1 } as const;
  const all = fetchAll({ paths, ...how }, each.effects, ({ config }) => done.push(config));
  for (let turn = 0; turn < 2000 && done.length === 0; turn++) await Bun.sleep(1);
  expect(done).toEqual([other]);
  lock[Symbol.dispose]();
  await all;
  expect(done).toEqual([other, each.host.file]);
});

test("FET-74: where there is no room, partials that nobody wants go, and the step is done once more", async () => {
  using each = new Story();
  const locking = { clock: systemClock, onWait: () => {} };
  using destination = await lockDestination(each.host.destination, locking);
  const full = storageError(Object.assign(new Error(), { code: "ENOSPC" }), "write", "/a");
  const other = storageError(Object.assign(new Error(), { code: "EIO" }), "write", "/a");
  const partials = [one, two].map(({ digest }) => each.host.path(`store/${digest}.partial`));
  const attempt = (errors: readonly unknown[]) => {
    for (const partial of partials) writeFileSync(partial, "");
    let times = 0;
    const step = async () => {
      const error = errors[times++];
      if (error !== undefined) throw error;
      return times;
    };
    return withRoom(destination.images, parseSha256Hex(two.digest), step);
  };
  expect(await attempt([full])).toBe(2);
  expect(partials.map((partial) => existsSync(partial))).toEqual([false, true]);
  await expect(attempt([other])).rejects.toBe(other);
  expect(partials.map((partial) => existsSync(partial))).toEqual([true, true]);
  await expect(attempt([full, full])).rejects.toBe(full);
  for (const partial of partials) rmSync(partial, { force: true });
  // Without any that could make room, once is enough.
  const write = () => Promise.reject(full);
  await expect(withRoom(destination.images, undefined, write)).rejects.toBe(full);
});

test("FET-99: what stops a run twice is told once, and what stops it elsewhere is told, too", async () => {
  using each = new Story();
  const [loaded] = loadConfigs([each.host.file]);
  if (loaded === undefined || "error" in loaded) throw new Error("the config is not valid");
  const how = { mode: "run", activates: true, verify: true } as const;
  const run = startRun(loaded, { ...how, largeManifests: new LargeManifests() }, each.effects);
  const locking = { clock: systemClock, onWait: () => {} };
  using destination = await lockDestination(each.host.destination, locking);
  const member = new Member(run, destination);
  for (const [message, source] of [
    ["full", "/a"],
    ["full", "/b"],
    ["away", "/a"],
    ["full", "/a"],
  ] as const) {
    member.fail(new TakoError("storage", message, { source }));
  }
  member.fail(new RangeError("nobody foresaw it"));
  const result = await member.result();
  const errors = result.outcome === "failed" ? result.errors : [];
  expect(errors.map(({ message, source }) => [message, source])).toEqual([
    ["full", "/a"],
    ["full", "/b"],
    ["away", "/a"],
    ["internal error; please report it", undefined],
  ]);
});

test.skipIf(process.getuid?.() !== 0)(
  "FET-18: as root, a config that others could change or replace gets a warning",
  () => {
    using each = new Story();
    const warnings = () =>
      loadConfigs([each.host.file]).flatMap((loaded) =>
        "warnings" in loaded
          ? loaded.warnings.map((text) => text.split(" ").slice(0, 4).join(" "))
          : [],
      );
    const change = (file: number, folder: number) => {
      chmodSync(each.host.file, file);
      chmodSync(each.host.folder, folder);
      return warnings();
    };
    const { folder, file } = each.host;
    expect(change(0o644, 0o755)).toEqual([]);
    expect(change(0o644, 0o1777)).toEqual([]);
    for (const mode of [0o664, 0o646]) {
      expect(change(mode, 0o755)).toEqual(["it can be written"]);
      expect(change(0o644, 0o111 | mode)).toEqual([`${folder} can be written`]);
    }
    change(0o644, 0o755);
    chownSync(file, 65534, 65534);
    expect(warnings()).toEqual(["it belongs to another"]);
    chownSync(file, 0, 0);
    chownSync(folder, 65534, 65534);
    expect(warnings()).toEqual([`${folder} belongs to another`]);
    chownSync(folder, 0, 0);
    each.host.configure({ Origin: "https://alice:sesame@example.com" });
    expect(change(0o604, 0o755)).toEqual(["it has a password,"]);
    expect(change(0o640, 0o755)).toEqual([]);
    each.host.configure({ Origin: "https://alice@example.com" });
    expect(change(0o644, 0o755)).toEqual([]);
  },
);

test("FET-1, FET-2, FET-11, FET-16, FET-17: which files a directory stands for", () => {
  using each = new Story();
  const folder = each.host.at("configs");
  mkdirSync(folder);
  const load = (...paths: readonly string[]) =>
    loadConfigs(paths).map(({ file, ...loaded }) => [
      file.replace(`${folder}/`, ""),
      "error" in loaded ? loaded.error.message : "",
    ]);
  expect(load(folder)).toEqual([[folder, "there is no *.tako file in this directory"]]);
  const text = readFileSync(each.host.file, "utf8");
  for (const name of ["b.tako", "a.tako", ".#c.tako", "d.tako~", ".tako"]) {
    writeFileSync(
      join(folder, name),
      text.replace(/^Destination=.*/m, `Destination=/none/${name}`),
    );
  }
  symlinkSync("/dev/null", join(folder, "masked.tako"));
  symlinkSync("a.tako", join(folder, "e.tako"));
  Bun.spawnSync(["mkfifo", join(folder, "fifo.tako")]);
  mkdirSync(join(folder, "z.tako"));
  const all = [
    ["a.tako", ""],
    ["b.tako", ""],
    ["e.tako", ""],
    ["fifo.tako", "it is not a regular file"],
    ["z.tako", "it is not a regular file"],
  ];
  expect(load(folder)).toEqual(all);
  expect(load(folder, join(folder, "a.tako"))).toEqual(all);
  expect(load(join(folder, "none.tako"))).toEqual([["none.tako", expect.any(String)]]);
});

test("FET-6: two configs of one destination are both wrong, by whatever path they name it", () => {
  using each = new Story();
  symlinkSync(each.host.destination, each.host.at("link"));
  each.host.config("other", { Destination: each.host.at("link") });
  each.host.config("third");
  const paths = [each.host.file, ...["other.tako", "third.tako"].map((name) => each.host.at(name))];
  const errors = loadConfigs(paths).map((loaded) => ("error" in loaded ? loaded.error : undefined));
  expect(errors.map((error) => error?.message)).toEqual([
    `its destination ${each.host.destination} is also that of ${paths[1]}`,
    `its destination ${each.host.at("link")} is also that of ${paths[0]}`,
    undefined,
  ]);
  expect(errors[0]?.hint).toBe("Neither of them is touched.");
});

test("ACT-62, ACT-69, ACT-67: a version that is too young waits, and is told with its time", async () => {
  using each = new Story({ MinAge: "1h" });
  const { result, events } = await each.fetch();
  expect(result).toMatchObject({ outcome: "current", version: "1.0.0" });
  expect(events).toContainEqual(
    expect.objectContaining({ event: "too-young", version: "1.1.0", at: 1_700_003_600 }),
  );
  each.now += 3_600_000;
  expect((await each.fetch()).result).toMatchObject({ outcome: "updated", version: "1.1.0" });
});

/** With 1.2.0 in use, all three images here, and the origin away. */
class ByHand extends Story {
  constructor(lines: ConfigLines = {}, files: Record<string, string> = {}) {
    super(lines, { published: [one, two, three], latest: three, files });
    this.leave();
  }

  rollback(options: { version?: string; dryRun?: boolean } = {}) {
    const name = this.host.file;
    return rollback({ name, dryRun: false, ...options }, this.effects);
  }

  get hold(): string | undefined {
    return this.host.state()[".hold"];
  }
}

test("ACT-70 to ACT-78: back to the version before, held there; then one further, and none before that", async () => {
  using each = new ByHand();
  expect(await each.rollback()).toMatchObject({ outcome: "held", version: "1.1.0" });
  expect([each.inUse, each.hold]).toEqual([uses(two), `644 ${two.digest}\n`]);
  // The lock is free again.
  expect(openDestination(each.host.destination).canBeLocked()).toBe(true);
  expect(await each.rollback()).toMatchObject({ outcome: "held", version: "1.0.0" });
  expect([each.inUse, each.hold]).toEqual([uses(one), `644 ${one.digest}\n`]);
  expect(await each.rollback()).toMatchObject({
    outcome: "failed",
    errors: [expect.objectContaining({ kind: "failed" })],
  });
  expect([each.inUse, each.hold]).toEqual([uses(one), `644 ${one.digest}\n`]);
});

test("ACT-71: the good image is the one to go back to, where WatchSec= has one", async () => {
  using each = new ByHand(
    { WatchSec: "1", Restart: "app.service" },
    { ".good": `${one.digest}\n` },
  );
  each.on("restart", () => {
    each.units["app.service"] = "ActiveState=active\nInvocationID=9\nLoadState=loaded";
  });
  expect(await each.rollback()).toMatchObject({ outcome: "held", version: "1.0.0" });
});

test("ACT-73: a version that the config does not allow gets a warning, one that is newer or unknown is an error", async () => {
  using each = new ByHand({ Version: "1.2.*" });
  expect(await each.rollback({ version: "1.1.0" })).toMatchObject({ outcome: "held" });
  expect(each.told().filter((text) => text.startsWith("warning"))).toEqual([
    "warning Version=1.2.* does not allow 1.1.0: it is in use as long as the host is on hold",
  ]);
  for (const version of ["1.2.0", "0.1.0"]) {
    expect(await each.rollback({ version })).toMatchObject({ outcome: "failed" });
  }
  expect(each.inUse).toBe(uses(two));
});

test("ACT-74: a missing image is downloaded; if that fails, nothing else was changed", async () => {
  using each = new ByHand();
  rmSync(each.host.path(`store/${two.digest}`));
  const before = each.host.state();
  const failed = await each.rollback({ version: "1.1.0" });
  expect(failed).toMatchObject({ outcome: "failed" });
  expect([each.inUse, each.hold]).toEqual([uses(three), undefined]);
  expect(each.host.state()["manifest"]).toBe(before["manifest"] ?? "");
  each.host.publish(one, two, three);
  expect(await each.rollback({ version: "1.1.0" })).toMatchObject({ outcome: "held" });
  expect(each.told()).toContain("downloaded 1.1.0");
});

test("ACT-75: its own refusal goes, and the others stay", async () => {
  const refusal = ({ digest }: typeof one) => `${digest} ${three.digest} 5 app.service: failed\n`;
  using each = new ByHand({}, { ".refused": `${refusal(one)}${refusal(two)}` });
  expect(await each.rollback({ version: "1.1.0" })).toMatchObject({ outcome: "held" });
  expect(each.host.state()[".refused"]).toBe(`644 ${refusal(one)}`);
});

test("ACT-79: a dry rollback tells hold and the rest in their order, writes nothing, and nothing once it is done", async () => {
  using each = new ByHand({ Restart: "app.service" });
  const before = each.host.snapshot();
  expect(await each.rollback({ dryRun: true })).toMatchObject({
    ...{ outcome: "planned", version: "1.1.0" },
  });
  expect([each.told(), each.host.snapshot()]).toEqual([
    ["would hold 1.1.0", "would activate 1.1.0", "would restart app.service"],
    before,
  ]);
  each.events.length = 0;
  expect(await hold(each.host.file, each.effects)).toMatchObject({ outcome: "held" });
  expect(await each.rollback({ version: "1.2.0", dryRun: true })).toMatchObject({
    ...{ outcome: "held", version: "1.2.0" },
  });
  expect(each.told()).toEqual([]);
});

test("FET-9, ACT-78: rollback in a unit of the config is refused", async () => {
  using each = new ByHand({ Restart: "app.service" });
  each.ownUnits = ["app.service"];
  const result = await each.rollback();
  expect(result).toMatchObject({
    errors: [expect.objectContaining({ kind: "usage", hint: "Run it outside of the unit." })],
  });
});

test("ACT-72: without a manifest there is nothing to go back to", async () => {
  using each = new Story({}, {});
  const result = await rollback({ name: each.host.file, dryRun: false }, each.effects);
  expect(result).toMatchObject({
    errors: [expect.objectContaining({ kind: "failed", source: each.host.file })],
  });
});

test("ACT-82, ACT-83, ACT-84: hold keeps what is in use, release ends that and forgets what was refused", async () => {
  const refused = `${two.digest} ${three.digest} 5 app.service: failed\n`;
  using each = new ByHand({}, { ".refused": refused });
  const { file } = each.host;
  expect(await hold(file, each.effects)).toMatchObject({
    ...{ outcome: "held", version: "1.2.0", sha256: three.digest },
  });
  expect(each.hold).toBe(`644 ${three.digest}\n`);
  expect(await release(file, each.effects)).toMatchObject({
    ...{ config: file, outcome: "released", held: "1.2.0", forgotten: ["1.1.0"] },
    ...{ version: "1.2.0", sha256: three.digest },
  });
  expect([each.hold, each.host.state()[".refused"]]).toEqual([undefined, undefined]);
  expect(await release(file, each.effects)).toMatchObject({ held: undefined, forgotten: [] });
  rmSync(each.host.path("latest"));
  expect(await hold(file, each.effects)).toMatchObject({
    errors: [
      expect.objectContaining({
        kind: "failed",
        source: file,
        hint: `tako fetch ${file} puts one into use.`,
      }),
    ],
  });
  expect(each.hold).toBeUndefined();
});

test("ACT-84: what no manifest lists is told by its digest", async () => {
  using each = new ByHand({}, { ".hold": `${"0".repeat(64)}\n` });
  expect(await release(each.host.file, each.effects)).toMatchObject({ held: "0".repeat(64) });
});

test("ACT-80: they are for one config that is there", async () => {
  using each = new ByHand();
  mkdirSync(each.host.at("several"));
  for (const name of ["several", "missing.tako"]) {
    for (const command of [hold, release]) {
      expect(await command(each.host.at(name), each.effects)).toMatchObject({
        config: each.host.at(name),
        errors: [expect.objectContaining({ kind: "config" })],
      });
    }
  }
});

test("ACT-85: they tell who else could change the records, and damaged ones", async () => {
  using each = new ByHand({}, { ".good": "damaged" });
  await hold(each.host.file, each.effects);
  expect(each.told()).toEqual([expect.stringContaining(".good is damaged, and counts as absent")]);
});

test("ACT-30: on hold, a run puts that image into use, and the outcome is held", async () => {
  using each = new Story(
    {},
    { published: [one, two], latest: two, files: { ".hold": `${one.digest}\n` } },
  );
  const { result } = await each.fetch();
  expect(result).toMatchObject({ outcome: "held", version: "1.0.0" });
  expect(each.inUse).toBe(uses(one));
});
