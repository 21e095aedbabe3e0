// What images that are not in use take of the disk: a download that has no room removes none, so somebody has to be
// told (FET-59). Which of them nothing needs is said by core/prune.ts.

import { lstatSync, readdirSync, readlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { parseSha256Hex } from "../../core/digest.ts";
import { LATEST } from "../../core/layout.ts";
import { isErrno, naming } from "./storage-error.ts";

/** The bytes of all images of a `store/` but the one that `latest` beside it names. */
export function bytesOfOldImages(store: string): number {
  const inUse = basename(linkIn(dirname(store)) ?? "");
  return naming(store, "read", () => readdirSync(store))
    .filter((name) => name !== inUse && parseSha256Hex(name) !== undefined)
    .reduce((sum, name) => sum + lstatSync(join(store, name)).size, 0);
}

function linkIn(destination: string): string | undefined {
  try {
    return readlinkSync(join(destination, LATEST));
  } catch (error) {
    if (isErrno(error, "ENOENT", "EINVAL")) return undefined;
    throw error;
  }
}
