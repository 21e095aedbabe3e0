// A patch on its way from an origin, applied to an old image that is here: the new one comes out as a stream. Memory is
// that of a segment, its parts and the frame's window, whatever the sizes (PCK-20 to PCK-33).

import { badPatch } from "../../core/packed/bad-patch.ts";
import { decodeSegment, type OldImage } from "../../core/packed/decode-segment.ts";
import { decodePatchHeader, PATCH_HEADER_BYTES } from "../../core/packed/patch-header.ts";
import {
  LENGTHS_BYTES,
  mostPartBytes,
  partBytes,
  splitParts,
} from "../../core/packed/segment-parts.ts";
import { readFrameHeader } from "../../core/packed/zstd-frame.ts";
import { ByteReader } from "./byte-reader.ts";
import { decompress } from "./zstd.ts";

/**
 * The new image, segment by segment. A chunk changes when the next one is asked for.
 *
 * @param newSize of the new image in bytes; never more comes out
 * @throws TakoError of kind `origin` if the patch is damaged, or what its source or reading the old image throws
 */
export async function* applyPatch(
  patch: AsyncIterable<Uint8Array>,
  old: OldImage,
  newSize: number,
): AsyncGenerator<Uint8Array> {
  const packed = new ByteReader(patch);
  const start = new Uint8Array(PATCH_HEADER_BYTES);
  const raw = new ByteReader(decompress(packed.rest(), readFrameHeader));
  try {
    const { segmentSize } = decodePatchHeader(
      start.subarray(0, await packed.fill(start)),
      old.size,
      newSize,
    );
    yield* segments(raw, old, newSize, segmentSize);
  } finally {
    await raw.end();
    await packed.end();
  }
}

async function* segments(
  raw: ByteReader,
  old: OldImage,
  newSize: number,
  segmentSize: number,
): AsyncGenerator<Uint8Array> {
  const most = Math.min(segmentSize, newSize);
  const segment = new Uint8Array(most);
  const buffer = new Uint8Array(mostPartBytes(most));
  const lengths = new Uint8Array(LENGTHS_BYTES);
  for (let start = 0; start < newSize; start += segmentSize) {
    const into = segment.subarray(0, newSize - start);
    await fillWhole(raw, lengths);
    const bytes = buffer.subarray(0, partBytes(lengths, into.length));
    await fillWhole(raw, bytes);
    decodeSegment(splitParts(lengths, bytes), into, start, old, segmentSize);
    yield into;
  }
  if ((await raw.fill(lengths)) > 0) throw badPatch("it goes on after the last segment", "PCK-32");
}

async function fillWhole(raw: ByteReader, into: Uint8Array): Promise<void> {
  if ((await raw.fill(into)) < into.length) throw badPatch("it is cut off", "PCK-32");
}
