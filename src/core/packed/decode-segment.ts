// One segment of a patch, from its parts and the old image to bytes of the new one (PCK-27 to PCK-31). Whatever it
// is handed, it ends: with the bytes of the segment, or with an error.

import { badPatch } from "./bad-patch.ts";
import { viewOf } from "./old-index.ts";
import { mostCopies, type SegmentParts } from "./segment-parts.ts";
import { VarintReader } from "./varint.ts";

/** An image that is here. */
export interface OldImage {
  /** In bytes. */
  readonly size: number;
  /** Fills `into` with the bytes from a place on; never asked for what is beyond the size. */
  readonly read: (place: number, into: Uint8Array) => void;
}

/**
 * Fills a segment of the new image.
 *
 * @param into as many bytes as the segment has
 * @param start where the segment stands in the new image
 * @param segmentSize of the patch, in bytes; the last segment may have fewer
 * @throws TakoError of kind `origin`, or what reading the old image throws
 */
export function decodeSegment(
  parts: SegmentParts,
  into: Uint8Array,
  start: number,
  old: OldImage,
  segmentSize: number,
): void {
  const most = mostCopies(segmentSize);
  const copies = new VarintReader(parts.copies);
  const fill = new Filling(parts, into);
  // A copy's place counts from the end of the one before, the first one's from where the segment stands.
  let end = start;
  for (let count = 0; !copies.isAtEnd; count++) {
    if (count === most) throw badPatch(`a segment has over ${count} copies`, "PCK-28");
    fill.literals(copies.next());
    const length = copies.next();
    const from = end + copies.nextSigned();
    end = from + length;
    if (length === 0) throw badPatch("a copy in it has no bytes", "PCK-28");
    if (from < 0 || end > old.size) {
      throw badPatch("a copy in it is from outside of the old image", "PCK-29");
    }
    const room = fill.take(length);
    old.read(from, room);
    fill.differ(room, copies.next());
  }
  fill.finish();
}

/** A segment that fills, and what of its parts is used so far. */
class Filling {
  readonly #parts: SegmentParts;
  readonly #runs: VarintReader;
  readonly #into: Uint8Array;
  readonly #differ: DataView;
  #at = 0;
  #literals = 0;
  #differences = 0;

  constructor(parts: SegmentParts, into: Uint8Array) {
    this.#parts = parts;
    this.#runs = new VarintReader(parts.runs);
    this.#into = into;
    this.#differ = viewOf(parts.differences);
  }

  /** The next bytes of the segment, to be filled. */
  take(length: number): Uint8Array {
    const room = this.#into.subarray(this.#at, this.#at + length);
    if (room.length < length) throw badPatch("it has more bytes than a segment", "PCK-30");
    this.#at += length;
    return room;
  }

  literals(length: number): void {
    const { literals } = this.#parts;
    const bytes = literals.subarray(this.#literals, this.#literals + length);
    if (bytes.length < length) throw badPatch("it lacks literals", "PCK-30");
    this.take(length).set(bytes);
    this.#literals += length;
  }

  /** Makes of copied bytes those of the new image, by the next `count` runs. */
  differ(copied: Uint8Array, count: number): void {
    const bytes = viewOf(copied);
    let at = 0;
    for (let run = 0; run < count; run++) {
      at += this.#runs.next();
      const end = at + this.#runs.next();
      if (end > copied.length) throw badPatch("a run in it is longer than its copy", "PCK-31");
      if (this.#differences + end - at > this.#differ.byteLength) {
        throw badPatch("it lacks differences", "PCK-31");
      }
      for (; at < end; at++) {
        bytes.setUint8(at, bytes.getUint8(at) + this.#differ.getUint8(this.#differences++));
      }
    }
  }

  /** What no copy covers in the end are literals; nothing of any part may be left then. */
  finish(): void {
    this.literals(this.#into.length - this.#at);
    const { literals, differences } = this.#parts;
    if (this.#literals < literals.length) throw badPatch("literals are left over", "PCK-30");
    if (this.#differences < differences.length || !this.#runs.isAtEnd) {
      throw badPatch("runs or differences are left over", "PCK-31");
    }
  }
}
