// What `tako inspect` makes of bytes that somebody has (spec/inspect.md): what a file is, which of the images of a
// manifest are looked at, and whether a manifest goes on from an earlier one.

import { TakoError } from "./error.ts";
import { firstLost, isOlder } from "./history.ts";
import { beginsAsManifest, describeEntry, type Entry, type Manifest } from "./manifest.ts";
import { beginsAsSecret } from "./text.ts";

/** What a file may be, by its beginning (INS-1). */
export type FileContent = "manifest" | "key" | "config";

/** @param bytes the file, or its beginning */
export function contentOf(bytes: Uint8Array): FileContent {
  if (beginsAsManifest(bytes)) return "manifest";
  const text = new TextDecoder("latin1").decode(bytes.subarray(0, 512)).trim();
  // A key alone, or both with their headings as gen-key prints them (PUB-60).
  return beginsAsSecret(text) || /^[A-Za-z0-9+/]{43}=$/.test(text) ? "key" : "config";
}

/** Of so many of the newest versions, each image once, newest first (INS-7). */
export function imagesOf({ entries }: Manifest, count: number): readonly Entry[] {
  const newest = entries.slice(Math.max(entries.length - count, 0)).toReversed();
  return [...new Map(newest.map((entry) => [entry.digest, entry])).values()];
}

/**
 * Whether hosts that hold `old` accept the next manifest, if a key of theirs signed it (INS-11).
 *
 * @returns how many versions come with it
 * @throws TakoError of kind `history` for an entry that is lost or another one, `stale` for a manifest that is older
 */
export function requireContinuation(next: Manifest, old: Manifest, shownOld: string): number {
  const lost = firstLost(old, next);
  if (lost === undefined) return next.entries.length - old.entries.length;
  const was = `"${describeEntry(lost.entry)}"`;
  if (isOlder(next, old)) {
    const hint = "Hosts that hold it take this for a cache that lags behind, and stay.";
    const message = `it is older than ${shownOld}: ${was} is not in it`;
    throw new TakoError("stale", message, { rule: "INS-11", hint });
  }
  const became =
    lost.changedTo === undefined ? "is missing" : `became "${describeEntry(lost.changedTo)}"`;
  throw new TakoError("history", `it does not continue ${shownOld}: ${was} ${became}`, {
    rule: "INS-11",
    hint: "Hosts that hold it refuse this one. Store into the manifest that is published.",
  });
}
