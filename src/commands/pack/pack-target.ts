// Makes what is missing of the packed files of one image: its zstd frame, and the patches to it (PCK-61 to PCK-69). The
// long work is done without the lock on the origin, which is held while names come and go.

import type { Sha256Hex } from "../../core/digest.ts";
import { type PackedName, patchName, zstName } from "../../core/layout.ts";
import type { Entry } from "../../core/manifest.ts";
import { NOTHING_PACKED, type OwnPacked, patchesTowards } from "../../core/packed/own-list.ts";
import { isFrameWorth, isPatchWorth, type Target } from "../../core/packed/pack-plan.ts";
import type { Clock } from "../../shell/clock.ts";
import { makesByFrame, makesByPatch } from "../../shell/packed/check-packed.ts";
import { makePatch, packImage } from "../../shell/packed/make-patch.ts";
import type { PackedByImage } from "../../shell/packed/packed-files.ts";
import type { UnfinishedFile } from "../../shell/packed/unfinished-file.ts";
import {
  type LockedPublication,
  openDirectoryPublication,
} from "../../shell/publication/directory.ts";
import type { Report } from "../events.ts";
import type { VerifiedImages } from "./verified-images.ts";

/** Patches are small, and made once. */
const PATCH_LEVEL = 19;
/** Until the next look at a file that another run makes, in milliseconds. */
const LOOK_AGAIN_MS = 200;

export interface Packing {
  readonly directory: string;
  /** Of zstd, for whole images. */
  readonly level: number;
  /** Of each image that the manifest lists, in bytes. */
  readonly sizes: ReadonlyMap<Sha256Hex, number>;
  readonly images: VerifiedImages;
  readonly lock: () => Promise<LockedPublication>;
  readonly clock: Clock;
  readonly report: Report;
}

/** A file that there is to be. */
interface Wanted {
  readonly name: string;
  readonly what: Exclude<PackedName["what"], "list">;
  readonly entry: Entry;
  readonly from?: Entry;
  /** Its bytes. */
  readonly make: (onProgress: (done: number) => void) => AsyncIterable<Uint8Array>;
  /** Whether the file at a path makes the image. */
  readonly check: (path: string) => Promise<boolean>;
  /** Whether it is kept if it has so many bytes. */
  readonly isWorth: (size: number) => boolean;
}

/** What became of one: its size, whether it is there, and whether this run has made it. */
interface Made {
  readonly size: number;
  readonly isKept: boolean;
  readonly isNew: boolean;
}

/**
 * @param listed what the lists say that there is of each image
 * @returns how many files are new
 */
export async function packTarget(
  { entry, from }: Target,
  listed: PackedByImage,
  packing: Packing,
): Promise<number> {
  const missing = missingOf({ entry, from }, listed, packing.sizes);
  const isAsked = missing.zst || missing.from.length > 0;
  const image = isAsked ? await packing.images.open(entry) : undefined;
  if (image === undefined) return 0;

  const { digest, size } = entry;
  const known = listed.get(digest) ?? NOTHING_PACKED;
  let { zst } = known;
  const patches = new Map(known.patches);
  const tried = new Map(known.tried);
  let made = 0;
  const note = (what: Sha256Hex | "zst", { size: bytes, isKept, isNew }: Made) => {
    if (isKept && isNew) made += 1;
    if (!isKept) tried.set(what, bytes);
    return isKept ? bytes : undefined;
  };
  // One after the other: a patch alone keeps two cores busy, one with the search and one with zstd.
  if (missing.zst) {
    const wanted: Wanted = {
      ...{ name: zstName(digest), what: "zst", entry },
      make: (onProgress) => packImage(image, packing.level, onProgress),
      check: (path) => makesByFrame(path, entry),
      isWorth: (bytes) => isFrameWorth(bytes, size),
    };
    zst = note("zst", await make(wanted, packing));
  }
  for (const older of missing.from) {
    const old = await packing.images.open(older);
    if (old === undefined) continue;
    const others = patchesTowards(digest, new Map(listed).set(digest, { zst, patches, tried }));
    const wanted: Wanted = {
      ...{ name: patchName(older.digest, digest), what: "patch", entry, from: older },
      make: (onProgress) => makePatch(old, image, PATCH_LEVEL, onProgress),
      check: (path) => makesByPatch(path, old, entry),
      isWorth: (bytes) => {
        const line = { old: older.digest, new: digest, size: bytes };
        return isPatchWorth(line, entry, zst, others, packing.sizes);
      },
    };
    const patch = note(older.digest, await make(wanted, packing));
    if (patch !== undefined) patches.set(older.digest, patch);
  }
  await using publication = await packing.lock();
  const isHere = (await publication.images()).has(digest);
  await publication.packed.writeLists(new Map(isHere ? [[digest, { zst, patches, tried }]] : []));
  return made;
}

/** What an image has not, and what was not found too large before (PCK-68). */
export function missingOf(
  { entry, from }: Target,
  listed: PackedByImage,
  sizes: ReadonlyMap<Sha256Hex, number>,
): { readonly zst: boolean; readonly from: readonly Entry[] } {
  const { digest, size } = entry;
  const { zst, patches, tried }: OwnPacked = listed.get(digest) ?? NOTHING_PACKED;
  const frame = tried.get("zst");
  const isFrameMissing = zst === undefined && (frame === undefined || isFrameWorth(frame, size));
  const others = patchesTowards(digest, listed);
  return {
    zst: size > 0 && isFrameMissing,
    from: from.filter(({ digest: old }) => {
      const bytes = tried.get(old);
      if (size === 0 || patches.has(old)) return false;
      if (bytes === undefined) return true;
      return isPatchWorth({ old, new: digest, size: bytes }, entry, zst, others, sizes);
    }),
  };
}

/** Makes a file, unless one is there that is right. */
async function make(wanted: Wanted, packing: Packing): Promise<Made> {
  const { name, check, isWorth } = wanted;
  for (;;) {
    const begun = await begin(name, packing);
    if (begun instanceof Object) {
      await using file = begun;
      return await fill(file, wanted, packing);
    }
    const path = openDirectoryPublication(packing.directory).packed.pathOf(name);
    const isRight = await check(path);
    if (isRight && isWorth(begun)) return { size: begun, isKept: true, isNew: false };
    // Nothing that Tako made, or that is worth it no longer: without it, the next turn begins one.
    await using publication = await packing.lock();
    if (publication.packed.sizes().get(name) === begun) await publication.packed.remove([name]);
    if (isRight) return { size: begun, isKept: false, isNew: false };
  }
}

/** Once no other run makes it: a new file, or the size of the one that is there. */
async function begin(
  name: string,
  { lock, clock, report, directory }: Packing,
): Promise<UnfinishedFile | number> {
  for (let isTold = false; ; ) {
    {
      await using publication = await lock();
      const size = publication.packed.sizes().get(name);
      if (size !== undefined) return size;
      const file = await publication.packed.begin(name);
      if (file !== undefined) return file;
    }
    if (!isTold) report({ event: "waiting", directory });
    isTold = true;
    await clock.sleep(LOOK_AGAIN_MS);
  }
}

async function fill(
  file: UnfinishedFile,
  { name, what, entry, from, make, check, isWorth }: Wanted,
  { lock, report }: Packing,
): Promise<Made> {
  const about = {
    ...{ what, name, version: entry.version.text, sha256: entry.digest },
    ...(from && { from: from.version.text, fromSha256: from.digest }),
  };
  const onProgress = (done: number) =>
    report({ event: "packing", ...about, size: entry.size, done });
  for await (const chunk of make(onProgress)) await file.write(chunk);
  const { size } = file;
  const told = (isKept: boolean): Made => {
    report({ event: "packed", ...about, size, isKept });
    return { size, isKept, isNew: true };
  };
  if (!isWorth(size)) return told(false);
  if (!(await check(file.path)) && (await file.isThere())) {
    // A fault of ours, and no host is to meet it.
    throw new Error(`${name} does not make the image`);
  }
  await file.finish();
  await using publication = await lock();
  const images = await publication.images();
  const isNeeded = images.has(entry.digest) && (from === undefined || images.has(from.digest));
  // Another run may have removed an image meanwhile, and what belongs to it, and a third one may have put it there again.
  if (!isNeeded || !(await file.isThere())) return { size, isKept: false, isNew: true };
  await publication.packed.keep(file);
  return told(true);
}
