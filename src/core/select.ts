// Which entries of a manifest a host picks, falls back to, or has in use (spec/fetch.md).

import type { Sha256Hex } from "./digest.ts";
import type { Entry, Manifest } from "./manifest.ts";
import { compareToPattern, isExcepted, matches, type Pattern } from "./pattern.ts";
import { compareVersions, type Version } from "./version.ts";

/** How many older versions are tried when the origin says that newer ones are gone. */
const MAX_FALLBACKS = 8;

/** The entries that the pattern allows: neighbours but for what is excepted, so found by halves, since a manifest may be long. */
export function allowedEntries({ entries }: Manifest, pattern: Pattern): readonly Entry[] {
  const firstAbove = (least: number) => {
    let [low, high] = [0, entries.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const entry = entries[middle];
      const isAbove = entry === undefined || compareToPattern(entry.version, pattern) >= least;
      if (isAbove) high = middle;
      else low = middle + 1;
    }
    return low;
  };
  const between = entries.slice(firstAbove(0), firstAbove(1));
  return between.filter(({ version }) => !isExcepted(pattern, version));
}

/** The newest entry that the pattern allows. */
export function newestMatch(manifest: Manifest, pattern: Pattern): Entry | undefined {
  return allowedEntries(manifest, pattern).at(-1);
}

/**
 * The entries to try when the origin says that `picked` is gone, newest first: older, allowed, and
 * never older than the version in use while that one is still allowed, or else whoever can answer
 * for the origin could order a downgrade.
 */
export function fallbacks(
  { entries }: Pick<Manifest, "entries">,
  pattern: Pattern,
  picked: Entry,
  inUse: Version | undefined,
): readonly Entry[] {
  const floor = inUse !== undefined && matches(pattern, inUse) ? inUse : undefined;
  const found: Entry[] = [];
  for (let index = entries.length - 1; index >= 0 && found.length < MAX_FALLBACKS; index--) {
    const entry = entries[index];
    if (entry === undefined || compareVersions(entry.version, picked.version) >= 0) continue;
    if (floor !== undefined && compareVersions(entry.version, floor) < 0) break;
    if (matches(pattern, entry.version)) found.push(entry);
  }
  return found;
}

/** The first of some candidates that was not taken away. For words only: a run asks the origin. */
export function firstLeft(
  candidates: readonly Entry[],
  gone: ReadonlySet<Sha256Hex>,
): Entry | undefined {
  return candidates.find(({ digest }) => !gone.has(digest));
}

/**
 * The entry of the image in use. Where several versions share its bytes it is the newest that the
 * pattern allows, or else the newest.
 */
export function entryInUse(
  manifest: Manifest,
  digest: Sha256Hex,
  pattern: Pattern,
): Entry | undefined {
  const sharing = manifest.entries.filter((entry) => entry.digest === digest);
  return sharing.findLast(({ version }) => matches(pattern, version)) ?? sharing.at(-1);
}

/** The newest versions on offer, newest first. */
export function newestVersions(manifest: Manifest, count: number): readonly string[] {
  return manifest.entries
    .slice(-count)
    .map(({ version }) => version.text)
    .toReversed();
}
