// For which images of an origin packed files are made, and from which older ones patches lead (PCK-60, PCK-62); and
// whether a file that was made is worth keeping (PCK-61, PCK-63).

import type { Sha256Hex } from "../digest.ts";
import { TakoError } from "../error.ts";
import type { Entry, Manifest } from "../manifest.ts";
import { compareVersions, parseVersion } from "../version.ts";
import { cheapestWay, type Wanted } from "./cheapest-way.ts";
import type { PatchLine } from "./packed-list.ts";

/** An image, and the older ones from which patches lead to it. */
export interface Target {
  readonly entry: Entry;
  /** Nearest first. */
  readonly from: readonly Entry[];
}

/**
 * What is to be packed, oldest first: so the patches of which a chain consists are there before what they are compared
 * with.
 *
 * @param here the images that are there
 * @param patches from how many of the next older images a patch leads to each
 * @param versions those that were named; without any, the newest image and those from which patches lead to it
 * @throws TakoError of kind `version`, `failed` for a version that is not published, `storage` for one whose image is
 *   not there
 */
export function planPacking(
  manifest: Manifest,
  here: ReadonlySet<Sha256Hex>,
  patches: number,
  versions: readonly string[],
): readonly Target[] {
  const images = distinct(manifest.entries.filter(({ digest }) => here.has(digest)));
  const chosen =
    versions.length === 0 ? images.slice(-1 - patches) : named(manifest, images, versions);
  return images.flatMap((entry, index) =>
    chosen.includes(entry)
      ? [{ entry, from: images.slice(Math.max(index - patches, 0), index).toReversed() }]
      : [],
  );
}

/** Of entries with the same bytes the newest alone. */
function distinct(entries: readonly Entry[]): readonly Entry[] {
  const newest = new Map(entries.map((entry) => [entry.digest, entry]));
  return entries.filter((entry) => newest.get(entry.digest) === entry);
}

function named(
  { entries }: Manifest,
  images: readonly Entry[],
  versions: readonly string[],
): readonly Entry[] {
  return versions.map((text) => {
    const version = parseVersion(text);
    const entry = entries.find((each) => compareVersions(each.version, version) === 0);
    if (entry === undefined) {
      const hint = "tako list shows the versions of an origin.";
      throw new TakoError("failed", `version ${version.text} is not published`, {
        rule: "PCK-60",
        hint,
      });
    }
    const image = images.find(({ digest }) => digest === entry.digest);
    if (image !== undefined) return image;
    throw new TakoError("storage", `the image of ${version.text} is not here`, {
      rule: "PCK-60",
      hint: "Packed files are made where the image is.",
    });
  });
}

/** Whether a zstd frame of so many bytes is kept: it saves 5 % at least (PCK-61). */
export function isFrameWorth(frameSize: number, imageSize: number): boolean {
  return frameSize <= imageSize - imageSize / 20;
}

/**
 * Whether a patch is kept: it is smaller than whatever else leads from the old image to the new one (PCK-63).
 *
 * @param zst bytes of the frame, if there is one
 * @param others the patches that there are beside it
 * @param sizes of the images, in bytes
 */
export function isPatchWorth(
  patch: PatchLine,
  wanted: Wanted,
  zst: number | undefined,
  others: readonly PatchLine[],
  sizes: ReadonlyMap<Sha256Hex, number>,
): boolean {
  const isThis = (other: PatchLine) => other.old === patch.old && other.new === patch.new;
  const list = { zst, patches: others.filter((other) => !isThis(other)) };
  const here = { images: new Set([patch.old]), partial: 0, parts: new Map() };
  return patch.size < cheapestWay(wanted, list, here, sizes).missing;
}
