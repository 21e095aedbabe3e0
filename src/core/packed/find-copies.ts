// Which parts of a segment of the new image are copies of parts of the old one, with some bytes differing: the search
// of the encoder of patches. What it finds decides the size of a patch, never what comes out of it.

import { hashAt, type OldIndex, rollHash, SEED, viewOf } from "./old-index.ts";

/** Bytes of the segment from `at` that are much as those of the old image from `from`, a place in its window. */
export interface Copy {
  readonly at: number;
  readonly length: number;
  readonly from: number;
}

/** An extension goes on until it has lost so much of its score: 1 for an equal byte, -1 for a differing one. */
const DROP = 8;
/** Candidates are compared by so many bytes: without this limit, long runs of one byte take for ever. */
const COMPARED = 1024;
/** What a candidate has to score. */
const ENOUGH = 12;
/** Distances between new and old that were used last are tried first. */
const RECENT = 8;

/** The distances, old minus new, that were used last. */
export type Recent = readonly number[];

/**
 * Finds copies in a segment, in the order of their places in it, none overlapping another.
 *
 * @param start the place of the segment, in a new image that begins where the window of the old one does
 * @param most how many copies there may be
 */
export function findCopies(
  index: OldIndex,
  segment: Uint8Array,
  start: number,
  recent: Recent,
  most: number,
): { readonly copies: readonly Copy[]; readonly recent: Recent } {
  const old = index.bytes;
  const copies: Copy[] = [];
  const distances = [...recent];
  const view = viewOf(segment);
  const last = segment.length - SEED;
  let free = 0;
  /** Where the hash is of; at first of nowhere near. */
  let hashed = -2;
  let hash = 0;
  for (let at = 0; at <= last && copies.length < most; ) {
    let bestFrom = -1;
    let bestScore = ENOUGH - 1;
    for (const distance of distances) {
      const from = at + start + distance;
      if (from < 0 || from >= old.length || old[from] !== segment[at]) continue;
      const score = scoreForward(old, from, segment, at);
      if (score > bestScore) {
        bestFrom = from;
        bestScore = score;
      }
    }
    hash = hashed === at - 1 ? rollHash(hash, view, hashed) : hashAt(view, at);
    hashed = at;
    const slot = index.slotOf(hash);
    for (let way = 0; way < 2; way++) {
      const from = index.place(slot + way);
      if (from < 0 || old[from] !== segment[at]) continue;
      const score = scoreForward(old, from, segment, at);
      if (score > bestScore) {
        bestFrom = from;
        bestScore = score;
      }
    }
    if (bestFrom < 0) {
      at += 1;
      continue;
    }
    const before = extendBackward(old, bestFrom, segment, at, free);
    const after = extendForward(old, bestFrom, segment, at);
    copies.push({ at: at - before, length: before + after, from: bestFrom - before });
    at += after;
    free = at;
    use(distances, bestFrom - (at - after) - start);
  }
  return { copies, recent: distances };
}

/** Puts a distance in front of the others. */
function use(distances: number[], distance: number): void {
  const known = distances.indexOf(distance);
  if (known !== -1) distances.splice(known, 1);
  else if (distances.length === RECENT) distances.pop();
  distances.unshift(distance);
}

/** The best score within the first COMPARED bytes. */
function scoreForward(old: Uint8Array, from: number, segment: Uint8Array, at: number): number {
  const limit = Math.min(COMPARED, old.length - from, segment.length - at);
  let score = 0;
  let best = 0;
  for (let length = 0; length < limit; length++) {
    if (old[from + length] === segment[at + length]) {
      score += 1;
      if (score > best) best = score;
    } else {
      score -= 1;
      if (score < best - DROP) break;
    }
  }
  return best;
}

/** How many bytes from here on give the best score. */
function extendForward(old: Uint8Array, from: number, segment: Uint8Array, at: number): number {
  const limit = Math.min(old.length - from, segment.length - at);
  let score = 0;
  let best = 0;
  let bestLength = 0;
  for (let length = 0; length < limit; length++) {
    if (old[from + length] === segment[at + length]) {
      score += 1;
      if (score > best) {
        best = score;
        bestLength = length + 1;
      }
    } else {
      score -= 1;
      if (score < best - DROP) break;
    }
  }
  return bestLength;
}

/** How many bytes before here give the best score. */
function extendBackward(
  old: Uint8Array,
  from: number,
  segment: Uint8Array,
  at: number,
  free: number,
): number {
  const limit = Math.min(from, at - free);
  let score = 0;
  let best = 0;
  let bestLength = 0;
  for (let length = 1; length <= limit; length++) {
    if (old[from - length] === segment[at - length]) {
      score += 1;
      if (score > best) {
        best = score;
        bestLength = length;
      }
    } else {
      score -= 1;
      if (score < best - DROP) break;
    }
  }
  return bestLength;
}
