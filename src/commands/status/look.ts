// One look at a destination, for `tako status` and `tako list`: what its manifest, its records and the files of its store
// say. Nothing here writes, locks or asks an origin (STS-2).

import { earlierEntry } from "../../core/by-hand.ts";
import type { Checked } from "../../core/checked.ts";
import type { Sha256Hex } from "../../core/digest.ts";
import { imageOfPartial, partialName, travellingSize } from "../../core/layout.ts";
import { EMPTY_MANIFEST, type Entry, type Manifest } from "../../core/manifest.ts";
import { choose, type ImageState } from "../../core/plan.ts";
import { entryInUse, firstLeft } from "../../core/select.ts";
import type { Partial, Sight } from "../../core/status.ts";
import { openDestination } from "../../shell/destination.ts";
import type { ImageStore } from "../../shell/disk/image-store.ts";
import type { Effects } from "../effects.ts";
import { viewOf } from "../fetch/news.ts";
import type { Run } from "../fetch/run.ts";
import { slotToStart } from "../fetch/slots.ts";
import { readStanding } from "../fetch/standing.ts";

/** Characters of a digest; the name of a download has more. */
const DIGEST_LENGTH = 64;
const NO_BYTES: Partial = { image: 0, packed: 0, packedSize: 0 };

/** What is in a store, as its names tell. */
export interface Stock {
  /** Those whose image is here. */
  readonly here: readonly Entry[];
  /** Downloads that are not complete. */
  readonly partials: ReadonlyMap<Entry, Partial>;
  /** Of all that is there; an image counts as the manifest has it. */
  readonly bytes: number;
}

/**
 * Looks at all that a config's destination tells.
 *
 * @param verify whether all images are hashed, and the manifest's signature is checked (STS-4)
 * @throws TakoError of kind `storage`
 */
export async function lookAt(
  run: Pick<Run, "config" | "effects">,
  verify: boolean,
): Promise<{ readonly sight: Sight; readonly stock: Stock }> {
  const { config, effects } = run;
  const { pattern } = config;
  const destination = openDestination(config.destination);
  destination.requireDirectory();
  const local = destination.readManifest(verify ? config.publicKeys : []);
  const manifest = local?.manifest ?? EMPTY_MANIFEST;
  const changed = destination.manifestChanged();
  const standing = readStanding(run, destination);
  const { host } = viewOf(run, destination, manifest, manifest);
  const choice = choose(manifest, pattern, host);
  const stock = takeStock(destination.images, manifest);
  // What a unit may start from now, next or after a rollback; what is older is looked at before it is used again.
  const checked = destination.readChecked();
  const withdrawn = withdrawnOf(checked, stock);
  const next = choice.choice === "take" ? firstLeft(choice.candidates, withdrawn) : undefined;
  const [current, ...that] = [standing.inUse, standing.good, host.hold].map(
    (digest) => digest && entryInUse(manifest, digest, pattern),
  );
  const here = new Set(stock.here.map(({ digest }) => digest));
  const before = earlierEntry({ manifest, pattern, ...standing, images: here }, current);
  const images = new Map<Entry, ImageState>();
  for (const entry of new Set([current, ...that, next, before, ...(verify ? stock.here : [])])) {
    if (entry === undefined) continue;
    const state = destination.images.stateBySize(entry);
    images.set(entry, verify ? await hashed(destination.images, entry, effects) : state);
  }
  const sight = {
    pattern,
    manifest: local?.manifest,
    changed: changed === undefined ? undefined : Math.floor(changed / 1000),
    isSigned: verify && local !== undefined ? local.signer !== undefined : undefined,
    standing,
    slotOwed: slotToStart(run, destination),
    hold: host.hold,
    choice: local && choice,
    images,
    packed: config.packed,
    partials: stock.partials,
    withdrawn,
    checked,
    damagedRecords: destination.recordWarnings(),
    now: Math.floor(effects.clock.now() / 1000),
  };
  return { sight, stock };
}

function hashed(images: ImageStore, entry: Entry, { report }: Effects): Promise<ImageState> {
  const { digest: sha256, size } = entry;
  const about = { version: entry.version.text, sha256, size };
  return images.check(entry, true, (done) => report({ event: "hashing", ...about, done }));
}

/** What the origin had taken away at the last look; an image that is here needs no origin. */
export function withdrawnOf(
  checked: Checked | undefined,
  { here }: Pick<Stock, "here">,
): ReadonlySet<Sha256Hex> {
  const gone = new Set(checked?.gone);
  if (gone.size > 0) for (const { digest } of here) gone.delete(digest);
  return gone;
}

/** Takes stock by the names in the store. Only what is no image of the manifest is asked for its size. */
export function takeStock(images: ImageStore, { entries }: Manifest): Stock {
  const names = images.names();
  const left = new Set(names);
  const unfinished = downloadsIn(images, names);
  const here: Entry[] = [];
  const others: Entry[] = [];
  const partials = new Map<Entry, Partial>();
  let bytes = 0;
  for (const entry of entries) {
    if (left.delete(entry.digest)) {
      here.push(entry);
      bytes += entry.size;
    } else {
      others.push(entry);
    }
    const partial = unfinished.get(entry.digest);
    if (partial !== undefined) partials.set(entry, partial);
  }
  // Versions may share an image.
  const digests = new Set(others.length === 0 ? [] : here.map(({ digest }) => digest));
  const sharing = others.filter(({ digest }) => digests.has(digest));
  for (const name of left) bytes += images.sizeOf(name);
  return { here: [...here, ...sharing], partials, bytes };
}

/** The downloads that are not complete, by their images. */
function downloadsIn(
  images: ImageStore,
  names: readonly string[],
): ReadonlyMap<Sha256Hex, Partial> {
  const found = new Map<Sha256Hex, Partial>();
  for (const name of names) {
    // The name of an image is its digest; most are.
    const digest = name.length > DIGEST_LENGTH ? imageOfPartial(name) : undefined;
    if (digest === undefined) continue;
    const size = travellingSize(name);
    const { image, packed, packedSize } = found.get(digest) ?? NO_BYTES;
    if (name === partialName(digest)) {
      found.set(digest, { image: images.sizeOf(name), packed, packedSize });
    } else if (size !== undefined) {
      const here = packed + images.sizeOf(name);
      found.set(digest, { image, packed: here, packedSize: packedSize + size });
    }
  }
  return found;
}
