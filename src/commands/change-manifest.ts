// How a manifest takes the place of the one before it: signed once for each that is found there, and anew if another
// publisher came between (spec/publish.md, spec/buckets.md).

import { TakoError } from "../core/error.ts";
import { encodeManifest, MAX_MANIFEST_BYTES, type Manifest } from "../core/manifest.ts";
import { platformSha512 } from "../shell/platform-crypto.ts";
import type { WritablePublication } from "../shell/publication/publication.ts";
import type { Effects } from "./effects.ts";
import { type Ours, readOurs, type Signer } from "./own-manifest.ts";

/** What becomes of the manifest that is there. */
export type Change = (manifest: Manifest) => Manifest;

/** The manifest that is to be in place. */
export interface NextManifest {
  readonly manifest: Manifest;
  /** The same, signed. */
  readonly bytes: Uint8Array;
  /** What it takes the place of, if there is something. */
  readonly old: Uint8Array | undefined;
}

/** The most times that a manifest is written because another publisher came between (BKT-13). */
const MAX_TRIES = 20;
/**
 * The longest wait before the first further try, in milliseconds; it doubles up to {@link MAX_PAUSE_MS}. They are short: of those
 * that try again one gets in each time, while whoever begins anew has a longer way to go.
 */
const PAUSE_MS = 10;
const MAX_PAUSE_MS = 400;

/**
 * @param source what errors name
 * @throws TakoError of kind `failed` for a manifest that is too large for hosts, and what `change` throws
 */
export function nextManifest(
  { manifest: found, bytes: old }: Ours,
  change: Change,
  { key }: Signer,
  source: string,
): NextManifest {
  const manifest = change(found);
  const bytes = encodeManifest(manifest, key, platformSha512);
  refuseOversized(bytes.length, source);
  return { manifest, bytes, old };
}

/**
 * Puts a manifest in place, or the one that follows by the same change from what another publisher put there meanwhile. The same
 * manifest and key give the same bytes: then nothing is written (PUB-30, PUB-52).
 *
 * @returns whether it is another one now
 * @throws TakoError of kind `failed` if others came between each time
 */
export async function putInPlace(
  publication: WritablePublication,
  first: NextManifest,
  change: Change,
  signer: Signer,
  { clock, random }: Effects,
): Promise<boolean> {
  const { manifestPath } = publication;
  const again = signingAgain(signer, first.old);
  let next = first;
  for (let tries = 0; ; tries++) {
    const { bytes, old } = next;
    if (old !== undefined && Buffer.from(old).equals(bytes)) {
      await publication.syncManifest();
      // A write of which nothing was known has landed, then.
      return tries > 0;
    }
    if (tries === MAX_TRIES) {
      throw new TakoError("failed", `the manifest was not put in place in ${MAX_TRIES} tries`, {
        rule: "BKT-13",
        source: manifestPath,
        hint: "Others published at the same time, and nothing of theirs is lost: run it again.",
      });
    }
    if (await publication.writeManifest(bytes)) return true;
    await clock.sleep(random() * Math.min(PAUSE_MS * 2 ** tries, MAX_PAUSE_MS));
    next = nextManifest(await readOurs(publication, again), change, signer, manifestPath);
  }
}

/** Who reads the manifest again: what there was to say of it is said, and one that was begun may be begun still. */
export function signingAgain(signer: Signer, old: Uint8Array | undefined): Signer {
  return { ...signer, isNew: signer.isNew || old === undefined, warn: () => {} };
}

/** Hosts take no more (PUB-21). */
export function refuseOversized(length: number, source: string): void {
  if (length <= MAX_MANIFEST_BYTES) return;
  throw new TakoError("failed", `the manifest would exceed ${MAX_MANIFEST_BYTES} bytes`, {
    rule: "PUB-21",
    source,
    hint: "No more versions fit; start a new origin.",
  });
}
