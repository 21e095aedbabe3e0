// What does not fit together in a destination, of which each part by itself is well-formed: where `latest`, the links
// of slots and the records point (spec/verify.md). Whether the images are whole is not asked here.

import type { Sha256Hex } from "./digest.ts";
import type { Owed } from "./records.ts";
import { type Refusals, refusalOf } from "./refusals.ts";

/** What a destination says. Digests are of images. */
export interface Pointers {
  /** What `latest` names. */
  readonly inUse: Sha256Hex | undefined;
  /** The images in `store/`. */
  readonly here: ReadonlySet<Sha256Hex>;
  /** Those of the local manifest; `undefined` if there is none that can be read. */
  readonly listed: ReadonlySet<Sha256Hex> | undefined;
  readonly owed: Owed;
  readonly good: Sha256Hex | undefined;
  readonly refusals: Refusals;
  readonly hold: Sha256Hex | undefined;
  /** Those that run the image. */
  readonly units: readonly string[];
  /** The slots of the config whose link is there, and what it names; `undefined` without slots. */
  readonly slots: ReadonlyMap<string, Sha256Hex | undefined> | undefined;
}

/**
 * What deserves attention, a sentence each, with the command that settles it (VFY-30 to VFY-35).
 *
 * @param shown a version for an image, or its digest
 */
export function doubtsAbout(
  pointers: Pointers,
  shown: (digest: Sha256Hex) => string,
): readonly string[] {
  const { inUse, here, listed, owed, good, refusals, hold, units } = pointers;
  const doubts: string[] = [];
  if (inUse !== undefined && listed?.has(inUse) === false) {
    doubts.push(`latest names ${inUse}, which the manifest does not list: tako fetch decides`);
  }
  const done = owed.find(({ digest }) => digest === inUse)?.done;
  const left = done === undefined ? [] : units.filter((unit) => !done.includes(unit));
  if (left.length > 0) doubts.push(`a restart of ${left.join(" ")} is owed: tako fetch does it`);
  if (inUse !== undefined && refusalOf(refusals, inUse) !== undefined) {
    doubts.push(
      `${shown(inUse)} is in use, and did not work here: tako fetch goes back, tako release lets it be`,
    );
  }
  if (hold !== undefined && hold !== inUse) {
    const used = inUse === undefined ? "no image is in use" : `${shown(inUse)} is in use`;
    doubts.push(
      `the host is held on ${shown(hold)}, and ${used}: tako fetch follows the hold, tako release ends it`,
    );
  }
  if (good !== undefined && good !== inUse && !here.has(good)) {
    doubts.push(`${shown(good)}, the version to go back to, has no image here`);
  }
  return [...doubts, ...doubtsAboutSlots(pointers)];
}

/** At rest there is exactly one link, of what `latest` names (DST-102). */
function doubtsAboutSlots({ slots, inUse }: Pointers): readonly string[] {
  if (slots === undefined) return [];
  const right = [...slots].filter(([, digest]) => digest === inUse);
  const isAtRest = inUse === undefined ? slots.size === 0 : slots.size === 1 && right.length === 1;
  if (isAtRest) return [];
  const linked =
    slots.size === 0 ? "no slot is" : `linked as slots are ${[...slots.keys()].join(", ")}`;
  return [`not one slot is linked as latest is (${linked}): tako fetch settles it`];
}
