// What the list of an image says of its own packed files, which a publisher relies on from one run to the next, and the
// list as hosts get it, with the patches between older images (PCK-68 to PCK-70).

import { parseSha256Hex, type Sha256Hex } from "../digest.ts";
import { asTakoError } from "../error.ts";
import { MOST_PATCHES } from "./cheapest-way.ts";
import {
  encodePackedList,
  type PackedList,
  type PatchLine,
  parsePackedList,
} from "./packed-list.ts";

/** The packed files of one image. Sizes in bytes. */
export interface OwnPacked {
  /** Of its zstd frame. */
  readonly zst: number | undefined;
  /** The size of each patch to it, by the old image. */
  readonly patches: ReadonlyMap<Sha256Hex, number>;
  /** What was made and left out, since it was too large: its size, by the old image, or of the frame. */
  readonly tried: ReadonlyMap<Sha256Hex | "zst", number>;
}

export const NOTHING_PACKED: OwnPacked = { zst: undefined, patches: new Map(), tried: new Map() };

/** Reads what a list says of its own image; of one that is damaged nothing counts. */
export function parseOwnPacked(image: Sha256Hex, bytes: Uint8Array): OwnPacked {
  const list = readList(bytes);
  if (list === undefined) return NOTHING_PACKED;
  const own = list.patches.filter((patch) => patch.new === image);
  return {
    zst: list.zst,
    patches: new Map(own.map(({ old, size }) => [old, size])),
    tried: readTried(bytes),
  };
}

function readList(bytes: Uint8Array): PackedList | undefined {
  try {
    return parsePackedList(bytes);
  } catch (caught) {
    asTakoError(caught);
    return undefined;
  }
}

/** Lines that hosts pass over: `tried zst SIZE`, and `tried OLD SIZE` of a patch. */
function readTried(bytes: Uint8Array): OwnPacked["tried"] {
  const text = new TextDecoder("latin1").decode(bytes);
  const found = text.matchAll(/^tried ([0-9a-z]+) ([1-9][0-9]{0,14})$/gm);
  return new Map(
    [...found].flatMap(([, word, size]): [Sha256Hex | "zst", number][] => {
      const what = word === "zst" ? word : parseSha256Hex(`${word}`);
      return what === undefined ? [] : [[what, Number(size)]];
    }),
  );
}

/** The patches that lead to an image, one after the other, the last ones first, as far as a host follows them (PCK-45). */
export function patchesTowards(
  image: Sha256Hex,
  packed: ReadonlyMap<Sha256Hex, OwnPacked>,
): readonly PatchLine[] {
  const found: PatchLine[] = [];
  const seen = new Set([image]);
  let ends = [image];
  for (let step = 0; step < MOST_PATCHES; step++) {
    const patches = ends.flatMap((next) => patchesTo(next, packed));
    found.push(...patches);
    ends = patches
      .map(({ old }) => old)
      .filter((old, at, all) => !seen.has(old) && all.indexOf(old) === at);
    for (const old of ends) seen.add(old);
  }
  return found;
}

function patchesTo(
  next: Sha256Hex,
  packed: ReadonlyMap<Sha256Hex, OwnPacked>,
): readonly PatchLine[] {
  return [...(packed.get(next)?.patches ?? [])].map(([old, size]) => ({ old, new: next, size }));
}

/** The bytes of the list of an image. @param packed of each image, this one and older ones */
export function encodeOwnList(
  image: Sha256Hex,
  packed: ReadonlyMap<Sha256Hex, OwnPacked>,
): Uint8Array {
  const { zst, tried } = packed.get(image) ?? NOTHING_PACKED;
  const notes = [...tried].map(([what, size]) => `tried ${what} ${size}`);
  return encodePackedList({ zst, patches: patchesTowards(image, packed) }, notes);
}
