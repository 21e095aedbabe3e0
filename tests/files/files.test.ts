// Small files and links: put in place whole, never through a link, and failures told in words.

import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TakoError } from "../../src/core/error.ts";
import { temporaryName } from "../../src/core/layout.ts";
import {
  isTrustedOwner,
  makeDirectory,
  moveIntoPlace,
  removeIfPresent,
  replaceSymlink,
  setMode,
  syncDirectory,
  writeFileAtomically,
} from "../../src/shell/disk/files.ts";
import {
  isPresent,
  readPipe,
  readRegularFile,
  statRegularFile,
} from "../../src/shell/disk/read-files.ts";
import { storageError } from "../../src/shell/disk/storage-error.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "tako-files-"));
});
afterEach(() => rm(directory, { recursive: true }));

const at = (name: string) => join(directory, name);
const text = (bytes: Uint8Array | undefined) => bytes && new TextDecoder().decode(bytes);
const bytes = (content: string) => new TextEncoder().encode(content);
const mode = (name: string) => (lstatSync(at(name)).mode & 0o7777).toString(8);

/** Runs what is to fail, and gives its error. */
async function failure(run: () => unknown): Promise<TakoError> {
  try {
    await run();
  } catch (error) {
    if (error instanceof TakoError) return error;
    throw error;
  }
  throw new Error("nothing failed");
}

/** One of each kind of thing that can be in the place of a file. */
function makeOneOfEach(): void {
  writeFileSync(at("file"), "a file");
  mkdirSync(at("directory"));
  symlinkSync("file", at("link"));
  symlinkSync("nowhere", at("dangling"));
  Bun.spawnSync(["mkfifo", at("fifo")]);
}

test("DST-20, DST-23: a file is replaced whole, and its temporary name is gone", async () => {
  for (const [name, temporary] of [
    ["manifest", ".manifest.new"],
    [".etag", ".etag.new"],
    [".owed", ".owed.new"],
    ["latest", ".latest.new"],
  ] as const) {
    expect(temporaryName(name)).toBe(temporary);
  }
  await writeFileAtomically(directory, "manifest", bytes("old"), 0o444);
  const old = lstatSync(at("manifest")).ino;
  await writeFileAtomically(directory, "manifest", bytes("new"), 0o444);
  expect(readFileSync(at("manifest"), "latin1")).toBe("new");
  expect(lstatSync(at("manifest")).ino).not.toBe(old);
  expect(readdirSync(directory)).toEqual(["manifest"]);
});

test("DST-30, DST-31: modes are as asked for, whatever the umask", async () => {
  const umask = process.umask(0o077);
  try {
    await writeFileAtomically(directory, "manifest", bytes("x"), 0o444);
    await makeDirectory(at("store"), 0o755);
  } finally {
    process.umask(umask);
  }
  expect(mode("manifest")).toBe("444");
  expect(mode("store")).toBe("755");
});

test("DST-31: the umask is as it was after a directory is made", async () => {
  const before = process.umask(0o027);
  try {
    await makeDirectory(at("directory"), 0o755);
    expect(process.umask()).toBe(0o027);
  } finally {
    process.umask(before);
  }
});

test("DST-32: a directory that exists keeps its mode", async () => {
  mkdirSync(at("store"));
  chmodSync(at("store"), 0o700);
  await makeDirectory(at("store"), 0o755);
  expect(mode("store")).toBe("700");
});

test("DST-26: a temporary file that is there is not written to", async () => {
  writeFileSync(at(".manifest.new"), "of someone else");
  const error = await failure(() => writeFileAtomically(directory, "manifest", bytes("x"), 0o444));
  expect([error.kind, error.source]).toEqual(["storage", at(".manifest.new")]);
  expect(readFileSync(at(".manifest.new"), "latin1")).toBe("of someone else");
  expect(readdirSync(directory)).toEqual([".manifest.new"]);
});

test.skipIf(process.getuid?.() !== 0)(
  "DST-27: a device that this machine does not have is no regular file either",
  async () => {
    // 10 is the major number of "misc", of whose minor ones 250 is for local use (Linux, devices.txt).
    Bun.spawnSync(["mknod", at("device"), "c", "10", "250"]);
    expect((await failure(() => readRegularFile(at("device"), 100))).rule).toBe("DST-27");
  },
);

test("DST-25, DST-27: only a regular file is read, and nothing waits for a pipe", async () => {
  makeOneOfEach();
  expect(text(readRegularFile(at("file"), 100))).toBe("a file");
  expect(readRegularFile(at("missing"), 100)).toBeUndefined();
  for (const name of ["directory", "link", "dangling", "fifo"]) {
    const error = await failure(() => readRegularFile(at(name), 100));
    expect([name, error.kind, error.rule, error.source]).toEqual([
      name,
      "storage",
      "DST-27",
      at(name),
    ]);
  }
});

test("DST-17: no more is read than the limit", async () => {
  writeFileSync(at("file"), "12345");
  expect(text(readRegularFile(at("file"), 5))).toBe("12345");
  expect((await failure(() => readRegularFile(at("file"), 4))).kind).toBe("storage");
  expect(readRegularFile(at("file"), 4, "absent")).toBeUndefined();
  expect(text(readRegularFile("/proc/version", 4096))).toBe(
    readFileSync("/proc/version", "latin1"),
  );
});

test("DST-27: what is of another kind is neither replaced nor removed", async () => {
  makeOneOfEach();
  writeFileSync(at("new"), "new");
  const before = readdirSync(directory).map((name) => [name, lstatSync(at(name)).ino]);
  for (const name of ["directory", "link", "dangling", "fifo"]) {
    for (const run of [
      () => writeFileAtomically(directory, name, bytes("x"), 0o444),
      () => moveIntoPlace(at("new"), directory, name),
      () => removeIfPresent(at(name)),
      () => isPresent(at(name), "regular file"),
      () => statRegularFile(at(name)),
    ]) {
      expect((await failure(run)).rule).toBe("DST-27");
    }
  }
  for (const name of ["directory", "file", "fifo"]) {
    for (const run of [
      () => replaceSymlink(directory, name, "store/x"),
      () => removeIfPresent(at(name), "symbolic link"),
    ]) {
      expect((await failure(run)).rule).toBe("DST-27");
    }
  }
  for (const name of ["link", "dangling", "file", "fifo"]) {
    expect((await failure(() => makeDirectory(at(name), 0o755))).rule).toBe("DST-27");
  }
  expect(readdirSync(directory).map((name) => [name, lstatSync(at(name)).ino])).toEqual(before);
});

test("DST-11: a link is made and replaced, also one that names nothing", async () => {
  await replaceSymlink(directory, "latest", "store/one");
  expect(readlinkSync(at("latest"))).toBe("store/one");
  await replaceSymlink(directory, "latest", "store/two");
  expect(readlinkSync(at("latest"))).toBe("store/two");
  expect(readdirSync(directory)).toEqual(["latest"]);
});

test("DST-24: what is left over is removed, what is absent stays absent", () => {
  makeOneOfEach();
  removeIfPresent(at("file"));
  removeIfPresent(at("link"), "symbolic link");
  removeIfPresent(at("missing"));
  expect(readdirSync(directory).sort()).toEqual(["dangling", "directory", "fifo"]);
});

test("DST-30: a mode is set on the file itself, not through a link", async () => {
  writeFileSync(at("file"), "");
  chmodSync(at("file"), 0o640);
  symlinkSync("file", at("link"));
  expect((await failure(() => setMode(at("link"), 0o444))).kind).toBe("storage");
  expect(mode("file")).toBe("640");
  const opened = () => readdirSync("/proc/self/fd").length;
  const before = opened();
  for (let times = 0; times < 20; times++) setMode(at("file"), 0o444);
  expect(opened()).toBeLessThan(before + 20);
  expect(mode("file")).toBe("444");
  expect(statRegularFile(at("file"))?.size).toBe(0);
  expect(statSync(at("link")).isFile()).toBe(true);
});

test("CLI-33: an error of the system is told in words and names the path", async () => {
  const cases: [() => unknown, string, string][] = [
    [() => syncDirectory(at("missing")), at("missing"), "no such file or directory"],
    [() => makeDirectory(at("a/b"), 0o755), at("a/b"), "no such file or directory"],
    [() => makeDirectory(at("file/b"), 0o755), at("file/b"), "not a directory"],
    [() => isPresent(at("x".repeat(300)), "directory"), at("x".repeat(300)), "too long"],
  ];
  writeFileSync(at("file"), "");
  for (const [run, path, words] of cases) {
    const error = await failure(run);
    expect([error.kind, error.source]).toEqual(["storage", path]);
    expect(error.message).toContain(words);
    expect(error.message).not.toMatch(/E[A-Z]{3,}/);
  }
});

test("CLI-33: a file that cannot be read is told by what was tried, and its path", () => {
  // At address 0 of a process is nothing to read.
  expect(() => readRegularFile("/proc/self/mem", 10)).toThrow(/^cannot read/);
  expect(() => readPipe("/proc/self/mem", 10)).toThrow(/^cannot read/);
});

test("CLI-33: a link that cannot be made is told as that", async () => {
  const error = await failure(() => replaceSymlink(at("nowhere"), "link", "target"));
  expect(error.message).toStartWith("cannot create it: ");
});

test("CLI-33: full disks, quotas and read-only file systems come with advice", () => {
  for (const code of ["ENOSPC", "EDQUOT", "EACCES", "EPERM", "EROFS", "EIO", "ELOOP"]) {
    const error = storageError(Object.assign(new Error(code), { code }), "write", "/a\nb");
    if (!(error instanceof TakoError)) throw error;
    expect(error.hint).toBeString();
    expect(error.message).not.toContain(code);
    expect(error.source).toBe("/a\\u{a}b");
  }
});

test("CLI-42: an error that is none of the system is given back as it is", () => {
  const bug = new TypeError("a bug");
  expect(storageError(bug, "write", "/a")).toBe(bug);
  const told = new TakoError("failed", "told already");
  expect(storageError(told, "write", "/a")).toBe(told);
});

test.skipIf(process.getuid?.() !== 0)(
  "DST-34: this user, root and who owns the directory are trusted, and nobody else",
  () => {
    chownSync(directory, 1234, 1234);
    process.seteuid?.(65534);
    try {
      const trusted = [65534, 0, 1234, 1235].map((uid) => isTrustedOwner(uid, directory));
      expect(trusted).toEqual([true, true, true, false]);
    } finally {
      process.seteuid?.(0);
    }
  },
);
