// `bun run build`: one executable with the program and its runtime in it, dist/tako, for this machine.
// `bun run build --all`: those of a release, for each kind of machine, in dist/release (docs/releasing.md).

import { mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { packageManager } from "../package.json";
import { compile } from "./build/compile.ts";
import { commitOf } from "./build/git.ts";
import { stage } from "./build/stage.ts";

const root = join(import.meta.dir, "..");

// Outside of the tree, so that nothing else of it is found.
const scratch = mkdtempSync(join(tmpdir(), "tako-build-"));
try {
  if (packageManager !== `bun@${Bun.version}`)
    throw new Error(`this is bun@${Bun.version}, and Tako is built with ${packageManager}`);
  const { values } = parseArgs({ options: { all: { type: "boolean", default: false } } });
  if (values.all) (await import("./build/release.ts")).buildRelease(root, scratch);
  else buildHere();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

function buildHere(): void {
  stage(root, join(root, "node_modules"), scratch);
  // Beside its place, so that a program that is running keeps the old file.
  const folder = join(root, `dist/build.${process.pid}`);
  try {
    const built = compile(scratch, folder, { runtime: process.execPath, commit: commitOf(root) });
    renameSync(built, join(root, "dist/tako"));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
