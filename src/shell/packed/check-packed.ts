// Whether a packed file on disk makes the image that it is for: decoded as a host does it, and hashed (PCK-65).

import { closeSync } from "node:fs";
import type { Sha256Hex } from "../../core/digest.ts";
import { TakoError } from "../../core/error.ts";
import type { Wanted } from "../../core/packed/cheapest-way.ts";
import { hexDigest, newHasher } from "../disk/hash.ts";
import { openRegularFile, readChunks } from "../disk/read-files.ts";
import { applyPatch } from "./apply-patch.ts";
import type { OpenImage } from "./make-patch.ts";
import { oldImage } from "./old-image.ts";
import { unpackImage } from "./zstd.ts";

/** @throws TakoError of kind `storage` */
export function makesByFrame(path: string, { digest, size }: Wanted): Promise<boolean> {
  return makes(path, digest, (bytes) => unpackImage(bytes, size));
}

/** @throws TakoError of kind `storage` */
export function makesByPatch(
  path: string,
  old: OpenImage,
  { digest, size }: Wanted,
): Promise<boolean> {
  return makes(path, digest, (bytes) => applyPatch(bytes, oldImage(old.fd, old.size), size));
}

async function makes(
  path: string,
  digest: Sha256Hex,
  decode: (bytes: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>,
): Promise<boolean> {
  const fd = openRegularFile(path);
  if (fd === undefined) return false;
  const hasher = newHasher();
  try {
    for await (const chunk of decode(readChunks(fd, path))) hasher.update(chunk);
    return hexDigest(hasher) === digest;
  } catch (caught) {
    if (caught instanceof TakoError && caught.kind === "origin") return false;
    throw caught;
  } finally {
    closeSync(fd);
  }
}
