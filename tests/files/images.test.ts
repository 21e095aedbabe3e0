// Images: the digest of what is written, partial files that are continued, and errors that come late.

import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  appendFileSync,
  chmodSync,
  closeSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TakoError } from "../../src/core/error.ts";
import { hashBytes, hashFile, readBlocks } from "../../src/shell/disk/hash.ts";
import { ImageWriter } from "../../src/shell/disk/image-writer.ts";
import { bunFlags } from "../support/bun-flags.ts";
import { needs } from "../support/needs.ts";
import { sha256sumOfFile } from "../support/publishing.ts";
import { canMount, mountTmpfs } from "../support/tmpfs.ts";

const MIB = 1024 * 1024;

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "tako-images-"));
});
afterEach(() => rm(directory, { recursive: true }));

const at = (name: string) => join(directory, name);

/** Bytes that differ from block to block. */
function content(size: number): Uint8Array {
  return new Uint8Array(size).map((_, index) => index ^ (index >> 8) ^ (index >> 16));
}

test("DST-12: files of any size have the digest that sha256sum gives", async () => {
  for (const size of [0, 1, MIB - 1, MIB, MIB + 1, 2 * MIB, 5 * MIB + 3]) {
    writeFileSync(at("file"), content(size));
    const digest = await hashFile(at("file"));
    expect(digest).toBe(sha256sumOfFile(at("file")) as never);
    expect(hashBytes(content(size))).toBe(digest as never);
  }
});

test("DST-12: a file that was hashed is open no longer", async () => {
  writeFileSync(at("file"), content(MIB));
  await hashFile(at("file"));
  const opened = () =>
    readdirSync("/proc/self/fd").filter((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`) === at("file");
      } catch {
        return false; // the one that listed them
      }
    });
  expect(opened()).toEqual([]);
});

test("DST-27: only a regular file has a digest, and a missing one has none", async () => {
  expect(await hashFile(at("missing"))).toBeUndefined();
  mkdirSync(at("directory"));
  symlinkSync("directory", at("link"));
  Bun.spawnSync(["mkfifo", at("fifo")]);
  writeFileSync(at("file"), "");
  symlinkSync("file", at("link to a file"));
  for (const name of ["directory", "link", "link to a file", "fifo"]) {
    await expect(hashFile(at(name))).rejects.toMatchObject({ kind: "storage", source: at(name) });
    await expect(ImageWriter.resume(at(name))).rejects.toBeInstanceOf(TakoError);
  }
});

test("DST-21: chunks of any size are written in order, hashed, and get their mode", async () => {
  const writer = await ImageWriter.create(at("image"));
  const all = content(40 * MIB + 7);
  const sizes = [1, 64 * 1024, MIB / 4 - 1, MIB / 4, MIB, 3 * MIB];
  for (let start = 0, turn = 0; start < all.length; turn += 1) {
    const chunk = all.slice(start, start + (sizes[turn % sizes.length] ?? 1));
    start += chunk.length;
    await writer.write(chunk);
    expect(writer.size).toBe(start);
    // The caller may use its buffer again.
    chunk.fill(0);
  }
  await writer.finish(0o444);
  expect(readFileSync(at("image")).equals(all)).toBe(true);
  expect(writer.digest()).toBe(sha256sumOfFile(at("image")) as never);
  expect(writer.digest()).toBe(writer.digest());
  expect(lstatSync(at("image")).mode & 0o777).toBe(0o444);
  await writer.close();
});

test("DST-26: what is there already is not written to", async () => {
  writeFileSync(at("image"), "of someone else");
  await expect(ImageWriter.create(at("image"))).rejects.toMatchObject({ kind: "storage" });
  symlinkSync("elsewhere", at("link"));
  await expect(ImageWriter.create(at("link"))).rejects.toMatchObject({ kind: "storage" });
  expect(readFileSync(at("image"), "latin1")).toBe("of someone else");
});

test("FET-60: a partial file is continued, and its bytes count for the digest", async () => {
  writeFileSync(at("whole"), content(3 * MIB));
  writeFileSync(at("partial"), content(3 * MIB).subarray(0, MIB + 5));
  const writer = await ImageWriter.resume(at("partial"));
  expect(writer.size).toBe(MIB + 5);
  await writer.write(content(3 * MIB).subarray(MIB + 5));
  expect(writer.digest()).toBe(sha256sumOfFile(at("whole")) as never);
  await writer.finish(0o444);
  expect(sha256sumOfFile(at("partial"))).toBe(sha256sumOfFile(at("whole")));
});

test("FET-58: what somebody else appends is hashed, behind what was there", async () => {
  const all = content(5 * MIB + 3);
  writeFileSync(at("whole"), all);
  writeFileSync(at("partial"), all.subarray(0, 7));
  const progress: number[] = [];
  const writer = await ImageWriter.resume(at("partial"), (size) => progress.push(size));
  await writer.append(async (fd) => {
    for (let start = 7; start < all.length; start += MIB / 4) {
      writeSync(fd, all.subarray(start, start + MIB / 4));
      await Bun.sleep(1);
    }
  });
  expect(writer.size).toBe(all.length);
  expect(writer.digest()).toBe(sha256sumOfFile(at("whole")) as never);
  expect(progress.length).toBeGreaterThan(5);
  expect(progress).toEqual(progress.toSorted((a, b) => a - b));
  await writer.finish(0o444);
  expect(sha256sumOfFile(at("partial"))).toBe(sha256sumOfFile(at("whole")));
});

test("FET-58: who appends may pause for as long as it takes", async () => {
  const writer = await ImageWriter.create(at("image"));
  await writer.append(async (fd) => {
    await Bun.sleep(300);
    writeSync(fd, content(3));
    await Bun.sleep(300);
    writeSync(fd, content(5));
  });
  expect(writer.size).toBe(8);
  await writer.finish(0o444);
  expect(writer.digest()).toBe(sha256sumOfFile(at("image")) as never);
});

test("FET-60: what was appended before it failed counts", async () => {
  const writer = await ImageWriter.create(at("image"));
  const broken = new Error("the connection broke");
  const append = async (fd: number) => {
    writeSync(fd, content(MIB));
    throw broken;
  };
  await expect(writer.append(append)).rejects.toBe(broken);
  expect(writer.size).toBe(MIB);
  await writer.write(content(2 * MIB).subarray(MIB));
  await writer.finish(0o444);
  writeFileSync(at("whole"), content(2 * MIB));
  expect(writer.digest()).toBe(sha256sumOfFile(at("whole")) as never);
});

test.skipIf(!canMount)(
  "CLI-33: a disk that is full is told, by small chunks as by large ones",
  async () => {
    await using tmpfs = await mountTmpfs(directory, 64 * 1024);
    for (const size of [100_000, MIB]) {
      const path = join(tmpfs.path, `image of ${size}`);
      const writer = await ImageWriter.create(path);
      const write = async () => await writer.write(content(size));
      await expect(write()).rejects.toMatchObject({
        ...{ kind: "storage", source: path, message: expect.stringMatching(/^cannot write it: /) },
      });
      await writer.close();
    }
  },
);

test("CLI-33: an error of the disk while somebody else appends is told in words", async () => {
  const writer = await ImageWriter.create(at("image"));
  const append = async () => {
    writeSync(openSync("/dev/full", "w"), "x");
  };
  await expect(writer.append(append)).rejects.toMatchObject({
    kind: "storage",
    message: "cannot write it: no space is left on the file system",
    source: at("image"),
  });
  await writer.close();
});

test("FET-58: who appends is stopped, and waited for, when what it appends is of no use any more", async () => {
  const writer = await ImageWriter.create(at("image"), () => {
    throw new Error("the reader has had enough");
  });
  let ended = false;
  const append = async (fd: number, signal: AbortSignal) => {
    writeSync(fd, "x");
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    ended = true;
  };
  await expect(writer.append(append)).rejects.toThrow("the reader has had enough");
  expect(ended).toBe(true);
  await writer.close();
});

test("DST-38: a file that somebody else wrote to is not finished", async () => {
  const writer = await ImageWriter.create(at("partial"));
  await writer.write(new TextEncoder().encode("good"));
  appendFileSync(at("partial"), "bad");
  const error = await writer.finish(0o444).catch((error: unknown) => error);
  await writer.close();
  expect(error).toMatchObject({ kind: "storage", rule: "DST-38", source: at("partial") });
});

test("FET-62: a writer starts once more from byte 0", async () => {
  writeFileSync(at("partial"), "rotten");
  const writer = await ImageWriter.resume(at("partial"));
  expect(writer.digest()).toBe(sha256sumOfFile(at("partial")) as never);
  await writer.restart();
  expect(writer.size).toBe(0);
  await writer.write(new TextEncoder().encode("good"));
  await writer.finish(0o444);
  expect(readFileSync(at("partial"), "latin1")).toBe("good");
  expect(writer.digest()).toBe(sha256sumOfFile(at("partial")) as never);
});

test("ORG-36: a writer of a new file that starts once more leaves no hole where the first bytes were", async () => {
  const writer = await ImageWriter.create(at("new"));
  await writer.write(content(MIB));
  await writer.restart();
  await writer.write(new TextEncoder().encode("good"));
  await writer.finish(0o444);
  expect(readFileSync(at("new"), "latin1")).toBe("good");
  expect(writer.digest()).toBe(sha256sumOfFile(at("new")) as never);
});

test("FET-60: a partial file that a killed run made read-only already is continued", async () => {
  writeFileSync(at("partial"), "all of it");
  chmodSync(at("partial"), 0o444);
  const script = `
    const { ImageWriter } = await import(${JSON.stringify(join(import.meta.dir, "../../src/shell/disk/image-writer.ts"))});
    const writer = await ImageWriter.resume(${JSON.stringify(at("partial"))});
    await writer.write(new TextEncoder().encode(", and more"));
    await writer.finish(0o444);`;
  // Only who is not root meets the mode.
  const capabilities =
    process.getuid?.() === 0 ? ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] : [];
  const child = Bun.spawn([...capabilities, process.execPath, ...bunFlags, "-e", script], {
    stderr: "inherit",
  });
  expect(await child.exited).toBe(0);
  expect(readFileSync(at("partial"), "latin1")).toBe("all of it, and more");
});

const strace = needs("strace");
test.skipIf(strace.missing).each([
  ["only while it is written", "fdatasync"],
  ["at its end", "fsync"],
])("FET-68: a file whose sync fails %s is not finished, and says so", async (_, call) => {
  const script = `
    const { ImageWriter } = await import(${JSON.stringify(join(import.meta.dir, "../../src/shell/disk/image-writer.ts"))});
    const writer = await ImageWriter.create(${JSON.stringify(at("image"))});
    // So much that it is synced in the background, and nothing after it that could tell.
    await writer.write(new Uint8Array(${32 * MIB}));
    const outcome = await writer.finish(0o444).then(() => "finished", ({ message }) => message);
    await writer.close();
    console.log(outcome, writer.syncFailed);`;
  const inject = ["-P", at("image"), "-e", `trace=${call}`, "-e", `inject=${call}:error=EIO`];
  const command = ["strace", "-f", "-qq", "-o", "/dev/null", ...inject];
  const child = Bun.spawn([...command, process.execPath, ...bunFlags, "-e", script], {
    stdout: "pipe",
  });
  expect(await child.stdout.text()).toBe(
    "cannot write it: the device reports a read or write error true\n",
  );
});

test.skipIf(strace.missing)(
  "FET-68: a file that is closed while it is synced in the background knows whether that failed",
  async () => {
    const script = `
    const { ImageWriter } = await import(${JSON.stringify(join(import.meta.dir, "../../src/shell/disk/image-writer.ts"))});
    const writer = await ImageWriter.create(${JSON.stringify(at("image"))});
    await writer.write(new Uint8Array(${32 * MIB}));
    await writer.close();
    console.log(writer.syncFailed);`;
    const late = "inject=fdatasync:error=EIO:delay_enter=300ms";
    const command = ["strace", "-f", "-qq", "-o", at("trace"), "-P", at("image")];
    const calls = ["-e", "trace=fdatasync,close", "-e", late];
    const child = Bun.spawn([...command, ...calls, process.execPath, ...bunFlags, "-e", script], {
      stdout: "pipe",
    });
    expect(await child.stdout.text()).toBe("true\n");
    const trace = readFileSync(at("trace"), "latin1");
    expect(trace).toMatch(/fdatasync.*= -1 EIO .*\n.*close\(\d+\) += 0\n/);
  },
);

test("CLI-33: a read that fails names the path", async () => {
  const fd = openSync(directory, "r");
  const blocks = readBlocks(fd, directory);
  await expect(blocks.next()).rejects.toMatchObject({ kind: "storage", source: directory });
  closeSync(fd);
});
