// The lock on a directory, against util-linux's flock(1) and processes that are killed.

import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  closeSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TakoError } from "../../src/core/error.ts";
import { systemClock } from "../../src/shell/clock.ts";
import { lockDirectory } from "../../src/shell/disk/lock.ts";
import { bunFlags } from "../support/bun-flags.ts";
import { needs } from "../support/needs.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "tako-lock-"));
});
afterEach(() => rm(directory, { recursive: true }));

const LOCK_MODULE = join(import.meta.dir, "../../src/shell/disk/lock.ts");
const CLOCK_MODULE = join(import.meta.dir, "../../src/shell/clock.ts");

function lock(path: string, onWait = () => {}) {
  return lockDirectory(path, { clock: systemClock, onWait });
}

/** Another process that takes the lock, says so, and holds it until it dies. */
async function holder(path: string) {
  const script = `
    const { lockDirectory } = await import(${JSON.stringify(LOCK_MODULE)});
    const { systemClock: clock } = await import(${JSON.stringify(CLOCK_MODULE)});
    await lockDirectory(${JSON.stringify(path)}, { clock, onWait: () => console.log("waiting") });
    console.log("locked");
    setInterval(() => {}, 1000);`;
  const child = Bun.spawn([process.execPath, ...bunFlags, "-e", script], {
    stdout: "pipe",
    stderr: "inherit",
  });
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  return { child, next: async () => (await lines.read()).value };
}

function lockedForOthers(path: string): boolean {
  return Bun.spawnSync(["flock", "--nonblock", join(path, ".lock"), "true"]).exitCode !== 0;
}

test("DST-47: the lock is a flock on the file .lock, which is made, empty and for its user alone", async () => {
  const umask = process.umask(0o777);
  const held = await lock(directory);
  process.umask(umask);
  expect(lockedForOthers(directory)).toBe(true);
  expect(readdirSync(directory)).toEqual([".lock"]);
  const { mode, size } = lstatSync(join(directory, ".lock"));
  expect([mode.toString(8), size]).toEqual(["100600", 0]);
  held[Symbol.dispose]();
  expect(lockedForOthers(directory)).toBe(false);
  // DST-48: it stays, and is the one that the next run locks.
  const { ino } = lstatSync(join(directory, ".lock"));
  (await lock(directory))[Symbol.dispose]();
  expect(lstatSync(join(directory, ".lock")).ino).toBe(ino);
});

test("DST-47: who holds the lock on the directory, as any user can, keeps nobody waiting", async () => {
  const holder = Bun.spawn(["flock", directory, "sh", "-c", "echo locked; exec sleep 60"], {
    stdout: "pipe",
  });
  await holder.stdout.getReader().read();
  let told = 0;
  (await lock(directory, () => void told++))[Symbol.dispose]();
  expect([told, holder.exitCode]).toEqual([0, null]);
  holder.kill();
});

test.skipIf(process.getuid?.() !== 0)(
  "DST-47: another user can neither hold the lock nor keep it open for later",
  async () => {
    chmodSync(directory, 0o755);
    (await lock(directory))[Symbol.dispose]();
    const words = ["flock", "--nonblock", join(directory, ".lock"), "true"];
    const other = Bun.spawnSync(["setpriv", "--reuid=65534", "--clear-groups", ...words]);
    expect(other.stderr.toString()).toContain("Permission denied");
  },
);

test("DST-48: a mode that lets others open the file is set back", async () => {
  writeFileSync(join(directory, ".lock"), "");
  chmodSync(join(directory, ".lock"), 0o666);
  (await lock(directory))[Symbol.dispose]();
  expect((lstatSync(join(directory, ".lock")).mode & 0o7777).toString(8)).toBe("600");
});

test.each([
  ["a link", "it is not a regular file", (path: string) => symlinkSync("target", path)],
  ["a link to nothing", "it is not a regular file", (path: string) => symlinkSync("none", path)],
  ["a FIFO", "it is not a regular file", (path: string) => void Bun.spawnSync(["mkfifo", path])],
  ["a directory", "it is not a regular file", (path: string) => mkdirSync(path)],
  [
    "a second name of a file",
    "it has a second name",
    (path: string) => linkSync(join(directory, "target"), path),
  ],
])("DST-48: %s in the place of the file is an error, and stays", async (_, message, plant) => {
  const path = join(directory, ".lock");
  writeFileSync(join(directory, "target"), "untouched", { mode: 0o640 });
  plant(path);
  const before = lstatSync(path);
  const error = await lock(directory).catch((error) => error);
  expect([error.kind, error.source]).toEqual(["storage", path]);
  expect(error.message).toContain(message);
  const { ino, mode, mtimeMs } = lstatSync(path);
  expect([ino, mode, mtimeMs]).toEqual([before.ino, before.mode, before.mtimeMs]);
  expect(readdirSync(directory).sort()).toEqual([".lock", "target"]);
  expect((lstatSync(join(directory, "target")).mode & 0o7777).toString(8)).toBe("640");
});

test.skipIf(process.getuid?.() !== 0)(
  "DST-48: a file of another user, who could hold it, is an error that names both",
  async () => {
    const path = join(directory, ".lock");
    writeFileSync(path, "");
    chownSync(path, 65534, 65534);
    const error = await lock(directory).catch((error) => error);
    expect([error.kind, error.source]).toEqual(["storage", path]);
    expect(error.message).toContain("another user (uid 65534; this run has uid 0)");
    expect(lstatSync(path).uid).toBe(65534);
  },
);

test.skipIf(process.getuid?.() !== 0)(
  "DST-57: the file that root makes belongs to who owns the directory",
  async () => {
    chownSync(directory, 65534, 65533);
    (await lock(directory))[Symbol.dispose]();
    const path = join(directory, ".lock");
    const { uid, gid, mode } = lstatSync(path);
    expect([uid, gid, mode & 0o7777]).toEqual([65534, 65533, 0o600]);

    // One that is there already stays as it is.
    chownSync(path, 0, 0);
    (await lock(directory))[Symbol.dispose]();
    expect(lstatSync(path).uid).toBe(0);
  },
);

test("DST-48: of a file that was removed while it was waited for, nobody has the lock", async () => {
  const { child, next } = await holder(directory);
  expect(await next()).toBe("locked\n");
  const waiting = lock(directory);
  await Bun.sleep(50);
  rmSync(join(directory, ".lock"));
  writeFileSync(join(directory, ".lock"), "", { mode: 0o600 });
  const held = await waiting;
  // The file of that name is locked, whoever has the old one.
  expect(lockedForOthers(directory)).toBe(true);
  held[Symbol.dispose]();
  child.kill("SIGKILL");
  await child.exited;
});

test.skipIf(needs("strace").missing)(
  "DST-48: a run that got the lock on a file whose name is another's by then asks anew",
  async () => {
    // No code of ours lies between the open and the flock of a try: strace makes it last.
    const script = `
      const { lockDirectory } = await import(${JSON.stringify(LOCK_MODULE)});
      const { systemClock: clock } = await import(${JSON.stringify(CLOCK_MODULE)});
      await lockDirectory(${JSON.stringify(directory)}, { clock, onWait: () => {} });
      console.log("locked");
      await Bun.stdin.text();`;
    const delay = ["-e", "trace=flock", "-e", "inject=flock:delay_enter=1000000:when=1"];
    const child = Bun.spawn(
      [
        "strace",
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        ...delay,
        process.execPath,
        ...bunFlags,
        "-e",
        script,
      ],
      { stdin: "pipe", stdout: "pipe", timeout: 20_000, killSignal: "SIGKILL" },
    );
    while (readdirSync(directory).length === 0) await Bun.sleep(5);
    rmSync(join(directory, ".lock"));
    const { value } = await child.stdout.getReader().read();
    expect(new TextDecoder().decode(value)).toBe("locked\n");
    expect(lockedForOthers(directory)).toBe(true);
    await child.stdin.end();
    expect(await child.exited).toBe(0);
  },
);

test("DST-49: who has waited for ten minutes gives up, and says for whom", async () => {
  const held = await lock(directory);
  // A clock of which ten minutes pass in a few turns.
  let elapsed = 0;
  const clock = {
    ...systemClock,
    elapsed: () => elapsed,
    sleep: async (ms: number) => {
      elapsed += 300 * ms;
    },
  };
  let told = 0;
  const error = await lockDirectory(directory, { clock, onWait: () => void told++ }).catch(
    (error) => error,
  );
  expect([error.kind, error.source]).toEqual(["storage", join(directory, ".lock")]);
  expect(error.message).toBe("another run has held the lock for ten minutes");
  expect(error.hint).toEndWith("Do not remove the file.");
  expect([told, elapsed]).toEqual([1, 600_000]);
  held[Symbol.dispose]();
});

test("DST-47: a released lock can be released again, and does not close a file of others", async () => {
  const held = await lock(directory);
  held[Symbol.dispose]();
  const fd = openSync(directory, "r");
  held[Symbol.dispose]();
  expect(readlinkSync(`/proc/self/fd/${fd}`)).toBe(directory);
  closeSync(fd);
});

test("DST-48: a file that is refused is open no longer", async () => {
  const path = join(directory, ".lock");
  writeFileSync(path, "");
  linkSync(path, join(directory, "other"));
  await expect(lock(directory)).rejects.toBeInstanceOf(TakoError);
  const opened = readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === path;
    } catch {
      return false; // the one that listed them
    }
  });
  expect(opened).toEqual([]);
});

test("DST-47: a child process does not hold the lock on", async () => {
  const held = await lock(directory);
  const child = Bun.spawn(["sleep", "30"]);
  held[Symbol.dispose]();
  const locked = lockedForOthers(directory);
  child.kill();
  expect(locked).toBe(false);
});

test("DST-47: the kernel releases the lock of a process that is killed", async () => {
  const { child, next } = await holder(directory);
  expect(await next()).toBe("locked\n");
  expect(lockedForOthers(directory)).toBe(true);
  child.kill("SIGKILL");
  await child.exited;
  expect(lockedForOthers(directory)).toBe(false);
});

test("DST-41, DST-42: a second process waits, and says so once after a second", async () => {
  const first = await holder(directory);
  expect(await first.next()).toBe("locked\n");

  const start = performance.now();
  const told: number[] = [];
  setTimeout(() => first.child.kill("SIGKILL"), 2500);
  const held = await lock(directory, () => void told.push(performance.now() - start));
  const waited = performance.now() - start;
  held[Symbol.dispose]();

  expect(told).toHaveLength(1);
  expect(told[0]).toBeGreaterThanOrEqual(1000);
  expect(told[0]).toBeLessThan(2400);
  expect(waited).toBeGreaterThanOrEqual(2400);
});

test("DST-42: a short wait is not told", async () => {
  const held = await lock(directory);
  setTimeout(() => held[Symbol.dispose](), 300);
  let told = 0;
  (await lock(directory, () => void told++))[Symbol.dispose]();
  expect(told).toBe(0);
});

test("DST-4: a symbolic link to a directory locks the directory", async () => {
  mkdirSync(join(directory, "real"));
  symlinkSync("real", join(directory, "link"));
  const held = await lock(join(directory, "link"));
  expect(lockedForOthers(join(directory, "real"))).toBe(true);
  held[Symbol.dispose]();
});

test("CLI-33: a directory in which nobody can make a file is told by the path of the lock", async () => {
  await expect(lock("/proc/self")).rejects.toMatchObject({
    ...{ kind: "storage", source: "/proc/self/.lock" },
  });
});

test("DST-5: a directory that is missing, or is none, is refused", async () => {
  writeFileSync(join(directory, "file"), "");
  for (const name of ["missing", "file"]) {
    const error = await lock(join(directory, name)).catch((error) => error);
    expect(error).toBeInstanceOf(TakoError);
    expect(error.kind).toBe("storage");
    expect(error.source).toBe(join(directory, name));
  }
  expect(readdirSync(directory)).toEqual(["file"]);
});

test("DST-8: the absolute path is named, and what a shell would expand is told", async () => {
  writeFileSync(join(directory, "file"), "");
  const made = "Tako does not make it";
  for (const [path, message, hint] of [
    ["nowhere/images", "there is no such directory", made],
    [join(directory, "file"), "it is not a directory", "Destination= names a directory"],
    ["~/images", "there is no such directory", "taken literally"],
    ["$HOME/images", "there is no such directory", "taken literally"],
    ['"/var/lib/images"', "there is no such directory", "taken literally"],
  ] as const) {
    const error = await lock(path).catch((error) => error);
    expect(error.source).toBe(path.startsWith("/") ? path : `${process.cwd()}/${path}`);
    expect(error.message).toBe(message);
    expect(error.hint).toContain(hint);
  }
});

test.skipIf(needs("python3").missing)(
  "DST-46: where MemoryDenyWriteExecute= keeps flock from being called, the error says so",
  async () => {
    // What systemd does by this prctl where the kernel has it, since Linux 6.3.
    const deny = `
import ctypes, os, sys
PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN = 65, 1
print(ctypes.CDLL(None).prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) == 0, flush=True)
os.execv(sys.argv[1], sys.argv[1:])`;
    const script = `
      const { lockDirectory } = await import(${JSON.stringify(LOCK_MODULE)});
      const { systemClock: clock } = await import(${JSON.stringify(CLOCK_MODULE)});
      await lockDirectory(${JSON.stringify(directory)}, { clock, onWait: () => {} }).then(
        () => console.log("locked"),
        ({ kind, message, hint }) => console.log(kind, message, hint),
      );`;
    const words = [process.execPath, ...bunFlags, "-e", script];
    const child = Bun.spawn(["python3", "-c", deny, ...words], { stdout: "pipe" });
    const [isDenied, ended] = (await child.stdout.text()).split("\n");
    expect(ended).toMatch(
      isDenied === "True"
        ? /^storage cannot lock: flock cannot be loaded .*MemoryDenyWriteExecute=/
        : /^locked$/,
    );
  },
);
