// The folder that a binary is built in: the sources, the bundled packages and what is embedded, and nothing else of
// the machine. Two such folders of one commit give the same bytes, wherever they are.

import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Glob } from "bun";
import { ownFiles } from "./git.ts";
import { copyBundled } from "./packages.ts";

/** What the program reads when it runs, at /$bunfs/root. */
export const EMBEDDED = ["fixtures.json", "LICENSE", "NOTICE"];

/**
 * @param root the tree to build
 * @param packages the node_modules with the bundled packages
 * @param to a new folder
 * @throws Error - a package is not what it was when it was pinned
 */
export function stage(root: string, packages: string, to: string): void {
  copyBundled(packages, join(to, "node_modules"));
  const files = filesOf(root);
  for (const path of files.filter((each) => !each.startsWith("fixtures/"))) {
    mkdirSync(dirname(join(to, path)), { recursive: true });
    cpSync(join(root, path), join(to, path));
  }
  // One file: of a folder, the runtime would embed the files in the order in which the file system lists them.
  const fixtures = files
    .filter((path) => path.startsWith("fixtures/"))
    .map((path) => [path.slice("fixtures/".length), readFileSync(join(root, path), "base64")]);
  writeFileSync(join(to, "fixtures.json"), JSON.stringify(Object.fromEntries(fixtures)));
}

const FILES = ["package.json", "LICENSE", "NOTICE"];
const FOLDERS = ["src", "conformance", "fixtures"];

/** Those that are the tree's own; where git does not know, all. Sorted. */
function filesOf(root: string): readonly string[] {
  const own = ownFiles(root, [...FILES, ...FOLDERS]);
  const found = own ?? [...FILES, ...FOLDERS.flatMap((folder) => allIn(root, folder))];
  // git lists also what was removed since.
  return [...new Set(found)].filter((path) => existsSync(join(root, path))).toSorted();
}

function allIn(root: string, folder: string): readonly string[] {
  const names = new Glob("**/*").scanSync({ cwd: join(root, folder), dot: true });
  return Array.from(names, (name) => `${folder}/${name}`);
}
