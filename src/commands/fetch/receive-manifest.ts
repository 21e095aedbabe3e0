// The manifest that an origin offers, checked (FET-20 to FET-34). Nothing here writes.

import type { Config } from "../../core/config.ts";
import { asTakoError, TakoError } from "../../core/error.ts";
import { firstLost, isOlder, type LostEntry } from "../../core/history.ts";
import type { PublicKey } from "../../core/keys.ts";
import {
  decodeSignedManifest,
  describeEntry,
  EMPTY_MANIFEST,
  type Manifest,
  type SignedManifest,
} from "../../core/manifest.ts";
import { manifestLocation } from "../../core/origin-url.ts";
import { shownPath } from "../../core/text.ts";
import type { Clock } from "../../shell/clock.ts";
import type { Destination, LocalManifest } from "../../shell/destination.ts";
import type { Origin } from "../../shell/origin/origin.ts";
import type { ManifestQuestion } from "../../shell/origin/transport.ts";
import { platformVerify } from "../../shell/platform-crypto.ts";

/** A manifest that passed every check, and how it came. */
export type ReceivedManifest = SignedManifest & { readonly bytes: Uint8Array } & (
    | {
        /** The local one, which the origin says has not changed. */
        readonly news: "not-modified";
      }
    | {
        /** The local one: what came has the same entries, by a key that counts as older (FET-35). */
        readonly news: "older-key";
        readonly olderKey: PublicKey;
      }
    | {
        /** The local one, since none could be had (FET-24). */
        readonly news: "none";
        /** Why. */
        readonly error: TakoError;
      }
    | {
        /** One that came whole; `same` is byte for byte the local one. */
        readonly news: "same" | "updated" | "new";
        /** The URL that it came from, without credentials. */
        readonly url: string;
        readonly etag?: string;
        /** The local one, if there is one. */
        readonly history: Manifest | undefined;
      }
  );

/** What the checks of a received manifest need to know. */
interface Asking {
  readonly config: Config;
  readonly destination: Destination;
  readonly origin: Origin;
  readonly local: LocalManifest | undefined;
}

/**
 * Asks for the manifest, and checks signature and history.
 *
 * @throws TakoError of kind `manifest`, `newer-format`, `signature`, `history` or `storage`; and of kind
 *   `origin` or `stale`, if there is no local manifest that a key of the config signed
 */
export async function receiveManifest(
  config: Config,
  destination: Destination,
  origin: Origin,
  { now }: Clock,
): Promise<ReceivedManifest> {
  const local = destination.readManifest(config.publicKeys);
  const signed = local?.signer && { ...local, signer: local.signer };
  const { href } = manifestLocation(config.origin);
  const etag = signed && destination.readEtag(href, signed.bytes, now());
  const asking = { config, destination, origin, local };
  try {
    const received = await ask(asking, { etag });
    if (received !== "not-modified") return received;
    if (signed !== undefined) return { ...signed, news: "not-modified" };
    throw withoutManifest(config);
  } catch (caught) {
    const error = asTakoError(caught);
    if (signed === undefined || !(error.kind === "origin" || error.kind === "stale")) throw error;
    return { ...signed, news: "none", error };
  }
}

async function ask(
  asking: Asking,
  question: ManifestQuestion,
): Promise<ReceivedManifest | "not-modified"> {
  const { config, origin, local } = asking;
  const { href: url, shown } = manifestLocation(config.origin);
  const answer = await origin.manifest(question);
  if (answer.kind === "unchanged") return "not-modified";

  const { bytes, etag, redirectedTo } = answer;
  const received = decodeReceived(bytes, config, shown, redirectedTo);
  const history = local?.manifest ?? EMPTY_MANIFEST;
  const lost = firstLost(history, received.manifest);
  if (lost !== undefined) {
    if (!isOlder(received.manifest, history)) throw lostHistory(lost, asking);
    if (question.pastCaches) throw stale(lost, shown);
    // It may be a cache that has not looked again for long (FET-34).
    return await ask(asking, { pastCaches: true });
  }
  if (local?.signer !== undefined && isByOlderKey(received, local.manifest, local.signer, config)) {
    if (!question.pastCaches) return await ask(asking, { pastCaches: true });
    return { ...local, signer: local.signer, news: "older-key", olderKey: received.signer };
  }
  const isSame = local !== undefined && Buffer.compare(local.bytes, bytes) === 0;
  const news = local === undefined ? "new" : isSame ? "same" : "updated";
  return {
    ...received,
    news,
    bytes,
    url,
    history: local?.manifest,
    ...(etag === undefined ? {} : { etag }),
  };
}

/** Whether a continuation of the local manifest is the same, signed by a key of an earlier line of the config (FET-35). */
function isByOlderKey(
  received: SignedManifest,
  local: Manifest,
  signer: PublicKey,
  { publicKeys }: Config,
): boolean {
  const isSame = received.manifest.entries.length === local.entries.length;
  return isSame && publicKeys.indexOf(received.signer) < publicKeys.indexOf(signer);
}

function decodeReceived(
  bytes: Uint8Array,
  config: Config,
  source: string,
  redirectedTo: string | undefined,
): SignedManifest {
  try {
    return decodeSignedManifest(bytes, config.publicKeys, platformVerify);
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

/** A 304 that nobody asked for. */
function withoutManifest({ origin }: Config): TakoError {
  const source = manifestLocation(origin).shown;
  const message = "the origin answered without a manifest";
  return new TakoError("origin", message, { source, rule: "ORG-21" });
}

function stale({ entry }: LostEntry, source: string): TakoError {
  const message = `the manifest is older than the local one: "${describeEntry(entry)}" is not in it yet`;
  return new TakoError("stale", message, {
    rule: "FET-34",
    source,
    hint: "A cache or a mirror lags behind, usually. If it lasts, ask the publisher.",
  });
}

function lostHistory(lost: LostEntry, { config, destination }: Asking): TakoError {
  const was = describeEntry(lost.entry);
  const became =
    lost.changedTo === undefined ? "is missing" : `became "${describeEntry(lost.changedTo)}"`;
  const path = shownPath(destination.manifestPath);
  return new TakoError(
    "history",
    `the manifest is not a continuation of the local one: "${was}" ${became}`,
    {
      rule: "FET-31",
      source: manifestLocation(config.origin).shown,
      hint: `If the publisher confirms it, remove ${path} of ${config.file} to start the history anew.`,
    },
  );
}
