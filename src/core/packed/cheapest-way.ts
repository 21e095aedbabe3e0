// How an image comes to a host with the fewest bytes: which of the plain image, the rest of it, its zstd frame, and
// chains of patches from images that are here (PCK-40 to PCK-46). It decides and does nothing.

import type { Sha256Hex } from "../digest.ts";
import { patchName, zstName } from "../layout.ts";
import type { PackedList, PatchLine } from "./packed-list.ts";

/** What a host has. Sizes in bytes. */
export interface Here {
  /** The images that are here and verified. */
  readonly images: ReadonlySet<Sha256Hex>;
  /** How much there is of the partial download of the image. */
  readonly partial: number;
  /** How much there is of packed files that travel, by their names at the origin. */
  readonly parts: ReadonlyMap<string, number>;
}

/** What is to travel: `missing` bytes. */
export type Way =
  /** The image itself, or the rest of it. */
  | { readonly by: "plain"; readonly missing: number }
  | { readonly by: "zst"; readonly size: number; readonly missing: number }
  | {
      readonly by: "patches";
      /** The image that is here. */
      readonly from: Sha256Hex;
      /** In the order in which they are applied; the last one makes the image. */
      readonly patches: readonly PatchLine[];
      readonly missing: number;
    };

/** An image that is wanted: its name and its size in bytes. */
export interface Wanted {
  readonly digest: Sha256Hex;
  readonly size: number;
}

/** The most patches one after the other: each one writes an image (PCK-45). */
export const MOST_PATCHES = 8;

/**
 * So many bytes of the plain image have to be missing before a list is asked for: the list, of 64 KiB at most, is a sixteenth
 * of that (PCK-50).
 */
const LEAST_MISSING = 1024 * 1024;

/** Whether so many bytes of the plain image are missing that its list is asked for (PCK-50). */
export function isWorthList(missing: number): boolean {
  return missing >= LEAST_MISSING;
}

/** A chain that ends in the wanted image, and the bytes missing of it. */
interface Chain {
  readonly patches: readonly PatchLine[];
  readonly missing: number;
}

/**
 * The way with the fewest bytes missing; of several, the one with the fewest steps, the plain image being the first.
 *
 * @param list what the origin says that it has; `undefined` if it says nothing
 * @param sizes of the images that the manifest lists
 */
export function cheapestWay(
  wanted: Wanted,
  list: PackedList | undefined,
  here: Here,
  sizes: ReadonlyMap<Sha256Hex, number>,
): Way {
  const plain: Way = { by: "plain", missing: wanted.size - Math.min(here.partial, wanted.size) };
  const ways = [plain, ...zstWay(wanted, list, here), ...patchWays(wanted, list, here, sizes)];
  return ways.reduce((best, way) => (isCheaper(way, best) ? way : best));
}

function zstWay(wanted: Wanted, list: PackedList | undefined, here: Here): readonly Way[] {
  const size = list?.zst;
  if (size === undefined || size > wanted.size) return [];
  return [{ by: "zst", size, missing: missingOf(zstName(wanted.digest), size, here) }];
}

/** For each image that is here the cheapest chain: from the wanted image backwards, one patch more in each round. */
function patchWays(
  wanted: Wanted,
  list: PackedList | undefined,
  here: Here,
  sizes: ReadonlyMap<Sha256Hex, number>,
): readonly Way[] {
  const patches = (list?.patches ?? []).filter((patch) => {
    const size = patch.new === wanted.digest ? wanted.size : sizes.get(patch.new);
    return size !== undefined && patch.size <= size;
  });
  const chains = new Map<Sha256Hex, Chain>([[wanted.digest, { patches: [], missing: 0 }]]);
  for (let round = 0; round < MOST_PATCHES; round++) {
    // What this round finds is for the next one: a chain grows by one patch a round.
    for (const [image, chain] of longer(patches, chains, here)) chains.set(image, chain);
  }
  return [...chains].flatMap(([from, chain]): readonly Way[] =>
    here.images.has(from) && chain.patches.length > 0 ? [{ by: "patches", from, ...chain }] : [],
  );
}

function isCheaper(way: Way, than: Way): boolean {
  if (way.missing !== than.missing) return way.missing < than.missing;
  // Of the ways the plain image comes first, and the frame before the patches.
  return way.by === "patches" && than.by === "patches" && way.patches.length < than.patches.length;
}

/** The chains that one patch more makes cheaper than those known. */
function longer(
  patches: readonly PatchLine[],
  chains: ReadonlyMap<Sha256Hex, Chain>,
  here: Here,
): ReadonlyMap<Sha256Hex, Chain> {
  const found = new Map<Sha256Hex, Chain>();
  for (const patch of patches) {
    const rest = chains.get(patch.new);
    if (rest === undefined) continue;
    const missing = rest.missing + missingOf(patchName(patch.old, patch.new), patch.size, here);
    const known = found.get(patch.old) ?? chains.get(patch.old);
    if (known !== undefined && known.missing <= missing) continue;
    found.set(patch.old, { patches: [patch, ...rest.patches], missing });
  }
  return found;
}

function missingOf(name: string, size: number, { parts }: Here): number {
  return missingBytes(size, parts.get(name) ?? 0);
}

/** What is missing of a file. A part that is larger than it is of something else: then all of it. */
export function missingBytes(size: number, part: number): number {
  return part > size ? size : size - part;
}
