// Where the publisher's secret key comes from (PUB-1 to PUB-6). Nothing here shows any part of it.

import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { asTakoError, type Facts, TakoError } from "../core/error.ts";
import { parseSecretKey, type SecretKey } from "../core/keys.ts";
import { shownPath } from "../core/text.ts";
import { isErrno, naming, storageError } from "./disk/storage-error.ts";

/** The ways to give a key, and what is said about them. */
export interface KeySources {
  /** `--key`: the key itself. */
  readonly key?: string;
  /** `--key-file`: the path of a file that holds it. */
  readonly keyFile?: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly warn: (message: string) => void;
}

/** A key and the white space around it are much shorter. */
const MAX_KEY_FILE_BYTES = 4096;
/** The name of systemd's credential (`LoadCredential=tako-secret-key:...`). */
const CREDENTIAL = "tako-secret-key";

/**
 * The first key that is given.
 *
 * @throws TakoError of kind `usage` for no key or two options, `key` for a key that is not valid,
 *   `storage` for a file that cannot be read
 */
export async function findSecretKey(sources: KeySources): Promise<SecretKey> {
  const { key, keyFile, environment, warn } = sources;
  if (key !== undefined && keyFile !== undefined) {
    throw new TakoError("usage", "--key and --key-file exclude each other", { rule: "PUB-2" });
  }
  if (key !== undefined) {
    warn("other users of this machine can see a key on the command line; use --key-file instead");
    return parseKeyText(key, {
      source: "--key",
      hint: "A file that holds the key is given with --key-file.",
    });
  }
  if (keyFile !== undefined) return readKeyFile(keyFile, warn);
  const variable = environment["TAKO_SECRET_KEY"];
  if (variable) return parseKeyText(variable, { source: "TAKO_SECRET_KEY" });
  return readCredential(environment["CREDENTIALS_DIRECTORY"]);
}

async function readKeyFile(path: string, warn: (message: string) => void): Promise<SecretKey> {
  const { text, mode } = await naming(path, "read", () => readKeyText(path));
  const source = shownPath(path);
  const key = parseKeyText(text, { source });
  if ((mode & 0o077) !== 0) {
    warn(`other users of this machine may read the key file ${source}; chmod 600 it`);
  }
  return key;
}

async function readCredential(directory: string | undefined): Promise<SecretKey> {
  if (directory) {
    const path = join(directory, CREDENTIAL);
    try {
      return parseKeyText((await readKeyText(path)).text, { source: shownPath(path) });
    } catch (error) {
      if (!isErrno(error, "ENOENT")) throw storageError(error, "read", path);
    }
  }
  throw new TakoError("usage", "no secret key is given", {
    rule: "PUB-3",
    hint: `Use --key-file FILE, --key KEY, TAKO_SECRET_KEY, or systemd's LoadCredential=${CREDENTIAL}:FILE.`,
  });
}

/** Both keys as `gen-key` prints them (PUB-60): who keeps its output keeps this. */
const PRINTED = /^\s*Secret key\s+(?<secret>\S+)\s+Public key\s+(?<shown>\S+)\s*$/;

/** {@link parseSecretKey}, also of all that `gen-key` prints (PUB-8). Its error gets these facts as well. */
export function parseKeyText(text: string, facts: Facts): SecretKey {
  const { secret = text, shown } = PRINTED.exec(text)?.groups ?? {};
  try {
    const key = parseSecretKey(secret);
    if (shown === undefined || key.publicKey.text === shown) return key;
  } catch (error) {
    const hint = hintFor(text);
    throw asTakoError(error).with(hint === undefined ? facts : { hint, ...facts });
  }
  throw new TakoError("key", "invalid secret key: the public key beside it is another one's", {
    rule: "PUB-8",
    ...facts,
  });
}

/** What something else in the place of a secret key was meant to be, as far as that can be seen. */
function hintFor(text: string): string | undefined {
  const word = text.trim();
  if (word === "") return "It is empty.";
  if (word.startsWith("-----BEGIN ")) return "Tako has keys of its own: tako gen-key makes a pair.";
  if (/^[\w+/-]{43}=$/.test(word)) return "This looks like a public key; the secret one signs.";
  if (/\s/.test(word)) return "Expected one line with the key alone, or all that gen-key printed.";
  return undefined;
}

/** The text of a key file, and the mode of a regular one: a pipe such as `<(pass show tako)` has none. */
async function readKeyText(path: string): Promise<{ text: string; mode: number }> {
  const handle = await open(path, constants.O_RDONLY);
  try {
    const stats = await handle.stat();
    const text = new TextDecoder().decode(await readToEnd(handle, path));
    return { text, mode: stats.isFile() ? stats.mode : 0 };
  } finally {
    await handle.close();
  }
}

async function readToEnd(handle: FileHandle, path: string): Promise<Uint8Array> {
  const buffer = new Uint8Array(MAX_KEY_FILE_BYTES + 1);
  for (let length = 0; length < buffer.length; ) {
    const { bytesRead } = await handle.read(buffer, length, buffer.length - length, null);
    if (bytesRead === 0) return buffer.subarray(0, length);
    length += bytesRead;
  }
  throw new TakoError("key", "it is too large for a secret key", { source: shownPath(path) });
}
