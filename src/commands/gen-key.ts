// tako gen-key: makes a key pair for signing manifests (spec/publish.md).

import { lstatSync } from "node:fs";
import { dirname } from "node:path";
import { TakoError } from "../core/error.ts";
import { type PublicKey, SecretKey } from "../core/keys.ts";
import { shownPath } from "../core/text.ts";
import { discard, syncDirectory, writeNewFile } from "../shell/disk/files.ts";
import { isErrno, naming } from "../shell/disk/storage-error.ts";
import type { Effects } from "./effects.ts";

/** A new key pair that is in files, with their paths. */
export interface KeyFiles {
  readonly publicKey: PublicKey;
  readonly secretFile: string;
  readonly publicFile: string;
}

/** Makes a key pair from 32 bytes of the system's random generator (PUB-63). */
export function generateKey({ randomBytes }: Pick<Effects, "randomBytes">): SecretKey {
  return new SecretKey(randomBytes(32));
}

/**
 * Makes a key pair and puts the secret key into a new file that only its owner can read (PUB-61), and the public one
 * into another beside it (PUB-81).
 *
 * @throws TakoError of kind `storage`, also if there is something at `path` or `path.pub` already (PUB-62)
 */
export async function generateKeyFile(
  path: string,
  effects: Pick<Effects, "randomBytes">,
): Promise<KeyFiles> {
  const key = generateKey(effects);
  const publicFile = `${path}.pub`;
  // Before there is a secret key whose public one has no place.
  if (naming(publicFile, "read", () => lstatSync(publicFile, { throwIfNoEntry: false })))
    throw inTheWay(publicFile);
  await writeNew(path, `${key.reveal()}\n`, 0o600);
  try {
    await writeNew(publicFile, `${key.publicKey.text}\n`, 0o644);
  } catch (error) {
    discard(path);
    throw error;
  }
  await syncDirectory(dirname(path));
  return { publicKey: key.publicKey, secretFile: path, publicFile };
}

/** A file that is whole and synced, or not there. */
async function writeNew(path: string, text: string, mode: number): Promise<void> {
  try {
    await writeNewFile(path, new TextEncoder().encode(text), { mode, isSynced: true });
  } catch (error) {
    throw error instanceof Error && isErrno(error.cause, "EEXIST") ? inTheWay(path, error) : error;
  }
}

/** To remove it, as for other files, would be bad advice: it may be the only copy of a key. */
function inTheWay(path: string, cause?: Error): TakoError {
  return new TakoError("storage", "it exists already", {
    rule: "PUB-65",
    source: shownPath(path),
    hint: "It is never overwritten: it may be a key in use. Choose another name.",
    cause,
  });
}
