// The pure decisions of a fetch: which image, which restart, which left-over files (spec/fetch.md).

import { parseSha256Hex, type Sha256Hex } from "./digest.ts";
import type { Entry, Manifest } from "./manifest.ts";
import { matches, type Pattern } from "./pattern.ts";
import type { OwedRecord } from "./records.ts";
import { compareVersions, type Version } from "./version.ts";

/** How many older versions are tried when the origin says that newer ones are gone. */
const MAX_FALLBACKS = 8;

/** The newest entry that the pattern allows. */
export function newestMatch(manifest: Manifest, pattern: Pattern): Entry | undefined {
  return manifest.entries.findLast((entry) => matches(pattern, entry.version));
}

/**
 * The entries to try when the origin says that `picked` is gone, newest first: older, allowed, and
 * never older than the version in use while that one is still allowed, or else whoever can answer
 * for the origin could order a downgrade.
 */
export function fallbacks(
  manifest: Manifest,
  pattern: Pattern,
  picked: Entry,
  inUse: Version | undefined,
): readonly Entry[] {
  const floor = inUse !== undefined && matches(pattern, inUse) ? inUse : undefined;
  return manifest.entries
    .filter(({ version }) => compareVersions(version, picked.version) < 0)
    .filter(({ version }) => matches(pattern, version))
    .filter(({ version }) => floor === undefined || compareVersions(version, floor) >= 0)
    .toReversed()
    .slice(0, MAX_FALLBACKS);
}

/** The newest entry whose image has this digest. */
export function entryOf(manifest: Manifest, digest: Sha256Hex): Entry | undefined {
  return manifest.entries.findLast((entry) => entry.digest === digest);
}

/** The newest versions on offer, newest first. */
export function newestVersions(manifest: Manifest, count: number): readonly string[] {
  return manifest.entries
    .slice(-count)
    .map(({ version }) => version.text)
    .toReversed();
}

/** The image that a `latest` symlink names: its target must be `store/<sha256>`. */
export function imageOfLink(target: string): Sha256Hex | undefined {
  return target.startsWith("store/") ? parseSha256Hex(target.slice("store/".length)) : undefined;
}

/**
 * The units whose restart is owed: those of the current config that have not been restarted on the
 * image in use, as long as the record is about that image.
 */
export function unitsOwed(
  owed: OwedRecord | undefined,
  inUse: Sha256Hex | undefined,
  restart: readonly string[],
): readonly string[] {
  if (owed === undefined || owed.digest !== inUse) return [];
  return restart.filter((unit) => !owed.done.includes(unit));
}

/** Of the names in `store/`, the partial downloads of other images. */
export function stalePartials(names: readonly string[], wanted: Sha256Hex): readonly string[] {
  return names.filter((name) => {
    const digest = name.endsWith(PARTIAL)
      ? parseSha256Hex(name.slice(0, -PARTIAL.length))
      : undefined;
    return digest !== undefined && digest !== wanted;
  });
}

const PARTIAL = ".partial";

/** The name of a download that is not complete yet. */
export function partialName(digest: Sha256Hex): string {
  return `${digest}${PARTIAL}`;
}
