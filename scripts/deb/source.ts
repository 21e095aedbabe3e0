// From what a package is made: a commit, or sources that git does not know, such as those of an archive.

import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { run } from "./run.ts";
import type { Commit } from "./version.ts";

/** The commit of a tree; undefined where git does not know it. @param tag that of a release of its version */
export function commitOf(root: string, tag: string): Commit | undefined {
  // Not that of a tree around this one.
  if (!existsSync(join(root, ".git")) || Bun.which("git") === null) return undefined;
  // Who builds may be another user than the one who cloned.
  const git = (...words: string[]) =>
    run(root, ["git", "-c", `safe.directory=${root}`, ...words]).trim();
  const [id = "", seconds = ""] = git("show", "--no-patch", "--format=%H %ct", "HEAD").split(" ");
  return {
    id,
    seconds: Number(seconds),
    released: git("tag", "--points-at", "HEAD").split("\n").includes(tag),
    changed: git("--no-optional-locks", "status", "--porcelain") !== "",
  };
}

/** The one time in a package, in seconds since 1970: that of the commit, which `git archive` gives to each file. */
export function timeOf(root: string, commit: Commit | undefined): number {
  return commit?.seconds ?? Math.floor(statSync(join(root, "package.json")).mtimeMs / 1000);
}
