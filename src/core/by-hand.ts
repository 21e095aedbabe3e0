// What `tako rollback` goes back to (spec/activation.md, ACT-70 to ACT-76), decided from what is known on the host alone.

import type { Sha256Hex } from "./digest.ts";
import { TakoError } from "./error.ts";
import type { Entry, Manifest } from "./manifest.ts";
import { matches, type Pattern } from "./pattern.ts";
import { type Refusals, refusalOf } from "./refusals.ts";
import { entryInUse } from "./select.ts";
import { compareVersions, type Version } from "./version.ts";

/** What a host knows. */
export interface Host {
  /** The local one. */
  readonly manifest: Manifest;
  readonly pattern: Pattern;
  readonly inUse: Sha256Hex | undefined;
  /** The last image that proved itself, `.good`. */
  readonly good: Sha256Hex | undefined;
  readonly refusals: Refusals;
  /** The images of the store, by their names. */
  readonly images: ReadonlySet<Sha256Hex>;
}

/**
 * @param version the one that is asked for, if any
 * @param config the config, as messages name it
 * @throws TakoError of kind `failed` that names what is here
 */
export function rollbackTarget(host: Host, version: Version | undefined, config: string): Entry {
  const { manifest, pattern, inUse } = host;
  const current = inUse && entryInUse(manifest, inUse, pattern);
  if (version === undefined) {
    const found = earlierEntry(host, current);
    if (found !== undefined) return found;
    const message = "there is no earlier version on this host that the config allows";
    throw new TakoError("failed", message, {
      rule: "ACT-72",
      hint: `${offer(host)} One that is named is taken whatever Version= says.${missing(host, current)}`,
    });
  }
  const found = manifest.entries.find((entry) => compareVersions(entry.version, version) === 0);
  if (found === undefined) {
    const message = `the local manifest lists no version ${version.text}`;
    throw new TakoError("failed", message, { rule: "ACT-73", hint: offer(host) });
  }
  if (current !== undefined && compareVersions(found.version, current.version) > 0) {
    const message = `${found.version.text} is newer than ${current.version.text}, which is in use`;
    throw new TakoError("failed", message, {
      rule: "ACT-73",
      hint: `${offer(host)} For a newer one: "tako release ${config}", then "tako fetch ${config}".`,
    });
  }
  return found;
}

/** The last one that proved itself, or else the next older one that is here (ACT-71, ACT-72). */
export function earlierEntry(
  { manifest, pattern, inUse, good, refusals, images }: Host,
  current: Entry | undefined,
): Entry | undefined {
  const isEarlier = ({ version, digest }: Entry) =>
    digest !== inUse &&
    matches(pattern, version) &&
    (current === undefined || compareVersions(version, current.version) < 0);
  const proved = good && entryInUse(manifest, good, pattern);
  if (proved !== undefined && isEarlier(proved)) return proved;
  return manifest.entries.findLast(
    (entry) =>
      isEarlier(entry) &&
      images.has(entry.digest) &&
      refusalOf(refusals, entry.digest) === undefined,
  );
}

/** How many of the versions here are named, and of those that are not. */
const NAMED = 10;
const NAMED_MISSING = 3;

/** The older versions that would have to be downloaded. */
function missing({ manifest, images }: Host, current: Entry | undefined): string {
  const older = manifest.entries
    .filter(({ digest }) => !images.has(digest))
    .filter(({ version }) => current === undefined || compareVersions(version, current.version) < 0)
    .map(({ version }) => version.text)
    .toReversed()
    .slice(0, NAMED_MISSING);
  if (older.length === 0) return "";
  const are = older.length === 1 ? "is" : "are";
  return ` Not here ${are} ${older.join(", ")}: name one, and it is downloaded.`;
}

/** What is here, for people. Where versions share the bytes that are in use, one of them is in use. */
export function offer({
  manifest,
  pattern,
  inUse,
  images,
}: Pick<Host, "manifest" | "pattern" | "inUse" | "images">): string {
  const here = manifest.entries.filter(({ digest }) => images.has(digest)).toReversed();
  if (here.length === 0) return "No image of it is here.";
  const current = inUse && entryInUse(manifest, inUse, pattern);
  const names = here
    .slice(0, NAMED)
    .map((entry) => `${entry.version.text}${entry === current ? " (in use)" : ""}`);
  return `Here ${here.length === 1 ? "is" : "are"} ${names.join(", ")}${here.length > NAMED ? ", and older ones" : ""}.`;
}
