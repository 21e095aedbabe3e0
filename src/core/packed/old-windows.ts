// Which part of an old image is looked at for which part of a new one, where the old one is too large to be held as a
// whole: the encoder's memory is bounded by it.

/** Places in bytes; the end is the first one beyond. */
export interface Stretch {
  /** Of the new image. */
  readonly start: number;
  readonly end: number;
  /** Of the old image. */
  readonly oldStart: number;
  readonly oldEnd: number;
}

/** The most bytes of an old image that are held at once. */
const MOST = 2 * 1024 ** 3;

/**
 * The parts of a new image in order, and the window of the old one for each: all of it up to the limit, and above it
 * what is around the same place.
 *
 * @param most the limit, a multiple of two segments
 */
export function oldWindows(oldSize: number, newSize: number, most = MOST): readonly Stretch[] {
  if (oldSize <= most) return [{ start: 0, end: newSize, oldStart: 0, oldEnd: oldSize }];
  const length = most / 2;
  return Array.from({ length: Math.ceil(newSize / length) }, (_, index) => {
    const start = index * length;
    const oldStart = Math.max(0, Math.min(start - length / 2, oldSize - most));
    return {
      start,
      end: Math.min(start + length, newSize),
      oldStart,
      oldEnd: Math.min(oldStart + most, oldSize),
    };
  });
}
