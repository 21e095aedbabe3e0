// Frames and patches byte by byte, as RFC 8878 and spec/packed.md have them, for what no honest program makes.

import { zstdCompressSync } from "node:zlib";

const MIB = 1024 * 1024;

/** RFC 8878, section 3.1.1.1: no checksum, 8 bytes of size; a window by its descriptor. */
export function frameHeader(descriptor: number, window: number, size: number): Buffer {
  const bytes = Buffer.from([
    0x28,
    0xb5,
    0x2f,
    0xfd,
    0xc0 | descriptor,
    window,
    ...Array(8).fill(0),
  ]);
  bytes.writeBigUInt64LE(BigInt(size), 6);
  return bytes;
}

/** A block that repeats one byte (RFC 8878, section 3.1.1.2.2). */
export function repeated(size: number, isLast: boolean): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUIntLE((size << 3) | (1 << 1) | (isLast ? 1 : 0), 0, 3);
  return bytes;
}

/** A frame of so many blocks of 128 KiB of zeros, that says it has another size. */
export function zeros(blocks: number, size: number): Buffer {
  const parts = Array.from({ length: blocks }, (_, at) => repeated(131_072, at === blocks - 1));
  return Buffer.concat([frameHeader(0, 0x68, size), ...parts]);
}

export interface Parts {
  readonly copies?: readonly number[];
  readonly runs?: readonly number[];
  readonly differences?: readonly number[];
  readonly literals?: Uint8Array;
  /** In the place of those of the parts. */
  readonly lengths?: readonly number[];
}

/** A segment by hand, as the page has it (PCK-25). */
export function segment({
  copies = [],
  runs = [],
  differences = [],
  literals = Buffer.alloc(0),
  lengths,
}: Parts): Buffer {
  const parts = [copies, runs, differences, literals].map((part) => Buffer.from(part));
  const numbers = Buffer.alloc(16);
  for (const [at, length] of (lengths ?? parts.map((part) => part.length)).entries()) {
    numbers.writeUInt32LE(length, 4 * at);
  }
  return Buffer.concat([numbers, ...parts]);
}

export interface PatchHeader {
  readonly magic?: string;
  readonly segmentSize?: number;
  readonly from: number;
  readonly to: number;
}

export function byHand(segments: readonly Buffer[], header: PatchHeader): Buffer {
  const { magic = "Tako Patch 1", segmentSize = MIB, from, to } = header;
  const bytes = Buffer.alloc(32);
  bytes.write(magic, "latin1");
  bytes.writeUInt32LE(segmentSize, 12);
  bytes.writeBigUInt64LE(BigInt(from), 16);
  bytes.writeBigUInt64LE(BigInt(to), 24);
  return Buffer.concat([bytes, zstdCompressSync(Buffer.concat(segments))]);
}
