// How long a host has known of images, `.seen` (spec/destination.md): text to values and back, and which of them are
// too young to be taken (spec/activation.md, MinAge). Only what is young is on record: whatever else the local
// manifest lists is old.

import { parseSha256Hex, type Sha256Hex } from "./digest.ts";
import type { Entry } from "./manifest.ts";

/** When young images first were in an accepted manifest, in seconds since the epoch. */
export type Seen = ReadonlyMap<Sha256Hex, number>;

/** When images will be old enough, in seconds since the epoch; those that are so already are not in it. */
export type Young = ReadonlyMap<Sha256Hex, number>;

/** A version that is taken as soon as it is old enough. */
export interface Waiting {
  readonly version: string;
  /** Seconds since the epoch. */
  readonly at: number;
}

/** What the ages of images follow from. */
export interface Sighting {
  /** Of the manifest that counts from now on. */
  readonly entries: readonly Entry[];
  /** Of the local one; `undefined` if there is none. */
  readonly history: readonly Entry[] | undefined;
  /** What `.seen` holds; `damaged` if nobody can tell. */
  readonly seen: Seen | "damaged";
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly minAgeMs: number;
}

/** What is to be on record: the images that are young, and since when they are known (ACT-62 to ACT-64). */
export function seenNow({ entries, history, seen, now, minAgeMs }: Sighting): Seen {
  const young = new Map<Sha256Hex, number>();
  if (history === undefined || minAgeMs === 0) return young;
  // Rounded up, so that nothing is taken before its time.
  const present = Math.ceil(now / 1000);
  const known = new Set(history.map(({ digest }) => digest));
  for (const { digest } of entries) {
    const noted = seen === "damaged" ? present : seen.get(digest);
    if (noted === undefined && known.has(digest)) continue;
    const since = Math.min(noted ?? present, present);
    if (now - since * 1000 < minAgeMs) young.set(digest, since);
  }
  return young;
}

export function youngOf(seen: Seen, minAgeMs: number): Young {
  return new Map(
    [...seen].map(([digest, since]) => [digest, since + Math.ceil(minAgeMs / 1000)] as const),
  );
}

/** The entries that may be taken: those that are old enough, and what is in use (ACT-62, ACT-66). */
export function ripeOf(
  entries: readonly Entry[],
  young: Young,
  inUse: Sha256Hex | undefined,
): readonly Entry[] {
  if (young.size === 0) return entries;
  return entries.filter(({ digest }) => digest === inUse || !young.has(digest));
}

/**
 * Entries that are too young, in the order in which a host takes one that has no other (ACT-68): the longest known first,
 * then the newest.
 */
export function byAge(entries: readonly Entry[], young: Young): readonly Entry[] {
  return waitingFor(entries, young).map(({ entry }) => entry);
}

/** What is taken next for its age alone, of entries that are newer than what is taken now (ACT-69). */
export function nextRipe(entries: readonly Entry[], young: Young): Waiting | undefined {
  const [first] = waitingFor(entries, young);
  return first && { version: first.entry.version.text, at: first.at };
}

function waitingFor(entries: readonly Entry[], young: Young) {
  return entries
    .toReversed()
    .flatMap((entry) => {
      const at = young.get(entry.digest);
      return at === undefined ? [] : [{ entry, at }];
    })
    .toSorted((a, b) => a.at - b.at);
}

export function encodeSeen(seen: Seen): string {
  return [...seen].map(([digest, since]) => `${digest} ${since}\n`).join("");
}

/** @returns `undefined` if it is damaged (DST-91) */
export function decodeSeen(text: string): Seen | undefined {
  const lines = text.split("\n");
  if (lines.pop() !== "" || lines.length === 0) return undefined;
  const seen = new Map<Sha256Hex, number>();
  for (const line of lines) {
    const [, hex = "", since] = /^(\S+) (\d{1,12})$/.exec(line) ?? [];
    const digest = parseSha256Hex(hex);
    if (digest === undefined || seen.has(digest)) return undefined;
    seen.set(digest, Number(since));
  }
  return seen;
}
