// tako list: the versions of a config, an origin or a directory, and what each is to a host (spec/status.md, STS-30 to
// STS-37).

import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { TakoError } from "../core/error.ts";
import type { PublicKey } from "../core/keys.ts";
import { MANIFEST } from "../core/layout.ts";
import { type Listed, listingOf, shortened } from "../core/listing.ts";
import { decodeSignedManifest, decodeUnverified, type Manifest } from "../core/manifest.ts";
import { manifestLocation, parseOriginUrl } from "../core/origin-url.ts";
import { type Pattern, parsePattern } from "../core/pattern.ts";
import type { HostChoice, ImageState } from "../core/plan.ts";
import { shownPath } from "../core/text.ts";
import { type Destination, type LocalManifest, openDestination } from "../shell/destination.ts";
import { openOrigin, timeoutsOf } from "../shell/origin/origin.ts";
import { platformVerify } from "../shell/platform-crypto.ts";
import type { Effects } from "./effects.ts";
import { loadConfigs } from "./fetch/configs.ts";
import { viewOf } from "./fetch/news.ts";
import { type Stock, takeStock, withdrawnOf } from "./status/look.ts";

export interface ListOptions {
  /** A config, the URL of an origin, or a directory with a manifest. */
  readonly what: string;
  /** In place of that of the config. */
  readonly matching: Pattern | undefined;
  /** Of which one must have signed the manifest of an origin or directory. */
  readonly keys: readonly PublicKey[];
  readonly all: boolean;
}

/** What is known of a version's image, as far as anything can be here. */
export type Here = ImageState | "partial";

export interface Row extends Listed {
  readonly here: Here;
}

export interface ListResult {
  /** Undefined for an origin or a directory. */
  readonly config: string | undefined;
  /** The config, URL or directory. */
  readonly source: string;
  readonly pattern: string;
  /** The key that signed the manifest; undefined if that is not known. */
  readonly signedBy: string | undefined;
  /** How many older ones are not among the rows. */
  readonly leftOut: number;
  /** Oldest first. */
  readonly rows: readonly Row[];
}

/** A manifest that is to be listed, and what it is to a host. */
interface Found {
  readonly config?: string;
  readonly source: string;
  readonly manifest: Manifest;
  readonly signer: PublicKey | undefined;
  readonly pattern: Pattern;
  readonly host: HostChoice;
  /** Where images may be. */
  readonly destination: Destination | undefined;
}

const NO_HOST: HostChoice = { inUse: undefined, hold: undefined, refusals: [], young: new Map() };
const ANY = parsePattern("*");
/** As for a config without `TimeoutSec=`. */
const WAIT_MS = 30_000;

/**
 * @throws TakoError of kind `config` for a config that is wrong, `storage` without a manifest, `signature` and
 *   `manifest` for one that is not authentic, `origin` for a URL that does not answer
 */
export async function list(options: ListOptions, effects: Effects): Promise<ListResult> {
  const { matching, all } = options;
  const found = await find(options, effects);
  const { source, manifest, signer, host, destination } = found;
  const pattern = matching ?? found.pattern;
  const stock = destination && takeStock(destination.images, manifest);
  const withdrawn = stock && withdrawnOf(destination.readChecked(), stock);
  const listing = listingOf(manifest, pattern, host, withdrawn ?? new Set());
  const shown = all ? listing : shortened(listing);
  return {
    config: found.config,
    source,
    pattern: pattern.text,
    signedBy: signer?.text,
    leftOut: listing.length - shown.length,
    rows: withImages(shown, stock, destination),
  };
}

function find(options: ListOptions, effects: Effects): Promise<Found> | Found {
  const { what } = options;
  if (what.includes("://")) return ofOrigin(options, effects);
  if (existsSync(join(what, MANIFEST)) || isDirectory(what)) return ofDirectory(options, effects);
  return ofConfig(what, effects);
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function ofConfig(what: string, effects: Effects): Found {
  const [loaded] = loadConfigs([what]);
  if (loaded === undefined)
    throw new TakoError("config", "there is no such config", { source: what });
  if ("error" in loaded) throw loaded.error;
  const { file, config } = loaded;
  const destination = openDestination(config.destination);
  destination.requireDirectory();
  const local = requireManifest(destination, config.publicKeys);
  if (local.signer === undefined)
    warnOfSignature(effects, "the local manifest is not signed by any key of the config");
  const { host } = viewOf({ config, effects }, destination, local.manifest, local.manifest);
  return { ...local, config: file, source: file, pattern: config.pattern, host, destination };
}

function ofDirectory({ what, keys }: ListOptions, effects: Effects): Found {
  const destination = openDestination(what);
  const local = requireManifest(destination, keys);
  requireSigner(local.signer, keys, destination.manifestPath, effects);
  const { hold, refusals } = destination.records();
  const host = { ...NO_HOST, inUse: destination.readLatest(), hold, refusals };
  return { ...local, source: what, pattern: ANY, host, destination };
}

async function ofOrigin({ what, keys }: ListOptions, effects: Effects): Promise<Found> {
  const url = parseOriginUrl(what);
  const { clock, random, environment, report } = effects;
  const origin = openOrigin(url, {
    ...{ clock, random, environment, timeouts: timeoutsOf(WAIT_MS) },
    onRetry: (url, reason, delayMs) => report({ event: "retry", url, reason, delayMs }),
  });
  const answer = await origin.manifest();
  if (answer.kind === "unchanged") throw new Error("nobody asked whether it has changed");
  const { shown } = manifestLocation(url);
  try {
    const { bytes } = answer;
    const { manifest, signer } =
      keys.length === 0
        ? { manifest: decodeUnverified(bytes), signer: undefined }
        : decodeSignedManifest(bytes, keys, platformVerify);
    requireSigner(signer, keys, shown, effects);
    return {
      source: url.shown,
      manifest,
      signer,
      pattern: ANY,
      host: NO_HOST,
      destination: undefined,
    };
  } catch (error) {
    throw error instanceof TakoError ? error.with({ source: shown }) : error;
  } finally {
    origin.forgetManifest();
  }
}

/** @throws TakoError of kind `storage` (STS-37) */
function requireManifest(destination: Destination, keys: readonly PublicKey[]): LocalManifest {
  const local = destination.readManifest(keys);
  if (local !== undefined) return local;
  throw new TakoError("storage", "there is no manifest", {
    rule: "STS-37",
    source: shownPath(destination.manifestPath),
    hint: hasConfigs(destination.path)
      ? "It has configs: tako list takes one of them, tako status shows all."
      : "tako fetch brings one to a host, tako store makes one for an origin.",
  });
}

function hasConfigs(directory: string): boolean {
  return readdirSync(directory).some((name) => name.endsWith(".tako"));
}

/** @throws TakoError of kind `signature` (STS-35) */
function requireSigner(
  signer: PublicKey | undefined,
  keys: readonly PublicKey[],
  source: string,
  effects: Effects,
): void {
  if (signer !== undefined) return;
  if (keys.length === 0) {
    warnOfSignature(effects, "the signature of the manifest is not checked without --public-key");
    return;
  }
  const message = "the manifest is not signed by any of the given public keys";
  throw new TakoError("signature", message, { rule: "STS-35", source: shownPath(source) });
}

function warnOfSignature({ report }: Effects, message: string): void {
  report({ event: "warning", message });
}

/** Only what is shown is looked at. */
function withImages(
  shown: readonly Listed[],
  stock: Stock | undefined,
  destination: Destination | undefined,
): readonly Row[] {
  if (destination === undefined || stock === undefined)
    return shown.map((listed) => ({ ...listed, here: "absent" }));
  const { images } = destination;
  const { partials } = stock;
  const here = new Set(stock.here);
  return shown.map((listed) => {
    const { entry } = listed;
    if (here.has(entry)) return { ...listed, here: images.stateBySize(entry) };
    return { ...listed, here: partials.has(entry) ? "partial" : "absent" };
  });
}
