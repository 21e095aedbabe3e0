// The laws of the decoders of packed files (spec/packed.md), for whatever they are given: see laws.ts.

import { TakoError } from "../../src/core/error.ts";
import { decodeSegment } from "../../src/core/packed/decode-segment.ts";
import { encodePackedList, parsePackedList } from "../../src/core/packed/packed-list.ts";
import { LENGTHS_BYTES, partBytes, splitParts } from "../../src/core/packed/segment-parts.ts";
import { readFrameHeader } from "../../src/core/packed/zstd-frame.ts";
import { asBytes } from "./inputs.ts";
import { accepted, law, same } from "./laws.ts";

/** A line as PCK-3 to PCK-5 and PCK-7 say it, in one expression. */
const LINE =
  /^(?:zst [1-9]\d{0,15}|patch ([0-9a-f]{64}) (?!\1)[0-9a-f]{64} [1-9]\d{0,15}|(?!(?:zst|patch)(?: |$))[ -~]{1,160})$/;

export function checkPackedList(input: string): void {
  const list = accepted(["origin"], () => parsePackedList(asBytes(input)));
  const text = Buffer.from(asBytes(input)).toString("latin1");
  const lines = text.split("\n");
  const isList =
    text.length <= 65_536 &&
    lines.length > 1 &&
    lines[0] === "Tako Packed 1" &&
    lines.at(-1) === "" &&
    lines.slice(1, -1).every((line) => LINE.test(line));
  if (list === undefined) {
    const twice = new Set(lines.map((line) => line.replace(/^(zst|patch \S+ \S+) .*/, "$1")));
    const isLarge = /(?:zst|patch \S+ \S+) 9\d{15}\n/.test(text);
    law(!isList || twice.size < lines.length || isLarge, "the second reading accepts it");
    return;
  }
  law(isList, "the second reading refuses it");
  same(parsePackedList(encodePackedList(list)), list, "what is encoded is another list");
}

/** The old image of {@link checkSegment}. */
export const OLD_BYTES = Uint8Array.from({ length: 600 }, (_, at) => (at * 7 + (at >> 3)) & 255);

/** Sizes and places in bytes. */
export interface SegmentPlace {
  readonly old: Uint8Array;
  /** The bytes of the segment. */
  readonly size: number;
  /** Where it stands in the new image. */
  readonly start: number;
  /** Of the patch. */
  readonly segmentSize: number;
}

export const ONE_SEGMENT: SegmentPlace = {
  old: OLD_BYTES,
  size: 400,
  start: 100,
  segmentSize: 4096,
};

/** A segment as it stands in a frame. */
export function checkSegment(input: string): void {
  const bytes = asBytes(input);
  const { size, start, segmentSize } = ONE_SEGMENT;
  if (bytes.length < LENGTHS_BYTES) return;
  const into = new Uint8Array(size);
  const isWhole = accepted(["origin"], () => {
    const length = partBytes(bytes.subarray(0, LENGTHS_BYTES), size);
    law(length <= 2 * size + 64, "the parts have no bound");
    const parts = bytes.subarray(LENGTHS_BYTES, LENGTHS_BYTES + length);
    if (parts.length < length) throw new TakoError("origin", "it is cut off");
    const old = {
      size: OLD_BYTES.length,
      read(place: number, room: Uint8Array) {
        law(place >= 0 && place + room.length <= OLD_BYTES.length, "a read beyond the old image");
        room.set(OLD_BYTES.subarray(place, place + room.length));
      },
    };
    decodeSegment(splitParts(bytes, parts), into, start, old, segmentSize);
    return true;
  });
  const expected = segmentOf(bytes, ONE_SEGMENT)?.made;
  law((isWhole === true) === (expected !== undefined), "the second reading disagrees");
  if (expected !== undefined) same(into, expected, "the second reading makes other bytes");
}

/**
 * The bytes of the segment, by the words of PCK-25 to PCK-31 in the order in which they stand.
 *
 * @returns them, and how many bytes the segment takes
 */
export function segmentOf(
  bytes: Uint8Array,
  { old, size, start, segmentSize }: SegmentPlace,
): { readonly made: Uint8Array; readonly length: number } | undefined {
  const lengths = [0, 4, 8, 12].map((at) => Buffer.from(bytes).readUInt32LE(at));
  const sum = lengths.reduce((all, each) => all + each);
  if (sum > 2 * size + 64 || bytes.length < LENGTHS_BYTES + sum) return undefined;
  let at = LENGTHS_BYTES;
  const [copyBytes = [], runBytes = [], differences = [], literals = []] = lengths.map((length) => {
    at += length;
    return [...bytes.subarray(at - length, at)];
  });
  const [copies, runs] = [numbersOf(copyBytes), numbersOf(runBytes)];
  if (copies === undefined || runs === undefined || copies.length % 4 > 0) return undefined;
  if (copies.length / 4 > Math.floor(segmentSize / 64)) return undefined;
  const out: number[] = [];
  for (let end = start; copies.length > 0; ) {
    const [before = 0n, length = 0n, move = 0n, count = 0n] = copies.splice(0, 4);
    const from = BigInt(end) + (move % 2n === 0n ? move / 2n : -(move + 1n) / 2n);
    if (before > literals.length || length < 1n || count > runs.length / 2) return undefined;
    if (from < 0n || from + length > old.length) return undefined;
    end = Number(from + length);
    out.push(...literals.splice(0, Number(before)));
    const copied = [...old.subarray(Number(from), end)];
    let place = 0n;
    for (const [skip = 0n, run = 0n] of pairs(runs.splice(0, 2 * Number(count)))) {
      if (place + skip + run > length || run > differences.length) return undefined;
      for (let index = place + skip; index < place + skip + run; index++) {
        const sum = (copied[Number(index)] ?? 0) + (differences.shift() ?? 0);
        copied[Number(index)] = sum % 256;
      }
      place += skip + run;
    }
    out.push(...copied);
  }
  out.push(...literals);
  return out.length === size && runs.length + differences.length === 0
    ? { made: Uint8Array.from(out), length: LENGTHS_BYTES + sum }
    : undefined;
}

/** PCK-27, in integers that have no limit. */
function numbersOf(bytes: readonly number[]): bigint[] | undefined {
  const numbers: bigint[] = [];
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.findIndex((byte, at) => at >= start && byte < 128) + 1;
    const digits = bytes.slice(start, end);
    if (end === 0 || digits.length > 7 || (digits.length > 1 && digits.at(-1) === 0)) return;
    numbers.push(digits.reduceRight((sum, byte) => sum * 128n + BigInt(byte % 128), 0n));
    start = end;
  }
  return numbers;
}

function pairs(numbers: readonly bigint[]): readonly (readonly bigint[])[] {
  return numbers.flatMap((_, at) => (at % 2 === 0 ? [numbers.slice(at, at + 2)] : []));
}

export function checkFrameHeader(input: string): void {
  const bytes = asBytes(input);
  const header = accepted(["origin"], () => readFrameHeader(bytes.subarray(0, 18)));
  const expected = headerOf(Buffer.from(bytes));
  law((header === undefined) === (expected === undefined), "the second reading disagrees");
  if (header === undefined || expected === undefined) return;
  same(header.windowSize, Number(expected.window), "the second reading has another window");
  const content = header.contentSize === undefined ? undefined : BigInt(header.contentSize);
  // Above 2^53 it is some number that no image has.
  const isHuge = (expected.content ?? 0n) > Number.MAX_SAFE_INTEGER;
  law(isHuge || content === expected.content, "the second reading has another content");
}

/** RFC 8878, section 3.1.1.1, by its tables. */
export function headerOf(
  bytes: Buffer,
): { readonly window: bigint; readonly content: bigint | undefined } | undefined {
  const [descriptor = 0] = bytes.subarray(4);
  if (bytes.length < 5 || bytes.readUInt32BE(0) !== 0x28b52ffd || descriptor & 0b1011) return;
  const single = (descriptor & 0b100000) > 0;
  const length = [single ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  const rest = bytes.subarray(single ? 5 : 6);
  if (rest.length < length || bytes.length < (single ? 5 : 6)) return undefined;
  const digits = [...rest.subarray(0, length)].reverse();
  const sum = digits.reduce((all, byte) => all * 256n + BigInt(byte), 0n);
  const content = length === 0 ? undefined : sum + (length === 2 ? 256n : 0n);
  const [exponent, mantissa] = [BigInt((bytes[5] ?? 0) >> 3), BigInt((bytes[5] ?? 0) & 7)];
  const base = 1n << (10n + exponent);
  const window = single ? (content ?? 0n) : base + (base / 8n) * mantissa;
  return window <= 8n << 20n ? { window, content } : undefined;
}
