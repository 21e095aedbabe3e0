// Whole numbers in as few bytes as they need: seven bits a byte, the lowest first, the eighth set on all but the
// last (PCK-27). A reader never leaves its part, and takes one spelling of each number.

import { badPatch } from "./bad-patch.ts";

/** Numbers are below this, so that none loses a bit. */
const LIMIT = 2 ** 49;

/** Reads the numbers of one part of a segment, one after the other. */
export class VarintReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Whether all of the part has been read. */
  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** @throws TakoError of kind `origin` past the end, from 2^49 on, and for a number that could be shorter (PCK-27) */
  next(): number {
    let value = 0;
    for (let factor = 1; factor < LIMIT; factor *= 128) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined) throw badPatch("a part of it ends within a number", "PCK-27");
      this.#at += 1;
      value += (byte & 127) * factor;
      if (byte < 128) {
        if (byte === 0 && factor > 1) throw badPatch("a number in it has needless bytes", "PCK-27");
        return value;
      }
    }
    throw badPatch("a number in it is 2^49 or more", "PCK-27");
  }

  /** A number that may be negative: 0, -1, 1, -2 and so on are 0, 1, 2, 3. */
  nextSigned(): number {
    const value = this.next();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }
}

/** Collects bytes and numbers. It grows as needed, and is used again for the next segment. */
export class ByteWriter {
  #bytes = new Uint8Array(65_536);
  #length = 0;

  /** What was written, until the next write. */
  get written(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  clear(): void {
    this.#length = 0;
  }

  append(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  varint(value: number): void {
    this.#reserve(8);
    let rest = value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) {
      this.#bytes[this.#length++] = (rest % 128) + 128;
    }
    this.#bytes[this.#length++] = rest;
  }

  signed(value: number): void {
    this.varint(value < 0 ? -value * 2 - 1 : value * 2);
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const bytes = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    bytes.set(this.written);
    this.#bytes = bytes;
  }
}
