// Which images of a host's store may go, and which stay (spec/prune.md), decided from what is on its disk alone. What
// removes them is commands/prune/.

import { phaseOf, type Standing } from "./activation.ts";
import { earlierEntry } from "./by-hand.ts";
import type { Sha256Hex } from "./digest.ts";
import { TakoError } from "./error.ts";
import type { Entry, Manifest } from "./manifest.ts";
import { matches, type Pattern } from "./pattern.ts";
import { refusalOf } from "./refusals.ts";
import { entryInUse } from "./select.ts";

/** What is on a host's disk. */
export interface Shelf {
  /** The local one; without it nobody can tell which image is which. */
  readonly manifest: Manifest | undefined;
  readonly pattern: Pattern;
  readonly standing: Standing;
  /** The image that the host was told to stay on. */
  readonly hold: Sha256Hex | undefined;
  /** What the links in the destination name, whoever made them. */
  readonly linked: ReadonlySet<Sha256Hex>;
  /** What the next run would take, the first that can be had. */
  readonly wanted: readonly Sha256Hex[];
  /** Bytes of the images of the store, by their names. */
  readonly images: ReadonlyMap<Sha256Hex, number>;
  /** Bytes of the downloads that are not complete. */
  readonly partials: ReadonlyMap<Sha256Hex, number>;
}

/** A file of the store. */
export interface Shelved {
  readonly digest: Sha256Hex;
  /** In bytes. */
  readonly size: number;
  /** None if the manifest lists it in no version. */
  readonly version: string | undefined;
}

/** Why an image stays; the first that holds. */
export type Reason =
  | "in-use"
  | "good"
  | "held"
  | "owed"
  | "linked"
  /** The next run puts it into use. */
  | "next"
  /** `tako rollback` leads to it. */
  | "go-back"
  /** Nothing else here could be started. */
  | "last"
  /** Among the N newest of the others. */
  | "newest"
  /** Nobody asked for less, or nothing may go now. */
  | "all";

export interface Pruning {
  /** In the order in which they go. */
  readonly remove: readonly Shelved[];
  readonly partials: readonly Shelved[];
  /** In the order in which they stay. */
  readonly keep: readonly (Shelved & { readonly why: Reason })[];
  /** Why no image may go now. */
  readonly busy: Busy | undefined;
}

/** What keeps every image here: units may still run an older one (PRU-5). */
export type Busy = "restart" | "trial" | "way-back";

/** @param keep how many stay of those that nothing needs; all if it is undefined */
export function planPruning(shelf: Shelf, keep: number | undefined): Pruning {
  const { manifest, partials, wanted, standing } = shelf;
  const busy = busyWith(standing);
  const { usable, useless } = rank(shelf);
  const needed = neededBy(shelf, usable);
  const reasons = new Map(needed);
  const others = usable.filter(({ digest }) => !needed.has(digest));
  const isStartable = usable.some(({ digest }) => needed.has(digest));
  const [last] = isStartable ? [] : others;
  if (last !== undefined) reasons.set(last.digest, "last");
  const newest = others.filter((image) => image !== last).slice(0, keep);
  for (const { digest } of newest) reasons.set(digest, "newest");
  const keepsAll = manifest === undefined || keep === undefined || busy !== undefined;

  const all = [...usable, ...useless];
  const kept = all.flatMap((image) => {
    const known = reasons.get(image.digest);
    const why = keepsAll && (known === undefined || known === "newest") ? "all" : known;
    return why === undefined ? [] : [{ ...image, why }];
  });
  const stays = new Set(kept.map(({ digest }) => digest));
  return {
    remove: all.filter(({ digest }) => !stays.has(digest)).toReversed(),
    partials: [...partials]
      .filter(([digest]) => manifest !== undefined && !wanted.includes(digest))
      .filter(([digest]) => !needed.has(digest))
      .map(([digest, size]) => shelved(shelf, digest, size)),
    keep: kept,
    busy,
  };
}

function shelved({ manifest, pattern }: Shelf, digest: Sha256Hex, size: number): Shelved {
  const entry = manifest && entryInUse(manifest, digest, pattern);
  return { digest, size, version: entry?.version.text };
}

/** Whether a unit may still run an image that no record names (PRU-5). */
export function busyWith(standing: Standing): Busy | undefined {
  const { inUse, owed } = standing;
  switch (phaseOf(standing).phase) {
    case "way-back":
    case "control":
      return "way-back";
    case "on-trial":
      return "trial";
    case "restart-owed":
      return "restart";
    case "no-image":
      // What was damaged was taken away from under the units that run it (DST-66).
      return owed.length > 0 ? "restart" : undefined;
    case "at-rest":
      // The units may be in no list of the config any more, and run what they ran (DST-65).
      return owed.some(({ digest }) => digest === inUse) ? "restart" : undefined;
  }
}

/** What stays whatever else is here (PRU-2). */
function neededBy(shelf: Shelf, usable: readonly Shelved[]): ReadonlyMap<Sha256Hex, Reason> {
  const { manifest, standing, hold, linked, wanted, images } = shelf;
  const { inUse, good, owed } = standing;
  const next = wanted.find((digest) => images.has(digest));
  const back = manifest && goBackTo(shelf, manifest, usable);
  const reasons: readonly (readonly [Reason, Iterable<Sha256Hex | undefined>])[] = [
    ["in-use", [inUse]],
    ["good", [good]],
    ["held", [hold]],
    ["owed", owed.map(({ digest }) => digest)],
    ["linked", linked],
    ["next", [next]],
    ["go-back", [back]],
  ];
  const needed = new Map<Sha256Hex, Reason>();
  for (const [why, digests] of reasons) {
    for (const digest of digests) {
      if (digest !== undefined && !needed.has(digest)) needed.set(digest, why);
    }
  }
  return needed;
}

/** What `tako rollback` would lead to, of what is here. */
function goBackTo(
  { pattern, standing }: Shelf,
  manifest: Manifest,
  usable: readonly Shelved[],
): Sha256Hex | undefined {
  const { inUse, refusals } = standing;
  const here = new Set(usable.map(({ digest }) => digest));
  const good = standing.good && here.has(standing.good) ? standing.good : undefined;
  const host = { manifest, pattern, inUse, good, refusals, images: here };
  const current = inUse && entryInUse(manifest, inUse, pattern);
  return earlierEntry(host, current)?.digest;
}

/** All images of the store, the ones that are the first to stay first. */
function rank(shelf: Shelf): {
  readonly usable: readonly Shelved[];
  /** Whatever is done, they can't be put into use: of another size, or listed in no version. */
  readonly useless: readonly Shelved[];
} {
  const { manifest, pattern, standing, images } = shelf;
  const isWhole = ({ digest, size }: Entry) => images.get(digest) === size;
  const isFirst = ({ version, digest }: Entry) =>
    matches(pattern, version) && refusalOf(standing.refusals, digest) === undefined;
  const listed = (manifest?.entries ?? []).filter(isWhole).toReversed();
  // What was refused, or is not allowed, goes before what works (PRU-4).
  const sorted = [...listed.filter(isFirst), ...listed];
  const usable = new Map(sorted.map(({ digest, size }) => [digest, size]));
  const useless = [...images].filter(([digest]) => !usable.has(digest)).sort();
  const shown = ([digest, size]: readonly [Sha256Hex, number]) => shelved(shelf, digest, size);
  return { usable: [...usable].map(shown), useless: useless.map(shown) };
}

const MOST = 1_000_000;

/**
 * The value of `Keep=` and of `--keep`.
 *
 * @throws TakoError of kind `config`
 */
export function parseKeep(text: string): number {
  if (/^\d{1,7}$/.test(text) && Number(text) <= MOST) return Number(text);
  const message = `expected a whole number from 0 to ${MOST}, how many old images stay`;
  throw new TakoError("config", message, { rule: "CFG-68" });
}
