// A packed file by its names: at an origin, and on a host while it travels (PCK-55).

import type { Sha256Hex } from "../digest.ts";
import { patchName, patchPartName, zstName, zstPartName } from "../layout.ts";
import type { Way } from "./cheapest-way.ts";
import type { PackedList, PatchLine } from "./packed-list.ts";

export interface PackedFile {
  /** In `store/` of the origin. */
  readonly name: string;
  /** In `store/` of the host. */
  readonly part: string;
  /** In bytes. */
  readonly size: number;
}

/** A way by packed files. */
export type PackedWay = Exclude<Way, { readonly by: "plain" }>;

/** All that a list names, on the way to the image `wanted`. */
export function filesOfList(
  wanted: Sha256Hex,
  { zst, patches }: PackedList,
): readonly PackedFile[] {
  const frame = zst === undefined ? [] : [zstFile(wanted, zst)];
  return [...frame, ...patches.map((patch) => patchFile(wanted, patch))];
}

/** What travels on a way, in the order in which it is used. */
export function filesOfWay(wanted: Sha256Hex, way: PackedWay): readonly PackedFile[] {
  return way.by === "zst"
    ? [zstFile(wanted, way.size)]
    : way.patches.map((patch) => patchFile(wanted, patch));
}

function zstFile(wanted: Sha256Hex, size: number): PackedFile {
  return { name: zstName(wanted), part: zstPartName(wanted, size), size };
}

function patchFile(wanted: Sha256Hex, { old, new: next, size }: PatchLine): PackedFile {
  return { name: patchName(old, next), part: patchPartName(wanted, old, next, size), size };
}
