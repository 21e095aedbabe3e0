// A second implementation, apply_patch.py, written from spec/packed.md alone: it makes the same of the patches of fixtures/packed,
// and of those that Tako makes.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { closeSync, openSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makePatch } from "../../src/shell/packed/make-patch.ts";
import { type Case, casesOf, title } from "../support/fixtures.ts";
import { needs } from "../support/needs.ts";

interface PatchCase extends Case {
  readonly old: string;
  readonly size: number;
  readonly patch: string;
  readonly new?: string;
}

const programs = needs("python3", "zstd");

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tako-second-reading-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** What comes out; `undefined` if it refuses. */
async function applied(id: string, old: Uint8Array, patch: Uint8Array, size: number) {
  const paths = [join(folder, `${id}.old`), join(folder, `${id}.patch`)] as const;
  writeFileSync(paths[0], old);
  writeFileSync(paths[1], patch);
  const script = join(import.meta.dir, "apply_patch.py");
  const child = Bun.spawn(["python3", script, ...paths, String(size)], {
    stdout: "pipe",
    stderr: "ignore",
  });
  const output = Buffer.from(await new Response(child.stdout).arrayBuffer());
  return (await child.exited) === 0 ? output.toString("hex") : undefined;
}

for (const each of casesOf<PatchCase>("packed/patches.toml")) {
  test.skipIf(programs.missing)(title(each), async () => {
    const [old, patch] = [Buffer.from(each.old, "hex"), Buffer.from(each.patch, "hex")];
    expect(await applied(each.id, old, patch, each.size)).toBe(each.new);
  });
}

test.skipIf(programs.missing)("PCK-20 to PCK-32: what Tako makes, it applies", async () => {
  const sources = ["../../README.md", "../../CONTRIBUTING.md", "../../bun.lock"];
  const texts = await Promise.all(
    sources.map((path) => Bun.file(join(import.meta.dir, path)).bytes()),
  );
  // More than one segment, of text that repeats with another byte here and there.
  const old = Buffer.concat(Array.from({ length: 20 }, () => texts).flat());
  const next = Buffer.concat([
    texts[1] ?? old,
    old.map((byte, at) => (at % 777 ? byte : byte + 1)),
  ]);
  const [oldPath, nextPath] = [join(folder, "old"), join(folder, "next")];
  writeFileSync(oldPath, old);
  writeFileSync(nextPath, next);
  const [oldFd, nextFd] = [openSync(oldPath, "r"), openSync(nextPath, "r")];
  const chunks: Uint8Array[] = [];
  const images = [
    { fd: oldFd, size: old.length },
    { fd: nextFd, size: next.length },
  ] as const;
  for await (const chunk of makePatch(...images, 9)) chunks.push(chunk.slice());
  closeSync(oldFd);
  closeSync(nextFd);
  expect(next.length).toBeGreaterThan(1024 * 1024);
  const output = await applied("made", old, Buffer.concat(chunks), next.length);
  expect(output === next.toString("hex")).toBeTrue();
});
