// The small command line's store and gen-key, with the faults that they can have.

import { linkSync, mkdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { parseSha256Hex } from "../../../src/core/digest.ts";
import { parseSecretKey, SecretKey } from "../../../src/core/keys.ts";
import {
  EMPTY_MANIFEST,
  type Entry,
  encodeManifest,
  insertEntry,
  type Manifest,
} from "../../../src/core/manifest.ts";
import { parseSize } from "../../../src/core/size.ts";
import { compareVersions, parseVersion } from "../../../src/core/version.ts";
import { wrong } from "./cli-faults.ts";
import { readRegular, replaceFile, replaceManifest, storeOf } from "./cli-files.ts";
import { readManifest, readUnverified } from "./cli-manifest.ts";

/** @returns the exit status */
export async function storeCommand(words: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...words],
    options: {
      key: { type: "string", short: "k" },
      "key-file": { type: "string", short: "f" },
      output: { type: "string", short: "o" },
    },
    allowPositionals: true,
  });
  const [image, versionText, ...more] = positionals;
  const directory = values.output;
  if (image === undefined || versionText === undefined || more.length > 0 || !directory) {
    throw new Error("expected store [-k KEY | -f FILE] -o DIR IMAGE VERSION");
  }
  const version = parseVersion(versionText);
  const key = readKey(values.key, values["key-file"]);

  const bytes = new Uint8Array(readFileSync(image === "-" ? 0 : image));
  const hash = new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
  const digest = parseSha256Hex(hash);
  if (digest === undefined) throw new Error("not a digest");

  if (wrong("origin-made")) mkdirSync(directory, { recursive: true });
  if (!statSync(directory).isDirectory()) throw new Error(`${directory} is not a directory`);
  const local = readRegular(join(directory, "manifest"));
  const manifest = local ? readLocal(local, key) : EMPTY_MANIFEST;
  const next = insert(manifest, { version, size: parseSize(bytes.length), digest });
  const encoded = encodeManifest(next, key);
  if (wrong("image-after-manifest")) replaceManifest(directory, encoded);
  storeImage(storeOf(directory), digest, bytes, image);
  if (next !== manifest || local === undefined) replaceManifest(directory, encoded);
  printResult(version.text, digest, key);
  return 0;
}

function readKey(key: string | undefined, file: string | undefined): SecretKey {
  if (key !== undefined && file !== undefined && !wrong("two-keys-taken"))
    throw new Error("expected one of -k and -f");
  const text = key ?? (file === undefined ? process.env["TAKO_SECRET_KEY"] : readText(file));
  if (text === undefined) throw new Error("expected -k or -f");
  return parseSecretKey(text);
}

function readText(path: string): string {
  const text = readFileSync(path, "utf8");
  if (wrong("key-file-with-newline-refused") && text.endsWith("\n")) throw new Error("not a key");
  return text;
}

function readLocal(bytes: Uint8Array, key: SecretKey): Manifest {
  try {
    return readManifest(bytes, [key.publicKey]);
  } catch (error) {
    if (wrong("foreign-manifest-signed")) return readUnverified(bytes);
    if (wrong("broken-manifest-replaced")) {
      try {
        readUnverified(bytes);
      } catch {
        return EMPTY_MANIFEST;
      }
    }
    throw error;
  }
}

function insert(manifest: Manifest, entry: Entry): Manifest {
  const { entries } = manifest;
  const same = entries.find(({ version }) => compareVersions(version, entry.version) === 0);
  const isSpelledAlike = same?.version.text === entry.version.text;
  if (same !== undefined && isSpelledAlike && wrong("version-replaced")) {
    return unchecked(entries.map((other) => (other === same ? entry : other)));
  }
  if (same !== undefined && !isSpelledAlike && wrong("equivalent-version-added")) {
    return unchecked([...entries, entry]);
  }
  if (same !== undefined && !isSpelledAlike && wrong("equivalent-version-ignored")) return manifest;
  if (same?.digest === entry.digest && wrong("storing-again-fails")) {
    throw new Error("it is there already");
  }
  if (same === undefined && wrong("entries-unsorted")) return unchecked([...entries, entry]);
  if (same === undefined && wrong("entries-replaced")) return unchecked([entry]);
  return insertEntry(manifest, entry);
}

/** Entries that are a manifest only by a fault. */
function unchecked(entries: readonly Entry[]): Manifest {
  return { entries } as Manifest;
}

function storeImage(store: string, digest: string, bytes: Uint8Array, image: string): void {
  const path = join(store, digest);
  const present = readRegular(path);
  const isWhole = present !== undefined && Buffer.compare(present, bytes) === 0;
  if (isWhole || (present !== undefined && wrong("damaged-image-kept"))) return;
  if (wrong("image-not-stored")) return;
  if (wrong("image-linked")) {
    rmSync(path, { force: true });
    linkSync(image, path);
    return;
  }
  replaceFile(path, join(store, ".new"), bytes);
}

function printResult(version: string, digest: string, key: SecretKey): void {
  if (wrong("secret-key-shown")) console.error(`signed with ${key.reveal()}`);
  if (wrong("result-not-printed")) return;
  const shown = wrong("wrong-digest-printed") ? digest.toUpperCase() : digest;
  console.log(`${version} -> ${shown}`);
}

/** @returns the exit status */
export async function genKeyCommand(): Promise<number> {
  const key = new SecretKey(
    wrong("same-key-every-time")
      ? new Uint8Array(32).fill(7)
      : crypto.getRandomValues(new Uint8Array(32)),
  );
  const other = new SecretKey(crypto.getRandomValues(new Uint8Array(32)));
  const { publicKey } = wrong("public-key-of-another") ? other : key;
  console.log(`Secret key\n${key.reveal()}\n\nPublic key\n${publicKey.text}`);
  return 0;
}
