// An image by way of the packed files of its origin (PCK-47, PCK-50 to PCK-59). They are hints: whatever is odd about them is told in
// one line, nothing of them is kept, and the image itself is downloaded.

import type { Sha256Hex } from "../../core/digest.ts";
import { asTakoError, type TakoError } from "../../core/error.ts";
import { type Entry, sizesOf } from "../../core/manifest.ts";
import { storeLocation } from "../../core/origin-url.ts";
import { cheapestWay, type Here, type Way } from "../../core/packed/cheapest-way.ts";
import { filesOfList } from "../../core/packed/packed-file.ts";
import type { PackedList } from "../../core/packed/packed-list.ts";
import type { Destination, LockedDestination } from "../../shell/destination.ts";
import type { ImageStore } from "../../shell/disk/image-store.ts";
import { freeSpace, requireSpace } from "../../shell/download.ts";
import { type Origin, orMarkedGone } from "../../shell/origin/origin.ts";
import { OriginError } from "../../shell/origin/origin-error.ts";
import type { Carrier } from "../events.ts";
import { checkImage } from "./check-image.ts";
import { type Cost, costOf } from "./cost.ts";
import type { Run } from "./run.ts";

/** An image that is wanted, and where. */
interface Wish {
  readonly run: Run;
  readonly destination: Destination;
  readonly origin: Origin;
  readonly entry: Entry;
}

export interface Order extends Wish {
  readonly destination: LockedDestination;
  /** Called with bytes that have travelled. */
  readonly onReceived: (bytes: number) => void;
}

const CARRIERS: Readonly<Record<Way["by"], Carrier>> = {
  plain: "image",
  zst: "zst",
  patches: "patch",
};

/** Whether so much is missing that a list is asked for, which was not yet in this run (PCK-50). */
export function isWorthAsking({ run, destination, entry }: Omit<Wish, "origin">): boolean {
  return !run.plain.has(entry.digest) && costOf(run, destination, entry).mayBeLess;
}

/**
 * Brings an image into the store by packed files, if that is cheaper than the image itself.
 *
 * @returns what it came by; `undefined` if the image itself is to be downloaded
 */
export async function obtainPacked(order: Order): Promise<Carrier | undefined> {
  const { run, destination, origin, entry, onReceived } = order;
  const { images } = destination;
  run.plain.add(entry.digest);
  const { missing } = costOf(run, destination, entry);
  const hasRoom = async () => (await freeSpace(images.path)) >= missing;
  await images.prepareParts(entry.digest);
  // What is left of an earlier way may not keep the image itself from its room; without that, nothing is asked for (FET-59).
  if (!(await hasRoom())) images.dropParts(entry.digest);
  await requireSpace(images.path, missing);
  try {
    const packed = await origin.packed(entry.digest);
    onReceived(packed?.bytes ?? 0);
    const isOpen = packed !== undefined && (await isOffered(order));
    const by = isOpen ? await byCheapestWay(order, packed.list) : undefined;
    if (by === undefined) images.dropParts(entry.digest);
    return by;
  } catch (caught) {
    const error = asTakoError(caught);
    // Of what the network cut short, the next run may need the rest only, if there is room for it beside the image (PCK-59).
    const mayGoOn = error instanceof OriginError && error.passing && (await hasRoom());
    if (!mayGoOn) images.dropParts(entry.digest);
    warn(run, error);
    return undefined;
  }
}

/**
 * What a run would download, by what the origin lists now (FET-115). That the images from which patches lead are whole
 * is taken for granted.
 *
 * @param entries of the manifest, which a dry run does not keep
 */
export async function offeredCost(wish: Wish, entries: readonly Entry[]): Promise<Cost> {
  const { run, destination, origin, entry } = wish;
  const cost = costOf(run, destination, entry);
  if (!isWorthAsking(wish)) return cost;
  try {
    const packed = await origin.packed(entry.digest);
    const olds = imagesHere(destination.images, entries);
    const here = hereOf(wish, packed?.list, olds);
    const { by, missing } = cheapestWay(entry, packed?.list, here, sizesOf(entries));
    return { ...cost, missing, mayBeLess: false, by: CARRIERS[by] };
  } catch (caught) {
    warn(run, asTakoError(caught));
    return { ...cost, mayBeLess: false };
  }
}

function warn(run: Run, error: TakoError): void {
  const line = error.line === undefined ? "" : `, line ${error.line}`;
  const where = error.source === undefined ? "" : `${error.source}${line}: `;
  const message = `${where}${error.message}; the image itself is downloaded`;
  run.effects.report({ event: "warning", message });
}

/** Whether the image itself is at the origin: one that was withdrawn does not come by its packed files (PCK-47). */
async function isOffered({ origin, entry: { digest, size } }: Order): Promise<boolean> {
  // Over scp a look is a download.
  if (origin.url.scheme === "scp") return !(await origin.isMarkedGone(digest));
  const look = () => orMarkedGone(origin, digest, () => origin.look(digest, size));
  try {
    return (await origin.withRetries(look)) === "there";
  } catch (caught) {
    // Who asks for the image then says so.
    if (caught instanceof OriginError && caught.isMissing) return false;
    throw caught;
  }
}

async function byCheapestWay(order: Order, list: PackedList): Promise<Carrier | undefined> {
  const { run, destination, origin, entry, onReceived } = order;
  const { images } = destination;
  const { digest, size } = entry;
  const { report } = run.effects;
  const { downloadPacked } = await import("../../shell/packed/download-packed.ts");
  // Accepted by this run, under its lock: nobody has to ask again who signed it.
  const entries = destination.readManifest([])?.manifest.entries ?? [];
  const sizes = sizesOf(entries);
  const olds = imagesHere(images, entries);
  for (;;) {
    const way = cheapestWay(entry, list, hereOf(order, list, olds), sizes);
    if (way.by === "plain") return undefined;
    const about = { version: entry.version.text, size };
    const by = CARRIERS[way.by];
    const end = await downloadPacked({
      ...{ origin, wanted: { digest, size }, images, way, sizes, onReceived },
      holds: async (old) => {
        const known = olds.get(old);
        return known !== undefined && (await holds(run, images, known));
      },
      onStart: ({ name, size: bytes }, patch, offset) => {
        const url = storeLocation(origin.url, name).shown;
        const place = way.by === "patches" ? { patch, patches: way.patches.length } : {};
        report({ event: "download", ...about, url, offset, by, bytes, ...place });
      },
      onProgress: (done) => report({ event: "progress", ...about, done }),
      onUnpacking: (bytes) => report({ event: "unpacking", ...about, size: bytes }),
    });
    if (end === "present") return by;
    // The next best way then, without that image.
    if (way.by === "patches") olds.delete(way.from);
  }
}

/** The images that are here, as far as their sizes tell, by what the manifest says of them. */
function imagesHere(images: ImageStore, entries: readonly Entry[]): Map<Sha256Hex, Entry> {
  const names = images.digests();
  const whole = entries.filter((entry) => {
    if (!names.has(entry.digest)) return false;
    const state = images.stateBySize(entry);
    return state !== "absent" && state !== "damaged";
  });
  return new Map(whole.map((entry) => [entry.digest, entry]));
}

function hereOf(
  { run, destination, entry }: Wish,
  list: PackedList | undefined,
  olds: ReadonlyMap<Sha256Hex, Entry>,
): Here {
  const { images } = destination;
  const names = new Set(images.names());
  const files = list === undefined ? [] : filesOfList(entry.digest, list);
  const begun = files.filter(({ part }) => names.has(part));
  return {
    images: new Set(olds.keys()),
    partial: entry.size - costOf(run, destination, entry).missing,
    parts: new Map(begun.map(({ name, part }) => [name, images.sizeOf(part)])),
  };
}

/** Whether an old image is what its name says. One that is not is told, and stays where it is. */
async function holds(run: Run, images: ImageStore, old: Entry): Promise<boolean> {
  const state = await checkImage(images, old, true, run.effects);
  if (state === "damaged") {
    const path = images.pathOf(old.digest);
    run.effects.report({ event: "damaged", version: old.version.text, path });
  }
  return state !== "damaged" && state !== "absent";
}
