// Which images a publisher's directory may do without (spec/prune.md, PRU-20 to PRU-23), and what hosts find then: decided
// from the manifest and from what is here. The entries stay in the manifest for ever.

import type { Sha256Hex } from "./digest.ts";
import type { Entry, Manifest } from "./manifest.ts";
import { familiesOf } from "./new-version.ts";
import { matches, type Pattern, parsePattern } from "./pattern.ts";
import { fallbacks } from "./select.ts";

/** An image that goes. */
export interface Withdrawn {
  readonly digest: Sha256Hex;
  /** In bytes. */
  readonly size: number;
  /** The newest that has it. */
  readonly version: string;
}

/** What becomes of hosts whose pattern has its newest version among those that go. */
export interface Effect {
  readonly pattern: string;
  /** What they would take else. */
  readonly newest: string;
  /** What they take in its place; `undefined` if there is nothing. */
  readonly instead: string | undefined;
}

export interface Withdrawal {
  /** Oldest first. */
  readonly remove: readonly Withdrawn[];
  /** The versions of the pattern whose images stay here, newest first. */
  readonly stay: readonly string[];
  readonly effects: readonly Effect[];
}

/**
 * @param keep how many of the newest versions that the pattern matches stay; the newest always does
 * @param images those that are here
 */
export function planWithdrawal(
  manifest: Manifest,
  pattern: Pattern,
  keep: number,
  images: ReadonlySet<Sha256Hex>,
): Withdrawal {
  const matching = manifest.entries.filter(({ version }) => matches(pattern, version));
  const old = new Set(matching.slice(0, -Math.max(keep, 1)));
  // The same bytes under a version that stays are needed for that (PUB-35).
  const needed = new Set(
    manifest.entries.filter((entry) => !old.has(entry)).map(({ digest }) => digest),
  );
  const isGone = ({ digest }: Entry) => images.has(digest) && !needed.has(digest);
  const going = [...old].filter(isGone);
  const newestOf = new Map(going.map((entry) => [entry.digest, entry]));
  return {
    remove: going
      .filter((entry) => newestOf.get(entry.digest) === entry)
      .map(({ digest, size, version }) => ({ digest, size, version: version.text })),
    stay: matching
      .filter((entry) => images.has(entry.digest) && !isGoing(entry))
      .map(({ version }) => version.text)
      .toReversed(),
    effects: effectsOn(
      manifest,
      going,
      ({ digest }) => images.has(digest) && !newestOf.has(digest),
    ),
  };

  function isGoing({ digest }: Entry): boolean {
    return newestOf.has(digest);
  }
}

function effectsOn(
  manifest: Manifest,
  going: readonly Entry[],
  isThere: (entry: Entry) => boolean,
): readonly Effect[] {
  const digests = new Set(going.map(({ digest }) => digest));
  const families = [...new Set(going.flatMap(({ version }) => familiesOf(version)))];
  return families.flatMap((text) => {
    const family = parsePattern(text);
    const newest = manifest.entries.findLast(({ version }) => matches(family, version));
    if (newest === undefined || !digests.has(newest.digest)) return [];
    const instead = fallbacks(manifest, family, newest, undefined).find(isThere);
    return [{ pattern: text, newest: newest.version.text, instead: instead?.version.text }];
  });
}
