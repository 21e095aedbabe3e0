// How the small command line reads and writes its files: never through a symbolic link, never in
// place, with fixed modes, unless it has a fault.

import {
  closeSync,
  fchmodSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { wrong } from "./cli-faults.ts";

const IMAGE_MODE = 0o444;

/** `undefined` if there is nothing. */
export function readRegular(path: string): Uint8Array | undefined {
  return isRegular(path) ? new Uint8Array(readFileSync(path)) : undefined;
}

/** @throws Error if there is something else than a regular file */
export function isRegular(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return false;
  if (found.isFile() || (found.isSymbolicLink() && wrong("links-followed"))) return true;
  throw new Error(`${path} is not a regular file`);
}

/** Puts a file into place as a whole, with mode 0444. */
export function replaceFile(path: string, temporary: string, bytes: Uint8Array): void {
  isRegular(path);
  if (wrong("files-written-in-place")) {
    writeFileSync(path, bytes, { mode: IMAGE_MODE });
    return;
  }
  if (isRegular(temporary)) rmSync(temporary);
  const file = openSync(temporary, "wx");
  try {
    writeFileSync(file, bytes);
    if (!wrong("modes-by-umask")) fchmodSync(file, IMAGE_MODE);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
}

export function replaceManifest(directory: string, bytes: Uint8Array): void {
  replaceFile(join(directory, "manifest"), join(directory, ".manifest.new"), bytes);
}

/** `DIR/store`, made if it is missing. */
export function storeOf(directory: string): string {
  const store = join(directory, "store");
  const found = lstatSync(store, { throwIfNoEntry: false });
  if (found === undefined) {
    mkdirSync(store);
    const handle = openSync(store, "r");
    if (!wrong("store-mode-by-umask")) fchmodSync(handle, 0o755);
    closeSync(handle);
  } else if (!found.isDirectory() && !wrong("store-link-followed")) {
    throw new Error(`${store} is not a directory`);
  }
  return store;
}
