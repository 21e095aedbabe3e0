// Origins on this host's own file system.

import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  digest,
  failureOf,
  image,
  imageBody,
  keepingIn,
  longManifest,
  manifest,
  open,
  readImage,
} from "./asking.ts";

let directory = "";
beforeEach(() => {
  directory = join(mkdtempSync(join(tmpdir(), "tako-file-")), "with space and ü");
  mkdirSync(join(directory, "store"), { recursive: true });
  writeFileSync(join(directory, "manifest"), manifest);
  writeFileSync(join(directory, "store", digest), image);
});
afterEach(() => rmSync(join(directory, ".."), { recursive: true }));

const url = () => `file://${encodeURI(directory)}`;
const origin = () => open(url()).origin;
const whole = () => ({
  ...{ kind: "manifest" as const, bytes: manifest },
  times: { changed: statSync(join(directory, "manifest")).mtimeMs },
});

test("ORG-70: manifest and image are read from the percent-decoded path", async () => {
  expect(await origin().manifest()).toEqual(whole());
  expect(await readImage(origin())).toEqual({ offset: 0, bytes: Buffer.from(image) });
  const rest = { offset: 99_000, bytes: Buffer.from(image.subarray(99_000)) };
  expect(await readImage(origin(), 99_000)).toEqual(rest);
});

test("ORG-70: a manifest that is read in several pieces is whole", async () => {
  const lines = Array.from({ length: 400_000 }, (_, line) => `${line}\n`).join("");
  const long = Buffer.from(`Tako Manifest 1\n\n${lines}${manifest.subarray(-90)}`);
  writeFileSync(join(directory, "manifest"), long);
  const answer = await origin().manifest();
  expect(answer.kind === "manifest" && long.equals(answer.bytes)).toBe(true);
});

test("ORG-70: a manifest from a file has no ETag, and is never unchanged", async () => {
  expect(await origin().manifest({ etag: '"x"' })).toEqual(whole());
});

test("ORG-71: a manifest of more than 64 MiB is refused, one of 64 MiB taken", async () => {
  const path = join(directory, "manifest");
  writeFileSync(path, longManifest(64 * 1024 * 1024));
  const answer = await origin().manifest();
  expect(answer.kind === "manifest" && answer.bytes.length).toBe(67_108_864);
  truncateSync(path, 64 * 1024 * 1024 + 1);
  expect(await failureOf(origin().manifest())).toMatchObject({ kind: "manifest", rule: "ORG-22" });
});

test("ORG-71: an image without end is read only as far as its reader goes", async () => {
  const path = join(directory, "store", digest);
  truncateSync(path, 2 ** 40);
  const chunks: Uint8Array[] = [];
  const body = await imageBody(url());
  expect(await body.into(keepingIn(chunks), 3_000_000)).toBe("longer");
  expect(Buffer.concat(chunks).length).toBe(2 * 1024 * 1024);
});

test("ORG-72: a missing file is an error of the origin, not retried", async () => {
  rmSync(join(directory, "manifest"));
  const { origin: asked, slept } = open(url());
  const error = await failureOf(asked.manifest());
  expect(error).toMatchObject({ kind: "origin", rule: "ORG-72", passing: false });
  expect(error.source).toBe(`${directory.replace("ü", "\\u{fc}")}/manifest`);
  expect(slept).toEqual([]);
});

test("ORG-72: so is one that cannot be read", async () => {
  rmSync(join(directory, "manifest"));
  // A regular file for the kernel, but nothing is mapped at its start: EIO, also for root.
  symlinkSync("/proc/self/mem", join(directory, "manifest"));
  expect(await failureOf(origin().manifest())).toMatchObject({ kind: "origin", rule: "ORG-72" });
});

test("ORG-73: a FIFO is an error and is not waited for", async () => {
  rmSync(join(directory, "manifest"));
  Bun.spawnSync(["mkfifo", join(directory, "manifest")]);
  expect(await failureOf(origin().manifest())).toMatchObject({ kind: "origin", rule: "ORG-73" });
});

test("ORG-73: a device and a directory are errors, also by a link", async () => {
  rmSync(join(directory, "manifest"));
  symlinkSync("/dev/zero", join(directory, "manifest"));
  expect(await failureOf(origin().manifest())).toMatchObject({ kind: "origin", rule: "ORG-73" });
  rmSync(join(directory, "store", digest));
  mkdirSync(join(directory, "store", digest));
  expect(await failureOf(readImage(origin()))).toMatchObject({ kind: "origin", rule: "ORG-73" });
});

test("ORG-70: a file that is renamed over while it is read is read to its own end", async () => {
  const path = join(directory, "store", digest);
  const long = new Uint8Array(3 * 1024 * 1024).fill(1);
  writeFileSync(path, long);
  const chunks: Uint8Array[] = [];
  const write = (chunk: Uint8Array) => {
    if (chunks.push(new Uint8Array(chunk)) === 1) {
      writeFileSync(`${path}.new`, "another");
      renameSync(`${path}.new`, path);
    }
    return undefined;
  };
  expect(await (await imageBody(url())).into({ write }, long.length)).toBe("ended");
  expect(Buffer.concat(chunks).equals(long)).toBe(true);
});

test("ORG-70: no file stays open when the reader stops early", async () => {
  const probe = () => {
    const fd = openSync("/dev/null", "r");
    closeSync(fd);
    return fd;
  };
  const before = probe();
  for (let round = 0; round < 20; round++) {
    expect(await (await imageBody(url())).into(keepingIn([]), 1)).toBe("longer");
  }
  expect(probe()).toBe(before);
});
