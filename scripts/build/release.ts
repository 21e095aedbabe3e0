// `bun run build --all`: the program for each kind of machine, an SBOM and SHA256SUMS, in dist/release. All packages come from
// the registry, into a new folder and from a new cache. One commit gives the same bytes, wherever it is built.

import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { compile } from "./compile.ts";
import { commitOf } from "./git.ts";
import { installFresh } from "./install-fresh.ts";
import { sbom } from "./sbom.ts";
import { stage } from "./stage.ts";

/** Each build, and the package of the registry with its runtime. */
export const TARGETS = {
  "linux-arm64": "@oven/bun-linux-aarch64",
  "linux-arm64-musl": "@oven/bun-linux-aarch64-musl",
  "linux-x64": "@oven/bun-linux-x64",
  "linux-x64-baseline": "@oven/bun-linux-x64-baseline",
  "linux-x64-musl": "@oven/bun-linux-x64-musl",
} as const;

/**
 * @param root the tree to build
 * @param scratch an empty folder outside of it
 * @throws Error - the registry can't be reached or gives other bytes, another Bun runs this, or there is no commit to name
 */
export function buildRelease(root: string, scratch: string): void {
  if (process.arch !== "x64")
    throw new Error("a release is built on x86-64: elsewhere the bytecode is another");
  const commit = commitOf(root);
  if (commit === undefined) throw new Error("a release names its commit: build it in a clone");
  const packages = installFresh(root, join(scratch, "packages"), "--production");
  const from = join(import.meta.dir, "runtimes");
  const runtimes = installFresh(from, join(scratch, "runtimes"), "--cpu=*", "--os=*");
  const builders = [TARGETS["linux-x64"], TARGETS["linux-x64-musl"]];
  const here = sha256(process.execPath);
  if (builders.every((name) => sha256(join(runtimes, name, "bin/bun")) !== here))
    throw new Error(`${process.execPath} is not the Bun that the registry has`);
  const staged = join(scratch, "staged");
  stage(root, packages, staged);

  const release = join(root, "dist/release");
  const folder = `${release}.${process.pid}`;
  try {
    const binaries: Record<string, string> = {};
    for (const [target, name] of Object.entries(TARGETS)) {
      const runtime = join(runtimes, name, "bin/bun");
      const built = compile(staged, join(folder, "built"), { runtime, commit });
      renameSync(built, join(folder, `tako-${target}`));
      binaries[`tako-${target}`] = sha256(join(folder, `tako-${target}`));
    }
    rmSync(join(folder, "built"), { recursive: true });
    writeFileSync(join(folder, "tako.cdx.json"), sbom({ commit, binaries, packages }));
    const sums = { ...binaries, "tako.cdx.json": sha256(join(folder, "tako.cdx.json")) };
    const lines = Object.entries(sums).map(([name, digest]) => `${digest}  ${name}\n`);
    writeFileSync(join(folder, "SHA256SUMS"), lines.join(""));
    // The folder is there whole, or as it was.
    rmSync(release, { recursive: true, force: true });
    renameSync(folder, release);
    process.stdout.write(lines.join(""));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function sha256(path: string): string {
  return new Bun.CryptoHasher("sha256").update(readFileSync(path)).digest("hex");
}
