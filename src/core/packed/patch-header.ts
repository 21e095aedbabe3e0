// The first bytes of a patch: what it turns into what, in how large segments (PCK-20 to PCK-23).

import { badPatch } from "./bad-patch.ts";

/** Sizes in bytes. */
export interface PatchHeader {
  /** Of a segment of the new image; the last one is what is left. */
  readonly segmentSize: number;
  readonly oldSize: number;
  readonly newSize: number;
}

export const PATCH_HEADER_BYTES = 32;
/** The size of the segments that Tako writes, and the largest that it reads (PCK-22). */
export const SEGMENT_BYTES = 1024 * 1024;
const LEAST_SEGMENT_BYTES = 4096;
const MAGIC = "Tako Patch 1";

export function encodePatchHeader({ segmentSize, oldSize, newSize }: PatchHeader): Uint8Array {
  const bytes = new Uint8Array(PATCH_HEADER_BYTES);
  bytes.set(new TextEncoder().encode(MAGIC));
  const view = new DataView(bytes.buffer);
  view.setUint32(12, segmentSize, true);
  view.setBigUint64(16, BigInt(oldSize), true);
  view.setBigUint64(24, BigInt(newSize), true);
  return bytes;
}

/**
 * Reads the header of a patch, and holds it to the sizes that are known beforehand.
 *
 * @param bytes the first of the patch; more are not looked at
 * @throws TakoError of kind `origin`
 */
export function decodePatchHeader(
  bytes: Uint8Array,
  oldSize: number,
  newSize: number,
): PatchHeader {
  const isWhole = bytes.length >= PATCH_HEADER_BYTES;
  if (!isWhole || new TextDecoder().decode(bytes.subarray(0, MAGIC.length)) !== MAGIC) {
    throw badPatch(`it does not begin with "${MAGIC}" and three sizes`, "PCK-20");
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, PATCH_HEADER_BYTES);
  const segmentSize = view.getUint32(12, true);
  if (segmentSize < LEAST_SEGMENT_BYTES || segmentSize > SEGMENT_BYTES) {
    throw badPatch(`its segments are of ${segmentSize} bytes`, "PCK-22");
  }
  const [from, to] = [view.getBigUint64(16, true), view.getBigUint64(24, true)];
  if (from !== BigInt(oldSize)) {
    throw badPatch(`it is for an image of ${from} bytes, not ${oldSize}`, "PCK-23");
  }
  if (to !== BigInt(newSize)) {
    throw badPatch(`it makes an image of ${to} bytes, not ${newSize}`, "PCK-23");
  }
  return { segmentSize, oldSize, newSize };
}
