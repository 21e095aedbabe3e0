// Which files of a directory somebody else could change, by their owner or their mode. What that means is decided
// by who asks.

import { lstatSync } from "node:fs";
import { join } from "node:path";
import { isTrustedOwner } from "./files.ts";
import { naming } from "./storage-error.ts";

/** Of the regular files of these names, the paths of those that another user owns, or that others may write. */
export function changeableByOthers(directory: string, names: readonly string[]): readonly string[] {
  return names
    .map((name) => join(directory, name))
    .filter((path) => {
      const stats = naming(path, "look at", () => lstatSync(path, { throwIfNoEntry: false }));
      if (!stats?.isFile()) return false;
      return (stats.mode & 0o022) !== 0 || !isTrustedOwner(stats.uid, directory);
    });
}
