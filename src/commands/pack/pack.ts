// tako pack: makes for the images of an origin what hosts get them from with fewer bytes (spec/packed.md, PCK-60 and
// following). The story of it.

import { refusePacking } from "../../core/bucket.ts";
import type { Sha256Hex } from "../../core/digest.ts";
import type { TakoError } from "../../core/error.ts";
import { type Entry, type Manifest, sizesOf } from "../../core/manifest.ts";
import { cheapestWay, type Way } from "../../core/packed/cheapest-way.ts";
import { NOTHING_PACKED, patchesTowards } from "../../core/packed/own-list.ts";
import { planPacking, type Target } from "../../core/packed/pack-plan.ts";
import type { PatchLine } from "../../core/packed/packed-list.ts";
import type { PackedByImage } from "../../shell/packed/packed-files.ts";
import {
  lockDirectoryPublication,
  openDirectoryPublication,
} from "../../shell/publication/directory.ts";
import type { Effects } from "../effects.ts";
import { readPublished } from "../own-manifest.ts";
import { missingOf, type Packing, packTarget } from "./pack-target.ts";
import { VerifiedImages } from "./verified-images.ts";

export interface PackOptions {
  readonly directory: string;
  /** From how many of the next older images patches lead to each. */
  readonly patches: number;
  /** Of zstd, for whole images. */
  readonly level: number;
  /** Those that are named; without any, the newest. */
  readonly versions: readonly string[];
  readonly dryRun: boolean;
}

/** An image, and how hosts get it. Sizes in bytes. */
export interface PackedImage {
  readonly entry: Entry;
  /** Of the zstd frame, if there is one. */
  readonly zst: number | undefined;
  /** For a host that has no image, and for those that have one of the older ones alone. */
  readonly ways: readonly { readonly from: Entry | undefined; readonly way: Way }[];
  /** What would be made, in a dry run. */
  readonly missing: { readonly zst: boolean; readonly from: readonly Entry[] };
}

export interface PackResult {
  readonly outcome: "packed" | "planned" | "nothing";
  /** Newest first. */
  readonly images: readonly PackedImage[];
  /** How many files are new. */
  readonly made: number;
  /** What is wrong with images, of which nothing is made. */
  readonly errors: readonly TakoError[];
}

/** @throws TakoError of kind `version`, `failed`, `storage`, or `usage` for the directory of a host */
export async function pack(options: PackOptions, effects: Effects): Promise<PackResult> {
  const { directory, dryRun, versions, patches } = options;
  refusePacking(directory);
  const publication = openDirectoryPublication(directory);
  const manifest = await readPublished(publication, {
    rule: "PCK-60",
    hint: "--output is a directory that tako store has made.",
  });
  const targets = planPacking(manifest, await publication.images(), patches, versions);
  if (dryRun) {
    const images = describe(targets, manifest, publication.packed.listed());
    const isPlanned = images.some(({ missing }) => missing.zst || missing.from.length > 0);
    return { outcome: isPlanned ? "planned" : "nothing", images, made: 0, errors: [] };
  }
  const { made, wrong } = await packTargets(targets, manifest, options, effects);
  const images = describe(targets, manifest, publication.packed.listed());
  return { outcome: made > 0 ? "packed" : "nothing", images, made, errors: [...wrong.values()] };
}

/** Makes what the targets lack, one after the other. @returns how many files, and what is wrong with which images */
export async function packTargets(
  targets: readonly Target[],
  manifest: Manifest,
  { directory, level }: Pick<PackOptions, "directory" | "level">,
  { clock, report }: Pick<Effects, "clock" | "report">,
): Promise<{ readonly made: number; readonly wrong: ReadonlyMap<Sha256Hex, TakoError> }> {
  const onWait = () => report({ event: "waiting", directory });
  const lock = () => lockDirectoryPublication(directory, { clock, onWait });
  const { packed, pathOf } = openDirectoryPublication(directory);
  using images = new VerifiedImages(pathOf, report);
  const sizes = sizesOf(manifest.entries);
  const packing: Packing = { directory, level, sizes, images, lock, clock, report };
  {
    await using publication = await lock();
    publication.packed.removeLeftovers();
    await publication.packed.writeLists(new Map());
  }
  let made = 0;
  for (const target of targets) made += await packTarget(target, packed.listed(), packing);
  return { made, wrong: images.wrong };
}

function describe(
  targets: readonly Target[],
  manifest: Manifest,
  listed: PackedByImage,
): readonly PackedImage[] {
  const sizes = sizesOf(manifest.entries);
  return targets.toReversed().map((target) => {
    const { entry, from } = target;
    const { zst } = listed.get(entry.digest) ?? NOTHING_PACKED;
    const list = { zst, patches: patchesTowards(entry.digest, listed) };
    const ways = [undefined, ...olderThan(entry, manifest, [...from, ...list.patches])].map(
      (old) => {
        const images = new Set<Sha256Hex>(old === undefined ? [] : [old.digest]);
        const here = { images, partial: 0, parts: new Map() };
        return { from: old, way: cheapestWay(entry, list, here, sizes) };
      },
    );
    return { entry, zst, ways, missing: missingOf(target, listed, sizes) };
  });
}

/** The older images from which packed files may lead to an image, newest first. */
function olderThan(
  { digest }: Entry,
  { entries }: Manifest,
  known: readonly (Entry | PatchLine)[],
): readonly Entry[] {
  const olds = new Set(known.map((each) => ("old" in each ? each.old : each.digest)));
  const newest = new Map(entries.map((entry) => [entry.digest, entry]));
  return [...newest.values()]
    .filter((entry) => entry.digest !== digest && olds.has(entry.digest))
    .toReversed();
}
