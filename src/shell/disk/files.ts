// Files, links and directories as Tako makes and removes them: never half under a final name, and every failure told in
// words (DST-20 to DST-36). Which files there are is not known here.

import {
  closeSync,
  constants,
  fchmodSync,
  mkdirSync,
  openSync,
  statSync,
  symlinkSync,
  unlinkSync,
} from "node:fs";
import { type FileHandle, open, rename } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { TakoError } from "../../core/error.ts";
import { temporaryName } from "../../core/layout.ts";
import { shownPath } from "../../core/text.ts";
import { type FileKind, isPresent, READ_FLAGS } from "./read-files.ts";
import { isErrno, naming, storageError } from "./storage-error.ts";

const { O_APPEND, O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_RDWR } = constants;

/** O_APPEND: after a truncation the next byte is the first, and not behind a hole. */
const CREATE_FLAGS = O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW;

/** What a directory is for, and what helps who named one that is missing, or no directory. */
const DIRECTORIES = {
  destination: {
    rule: "DST-5",
    missing: "Tako does not make it: mkdir it with the owner and mode that it should have.",
    none: "Destination= names a directory, and Tako keeps its images in that.",
  },
  origin: {
    rule: "PUB-12",
    missing: "Check the path. For an origin that is new, mkdir it first.",
    none: "An origin is a directory: the one that tako store --output fills.",
  },
} as const;

/**
 * Refuses what is not a directory that somebody has made.
 *
 * @throws TakoError of kind `storage` if there is none (DST-5, DST-8, PUB-12)
 */
export function requireDirectory(path: string, use: keyof typeof DIRECTORIES): void {
  try {
    closeSync(openSync(path, O_RDONLY | O_DIRECTORY));
  } catch (error) {
    if (!isErrno(error, "ENOENT", "ENOTDIR")) throw storageError(error, "open", path);
    const isThere = isErrno(error, "ENOTDIR");
    const { rule, missing, none } = DIRECTORIES[use];
    const hint = isThere ? none : missing;
    throw new TakoError(
      "storage",
      isThere ? "it is not a directory" : "there is no such directory",
      {
        rule,
        source: shownPath(resolve(path)),
        hint: /^[~$"']/.test(path)
          ? "The path is taken literally: no ~, no variables, no quotes."
          : hint,
        cause: error,
      },
    );
  }
}

/**
 * Puts a small file in place whole: written under its temporary name, synced, renamed, and the
 * directory synced (DST-20). A failure leaves no temporary file and the old file as it was.
 *
 * @param before its name before the rename
 */
export async function writeFileAtomically(
  directory: string,
  name: string,
  bytes: Uint8Array,
  mode: number,
  before = temporaryName(name),
): Promise<void> {
  const temporary = await writeNewFile(join(directory, before), bytes, { mode, isSynced: true });
  try {
    await moveIntoPlace(temporary, directory, name);
  } catch (error) {
    discard(temporary);
    throw error;
  }
}

/** The same for what may be lost: it is whole or absent for who reads it, and nobody waits for the disk (DST-114). */
export async function writeFileUnsynced(
  directory: string,
  name: string,
  bytes: Uint8Array,
  mode: number,
): Promise<void> {
  const path = join(directory, temporaryName(name));
  const temporary = await writeNewFile(path, bytes, { mode, isSynced: false });
  try {
    await replace(temporary, join(directory, name));
  } catch (error) {
    discard(temporary);
    throw error;
  }
}

/** Writes a file that is whole, or not there after a failure. @returns its path */
export async function writeNewFile(
  path: string,
  bytes: Uint8Array,
  { mode, isSynced }: { readonly mode: number; readonly isSynced: boolean },
): Promise<string> {
  const handle = await createFile(path);
  try {
    await naming(path, "write", async () => {
      try {
        await writeAll(handle, bytes);
        await handle.chmod(mode);
        if (isSynced) await handle.sync();
      } finally {
        await handle.close();
      }
    });
    return path;
  } catch (error) {
    discard(path);
    throw error;
  }
}

/** Makes a new file, readable by its owner only as long as nothing else is said (DST-26). */
export function createFile(path: string): Promise<FileHandle> {
  return naming(path, "create", () => open(path, CREATE_FLAGS, 0o600));
}

/** Writes all of the bytes where the file's position is: one `write` may take fewer. */
export async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await handle.write(bytes, done, bytes.length - done)).bytesWritten;
  }
}

/** Renames a finished file to its final name in `directory`, which is synced (DST-20, DST-21). */
export async function moveIntoPlace(from: string, directory: string, name: string): Promise<void> {
  await replace(from, join(directory, name));
  await syncDirectory(directory);
}

async function replace(from: string, path: string): Promise<void> {
  isPresent(path, "regular file");
  await naming(path, "replace", () => rename(from, path));
}

/**
 * Makes `directory/name` a symbolic link to `target` by one rename, and syncs `directory` (DST-11).
 *
 * @param before its name before the rename
 */
export async function replaceSymlink(
  directory: string,
  name: string,
  target: string,
  before = temporaryName(name),
): Promise<void> {
  const path = join(directory, name);
  const temporary = join(directory, before);
  isPresent(path, "symbolic link");
  makeSymlink(temporary, target);
  try {
    await naming(path, "replace", () => rename(temporary, path));
  } catch (error) {
    discard(temporary);
    throw error;
  }
  await syncDirectory(directory);
}

/** Tells that there can be no symbolic links in a directory, before work is done that ends with one (DST-36). */
export function requireSymlinks(directory: string, name: string, target: string): void {
  const temporary = join(directory, temporaryName(name));
  makeSymlink(temporary, target);
  removeIfPresent(temporary, "symbolic link");
}

function makeSymlink(path: string, target: string): void {
  try {
    symlinkSync(target, path);
  } catch (error) {
    if (!isErrno(error, "EPERM", "EOPNOTSUPP", "ENOTSUP", "ENOSYS"))
      throw storageError(error, "create", path);
    throw new TakoError("storage", "its file system has no symbolic links", {
      rule: "DST-36",
      source: shownPath(path),
      hint: "Choose a Destination= on one that has them, such as ext4, xfs or btrfs.",
      cause: error,
    });
  }
}

/** Waits until the names in a directory are on disk, on a file system that can be asked for it (DST-35). */
export async function syncDirectory(path: string): Promise<void> {
  await naming(path, "sync", async () => {
    const handle = await open(path, O_RDONLY | O_DIRECTORY);
    try {
      await handle.sync();
    } catch (error) {
      // fsync(2): what is opened here has no such thing as a sync.
      if (!isErrno(error, "EINVAL")) throw error;
    } finally {
      await handle.close();
    }
  });
}

/**
 * Makes a directory with exactly this mode, whatever the umask, and syncs its parent. One that
 * exists keeps its own mode (DST-32).
 */
export async function makeDirectory(path: string, mode: number): Promise<void> {
  if (isPresent(path, "directory")) return;
  // In one call: a run that is killed before a second one would leave another mode for good.
  const umask = process.umask(0);
  try {
    naming(path, "create", () => mkdirSync(path, mode));
  } finally {
    process.umask(umask);
  }
  await syncDirectory(dirname(path));
}

/**
 * Whether a file's owner is this user or root, or owns the directory that it is in: who does can put anything
 * there. On a network file system which takes us for somebody else, that is whoever it takes us for.
 */
export function isTrustedOwner(uid: number, directory: string): boolean {
  return uid === process.geteuid?.() || uid === 0 || uid === statSync(directory).uid;
}

/** Sets the mode of a file or directory of Tako's own; a link is not followed. */
export function setMode(path: string, mode: number): void {
  naming(path, "change the mode of", () => {
    const fd = openSync(path, READ_FLAGS);
    try {
      fchmodSync(fd, mode);
    } finally {
      closeSync(fd);
    }
  });
}

/** Removes a file or link of Tako's own, if it is there. */
export function removeIfPresent(
  path: string,
  kind: Exclude<FileKind, "directory"> = "regular file",
): void {
  if (isPresent(path, kind)) naming(path, "remove", () => unlinkSync(path));
}

/** Removes what a failed step left; the step's own error is the one to tell. */
export function discard(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Absent, or to be found and told by the next run.
  }
}
