// The laws of whole patches and frames, as they come from an origin in pieces: an error that is documented, or the bytes
// that a second reading of spec/packed.md makes of them, and never more bytes than the image has. See laws.ts.

import { zstdDecompressSync } from "node:zlib";
import { applyPatch } from "../../src/shell/packed/apply-patch.ts";
import { unpackImage } from "../../src/shell/packed/zstd.ts";
import { asBytes } from "./inputs.ts";
import { accepted, law, same } from "./laws.ts";
import { headerOf, type SegmentPlace, segmentOf } from "./packed-laws.ts";

/** The images of the patches, in bytes: three segments, of which the last one is short. */
const SIZES = { segment: 4096, old: 5000, new: 2 * 4096 + 700 };
const OLD = Uint8Array.from({ length: SIZES.old }, (_, at) => (at * 7 + (at >> 3)) & 255);

/** PCK-20, PCK-21. */
function headerText(): string {
  const bytes = Buffer.alloc(32);
  bytes.write("Tako Patch 1", "latin1");
  bytes.writeUInt32LE(SIZES.segment, 12);
  bytes.writeBigUInt64LE(BigInt(SIZES.old), 16);
  bytes.writeBigUInt64LE(BigInt(SIZES.new), 24);
  return bytes.toString("latin1");
}

/** A patch's header, in characters of a byte each, and its images. */
export const PATCH = { header: headerText(), old: OLD, newSize: SIZES.new };

/** The segments of a new image. */
export function segmentPlaces({ old, newSize }: typeof PATCH): readonly SegmentPlace[] {
  const count = Math.ceil(newSize / SIZES.segment);
  return Array.from({ length: count }, (_, index) => {
    const start = index * SIZES.segment;
    const size = Math.min(SIZES.segment, newSize - start);
    return { old, start, size, segmentSize: SIZES.segment };
  });
}

/** The most bytes of a text that is compressed. */
export const FRAME_BYTES = 2000;
/** The most bytes that the second reading makes of a frame. */
const MOST_BYTES = 64 * 1024 * 1024;
/** RFC 8878, section 3.1.1.2.4. */
const MOST_BLOCK_BYTES = 128 * 1024;

export async function checkPatch(input: string): Promise<void> {
  const bytes = Buffer.from(asBytes(input));
  const old = {
    size: OLD.length,
    read(place: number, into: Uint8Array) {
      law(place >= 0 && place + into.length <= OLD.length, "a read beyond the old image");
      into.set(OLD.subarray(place, place + into.length));
    },
  };
  const made = await comesOut(applyPatch(inPieces(bytes), old, SIZES.new), SIZES.new);
  // The segment size is the patch's own (PCK-22).
  const segment = bytes.length < 32 ? 0 : bytes.readUInt32LE(12);
  const rest = Buffer.from(PATCH.header, "latin1");
  rest.writeUInt32LE(segment, 12);
  const isHeader = segment >= 4096 && segment <= 1_048_576 && bytes.subarray(0, 32).equals(rest);
  const frame = isHeader ? readFrame(bytes.subarray(32)) : undefined;
  if (frame === "unknown") return;
  const expected = frame?.content && segmentsOf(frame.content, segment);
  agree(made, expected, frame?.goesOn === true);
}

/** PCK-32, of segments of so many bytes. */
function segmentsOf(content: Uint8Array, segment: number): Uint8Array | undefined {
  const made: Uint8Array[] = [];
  let at = 0;
  for (let start = 0; start < SIZES.new; start += segment) {
    const size = Math.min(segment, SIZES.new - start);
    if (content.length < at + 16) return undefined;
    const read = segmentOf(content.subarray(at), {
      ...{ old: OLD, size, start, segmentSize: segment },
    });
    if (read === undefined) return undefined;
    made.push(read.made);
    at += read.length;
  }
  return at === content.length ? Buffer.concat(made) : undefined;
}

export async function checkFrame(input: string): Promise<void> {
  const bytes = Buffer.from(asBytes(input));
  // Of an image that has the size which the frame says, or else of one that has another.
  const said = headerOf(bytes)?.content ?? 0n;
  const size = said <= MOST_BYTES ? Number(said) : 5;
  const made = await comesOut(unpackImage(inPieces(bytes), size), size);
  const frame = readFrame(bytes);
  if (frame === "unknown") return;
  const isOfSize = headerOf(bytes)?.content === BigInt(size) && frame?.content.length === size;
  agree(made, isOfSize ? frame?.content : undefined, frame?.goesOn === true);
}

function agree(
  made: Uint8Array | undefined,
  expected: Uint8Array | undefined,
  mayBeRefused: boolean,
) {
  if (made === undefined)
    return law(mayBeRefused || expected === undefined, "the second reading accepts it");
  law(expected !== undefined, "the second reading refuses it");
  same(Buffer.from(made), Buffer.from(expected), "the second reading makes other bytes");
}

/** What comes, if it is not refused. */
async function comesOut(
  chunks: AsyncIterable<Uint8Array>,
  size: number,
): Promise<Uint8Array | undefined> {
  const all: Uint8Array[] = [];
  let [done, thrown]: [number, unknown] = [0, undefined];
  try {
    for await (const chunk of chunks) {
      done += chunk.length;
      law(done <= size, "more comes out than the image has");
      all.push(chunk.slice());
    }
  } catch (error) {
    thrown = error;
  }
  law(thrown !== undefined || done === size, "less comes out than the image has");
  if (thrown === undefined) return Buffer.concat(all);
  return accepted(["origin"], () => {
    throw thrown;
  });
}

/** Pieces of one size, which is another for each length. */
async function* inPieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  const size = 1 + ((bytes.length * 31) % 997);
  for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size);
}

interface Read {
  readonly content: Uint8Array;
  /** Bytes stand behind the frame: it may be refused for that (PCK-13). */
  readonly goesOn: boolean;
}

/**
 * A frame by RFC 8878, section 3.1.1: where it ends is counted by its blocks, and what is in it is made by zstd from these
 * bytes alone.
 *
 * @returns `unknown` if that would be too much, or where decoders differ: it is cut off behind its content, a block is
 *   larger than the window, or has no bytes and is not a raw one
 */
function readFrame(bytes: Buffer): Read | undefined | "unknown" {
  const header = headerOf(bytes);
  if (header === undefined) return undefined;
  const [descriptor = 0] = bytes.subarray(4);
  const isSingle = (descriptor & 0x20) > 0;
  let at = (isSingle ? 5 : 6) + ([isSingle ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0);
  let [most, isLast, isStrict] = [0, false, true];
  while (!isLast && at + 3 <= bytes.length) {
    const word = bytes.readUIntLE(at, 3);
    const [kind, size] = [(word >> 1) & 3, word >> 3];
    isStrict &&= size <= Math.min(Number(header.window), MOST_BLOCK_BYTES);
    isStrict &&= size > 0 || kind === 0;
    const end = at + 3 + (kind === 1 ? 1 : size);
    if (end > bytes.length) break;
    isLast = (word & 1) === 1;
    at = end;
    most += kind === 2 ? MOST_BLOCK_BYTES : size;
  }
  if (most > MOST_BYTES || !isStrict) return "unknown";
  const end = at + ((descriptor & 4) > 0 ? 4 : 0);
  if (!isLast || end > bytes.length) return "unknown";
  const content = decoded(bytes.subarray(0, end));
  return content && { content, goesOn: end < bytes.length };
}

function decoded(frame: Buffer): Uint8Array | undefined {
  try {
    return zstdDecompressSync(frame, { maxOutputLength: MOST_BYTES });
  } catch {
    return undefined;
  }
}
