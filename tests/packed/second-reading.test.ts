// A second implementation, written from spec/packed.md alone: what Tako makes, the adapter in Python applies, and what the
// encoder of fixtures/packed makes, Tako applies.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { closeSync, openSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AdapterProcess } from "../../conformance/adapter/process.ts";
import { applyPatch } from "../../src/shell/packed/apply-patch.ts";
import { makePatch } from "../../src/shell/packed/make-patch.ts";
import { oldImage } from "../../src/shell/packed/old-image.ts";
import { needs } from "../support/needs.ts";

const repository = join(import.meta.dir, "../..");
/** Debian's: the modules belong to it. */
const PYTHON = "/usr/bin/python3";
const LIMIT_MS = 60_000;

const debian = needs("cryptography", "python3", "zstandard");
const python = needs("python3");

let folder: string;
let old: Buffer;
let next: Buffer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tako-second-reading-"));
  const sources = ["README.md", "CONTRIBUTING.md", "bun.lock"];
  const texts = await Promise.all(sources.map((path) => Bun.file(join(repository, path)).bytes()));
  // More than one segment, of text that repeats with another byte here and there.
  old = Buffer.concat(Array.from({ length: 20 }, () => texts).flat());
  const changed = old.map((byte, at) => (at % 777 ? byte : byte + 1));
  next = Buffer.concat([texts[1] ?? old, changed]);
  expect(next.length).toBeGreaterThan(1024 * 1024);
  writeFileSync(join(folder, "old"), old);
  writeFileSync(join(folder, "next"), next);
});
afterAll(() => rm(folder, { recursive: true }));

async function all(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const copies: Uint8Array[] = [];
  for await (const chunk of chunks) copies.push(chunk.slice());
  return Buffer.concat(copies);
}

test.skipIf(debian.missing)("PCK-20 to PCK-32: what Tako makes, it applies", async () => {
  const fds = [openSync(join(folder, "old"), "r"), openSync(join(folder, "next"), "r")] as const;
  const images = [
    { fd: fds[0], size: old.length },
    { fd: fds[1], size: next.length },
  ] as const;
  const patch = await all(makePatch(...images, 9));
  for (const fd of fds) closeSync(fd);
  const script = join(repository, "docs/adapters/python/tako_adapter.py");
  const adapter = new AdapterProcess([PYTHON, "-B", script], LIMIT_MS);
  const args = {
    old: old.toString("base64"),
    patch: patch.toString("base64"),
    size: next.length,
  };
  try {
    const { answer } = await adapter.ask("apply-patch", args, AbortSignal.timeout(LIMIT_MS));
    expect("value" in answer && answer.value === next.toString("base64")).toBeTrue();
  } finally {
    await adapter.close();
  }
});

test.skipIf(python.missing)("PCK-20 to PCK-32: what it makes, Tako applies", async () => {
  const script = join(repository, "fixtures/packed/encode.py");
  const child = Bun.spawn(["python3", "-B", script, "old", "next"], {
    cwd: folder,
    stdout: "pipe",
    stderr: "inherit",
  });
  const patch = Buffer.from(await new Response(child.stdout).arrayBuffer());
  expect(await child.exited).toBe(0);
  expect(patch.length).toBeLessThan(next.length / 4);
  const fd = openSync(join(folder, "old"), "r");
  async function* whole() {
    yield patch;
  }
  const image = await all(applyPatch(whole(), oldImage(fd, old.length), next.length));
  closeSync(fd);
  expect(image.equals(next)).toBeTrue();
});
