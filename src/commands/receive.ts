// What comes from an origin, checked: the manifest, then the image (FET-20 to FET-66).

import type { Config } from "../core/config.ts";
import { ownError, TakoError } from "../core/error.ts";
import {
  decodeManifest,
  describeEntry,
  type Entry,
  firstLost,
  type Manifest,
} from "../core/manifest.ts";
import { imageLocation, manifestLocation } from "../core/origin-url.ts";
import { entryInUse, fallbacks } from "../core/select.ts";
import { downloadImage } from "../shell/download.ts";
import type { Origin } from "../shell/origin/origin.ts";
import type { Run } from "./run.ts";

/** A manifest that passed every check, and how to put it into the destination. */
export interface ReceivedManifest {
  readonly manifest: Manifest;
  readonly store: () => Promise<void>;
}

/**
 * Asks for the manifest and checks signature and history. Writes nothing before `store` is called.
 *
 * @throws TakoError of kind `origin`, `manifest`, `newer-format`, `signature`, `history` or `storage`
 */
export async function receiveManifest(run: Run, origin: Origin): Promise<ReceivedManifest> {
  const { config, destination, report } = run;
  const { href, shown } = manifestLocation(config.origin);
  const local = destination.readManifest(config.publicKeys);
  const answer = await origin.manifest(
    local?.signed ? destination.readEtag(href, local.bytes) : undefined,
  );
  if (answer.kind === "unchanged") {
    if (local === undefined) {
      throw new TakoError("origin", "the origin answered without a manifest", {
        source: shown,
        rule: "ORG-21",
      });
    }
    report({ event: "manifest", state: "unchanged", versions: local.manifest.entries.length });
    return { manifest: local.manifest, store: async () => {} };
  }

  const { bytes, etag } = answer;
  const manifest = decodeReceived(bytes, config, shown);
  if (local !== undefined) refuseLostHistory(local.manifest, manifest, run, shown);
  const isSame = local !== undefined && Buffer.from(local.bytes).equals(bytes);
  return {
    manifest,
    store: async () => {
      await (isSame ? destination.syncManifest() : destination.writeManifest(bytes));
      await destination.writeEtag(href, etag, bytes);
      const state = local === undefined ? "new" : isSame ? "unchanged" : "updated";
      report({ event: "manifest", state, versions: manifest.entries.length });
    },
  };
}

function decodeReceived(bytes: Uint8Array, config: Config, url: string): Manifest {
  try {
    return decodeManifest(bytes, config.publicKeys);
  } catch (error) {
    const { kind, message, rule, line } = ownError(error);
    const hint = `Compare the PublicKey= of ${config.file} with the publisher's.`;
    throw new TakoError(kind, message, {
      rule,
      line,
      source: url,
      hint: kind === "signature" ? hint : undefined,
      cause: error,
    });
  }
}

function refuseLostHistory(
  history: Manifest,
  next: Manifest,
  { config, destination }: Run,
  url: string,
): void {
  const lost = firstLost(history, next);
  if (lost === undefined) return;
  const was = describeEntry(lost.entry);
  const became =
    lost.changedTo === undefined ? "is missing" : `became "${describeEntry(lost.changedTo)}"`;
  throw new TakoError(
    "history",
    `the manifest is not a continuation of the local one: "${was}" ${became}`,
    {
      rule: "FET-31",
      source: url,
      hint: `If the publisher confirms it, remove ${destination.manifestPath} of ${config.file} to start the history anew.`,
    },
  );
}

/**
 * Makes sure that the image of the picked entry is in the store, verified. When the origin says
 * that it is gone, the next older one that is allowed is taken (FET-50 to FET-53).
 *
 * @returns the entry whose image is there
 * @throws TakoError of kind `origin`, `digest` or `storage`
 */
export async function obtainImage(
  run: Run,
  origin: Origin,
  manifest: Manifest,
  picked: Entry,
): Promise<Entry> {
  const { config, destination, report } = run;
  const latest = destination.readLatest();
  const inUse = latest && entryInUse(manifest, latest, config.pattern);
  for (const entry of [picked, ...fallbacks(manifest, config.pattern, picked, inUse?.version)]) {
    if ((await ensureImage(run, origin, entry)) === "present") return entry;
    report({
      event: "gone",
      version: entry.version.text,
      url: imageLocation(config.origin, entry.digest).shown,
    });
  }
  throw new TakoError(
    "origin",
    `the origin no longer has version ${picked.version.text}, nor an older one that may be taken`,
    {
      rule: "FET-52",
      source: imageLocation(config.origin, picked.digest).shown,
    },
  );
}

async function ensureImage(run: Run, origin: Origin, entry: Entry): Promise<"present" | "gone"> {
  const { destination, report } = run;
  const state = await destination.images.check(entry, run.verify);
  if (state === "present") {
    await destination.images.sync();
    return state;
  }
  if (state === "absent") return download(run, origin, entry);

  // Damaged. Whatever runs from it must be restarted once it is whole again (FET-55), and nothing
  // may start from it if it stays broken (FET-56).
  report({
    event: "damaged",
    version: entry.version.text,
    path: destination.images.pathOf(entry.digest),
  });
  let repaired = false;
  try {
    if (destination.readLatest() === entry.digest && run.config.restart.length > 0) {
      await destination.writeOwed([{ digest: entry.digest, done: [] }]);
    }
    const result = await download(run, origin, entry);
    repaired = result === "present";
    return result;
  } finally {
    if (!repaired) await destination.removeDamaged(entry.digest);
  }
}

async function download(
  { config, destination, report }: Run,
  origin: Origin,
  entry: Entry,
): Promise<"present" | "gone"> {
  const version = entry.version.text;
  const { size, digest } = entry;
  const url = imageLocation(config.origin, digest).shown;
  const result = await downloadImage({
    origin,
    images: destination.images,
    entry,
    onStart: (offset) => report({ event: "download", version, url, size, offset }),
    onProgress: (done) => report({ event: "progress", version, size, done }),
  });
  if (result === "present") report({ event: "downloaded", version, sha256: digest, size });
  return result;
}
