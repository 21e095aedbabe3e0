// The small command line's fetch: its steps in order, and in each of them the faults that it can
// have.

import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type Config, parseConfig } from "../../../src/core/config.ts";
import { firstLost, isOlder } from "../../../src/core/history.ts";
import { imageOfLink } from "../../../src/core/layout.ts";
import { type Entry, MAX_MANIFEST_BYTES, type Manifest } from "../../../src/core/manifest.ts";
import { imageLocation, manifestLocation } from "../../../src/core/origin-url.ts";
import { matches } from "../../../src/core/pattern.ts";
import { newestMatch } from "../../../src/core/select.ts";
import { wrong } from "./cli-faults.ts";
import { readRegular, replaceFile, replaceManifest, storeOf } from "./cli-files.ts";
import { get } from "./cli-http.ts";
import { readManifest, readUnverified } from "./cli-manifest.ts";
import { obtainPacked } from "./cli-packed.ts";

/** @returns the exit status */
export async function fetchCommand(words: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...words],
    options: { init: { type: "boolean" } },
    allowPositionals: true,
  });
  if (positionals.length === 0) throw new Error("expected fetch [--init] CONFIG...");
  let status = 0;
  for (const file of positionals) {
    try {
      await fetchOne(file, values.init === true);
    } catch (error) {
      console.error(`${file}: ${error instanceof Error ? error.message : error}`);
      if (!wrong("failure-is-status-0")) status = 1;
      if (wrong("first-failure-ends-run")) break;
    }
  }
  return status;
}

async function fetchOne(file: string, init: boolean): Promise<void> {
  const config = readConfig(file);
  requireDirectory(config.destination);
  const local = readLocal(config);
  if (init && isReady(config, local)) {
    if (wrong("init-asks-anyway")) await receive(config).catch(() => {});
    if (!wrong("init-needs-network")) return;
  }

  const manifest = await updateManifest(config, local);
  const entry = pick(config, manifest);
  if (entry === undefined) {
    if (wrong("no-match-fails") || (init && !wrong("init-without-match-is-0"))) {
      throw new Error("no version matches");
    }
    console.error("no version matches");
    return;
  }
  if (wrong("latest-before-image")) activate(config, manifest, entry);
  activate(config, manifest, await obtain(config, manifest, entry));
  if (wrong("old-images-removed")) removeOthers(join(config.destination, "store"), [entry.digest]);
  if (wrong("foreign-files-removed")) {
    removeOthers(config.destination, ["manifest", "store", "latest"]);
  }
}

/** The entry whose image is there now. */
async function obtain(config: Config, manifest: Manifest, entry: Entry): Promise<Entry> {
  const { entries } = manifest;
  const older = entries[entries.indexOf(entry) - 1];
  try {
    await obtainImage(config, manifest, entry);
    return entry;
  } catch (error) {
    if (older === undefined || !wrong("older-image-instead")) throw error;
    await obtainImage(config, manifest, older);
    return older;
  }
}

function readConfig(file: string): Config {
  const config = parseConfig(new Uint8Array(readFileSync(file)), file);
  if (!wrong("destination-beside-config")) return config;
  return { ...config, destination: resolve(dirname(file), config.destination) } as Config;
}

function requireDirectory(path: string): void {
  if (wrong("destination-made")) mkdirSync(path, { recursive: true });
  const isLink = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
  const isThere = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  if (!isThere || (isLink && wrong("destination-link-refused"))) {
    throw new Error(`${path} is not a directory`);
  }
}

interface Local {
  readonly bytes: Uint8Array;
  readonly manifest: Manifest;
  /** Whether a key of the config signed it. */
  readonly isSigned: boolean;
}

function readLocal({ destination, publicKeys }: Config): Local | undefined {
  const bytes = readRegular(join(destination, "manifest"));
  if (bytes === undefined) return undefined;
  try {
    return { bytes, manifest: readManifest(bytes, publicKeys), isSigned: true };
  } catch {
    if (wrong("history-of-old-key-dropped")) return undefined;
  }
  try {
    return { bytes, manifest: readUnverified(bytes), isSigned: false };
  } catch (error) {
    if (wrong("broken-history-replaced")) return undefined;
    throw error;
  }
}

/** FET-80. */
function isReady(config: Config, local: Local | undefined): boolean {
  const digest = inUse(config);
  if (!local?.isSigned || digest === undefined) return false;
  const entry = local.manifest.entries.find(
    ({ digest: other, version }) =>
      other === digest && (wrong("init-ignores-pattern") || matches(config.pattern, version)),
  );
  return (
    entry !== undefined &&
    (wrong("init-trusts-damaged") ? existsSync(imagePath(config, entry)) : isWhole(config, entry))
  );
}

function inUse({ destination }: Config): string | undefined {
  const path = join(destination, "latest");
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return undefined;
  if (!found.isSymbolicLink()) throw new Error(`${path} is not a symbolic link`);
  return imageOfLink(readlinkSync(path));
}

function receive({ origin }: Config): Promise<Uint8Array | undefined> {
  return get(manifestLocation(origin).href, origin, MAX_MANIFEST_BYTES);
}

/** Receives, checks, and writes the manifest. */
async function updateManifest(config: Config, local: Local | undefined): Promise<Manifest> {
  const { destination, publicKeys } = config;
  const bytes = await receive(config);
  // Only by a fault: a 304 that was not asked for.
  if (bytes === undefined) {
    if (local === undefined) throw new Error("nothing is there that could be unchanged");
    return local.manifest;
  }
  if (wrong("manifest-written-unchecked")) replaceManifest(destination, bytes);
  const manifest = wrong("signature-not-checked")
    ? readUnverified(bytes)
    : readManifest(bytes, publicKeys);
  if (local !== undefined && isLost(local.manifest, manifest)) {
    throw new Error("the manifest lacks or changes a published version");
  }
  if (!local || Buffer.compare(local.bytes, bytes) !== 0 || wrong("manifest-written-again")) {
    replaceManifest(destination, bytes);
  }
  return manifest;
}

function isLost(history: Manifest, next: Manifest): boolean {
  if (wrong("history-not-checked")) return false;
  if (wrong("older-manifest-taken") && isOlder(next, history)) return false;
  const lost = firstLost(history, next);
  return lost !== undefined && !(wrong("history-by-versions") && lost.changedTo !== undefined);
}

function pick({ pattern }: Config, manifest: Manifest): Entry | undefined {
  if (wrong("pattern-ignored")) return manifest.entries.at(-1);
  if (!wrong("newest-by-text")) return newestMatch(manifest, pattern);
  return manifest.entries
    .filter(({ version }) => matches(pattern, version))
    .toSorted((a, b) => (a.version.text < b.version.text ? -1 : 1))
    .at(-1);
}

function imagePath({ destination }: Config, { digest }: Entry): string {
  return join(destination, "store", digest);
}

async function obtainImage(config: Config, manifest: Manifest, entry: Entry): Promise<void> {
  const store = storeOf(config.destination);
  const path = join(store, entry.digest);
  const isPresent = wrong("damaged-image-taken") ? existsSync(path) : isWhole(config, entry);
  if (isPresent && !wrong("image-downloaded-again")) return;
  const isDamaged = existsSync(path) && !isPresent;
  try {
    const packed = await byPackedFiles(config, manifest, entry);
    if (packed !== undefined) replaceFile(path, `${path}.partial`, packed);
    if (packed === undefined || wrong("packed-image-comes-too"))
      await download(config, entry, path);
  } catch (error) {
    if (isDamaged && !wrong("damaged-image-left")) discard(config, entry);
    throw error;
  }
}

async function download(config: Config, entry: Entry, path: string): Promise<void> {
  const url = imageLocation(config.origin, entry.digest).href;
  const bytes = await get(url, config.origin, entry.size).catch((error: unknown) => {
    if (wrong("partial-under-final-name")) writeFileSync(path, "a part of it");
    throw error;
  });
  if (bytes === undefined) throw new Error(`${url}: 304`);
  const isOfSize = bytes.length === entry.size || wrong("size-not-checked");
  const holds = digestOf(bytes) === entry.digest && isOfSize;
  if (!holds && wrong("image-kept-after-wrong-digest")) writeFileSync(path, bytes);
  if (!holds && !wrong("digest-not-checked")) throw new Error(`${url}: wrong size or digest`);
  if (url.startsWith("file:") && wrong("file-of-origin-linked")) {
    linkSync(fileURLToPath(url), path);
    return;
  }
  replaceFile(path, `${path}.partial`, bytes);
}

function byPackedFiles(
  config: Config,
  manifest: Manifest,
  entry: Entry,
): Promise<Uint8Array | undefined> {
  const contentOf = (other: Entry) =>
    isWhole(config, other) ? readRegular(imagePath(config, other)) : undefined;
  return obtainPacked({ config, entry, manifest, contentOf });
}

/** FET-56. */
function discard(config: Config, entry: Entry): void {
  if (inUse(config) === entry.digest) rmSync(join(config.destination, "latest"));
  rmSync(imagePath(config, entry));
}

function isWhole(config: Config, entry: Entry): boolean {
  const bytes = readRegular(imagePath(config, entry));
  return bytes !== undefined && digestOf(bytes) === entry.digest;
}

function digestOf(bytes: Uint8Array): string {
  return new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
}

/** Points `latest` at the image. */
function activate(config: Config, manifest: Manifest, entry: Entry): void {
  const before = inUse(config);
  if (before === entry.digest && !wrong("latest-swapped-again")) return;
  if (wrong("latest-never-back") && isNewer(manifest, before, entry)) return;

  const latest = join(config.destination, "latest");
  const target = join("store", entry.digest);
  if (wrong("latest-replaced-in-two-steps")) {
    rmSync(latest, { force: true });
    symlinkSync(target, latest);
    return;
  }
  const temporary = join(config.destination, ".latest.new");
  rmSync(temporary, { force: true });
  symlinkSync(
    wrong("latest-is-absolute") ? resolve(config.destination, target) : target,
    temporary,
  );
  renameSync(temporary, latest);
}

function isNewer({ entries }: Manifest, digest: string | undefined, entry: Entry): boolean {
  return entries.findIndex((other) => other.digest === digest) > entries.indexOf(entry);
}

function removeOthers(directory: string, kept: readonly string[]): void {
  for (const name of readdirSync(directory)) {
    if (!kept.includes(name)) rmSync(join(directory, name), { recursive: true });
  }
}
