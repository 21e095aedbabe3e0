// How a segment of a patch is divided: four lengths, then the parts that have them, and what bounds them
// (PCK-25, PCK-26).

import { badPatch } from "./bad-patch.ts";

/** The bytes of the four lengths. */
export const LENGTHS_BYTES = 16;
/** For so many bytes of a segment there may be a copy: each one costs a read, and compressed it may have no bytes at all. */
const BYTES_FOR_COPY = 64;

export interface SegmentParts {
  /** Numbers: for each copy what precedes it, its length, where it is from, and how many runs it has. */
  readonly copies: Uint8Array;
  /** Numbers: for each run of differing bytes how many equal ones precede it, and its length. */
  readonly runs: Uint8Array;
  /** What is added to the old bytes of the runs. */
  readonly differences: Uint8Array;
  /** The bytes that no copy covers. */
  readonly literals: Uint8Array;
}

/** The most copies in a segment, by the segment size of the patch in bytes (PCK-28). */
export function mostCopies(segmentSize: number): number {
  return Math.floor(segmentSize / BYTES_FOR_COPY);
}

/** The most bytes of the four parts of a segment of so many bytes of the new image (PCK-26). */
export function mostPartBytes(size: number): number {
  return 2 * size + 64;
}

/**
 * The bytes of the parts together.
 *
 * @param lengths LENGTHS_BYTES of them
 * @param size of the segment in the new image
 * @throws TakoError of kind `origin` if it is more than a segment can need
 */
export function partBytes(lengths: Uint8Array, size: number): number {
  const [copies, runs, differences, literals] = readLengths(lengths);
  const sum = copies + runs + differences + literals;
  if (sum <= mostPartBytes(size)) return sum;
  throw badPatch(`it has ${sum} bytes for a segment of ${size}`, "PCK-26");
}

/** @param bytes as many as {@link partBytes} says */
export function splitParts(lengths: Uint8Array, bytes: Uint8Array): SegmentParts {
  const [copies, runs, differences] = readLengths(lengths);
  return {
    copies: bytes.subarray(0, copies),
    runs: bytes.subarray(copies, copies + runs),
    differences: bytes.subarray(copies + runs, copies + runs + differences),
    literals: bytes.subarray(copies + runs + differences),
  };
}

/** A segment as it stands in the frame. */
export function joinParts({ copies, runs, differences, literals }: SegmentParts): Uint8Array {
  const parts = [copies, runs, differences, literals];
  const sum = parts.reduce((all, { length }) => all + length, 0);
  const bytes = new Uint8Array(LENGTHS_BYTES + sum);
  const view = new DataView(bytes.buffer);
  let at = LENGTHS_BYTES;
  for (const [index, part] of parts.entries()) {
    view.setUint32(4 * index, part.length, true);
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function readLengths(bytes: Uint8Array): readonly [number, number, number, number] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, LENGTHS_BYTES);
  const length = (index: number) => view.getUint32(4 * index, true);
  return [length(0), length(1), length(2), length(3)];
}
