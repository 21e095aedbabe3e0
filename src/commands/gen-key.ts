// tako gen-key: makes a key pair for signing manifests (spec/publish.md).

import { dirname } from "node:path";
import { type PublicKey, SecretKey } from "../core/keys.ts";
import { createFile, discard, storageError, syncDirectory, writeAll } from "../shell/files.ts";

/** Makes a key pair from 32 bytes of the system's random generator (PUB-63). */
export function generateKey(): SecretKey {
  return new SecretKey(crypto.getRandomValues(new Uint8Array(32)));
}

/**
 * Makes a key pair and puts the secret key into a new file that only its owner can read (PUB-61).
 *
 * @throws TakoError of kind `storage`, also if there is something at `path` already (PUB-62)
 */
export async function generateKeyFile(path: string): Promise<PublicKey> {
  const key = generateKey();
  const handle = await createFile(path);
  try {
    await handle.chmod(0o600);
    await writeAll(handle, new TextEncoder().encode(`${key.reveal()}\n`));
    await handle.sync();
  } catch (error) {
    discard(path);
    throw storageError(error, "write", path);
  } finally {
    await handle.close();
  }
  await syncDirectory(dirname(path));
  return key.publicKey;
}
