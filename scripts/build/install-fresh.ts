// Packages as the registry has them: into a new folder, from a cache of its own, against the digests of a bun.lock.

import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";

/**
 * Installs what a folder's package.json and bun.lock name.
 *
 * @param to a new folder
 * @param options of `bun install`
 * @returns its node_modules
 * @throws Error - the registry can't be reached, or gives other bytes
 */
export function installFresh(from: string, to: string, ...options: readonly string[]): string {
  mkdirSync(to, { recursive: true });
  for (const name of ["package.json", "bun.lock"]) copyFileSync(join(from, name), join(to, name));
  const words = ["--frozen-lockfile", "--ignore-scripts", "--no-progress"];
  const cache = `--cache-dir=${join(to, "cache")}`;
  const installed = Bun.spawnSync([process.execPath, "install", ...words, cache, ...options], {
    cwd: to,
    stdin: "ignore",
  });
  if (!installed.success) throw new Error(`the packages of ${from}: ${installed.stderr}`.trimEnd());
  return join(to, "node_modules");
}
