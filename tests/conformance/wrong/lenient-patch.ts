// A decoder of patches (spec/packed.md) that can be made lenient, or wrong, in one point: for the faults of packed-faults.ts.

import { TakoError } from "../../../src/index.ts";

/** What it does not look at, or does in another way. */
export interface Leniency {
  readonly overlong?: boolean;
  readonly emptyCopies?: boolean;
  readonly manyCopies?: boolean;
  readonly oneLimit?: boolean;
  /** Bytes from outside of the old image are zeros. */
  readonly outside?: boolean;
  readonly literalsLeft?: boolean;
  readonly runsBeyond?: boolean;
  readonly differencesLeft?: boolean;
  readonly runsLeft?: boolean;
  readonly goesOn?: boolean;
  readonly cutOff?: boolean;
  readonly largeParts?: boolean;
  readonly largeSegments?: boolean;
  /** A move counts from the beginning of the old image. */
  readonly absolute?: boolean;
  /** The first copy of a segment goes on where the last one of the segment before it ended. */
  readonly endKept?: boolean;
  /** A signed number has its sign in the highest bit of 49. */
  readonly otherSign?: boolean;
  /** Differences are what the new byte is. */
  readonly replaced?: boolean;
}

function refuse(): never {
  throw new TakoError("origin", "refused");
}

/** The new image. @param content what is in the frame */
export function applySegments(
  old: Uint8Array,
  content: Uint8Array,
  [segmentSize, size]: readonly [segmentSize: number, size: number],
  lenient: Leniency,
): Uint8Array {
  const out: number[] = [];
  let [at, end] = [0, 0];
  while (out.length < size) {
    const length = Math.min(segmentSize, size - out.length);
    if (at + 16 > content.length) refuse();
    const lengths = [0, 4, 8, 12].map((each) => Buffer.from(content).readUInt32LE(at + each));
    if (!lenient.largeParts && sum(lengths) > 2 * length + 64) refuse();
    at += 16;
    if (!lenient.cutOff && at + sum(lengths) > content.length) refuse();
    const parts = lengths.map((each) => {
      at += each;
      return content.subarray(at - each, at);
    });
    const start = lenient.endKept ? end : out.length;
    const made = segmentOf(old, parts, [start, segmentSize], lenient);
    if (made.bytes.length < length && lenient.cutOff) made.bytes.length = length;
    if (made.bytes.length > length && lenient.literalsLeft) made.bytes.length = length;
    if (made.bytes.length !== length) refuse();
    end = made.end;
    for (const byte of made.bytes) out.push(byte ?? 0);
  }
  if (!lenient.goesOn && at < content.length) refuse();
  return Uint8Array.from(out);
}

function segmentOf(
  old: Uint8Array,
  [copyPart = old, runPart = old, added = old, literals = old]: readonly Uint8Array[],
  [start, segmentSize]: readonly [start: number, segmentSize: number],
  lenient: Leniency,
) {
  const [copies, runs] = [numbersOf(copyPart, lenient), numbersOf(runPart, lenient)];
  const most = Math.floor((lenient.oneLimit ? 1_048_576 : segmentSize) / 64);
  if (copies.length % 4 > 0 || (!lenient.manyCopies && copies.length > 4 * most)) refuse();
  const bytes: number[] = [];
  let [end, literal, run, difference] = [start, 0, 0, 0];
  for (let at = 0; at < copies.length; at += 4) {
    const [before = 0, length = 0, move = 0, count = 0] = copies.slice(at, at + 4);
    if (literal + before > literals.length || (length < 1 && !lenient.emptyCopies)) refuse();
    bytes.push(...literals.subarray(literal, literal + before));
    literal += before;
    const from = (lenient.absolute ? 0 : end) + signedOf(move, lenient);
    end = from + length;
    const isOutside = from < 0 || end > old.length;
    if ((length > 1_048_576 && !lenient.largeSegments) || (isOutside && !lenient.outside)) refuse();
    const copied = Array.from({ length }, (_, each) => old[from + each] ?? 0);
    for (let each = 0, place = 0; each < count; each++, run += 2) {
      const [skip, many] = [runs[run], runs[run + 1]];
      if (skip === undefined || many === undefined || difference + many > added.length) refuse();
      if (place + skip + many > length && !lenient.runsBeyond) refuse();
      place += skip;
      for (const byte of added.subarray(difference, difference + many)) {
        if (place < length)
          copied[place] = ((lenient.replaced ? 0 : (copied[place] ?? 0)) + byte) % 256;
        place++;
      }
      difference += many;
    }
    for (const byte of copied) bytes.push(byte);
  }
  for (const byte of literals.subarray(literal)) bytes.push(byte);
  if (run < runs.length && !lenient.runsLeft) refuse();
  if (difference < added.length && !lenient.differencesLeft) refuse();
  return { bytes, end };
}

function signedOf(value: number, { otherSign }: Leniency): number {
  if (otherSign) return value < 2 ** 48 ? value : 2 ** 48 - value;
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}

function numbersOf(part: Uint8Array, { overlong }: Leniency): readonly number[] {
  const numbers: number[] = [];
  for (let at = 0; at < part.length; ) {
    let [value, place, byte] = [0, 0, 128];
    for (; byte >= 128; place++) {
      if (at >= part.length || place === 7) refuse();
      byte = part[at++] ?? 0;
      value += (byte % 128) * 128 ** place;
    }
    if (byte === 0 && place > 1 && !overlong) refuse();
    numbers.push(value);
  }
  return numbers;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, each) => all + each, 0);
}
