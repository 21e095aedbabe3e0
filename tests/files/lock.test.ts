// The lock on a directory, against util-linux's flock(1) and processes that are killed.

import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TakoError } from "../../src/core/error.ts";
import { systemClock } from "../../src/shell/clock.ts";
import { lockDirectory } from "../../src/shell/disk/lock.ts";
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
  const child = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe", stderr: "inherit" });
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  return { child, next: async () => (await lines.read()).value };
}

function lockedForOthers(path: string): boolean {
  return Bun.spawnSync(["flock", "--nonblock", path, "true"]).exitCode !== 0;
}

test("DST-40: the lock is a flock on the directory itself, and leaves no file in it", async () => {
  const held = await lock(directory);
  expect(lockedForOthers(directory)).toBe(true);
  expect(readdirSync(directory)).toEqual([]);
  held[Symbol.dispose]();
  expect(lockedForOthers(directory)).toBe(false);
});

test("DST-40: a released lock can be released again, and does not close a file of others", async () => {
  const held = await lock(directory);
  held[Symbol.dispose]();
  const fd = openSync(directory, "r");
  held[Symbol.dispose]();
  expect(readlinkSync(`/proc/self/fd/${fd}`)).toBe(directory);
  closeSync(fd);
});

test("DST-40: a child process does not hold the lock on", async () => {
  const held = await lock(directory);
  const child = Bun.spawn(["sleep", "30"]);
  held[Symbol.dispose]();
  const locked = lockedForOthers(directory);
  child.kill();
  expect(locked).toBe(false);
});

test("DST-40: the kernel releases the lock of a process that is killed", async () => {
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
    [join(directory, "file"), "it is not a directory", made],
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

const needed = needs("python3");

test.skipIf(needed.missing)(
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
    const words = [process.execPath, "-e", script];
    const child = Bun.spawn(["python3", "-c", deny, ...words], { stdout: "pipe" });
    const [isDenied, ended] = (await child.stdout.text()).split("\n");
    expect(ended).toMatch(
      isDenied === "True"
        ? /^storage cannot lock: flock cannot be loaded .*MemoryDenyWriteExecute=/
        : /^locked$/,
    );
  },
);
