// One segment of a patch, from what was found in the old image to its bytes: the inverse of decode-segment.ts.

import { type Copy, findCopies, type Recent } from "./find-copies.ts";
import { type OldIndex, viewOf } from "./old-index.ts";
import { SEGMENT_BYTES } from "./patch-header.ts";
import { joinParts, mostCopies, type SegmentParts } from "./segment-parts.ts";
import { ByteWriter } from "./varint.ts";

/** An old image, or the part of it that is at hand. */
export interface OldWindow {
  readonly index: OldIndex;
  /** Where it begins in the old image, in bytes. */
  readonly from: number;
}

const MOST_COPIES = mostCopies(SEGMENT_BYTES);

/** Encodes one segment after the other. */
export class SegmentEncoder {
  readonly #copies = new ByteWriter();
  readonly #runs = new ByteWriter();
  readonly #differences = new ByteWriter();
  readonly #literals = new ByteWriter();
  #recent: Recent = [];

  /**
   * A segment as it stands in the frame of a patch (PCK-25).
   *
   * @param start where it stands in the new image, in bytes
   */
  encode(segment: Uint8Array, start: number, { index, from }: OldWindow): Uint8Array {
    const found = findCopies(index, segment, start - from, this.#recent, MOST_COPIES);
    this.#recent = found.recent;
    // It is never more than a segment may have (PCK-26): a copy scores 12 or more, so that at most half of its bytes
    // differ, and each of these takes three bytes at most; the numbers of the copy itself take 11.
    return joinParts(this.#write(segment, found.copies, index.bytes, start - from));
  }

  /** @param start where the segment stands, counted from where the window begins */
  #write(
    segment: Uint8Array,
    copies: readonly Copy[],
    old: Uint8Array,
    start: number,
  ): SegmentParts {
    const writers = [this.#copies, this.#runs, this.#differences, this.#literals];
    for (const writer of writers) writer.clear();
    let done = 0;
    let end = start;
    for (const copy of copies) {
      this.#literals.append(segment.subarray(done, copy.at));
      this.#copies.varint(copy.at - done);
      this.#copies.varint(copy.length);
      this.#copies.signed(copy.from - end);
      this.#copies.varint(this.#writeRuns(segment, copy, old));
      done = copy.at + copy.length;
      end = copy.from + copy.length;
    }
    this.#literals.append(segment.subarray(done));
    return {
      copies: this.#copies.written,
      runs: this.#runs.written,
      differences: this.#differences.written,
      literals: this.#literals.written,
    };
  }

  /** @returns how many there are */
  #writeRuns(segment: Uint8Array, { at, length, from }: Copy, old: Uint8Array): number {
    const oldBytes = viewOf(old);
    const bytes = viewOf(segment);
    let count = 0;
    let done = 0;
    for (let index = 0; index < length; ) {
      if (segment[at + index] === old[from + index]) {
        index += 1;
        continue;
      }
      this.#runs.varint(index - done);
      const first = index;
      while (index < length && segment[at + index] !== old[from + index]) {
        this.#differences.byte(bytes.getUint8(at + index) - oldBytes.getUint8(from + index));
        index += 1;
      }
      this.#runs.varint(index - first);
      done = index;
      count += 1;
    }
    return count;
  }
}
