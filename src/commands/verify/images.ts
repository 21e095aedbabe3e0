// The images of one `store/`, each read to its end: what state it is in, and what else is in that directory
// (VFY-10 to VFY-15). What follows for a host or a publisher is not decided here.

import type { Stats } from "node:fs";
import { parseSha256Hex, type Sha256Hex } from "../../core/digest.ts";
import { asTakoError, type TakoError } from "../../core/error.ts";
import { foreignNames } from "../../core/layout.ts";
import type { Entry, Manifest } from "../../core/manifest.ts";
import { shownPath } from "../../core/text.ts";
import type { HashLanes } from "../../shell/disk/hash-lanes.ts";
import type { ImageStore } from "../../shell/disk/image-store.ts";
import type { Event, Report } from "../events.ts";

type ImageEvent = Extract<Event, { event: "image" }>;

export interface ImageCheck {
  readonly sha256: Sha256Hex;
  /** The newest version of these bytes; `undefined` for an image that the manifest does not list. */
  readonly version: string | undefined;
  /** In bytes, as it is on disk; of a missing one, as the manifest has it. */
  readonly size: number;
  readonly state: ImageEvent["state"];
  /** What is wrong with it, to follow its name. */
  readonly what?: string;
  /** Why it could not be looked at. */
  readonly error?: TakoError;
}

export interface StoreCheck {
  /** In the order of the manifest, then those that it does not list. */
  readonly images: readonly ImageCheck[];
  /** The paths of images that have another mode than Tako gives them. */
  readonly otherModes: readonly string[];
  readonly warnings: readonly string[];
}

/** Reads every image of a store, several at a time. */
export async function checkImages(
  store: ImageStore,
  manifest: Manifest | undefined,
  lanes: HashLanes,
  report: Report,
): Promise<StoreCheck> {
  const entries = new Map(manifest?.entries.map((entry) => [entry.digest, entry]));
  const files = [...store.files()];
  const found = files.flatMap(([name, stats]) => {
    const digest = parseSha256Hex(name);
    return digest === undefined ? [] : [{ digest, stats, entry: entries.get(digest) }];
  });
  const checking = new Map(
    // The largest first: what is short fills the time until the last of them ends.
    found
      .toSorted((a, b) => b.stats.size - a.stats.size)
      .map((image) => [image.digest, checkImage(store, image, lanes, report)]),
  );
  const ranks = new Map([...entries.keys()].map((digest, rank) => [digest, rank]));
  const rank = (digest: Sha256Hex) => ranks.get(digest) ?? ranks.size;
  const order = [...checking.keys()].sort((a, b) => rank(a) - rank(b));
  const checked = await Promise.all(order.map((digest) => checking.get(digest)));
  const images = checked.filter((image) => image !== undefined);
  const foreign = foreignNames(files.map(([name]) => name)).toSorted();
  const unlisted = manifest === undefined ? [] : images.filter(({ version }) => !version);
  return {
    images,
    otherModes: found
      .filter(({ stats }) => stats.isFile() && (stats.mode & 0o7777) !== 0o444)
      .map(({ digest }) => store.pathOf(digest)),
    warnings: [
      ...warnOf(foreign, `in ${store.path} is not Tako's, and is left alone`),
      ...warnOf(
        unlisted.map(({ sha256 }) => sha256),
        `in ${store.path} is an image that the manifest does not list`,
      ),
    ],
  };
}

interface Found {
  readonly digest: Sha256Hex;
  readonly stats: Stats;
  readonly entry: Entry | undefined;
}

/** @returns `undefined` if the image has gone meanwhile: nothing is locked */
async function checkImage(
  store: ImageStore,
  { digest, stats, entry }: Found,
  lanes: HashLanes,
  report: Report,
): Promise<ImageCheck | undefined> {
  const path = store.pathOf(digest);
  const version = entry?.version.text;
  const { size } = stats;
  const image = { sha256: digest, version, size };
  const on = { version, sha256: digest, size };
  const ended = (check: ImageCheck): ImageCheck => {
    report({ event: "image", ...on, path: shownPath(path), state: check.state });
    return check;
  };
  try {
    const state = store.stateBySize({ digest, size: entry?.size ?? size }, stats);
    if (state === "damaged") {
      const what = `is damaged: it has ${size} bytes, and the manifest says ${entry?.size}`;
      return ended({ ...image, state, what });
    }
    const actual = await lanes.hash(path, size, (done) =>
      report({ event: "hashing", ...on, done }),
    );
    if (actual === undefined) return undefined;
    if (actual !== digest) {
      return ended({ ...image, state: "damaged", what: `is damaged: its SHA-256 is ${actual}` });
    }
    const isExposed = state === "exposed" || state === "linked";
    return ended(
      isExposed ? { ...image, state, what: EXPOSED[state] } : { ...image, state: "whole" },
    );
  } catch (caught) {
    return ended({ ...image, state: "unreadable", error: asTakoError(caught) });
  }
}

const EXPOSED = {
  exposed: "can be changed by others: by its owner, or by its mode",
  linked: "has another name, too (a hard link), by which it can be changed",
} as const;

/** How many of a list a warning names. */
const MAX_NAMED = 3;

/** One warning for all, however many these are; none for none. */
export function warnOf(names: readonly string[], what: string): readonly string[] {
  if (names.length === 0) return [];
  const more = names.length > MAX_NAMED ? ` and ${names.length - MAX_NAMED} more` : "";
  return [`${names.slice(0, MAX_NAMED).map(shownPath).join(", ")}${more}: ${what}`];
}
