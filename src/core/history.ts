// The append-only rule: what a manifest must still hold of the one before it (MAN-21, MAN-22, MAN-25).

import { type Entry, type Manifest, sameEntry } from "./manifest.ts";
import { compareVersions } from "./version.ts";

/** An entry of the history that the next manifest misses or gives otherwise. */
export interface LostEntry {
  readonly entry: Entry;
  readonly changedTo?: Entry;
}

/**
 * The append-only rule: the first entry of the history that the next manifest does not hold byte
 * for byte, `undefined` when it holds them all (MAN-21, MAN-22).
 */
export function firstLost(history: Manifest, next: Manifest): LostEntry | undefined {
  let index = 0;
  for (const entry of history.entries) {
    let found = next.entries[index];
    while (found !== undefined && compareVersions(found.version, entry.version) < 0) {
      index += 1;
      found = next.entries[index];
    }
    if (found === undefined || compareVersions(found.version, entry.version) !== 0)
      return { entry };
    if (!sameEntry(found, entry)) return { entry, changedTo: found };
  }
  return undefined;
}

/**
 * Whether a manifest is what the history was at some time, as far as its entries tell: it holds none
 * that the history does not hold byte for byte, and fewer (MAN-25). A cache that was not asked to look
 * again serves such a one; who rewrites the history does not stop there.
 */
export function isOlder(next: Manifest, history: Manifest): boolean {
  return next.entries.length < history.entries.length && firstLost(next, history) === undefined;
}
