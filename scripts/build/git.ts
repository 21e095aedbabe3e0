// What git knows of the tree that is built: its commit (CLI-80), and which files are its own.

import { existsSync } from "node:fs";
import { join } from "node:path";

/** The first 12 digits, with `, changed` where the files are not those of the commit; undefined where git does not know. */
export function commitOf(root: string): string | undefined {
  const head = git(root, "rev-parse", "HEAD");
  const changes = git(root, "--no-optional-locks", "status", "--porcelain");
  if (head === undefined || changes === undefined) return undefined;
  return `${head.trim().slice(0, 12)}${changes === "" ? "" : ", changed"}`;
}

/** Those of these files and folders that git knows or does not ignore; undefined where git does not know. */
export function ownFiles(root: string, paths: readonly string[]): readonly string[] | undefined {
  const words = ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--"];
  return git(root, ...words, ...paths)
    ?.split("\0")
    .filter(Boolean);
}

function git(root: string, ...words: readonly string[]): string | undefined {
  // A tree around this one is not asked.
  if (!existsSync(join(root, ".git")) || Bun.which("git") === null) return undefined;
  const child = Bun.spawnSync(["git", "-C", root, ...words], { stderr: "ignore" });
  return child.success ? child.stdout.toString() : undefined;
}
