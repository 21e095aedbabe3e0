// Which versions there are, and what each is to a host (spec/status.md, STS-31 to STS-33): a row for each entry of a manifest.
// What is taken next is decided by plan.ts.

import type { Sha256Hex } from "./digest.ts";
import type { Entry, Manifest } from "./manifest.ts";
import { matches, type Pattern } from "./pattern.ts";
import { choose, type HostChoice } from "./plan.ts";
import { refusalOf } from "./refusals.ts";
import { entryInUse, firstLeft } from "./select.ts";

/** A version, and what it is to the host. */
export interface Listed {
  readonly entry: Entry;
  readonly isAllowed: boolean;
  readonly isInUse: boolean;
  /** A run takes it next. */
  readonly isNext: boolean;
  readonly isHeld: boolean;
  /** Why no run takes it, though the pattern allows it. */
  readonly skipped: string | undefined;
  /** It is too young until then, in seconds since the epoch. */
  readonly youngUntil: number | undefined;
  /** The origin took its image away, and it is not here. */
  readonly isWithdrawn: boolean;
}

/** How many of the newest versions are shown (STS-31). */
const SHOWN = 20;

/**
 * All versions, oldest first.
 *
 * @param withdrawn the images that the origin had taken away at the last look, and that are not here
 */
export function listingOf(
  manifest: Manifest,
  pattern: Pattern,
  host: HostChoice,
  withdrawn: ReadonlySet<Sha256Hex>,
): readonly Listed[] {
  const entryOf = (digest: Sha256Hex | undefined) =>
    digest && entryInUse(manifest, digest, pattern);
  const [inUse, held] = [entryOf(host.inUse), entryOf(host.hold)];
  const choice = choose(manifest, pattern, host);
  const taken = choice.choice === "take" ? firstLeft(choice.candidates, withdrawn) : undefined;
  const next = taken?.digest === host.inUse ? undefined : taken;
  return manifest.entries.map((entry) => ({
    entry,
    isAllowed: matches(pattern, entry.version),
    isInUse: entry === inUse,
    isNext: entry === next,
    isHeld: entry === held,
    skipped: refusalOf(host.refusals, entry.digest)?.reason,
    youngUntil: host.young.get(entry.digest),
    isWithdrawn: withdrawn.has(entry.digest),
  }));
}

/** Those that are shown unless all are asked for: the newest, and what the host has to do with (STS-31). */
export function shortened(all: readonly Listed[]): readonly Listed[] {
  const first = all.length - SHOWN;
  return all.filter(
    ({ isInUse, isNext, isHeld }, index) => index >= first || isInUse || isNext || isHeld,
  );
}
