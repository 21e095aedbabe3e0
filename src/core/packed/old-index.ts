// Where bytes occur in an old image: an index by hash of every few bytes of it, for the encoder of patches. It is
// bounded whatever the size of the image.

/** The bytes that are hashed together: a match is not shorter. */
export const SEED = 16;
/** The most entries: 128 MiB. */
const MOST_SLOTS = 2 ** 25;
const SLOT_BYTES = 4;
/** Slots with one hash: the first place that it occurs at, and the last. */
const WAYS = 2;
const MIN_STEP = 4;
const MAX_STEP = 64;

const BASE = 0x2c9277b5;
/** The weight of the byte that leaves. */
const TOP = power(BASE, SEED);

/** A hash of the SEED bytes from `at`. */
export function hashAt(bytes: DataView, at: number): number {
  let hash = 0;
  for (let index = at; index < at + SEED; index++) {
    hash = (Math.imul(hash, BASE) + bytes.getUint8(index) + 1) | 0;
  }
  return hash;
}

/** The hash of the SEED bytes after `at`, from that of those at it. */
export function rollHash(hash: number, bytes: DataView, at: number): number {
  const leaving = bytes.getUint8(at);
  const coming = bytes.getUint8(at + SEED);
  return (Math.imul(hash, BASE) + coming + 1 - Math.imul(leaving + 1, TOP)) | 0;
}

/** The bytes for those who read them one by one, as numbers. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** An old image, or a window of one, and the places of its bytes. */
export class OldIndex {
  readonly bytes: Uint8Array;
  readonly #step: number;
  readonly #shift: number;
  /** Places in steps, counted from 1; 0 is free. */
  readonly #slots: DataView;

  /** @param most entries, a power of 2 */
  constructor(bytes: Uint8Array, most = MOST_SLOTS) {
    this.bytes = bytes;
    let step = MIN_STEP;
    while (step < MAX_STEP && bytes.length / step > most) step *= 2;
    let slots = 2 ** 10;
    while (slots < most && slots < (bytes.length / step) * 1.5) slots *= 2;
    this.#step = step;
    this.#shift = 32 - Math.log2(slots / WAYS);
    this.#slots = new DataView(new ArrayBuffer(slots * SLOT_BYTES));
    this.#fill();
  }

  #fill(): void {
    const bytes = viewOf(this.bytes);
    const step = this.#step;
    const last = bytes.byteLength - SEED;
    if (last < 0) return;
    let hash = hashAt(bytes, 0);
    for (let at = 0; ; ) {
      const slot = this.slotOf(hash);
      const isFree = this.place(slot) < 0;
      this.#slots.setUint32((isFree ? slot : slot + 1) * SLOT_BYTES, at / step + 1);
      const next = at + step;
      if (next > last) return;
      if (step > SEED) hash = hashAt(bytes, next);
      else for (let byte = at; byte < next; byte++) hash = rollHash(hash, bytes, byte);
      at = next;
    }
  }

  /** The first of the slots for a hash. */
  slotOf(hash: number): number {
    return (Math.imul(hash, 0x9e3779b1) >>> this.#shift) * WAYS;
  }

  /** The place that a slot names, in bytes; -1 if none. The bytes there may be others. */
  place(slot: number): number {
    return (this.#slots.getUint32(slot * SLOT_BYTES) - 1) * this.#step;
  }
}

function power(base: number, exponent: number): number {
  let result = 1;
  for (let count = 0; count < exponent; count++) result = Math.imul(result, base);
  return result;
}
