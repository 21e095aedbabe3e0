// From which commit a tree is built (CLI-80).

import { existsSync } from "node:fs";
import { join } from "node:path";

/** The first 12 digits, with `, changed` where the files are not those of the commit; undefined where git does not know. */
export function commitOf(root: string): string | undefined {
  // Not that of a tree around this one.
  if (!existsSync(join(root, ".git"))) return undefined;
  const head = git(root, "rev-parse", "HEAD");
  const changes = git(root, "--no-optional-locks", "status", "--porcelain");
  if (head === undefined || changes === undefined) return undefined;
  return `${head.slice(0, 12)}${changes === "" ? "" : ", changed"}`;
}

function git(root: string, ...words: readonly string[]): string | undefined {
  if (Bun.which("git") === null) return undefined;
  const child = Bun.spawnSync(["git", "-C", root, ...words], { stderr: "ignore" });
  return child.success ? child.stdout.toString().trim() : undefined;
}
