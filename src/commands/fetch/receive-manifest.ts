// The manifest that an origin offers, checked (FET-20 to FET-33). Nothing here writes.

import type { Config } from "../../core/config.ts";
import { asTakoError, TakoError } from "../../core/error.ts";
import { decodeManifest, describeEntry, firstLost, type Manifest } from "../../core/manifest.ts";
import { manifestLocation } from "../../core/origin-url.ts";
import type { Destination } from "../../shell/destination.ts";
import { shownPath } from "../../shell/disk/storage-error.ts";
import type { Origin } from "../../shell/origin/origin.ts";
import { platformVerify } from "../../shell/platform-crypto.ts";

/** A manifest that passed every check, and how it came. */
export type ReceivedManifest =
  /** The local one, which the origin says has not changed. */
  | { readonly news: "not-modified"; readonly manifest: Manifest }
  /** One that came whole; `same` is byte for byte the local one. */
  | {
      readonly news: "same" | "updated" | "new";
      readonly manifest: Manifest;
      readonly bytes: Uint8Array;
      /** The URL that it came from, without credentials. */
      readonly url: string;
      readonly etag?: string;
    };

/**
 * Asks for the manifest, and checks signature and history.
 *
 * @throws TakoError of kind `origin`, `manifest`, `newer-format`, `signature`, `history` or `storage`
 */
export async function receiveManifest(
  config: Config,
  destination: Destination,
  origin: Origin,
): Promise<ReceivedManifest> {
  const { href: url, shown } = manifestLocation(config.origin);
  const local = destination.readManifest(config.publicKeys);
  const answer = await origin.manifest(
    local?.signed ? destination.readEtag(url, local.bytes) : undefined,
  );
  if (answer.kind === "unchanged") {
    if (local !== undefined) return { news: "not-modified", manifest: local.manifest };
    throw new TakoError("origin", "the origin answered without a manifest", {
      source: shown,
      rule: "ORG-21",
    });
  }

  const { bytes, etag, redirectedTo } = answer;
  const manifest = decodeReceived(bytes, config, shown, redirectedTo);
  if (local !== undefined) refuseLostHistory(local.manifest, manifest, config, destination, shown);
  const isSame = local !== undefined && Buffer.from(local.bytes).equals(bytes);
  const news = local === undefined ? "new" : isSame ? "same" : "updated";
  return { news, manifest, bytes, url, ...(etag === undefined ? {} : { etag }) };
}

function decodeReceived(
  bytes: Uint8Array,
  config: Config,
  source: string,
  redirectedTo: string | undefined,
): Manifest {
  try {
    return decodeManifest(bytes, config.publicKeys, platformVerify);
  } catch (caught) {
    const error = asTakoError(caught);
    const hints = [
      // An answer from elsewhere says so, whatever is wrong with it (ORG-38).
      ...(redirectedTo === undefined ? [] : [`It was redirected to ${redirectedTo}.`]),
      ...(error.kind === "signature"
        ? [`Compare the PublicKey= of ${config.file} with the publisher's.`]
        : []),
    ];
    throw error.with({ source, ...(hints.length === 0 ? {} : { hint: hints.join(" ") }) });
  }
}

function refuseLostHistory(
  history: Manifest,
  next: Manifest,
  { file }: Config,
  { manifestPath }: Destination,
  source: string,
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
      source,
      hint: `If the publisher confirms it, remove ${shownPath(manifestPath)} of ${file} to start the history anew.`,
    },
  );
}
