// tako inspect: what an origin, a manifest, a key or a config is, and what is wrong with it (spec/inspect.md). Nothing
// here writes, and all that is wrong is told, not only the first.

import { statSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../../core/config.ts";
import type { Sha256Hex } from "../../core/digest.ts";
import { asTakoError, TakoError } from "../../core/error.ts";
import { imagesOf, requireContinuation } from "../../core/inspect.ts";
import type { PublicKey } from "../../core/keys.ts";
import { MANIFEST } from "../../core/layout.ts";
import {
  decodeSignedManifest,
  decodeUnverified,
  type Entry,
  type Manifest,
} from "../../core/manifest.ts";
import { manifestLocation, type OriginUrl } from "../../core/origin-url.ts";
import type { Pattern } from "../../core/pattern.ts";
import { fallbacks, firstLeft, newestMatch } from "../../core/select.ts";
import { shownPath } from "../../core/text.ts";
import { hashBytes } from "../../shell/disk/hash.ts";
import { type Origin, openOrigin, timeoutsOf } from "../../shell/origin/origin.ts";
import { platformVerify } from "../../shell/platform-crypto.ts";
import type { Effects } from "../effects.ts";
import { type Images, lookAtImages } from "./images.ts";
import { findWhat, readFile } from "./what.ts";

export interface InspectOptions {
  readonly what: string;
  /** Those that were given. */
  readonly publicKeys: readonly PublicKey[];
  /** The path of the manifest that hosts hold. */
  readonly continues?: string;
  /** Of how many of the newest versions the images are looked at. */
  readonly images: number;
  /** Receive and hash the images. */
  readonly isDeep: boolean;
}

export type InspectResult =
  | { readonly what: "key"; readonly isSecret: boolean; readonly publicKey: PublicKey }
  | Inspected;

/** What is known of a manifest, and of the origin that it is from. */
export interface Inspected {
  readonly what: "origin" | "manifest";
  /** As it is shown. */
  readonly source: string;
  readonly sha256: Sha256Hex;
  readonly bytes: number;
  readonly versions: number;
  readonly oldest: Entry | undefined;
  readonly newest: Entry | undefined;
  /** Who signed it; `unchecked` without a key to check by. */
  readonly signer: PublicKey | "nobody" | "unchecked";
  /** When it changed, in seconds since the epoch, and how many seconds ago that was when it was sent. */
  readonly changed: number | undefined;
  readonly age: number | undefined;
  readonly images: Images | undefined;
  readonly isDeep: boolean;
  /** Of `--continues`, if it does: how many versions are new. */
  readonly continues: { readonly old: string; readonly added: number } | undefined;
  /** Of a config: what its pattern takes. */
  readonly takes: { readonly pattern: Pattern; readonly entry: Entry | undefined } | undefined;
  /** All that is wrong. */
  readonly errors: readonly TakoError[];
}

/** A manifest that was read or received. */
interface Received {
  readonly bytes: Uint8Array;
  readonly source: string;
  /** In milliseconds since the epoch, as is `said`: when that was told. */
  readonly changed?: number | undefined;
  readonly said?: number | undefined;
  readonly origin?: Origin;
}

/** @throws TakoError of any kind if what is to be inspected cannot be read */
export async function inspect(options: InspectOptions, effects: Effects): Promise<InspectResult> {
  const { publicKeys: given } = options;
  const what = findWhat(options.what);
  switch (what.kind) {
    case "key":
      return { what: "key", isSecret: what.isSecret, publicKey: what.publicKey };
    case "manifest":
      return await judge({ ...what, said: effects.clock.now() }, given, options, effects);
    case "origin":
      return await judge(await receive(what.url, effects), given, options, effects);
    case "config": {
      const { config } = what;
      const keys = given.length === 0 ? config.publicKeys : given;
      return await judge(
        await receive(config.origin, effects, config),
        keys,
        options,
        effects,
        config,
      );
    }
  }
}

/** Without a config, its time-outs are those of one that names none. */
const WAIT_MS = 30_000;

async function receive(
  url: OriginUrl,
  { clock, random, environment, report }: Effects,
  config?: Config,
): Promise<Received> {
  const origin = openOrigin(url, {
    clock,
    random,
    environment,
    timeouts: timeoutsOf(config?.timeoutMs ?? WAIT_MS),
    onRetry: (url, reason, delayMs) => report({ event: "retry", url, reason, delayMs }),
  });
  const source = manifestLocation(url).shown;
  const answer = await origin.manifest({ pastCaches: false });
  if (answer.kind === "unchanged") {
    throw new TakoError("origin", "the origin answered without a manifest", {
      source,
      rule: "ORG-21",
    });
  }
  const { bytes, times } = answer;
  // A file system says nothing of the time, and is here.
  const said = url.scheme === "file" ? clock.now() : times?.said;
  return { bytes, source, changed: times?.changed, said, origin };
}

async function judge(
  { bytes, source, changed, said, origin }: Received,
  keys: readonly PublicKey[],
  { continues, images: count, isDeep }: InspectOptions,
  { report }: Effects,
  config?: Config,
): Promise<Inspected> {
  const errors: TakoError[] = [];
  const signer = signerOf(bytes, keys, source, errors);
  const manifest = decode(bytes, source);
  const { entries } = manifest;
  const continued =
    continues === undefined ? undefined : compare(manifest, continues, source, errors);
  const wanted = imagesOf(manifest, count);
  const images = origin && (await lookAtImages(origin, wanted, isDeep, report));
  for (const { entry, error } of images?.wrong ?? []) {
    errors.push(
      new TakoError(error.kind, `version ${entry.version.text}: ${error.message}`, error),
    );
  }
  const pattern = config?.pattern;
  return {
    what: origin === undefined ? "manifest" : "origin",
    source,
    sha256: hashBytes(bytes),
    bytes: bytes.length,
    versions: entries.length,
    oldest: entries[0],
    newest: entries.at(-1),
    signer,
    changed: changed === undefined ? undefined : Math.floor(changed / 1000),
    age: ageOf(changed, said),
    images,
    isDeep,
    continues: continued,
    takes: pattern && { pattern, entry: takenBy(manifest, pattern, images) },
    errors,
  };
}

/** What hosts without an image take: the newest that the pattern matches, or what they fall back to (INS-12). */
function takenBy(manifest: Manifest, pattern: Pattern, images: Images | undefined) {
  const newest = newestMatch(manifest, pattern);
  if (newest === undefined) return undefined;
  const gone = new Set(images?.gone.map(({ digest }) => digest));
  return firstLeft([newest, ...fallbacks(manifest, pattern, newest, undefined)], gone);
}

/** Seconds; a clock may be behind the file that it tells of. */
function ageOf(changed: number | undefined, said: number | undefined): number | undefined {
  return changed === undefined || said === undefined
    ? undefined
    : Math.max(0, Math.floor((said - changed) / 1000));
}

function decode(bytes: Uint8Array, source: string): Manifest {
  try {
    return decodeUnverified(bytes);
  } catch (error) {
    throw asTakoError(error).with({ source });
  }
}

/** Who signed it, of these keys (INS-3, INS-4). */
function signerOf(
  bytes: Uint8Array,
  keys: readonly PublicKey[],
  source: string,
  errors: TakoError[],
): Inspected["signer"] {
  if (keys.length === 0) return "unchecked";
  try {
    return decodeSignedManifest(bytes, keys, platformVerify).signer;
  } catch (caught) {
    const error = asTakoError(caught);
    if (error.kind !== "signature") throw error.with({ source });
    const hint = `Tried ${keys.map(({ text }) => text).join(" ")}.`;
    errors.push(error.with({ source, hint }));
    return "nobody";
  }
}

/** Whether hosts that hold the old manifest would go on with this one (INS-11). @param given it, or its directory */
function compare(
  manifest: Manifest,
  given: string,
  source: string,
  errors: TakoError[],
): Inspected["continues"] {
  const path = isDirectory(given) ? join(given, MANIFEST) : given;
  const old = shownPath(path);
  const before = decode(readFile(path), old);
  try {
    return { old, added: requireContinuation(manifest, before, old) };
  } catch (error) {
    errors.push(asTakoError(error).with({ source }));
    return undefined;
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
