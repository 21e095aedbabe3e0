// The decoders of packed files, with what they are fuzzed with: lists, a segment, the header of a frame, and whole patches
// and frames as streams. Changes are made within what stands around them, so that most inputs get past the door: numbers
// of lengths are right again, a changed segment is in a frame that is none the worse for it, a checksum holds.

import fc from "fast-check";
import { SegmentEncoder } from "../../src/core/packed/encode-segment.ts";
import { OldIndex } from "../../src/core/packed/old-index.ts";
import type { Decoder } from "./decoder.ts";
import { asBytes, mutated } from "./inputs.ts";
import {
  checkFrameHeader,
  checkPackedList,
  checkSegment,
  OLD_BYTES,
  ONE_SEGMENT,
  type SegmentPlace,
} from "./packed-laws.ts";
import { checkFrame, checkPatch, FRAME_BYTES, PATCH, segmentPlaces } from "./stream-laws.ts";

const HEX = "0123456789abcdef".repeat(4);
const MAGIC = "(\xb5/\xfd";
const segmentWords = ["\0\0\0\0", "\x80\x80", "\xff\xff\xff\xff", "\0\x01\0\0", "\x01"];
const frameWords = [MAGIC, "\x68", "\xff\xff\xff\xff", "\0", " ", "\x01\0\0", "\xfb\xff\x0f"];

const asText = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");
const littleEndian = (value: number, length: number) =>
  String.fromCharCode(...Array.from({ length }, (_, at) => Math.floor(value / 256 ** at) % 256));

/** Segments that copy parts of the old image, with a few bytes that differ. */
const segments = ({ old, size, start }: SegmentPlace): fc.Arbitrary<string> =>
  fc
    .array(fc.tuple(fc.nat(500), fc.integer({ min: 1, max: 200 }), fc.nat(3)), { minLength: 1 })
    .map((pieces) => {
      const bytes = pieces.flatMap(([from, length, added]) => [
        ...old
          .subarray(from, from + length)
          .map((byte, at) => (at % 20 === 9 ? byte + added : byte)),
      ]);
      const segment = Uint8Array.from({ length: size }, (_, at) => bytes[at] ?? at);
      const window = { index: new OldIndex(old), from: 0 };
      return asText(new SegmentEncoder().encode(segment, start, window));
    });

/** One of the four parts changes, and the four numbers say so. */
const changedParts = (whole: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.tuple(whole, fc.nat(3)).chain(([text, which]) => {
    const lengths = [0, 4, 8, 12].map((at) => Buffer.from(text, "latin1").readUInt32LE(at));
    let end = 16;
    const parts = lengths.map((length) => {
      end += length;
      return text.slice(end - length, end);
    });
    return mutated(fc.constant(parts[which] ?? ""), segmentWords).map((changed) => {
      // What is above a byte is cut to one by who reads it, so that characters are counted.
      const all = parts.map((part, index) => (index === which ? changed : part));
      return [...all.map((part) => littleEndian(part.length, 4)), ...all].join("");
    });
  });

const someSegment = (place: SegmentPlace) =>
  fc.oneof(
    { weight: 2, arbitrary: segments(place) },
    { weight: 2, arbitrary: changedParts(segments(place)) },
    { weight: 1, arbitrary: mutated(segments(place), segmentWords) },
  );

/** What is in the frame of a patch. */
const streams = fc
  .tuple(...segmentPlaces(PATCH).map(someSegment))
  .map((all) => all.join(""))
  .chain((text) => fc.oneof(fc.constant(text), mutated(fc.constant(text), segmentWords)));

/** RFC 8878, section 3.1.1.2: of a kind, raw or repeated, with its content. */
type Block = readonly [kind: 0 | 1, content: string, size: number];

const blocks: fc.Arbitrary<Block> = fc.oneof(
  fc.string({ unit: "binary-ascii", maxLength: 300 }).map((text): Block => [0, text, text.length]),
  fc
    .tuple(fc.nat(255), fc.oneof(fc.nat(400), fc.nat(131_073)))
    .map(([byte, size]): Block => [1, String.fromCharCode(byte), size]),
);

/** A frame of blocks that are put together by hand, with its true size, or nearly, and a checksum that holds. */
const builtFrames = fc
  .record({
    all: fc.array(blocks, { minLength: 1, maxLength: 6 }),
    single: fc.boolean(),
    checked: fc.boolean(),
    window: fc.constantFrom(0x68, 0x68, 0, 0x60, 0x69, 0xa8),
    off: fc.constantFrom(0, 0, 0, 0, 1, -1),
    more: fc.constantFrom("", "", "", "\0", MAGIC),
  })
  .map(({ all, single, checked, window, off, more }) => {
    const content = all
      .map(([kind, text, size]) => (kind === 0 ? text : text.repeat(size)))
      .join("");
    const descriptor = 0x80 | (single ? 0x20 : 0) | (checked ? 4 : 0);
    const hash = Number(Bun.hash.xxHash64(Buffer.from(content, "latin1")) & 0xffffffffn);
    return [
      MAGIC,
      String.fromCharCode(descriptor, ...(single ? [] : [window])),
      littleEndian(Math.max(0, content.length + off), 4),
      ...all.flatMap(([kind, text, size], at) => [
        littleEndian((size << 3) | (kind << 1) | (at === all.length - 1 ? 1 : 0), 3),
        text,
      ]),
      checked ? littleEndian(hash, 4) : "",
      more,
    ].join("");
  });

const compressed = (text: string, level: number) =>
  asText(Bun.zstdCompressSync(asBytes(text), { level }));
const contents = fc.oneof(
  fc.string({ unit: "binary-ascii", maxLength: FRAME_BYTES }),
  fc
    .array(fc.tuple(fc.constantFrom(...(asText(OLD_BYTES).match(/.{1,40}/gs) ?? [])), fc.nat(9)))
    .map((words) => words.map(([word, times]) => word.repeat(times)).join("")),
);
const compressedFrames = fc
  .tuple(contents, fc.constantFrom(1, 3, 19))
  .map(([text, level]) => compressed(text, level));

const patches = fc
  .tuple(streams, fc.constantFrom(1, 3))
  .map(([text, level]) => `${PATCH.header}${compressed(text, level)}`);

export const packedDecoders: Readonly<Record<string, Decoder>> = {
  "packed-list": {
    inputs: mutated(
      fc.constantFrom(
        "Tako Packed 1\n",
        `Tako Packed 1\nzst 12\npatch ${HEX} ${"f".repeat(64)} 34\n`,
        `Tako Packed 1\npatch ${"0".repeat(64)} ${HEX} 34\nlater 5\nzst 9007199254740991\n`,
      ),
      ["zst ", "patch ", `${HEX} `, "\n", " ", "0", "zst 1\n", `patch ${HEX} ${HEX} 1\n`],
    ),
    check: checkPackedList,
  },
  "patch-segment": {
    inputs: fc.oneof(
      mutated(segments(ONE_SEGMENT), segmentWords),
      changedParts(segments(ONE_SEGMENT)),
    ),
    check: checkSegment,
  },
  patch: {
    inputs: fc.oneof(
      { weight: 4, arbitrary: patches },
      { weight: 1, arbitrary: mutated(patches, [PATCH.header, ...frameWords]) },
    ),
    check: checkPatch,
  },
  "frame-header": {
    inputs: mutated(compressedFrames, frameWords),
    check: checkFrameHeader,
  },
  frame: {
    inputs: fc.oneof(
      builtFrames,
      compressedFrames,
      mutated(builtFrames, frameWords),
      mutated(compressedFrames, frameWords),
    ),
    check: checkFrame,
  },
};
