// Proof of spec/packed.md: the packed files that were made by hand, then laws as properties.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseSha256Hex, type Sha256Hex } from "../src/core/digest.ts";
import { TakoError } from "../src/core/error.ts";
import { packedName, patchName, zstName } from "../src/core/layout.ts";
import { decodeSegment, type OldImage } from "../src/core/packed/decode-segment.ts";
import { SegmentEncoder } from "../src/core/packed/encode-segment.ts";
import { OldIndex } from "../src/core/packed/old-index.ts";
import { oldWindows } from "../src/core/packed/old-windows.ts";
import {
  encodePackedList,
  MAX_PACKED_BYTES,
  type PackedList,
  parsePackedList,
} from "../src/core/packed/packed-list.ts";
import {
  decodePatchHeader,
  encodePatchHeader,
  SEGMENT_BYTES,
} from "../src/core/packed/patch-header.ts";
import {
  LENGTHS_BYTES,
  mostCopies,
  mostPartBytes,
  partBytes,
  splitParts,
} from "../src/core/packed/segment-parts.ts";
import { ByteWriter, VarintReader } from "../src/core/packed/varint.ts";
import { readFrameHeader } from "../src/core/packed/zstd-frame.ts";
import { applyPatch } from "../src/shell/packed/apply-patch.ts";
import { unpackImage } from "../src/shell/packed/zstd.ts";
import { type Case, casesOf, title } from "../tests/support/fixtures.ts";
import { runs } from "../tests/support/properties.ts";

const ascii = (text: string) => new TextEncoder().encode(text);
const digestOf = (letter: string): Sha256Hex => parseSha256Hex(letter.repeat(64))!;
const [A, B] = [digestOf("a"), digestOf("b")];

/** The requirement that makes `act` refuse. */
function refusal(act: () => unknown): string | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    return ruleOf(error);
  }
}

function ruleOf(error: unknown): string | undefined {
  expect(error).toBeInstanceOf(TakoError);
  const { kind, rule, message } = error as TakoError;
  expect([kind, message]).toEqual(["origin", expect.stringMatching(/^[\x20-\x7e]+$/)]);
  return rule;
}

/** An image that is in memory, and never asked for what it does not have. */
function imageOf(bytes: Uint8Array): OldImage {
  const read = (place: number, into: Uint8Array) => {
    const part = bytes.subarray(place, place + into.length);
    expect(place >= 0 && part.length === into.length).toBeTrue();
    into.set(part);
  };
  return { size: bytes.length, read };
}

async function* piecesOf(bytes: Uint8Array, length: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

/** All that comes; or, if that fails, the requirement, and never more than `size` bytes before. */
async function outcome(
  chunks: AsyncIterable<Uint8Array>,
  size: number,
): Promise<{ readonly hex?: string; readonly refused?: string | undefined }> {
  const all: Uint8Array[] = [];
  try {
    for await (const chunk of chunks) all.push(chunk.slice());
  } catch (error) {
    expect(Buffer.concat(all).length).toBeLessThanOrEqual(size);
    return { refused: ruleOf(error) };
  }
  return { hex: Buffer.concat(all).toString("hex") };
}

describe("lists, PCK-1 to PCK-7", () => {
  interface ListCase extends Case {
    readonly text: string;
    readonly more?: string;
    readonly times?: number;
    readonly zst?: string;
    readonly patches?: readonly (readonly [string, string, string])[];
    readonly refused?: true;
  }

  for (const each of casesOf<ListCase>("packed/lists.toml")) {
    test(title(each), () => {
      const list = ascii(each.text + (each.more ?? "").repeat(each.times ?? 0));
      if (each.refused) {
        expect(refusal(() => parsePackedList(list))).toBe(each.requirement[0]!);
        return;
      }
      const { zst, patches } = parsePackedList(list);
      expect(zst?.toString()).toBe(each.zst);
      expect(patches.map((line) => [line.old, line.new, `${line.size}`])).toEqual(
        each.patches as [],
      );
    });
  }

  test("PCK-2: 65,536 bytes are read, and one more is refused", () => {
    const line = `${"x".repeat(99)}\n`;
    const text = `Tako Packed 1\n${line.repeat(655)}`;
    const full = `${text}${"x".repeat(65_536 - text.length - 1)}\n`;
    expect(full.length).toBe(65_536);
    expect(parsePackedList(ascii(full)).patches).toEqual([]);
    expect(refusal(() => parsePackedList(ascii(`${full}y\n`)))).toBe("PCK-2");
    expect(refusal(() => parsePackedList(ascii(full.slice(0, -1))))).toBe("PCK-3");
  });

  test("PCK-3: a line's number is told", () => {
    expect(() => parsePackedList(ascii("Tako Packed 1\nzst 1\n\n"))).toThrow(
      expect.objectContaining({ line: 3 }),
    );
  });

  const sizes = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
  const digests = fc.constantFrom(..."0123456789abcdef").map(digestOf);
  const lists: fc.Arbitrary<PackedList> = fc.record({
    zst: fc.option(sizes, { nil: undefined }),
    patches: fc
      .uniqueArray(fc.record({ old: digests, new: digests, size: sizes }), {
        selector: (line) => line.old + line.new,
      })
      .map((all) => all.filter((line) => line.old !== line.new)),
  });

  test("PCK-1, PCK-4, PCK-5: what is written is read back", () => {
    fc.assert(
      fc.property(lists, (list) => {
        expect(parsePackedList(encodePackedList(list))).toEqual(list);
      }),
      runs,
    );
  });

  test("PCK-2: a list that is too long loses its last lines", () => {
    const name = (index: number) => parseSha256Hex(index.toString(16).padStart(64, "0"))!;
    const patches = Array.from({ length: 900 }, (_, at) => ({ old: name(at), new: A, size: 7 }));
    const bytes = encodePackedList({ zst: 1, patches });
    expect(bytes.length).toBeLessThanOrEqual(MAX_PACKED_BYTES);
    const read = parsePackedList(bytes).patches;
    expect(read).toEqual(patches.slice(0, read.length));
    // "patch", two digests and a digit: 139 bytes a line; 20 before them.
    expect(read.length).toBe(Math.floor((65_536 - 20) / 138));
  });

  test("PCK-1, PCK-10, PCK-20: the names at the origin", () => {
    expect(packedName(A)).toBe(`${A}.packed`);
    expect(zstName(A)).toBe(`${A}.zst`);
    expect(patchName(A, B)).toBe(`${B}.from-${A}.patch`);
  });
});

describe("frames, PCK-10 to PCK-13", () => {
  interface FrameCase extends Case {
    readonly frame: string;
    readonly more?: string;
    readonly times?: number;
    readonly size: number;
    readonly image?: string;
    readonly refused?: true;
  }

  for (const each of casesOf<FrameCase>("packed/frames.toml")) {
    for (const piece of [1, 1 << 20]) {
      test(`${title(each)}, in pieces of ${piece}`, async () => {
        const hex = each.frame + (each.more ?? "").repeat(each.times ?? 0);
        const frame = piecesOf(Buffer.from(hex, "hex"), piece);
        // What has both may be taken and refused.
        const expected: Awaited<ReturnType<typeof outcome>>[] = [
          ...(each.image === undefined ? [] : [{ hex: each.image }]),
          ...(each.refused ? [{ refused: each.requirement[0] }] : []),
        ];
        expect(expected).toContainEqual(await outcome(unpackImage(frame, each.size), each.size));
      });
    }
  }

  test("PCK-11, PCK-12: sizes and windows of every form are those of RFC 8878", () => {
    const header = (hex: string) => readFrameHeader(Buffer.from(`28b52ffd${hex}`, "hex"));
    // A window descriptor of 0x0b: 2^11, and 3 eighths of it.
    expect(header("000b")).toEqual({ windowSize: 2816, contentSize: undefined });
    expect(header("400b0100")).toEqual({ windowSize: 2816, contentSize: 257 });
    expect(header("800b01000000")).toEqual({ windowSize: 2816, contentSize: 1 });
    expect(header("c00b0100000001000000")).toEqual({ windowSize: 2816, contentSize: 2 ** 32 + 1 });
    expect(header("2007")).toEqual({ windowSize: 7, contentSize: 7 });
    expect(header("600700")).toEqual({ windowSize: 263, contentSize: 263 });
    expect(header("0068")).toEqual({ windowSize: 8 * 1024 ** 2, contentSize: undefined });
    expect(refusal(() => header("0069"))).toBe("PCK-11");
    expect(refusal(() => header("c00b01000000010000"))).toBe("PCK-10");
  });
});

describe("patches, PCK-20 to PCK-32", () => {
  interface PatchCase extends Case {
    readonly old: string;
    readonly size: number;
    readonly patch: string;
    readonly more?: string;
    readonly times?: number;
    readonly new?: string;
  }

  for (const each of casesOf<PatchCase>("packed/patches.toml")) {
    for (const piece of [1, 1 << 20]) {
      test(`${title(each)}, in pieces of ${piece}`, async () => {
        const hex = each.patch + (each.more ?? "").repeat(each.times ?? 0);
        const patch = piecesOf(Buffer.from(hex, "hex"), piece);
        const old = imageOf(Buffer.from(each.old, "hex"));
        const expected =
          each.new === undefined ? { refused: each.requirement[0] } : { hex: each.new };
        expect(await outcome(applyPatch(patch, old, each.size), each.size)).toEqual(expected);
      });
    }
  }

  test("PCK-21: the sizes stand where the page says", () => {
    const sizes = { segmentSize: SEGMENT_BYTES, oldSize: 6, newSize: 2 ** 33 + 8 };
    const header = encodePatchHeader(sizes);
    const hex = "54616b6f205061746368203100001000060000000000000008000000" + "02000000";
    expect(Buffer.from(header).toString("hex")).toBe(hex);
    expect(decodePatchHeader(header, 6, 2 ** 33 + 8)).toEqual(sizes);
  });

  test.each([
    [1_048_576, 16_384],
    [4096, 64],
    [4159, 64],
  ])("PCK-28: with segments of %p bytes %p copies, and not one more", (segmentSize, most) => {
    const old = imageOf(new Uint8Array(1));
    const decode = (count: number) => {
      const copies = new Uint8Array(4 * count);
      for (let at = 0; at < count; at++) copies.set([0, 1, at === 0 ? 0 : 1, 0], 4 * at);
      const parts = splitParts(new Uint8Array(LENGTHS_BYTES), new Uint8Array(0));
      decodeSegment({ ...parts, copies }, new Uint8Array(count), 0, old, segmentSize);
    };
    decode(most);
    expect(refusal(() => decode(most + 1))).toBe("PCK-28");
  });

  test("PCK-27: numbers are read as they were written", () => {
    const numbers = fc.maxSafeNat().map((value) => value % 2 ** 49);
    const signed = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }).map((at) => at * 2 ** 17);
    fc.assert(
      fc.property(numbers, signed, (value, move) => {
        const writer = new ByteWriter();
        writer.varint(value);
        writer.signed(move);
        const reader = new VarintReader(writer.written);
        expect([reader.next(), reader.nextSigned()]).toEqual([value, move]);
        expect(reader.isAtEnd).toBeTrue();
      }),
      runs,
    );
  });
});

describe("encoder", () => {
  /** Bytes of which hardly any four repeat. */
  function noise(length: number, seed: number): Uint8Array<ArrayBuffer> {
    let state = seed;
    return Uint8Array.from({ length }, () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state >>> 24;
    });
  }

  /** An image and one that came of it: parts moved, changed, left out, put in. */
  const related: fc.Arbitrary<{ old: Uint8Array; next: Uint8Array<ArrayBuffer> }> = fc
    .tuple(
      fc.record({
        seed: fc.nat(),
        length: fc.nat(3000),
        // With few kinds of bytes much repeats, and nearly matches.
        mask: fc.constantFrom(0, 1, 3, 255, 255),
      }),
      fc.array(
        fc.record({
          from: fc.nat(2000),
          length: fc.nat(700),
          added: fc.nat(255),
          every: fc.integer({ min: 1, max: 40 }),
          fresh: fc.uint8Array({ maxLength: 60 }),
        }),
        { maxLength: 6, size: "max" },
      ),
    )
    .map(([{ seed, length: size, mask }, pieces]) => {
      const old = noise(size, seed).map((byte) => byte & mask);
      const next = pieces.flatMap(({ from, length, added, every, fresh }) => [
        ...old
          .slice(from, from + length)
          .map((byte, at) => (at % every === 0 ? byte + added : byte)),
        ...fresh,
      ]);
      return { old, next: Uint8Array.from(next) };
    });

  /** Encodes in segments, and decodes each of them. */
  function roundTrip(
    old: Uint8Array,
    next: Uint8Array<ArrayBuffer>,
    segment: number,
    { from = 0, slots }: { readonly from?: number; readonly slots?: number } = {},
  ) {
    const encoder = new SegmentEncoder();
    const window = { index: new OldIndex(old.subarray(from), slots), from };
    const out = new Uint8Array(next.length);
    let packed = 0;
    for (let start = 0; start < next.length; start += segment) {
      const into = out.subarray(start, start + segment);
      const bytes = encoder.encode(next.subarray(start, start + segment), start, window);
      const [lengths, parts] = [bytes.subarray(0, LENGTHS_BYTES), bytes.subarray(LENGTHS_BYTES)];
      expect(partBytes(lengths, into.length)).toBe(parts.length);
      decodeSegment(splitParts(lengths, parts), into, start, imageOf(old), SEGMENT_BYTES);
      packed += bytes.length;
    }
    return { out, packed };
  }

  test("PCK-25 to PCK-31: what is made of two images makes the second of the first", () => {
    fc.assert(
      fc.property(
        related,
        fc.integer({ min: 1, max: 3000 }),
        fc.nat(300),
        ({ old, next }, segment, from) => {
          expect(roundTrip(old, next, segment, { from: Math.min(from, old.length) }).out).toEqual(
            next,
          );
        },
      ),
      runs,
    );
  });

  test("PCK-29: an image that only moved is a few numbers", () => {
    const old = noise(100_000, 1);
    const next = Uint8Array.from([...noise(777, 2), ...old]);
    const { out, packed } = roundTrip(old, next, next.length);
    expect(out).toEqual(next);
    // 777 literals, four numbers of 4 bytes, and one copy.
    expect(packed).toBeLessThan(777 + 16 + 32);
  });

  test("PCK-29: an old image that is larger than its index is found by every 64th byte", () => {
    const old = noise(100_000, 1);
    const next = Uint8Array.from([...noise(777, 2), ...old.subarray(5000, 60_000)]);
    const { out, packed } = roundTrip(old, next, next.length, { slots: 2 ** 10 });
    expect(out).toEqual(next);
    expect(packed).toBeLessThan(777 + 16 + 32);
  });

  test("PCK-31: addresses that changed are differences", () => {
    const old = noise(100_000, 1);
    const next = old.map((byte, at) => (at % 50 === 0 ? byte + 3 : byte));
    const { out, packed } = roundTrip(old, next, next.length);
    expect(out).toEqual(next);
    // For each of 2,000: two numbers and a difference.
    expect(packed).toBeLessThan(2000 * 3 + 16 + 32);
  });

  test("PCK-26, PCK-28: copies of a few bytes each never exceed what a segment may have", () => {
    const old = noise(400_000, 1);
    const pieces = Array.from({ length: 20_000 }, (_, at) => {
      const from = (at * 7919 * 4) % 390_000;
      return old.subarray(from, from + 20);
    });
    const next = Uint8Array.from(pieces.flatMap((piece) => [...piece]));
    expect(pieces.length).toBeGreaterThan(mostCopies(SEGMENT_BYTES));
    expect(roundTrip(old, next, next.length).out).toEqual(next);
  });

  test("PCK-26: where every other byte differs, a segment is still no larger than it may be", () => {
    const old = noise(70_000, 1);
    const next = old.map((byte, at) => (at % 44 >= 20 && at % 2 === 0 ? byte + 1 : byte));
    const { out, packed } = roundTrip(old, next, next.length);
    expect(out).toEqual(next);
    expect(packed).toBeLessThanOrEqual(mostPartBytes(next.length) + LENGTHS_BYTES);
  });

  test("PCK-29: of an old image above the limit, what is around the same place is looked at", () => {
    expect(oldWindows(100, 250, 100)).toEqual([{ start: 0, end: 250, oldStart: 0, oldEnd: 100 }]);
    expect(oldWindows(2 ** 31, 9)).toHaveLength(1);
    fc.assert(
      fc.property(fc.nat(4000), fc.nat(4000), (oldSize, newSize) => {
        const windows = oldWindows(oldSize, newSize, 400);
        const ends = [0, ...windows.map(({ end }) => end)];
        for (const [index, { start, end, oldStart, oldEnd }] of windows.entries()) {
          expect([start, end >= start]).toEqual([ends[index]!, true]);
          expect([oldStart >= 0, oldEnd <= oldSize, oldEnd - oldStart]).toEqual([
            true,
            true,
            Math.min(400, oldSize),
          ]);
          // The same place, if there is one, is in it.
          if (start < oldSize && oldSize > 400)
            expect(oldStart <= start && start < oldEnd).toBeTrue();
        }
        expect(ends.at(-1)).toBe(newSize);
      }),
      runs,
    );
  });
});

describe("whatever a decoder is handed", () => {
  const parts = fc.record({
    copies: fc.uint8Array({ maxLength: 60, max: 200 }),
    runs: fc.uint8Array({ maxLength: 40, max: 140 }),
    differences: fc.uint8Array({ maxLength: 40 }),
    literals: fc.uint8Array({ maxLength: 80 }),
  });

  test("PCK-26 to PCK-31: a segment ends as a whole one, or with an error of the page", () => {
    const old = imageOf(new Uint8Array(300));
    fc.assert(
      fc.property(parts, fc.nat(200), fc.nat(300), (given, size, start) => {
        const rule = refusal(() =>
          decodeSegment(given, new Uint8Array(size), start, old, SEGMENT_BYTES),
        );
        expect([undefined, "PCK-27", "PCK-28", "PCK-29", "PCK-30", "PCK-31"]).toContain(rule);
      }),
      runs,
    );
  });
});
