// The lock on a directory that Tako changes: flock on the file `.lock` in it, which no other user can open
// (DST-41 to DST-49). The kernel releases it when the process dies; the file stays, and means nothing.

import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  lstatSync,
  openSync,
  statSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { asTakoError, TakoError } from "../../core/error.ts";
import { LOCK } from "../../core/layout.ts";
import { shownPath } from "../../core/text.ts";
import type { Clock } from "../clock.ts";
import { errno, libc } from "../libc.ts";
import { isTrustedOwner, requireDirectory } from "./files.ts";
import { openRegularFile } from "./read-files.ts";
import { isErrno, naming } from "./storage-error.ts";

/** A directory that no other run of Tako changes. */
export interface Lock extends Disposable {
  /** @throws TakoError of kind `storage` if somebody removed the lock's file: another run may be at work (DST-37) */
  requireHeld(): void;
}

/** How somebody waits for a lock. */
export interface Waiting {
  readonly clock: Clock;
  /** Called once, after a second of waiting (DST-42). */
  readonly onWait: () => void;
  /** Makes the wait, if there is one, and may do without what others need meanwhile. */
  readonly aside?: <T>(wait: () => Promise<T>) => Promise<T>;
}

const RETRY_MS = 100;
const SAY_SO_AFTER_MS = 1000;
const GIVE_UP_AFTER_MS = 10 * 60 * 1000;

/** Nobody else may open it: who can, can hold the lock. */
const MODE = 0o600;
const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDONLY } = constants;

// <sys/file.h> and <errno.h> of Linux, the same on every architecture that Bun runs on.
const LOCK_EX = 2;
const LOCK_NB = 4;
const LOCK_UN = 8;
const EWOULDBLOCK = 11;

/**
 * Locks a directory, waiting for ten minutes at most while another process has it.
 *
 * @throws TakoError of kind `storage` if the directory is missing, or cannot be locked
 */
export async function lockDirectory(directory: string, waiting: Waiting): Promise<Lock> {
  requireDirectory(directory, "destination");
  const path = join(directory, LOCK);
  const { aside = (wait) => wait() } = waiting;
  return tryLock(path) ?? (await aside(() => waitForLock(path, waiting)));
}

/** Whether this process could lock a directory right now: nobody else has the lock, and it may take it. */
export function canLockDirectory(directory: string): boolean {
  try {
    using lock = tryLock(join(directory, LOCK));
    return lock !== undefined;
  } catch (caught) {
    asTakoError(caught);
    return false;
  }
}

async function waitForLock(path: string, { clock, onWait }: Waiting): Promise<Lock> {
  const start = clock.elapsed();
  for (let saidSo = false; ; ) {
    await clock.sleep(RETRY_MS);
    const lock = tryLock(path);
    if (lock !== undefined) return lock;
    const waited = clock.elapsed() - start;
    if (waited >= GIVE_UP_AFTER_MS) throw givenUp(path);
    if (saidSo || waited < SAY_SO_AFTER_MS) continue;
    saidSo = true;
    onWait();
  }
}

function givenUp(path: string): TakoError {
  return new TakoError("storage", "another run has held the lock for ten minutes", {
    rule: "DST-49",
    source: shownPath(path),
    hint: "Look at that run: fuser or lsof, as root, shows which process has the file open. Do not remove the file.",
  });
}

/** @returns the lock; `undefined` while another process has it */
function tryLock(path: string): Lock | undefined {
  const fd = openLockFile(path);
  let isHeld = false;
  try {
    // A file that was removed, or replaced, since it was opened locks nobody else out (DST-48).
    isHeld = flockNow(fd, path) && isStillThere(fd, path);
  } finally {
    if (!isHeld) closeSync(fd);
  }
  return isHeld ? heldLock(fd, path) : undefined;
}

function heldLock(fd: number, path: string): Lock {
  let held = true;
  return {
    requireHeld() {
      if (held && isStillThere(fd, path)) return;
      throw new TakoError("storage", "the lock was removed while it was held", {
        rule: "DST-37",
        source: shownPath(path),
        hint: "Another run may be at work there now. Never remove the file; then run this again.",
      });
    },
    [Symbol.dispose]() {
      if (!held) return;
      held = false;
      // A child that is just being started has the descriptor, too, until it runs its program.
      flock(fd, LOCK_UN);
      closeSync(fd);
    },
  };
}

/** Opens the lock file, which is made if it is missing. Bun opens close-on-exec: no child holds on to it. */
function openLockFile(path: string): number {
  const fd = openOwnFile(path) ?? makeLockFile(path);
  if (fd === undefined) return openLockFile(path);
  try {
    requireOurs(fd, path);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** @returns `undefined` if there is none */
function openOwnFile(path: string): number | undefined {
  try {
    return openRegularFile(path);
  } catch (caught) {
    const error = asTakoError(caught);
    const owner = lstatSync(path, { throwIfNoEntry: false })?.uid;
    if (!isErrno(error.cause, "EACCES") || owner === undefined) throw error;
    throw ofAnotherUser(owner, path, "whose runs it is for");
  }
}

/** @returns `undefined` if another run was quicker */
function makeLockFile(path: string): number | undefined {
  try {
    const fd = openSync(path, O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW, MODE);
    giveToOwner(fd, dirname(path));
    return fd;
  } catch (error) {
    if (isErrno(error, "EEXIST")) return undefined;
    return naming(path, "create", () => {
      throw error;
    });
  }
}

/** What root makes in the directory of another user would keep that user's own runs out (DST-57). */
function giveToOwner(fd: number, directory: string): void {
  if (process.geteuid?.() !== 0) return;
  const { uid, gid } = statSync(directory);
  if (uid === 0) return;
  try {
    fchownSync(fd, uid, gid);
  } catch {
    // A file system that gives owners by itself. Whom it keeps out is told when that user comes.
  }
}

function ofAnotherUser(uid: number, path: string, why: string): TakoError {
  const us = process.geteuid?.();
  const message = `it belongs to another user (uid ${uid}; this run has uid ${us}), ${why}`;
  return new TakoError("storage", message, {
    rule: "DST-48",
    source: shownPath(path),
    hint: "Let one user alone run Tako on this directory. If that is this one now, remove the file while nothing runs.",
  });
}

/** Refuses a lock that somebody else can take as well, and closes one that is merely open to others (DST-48). */
function requireOurs(fd: number, path: string): void {
  const { uid, nlink, mode } = fstatSync(fd);
  if (!isTrustedOwner(uid, dirname(path))) {
    throw ofAnotherUser(uid, path, "who could hold the lock");
  }
  if (nlink > 1) {
    throw new TakoError("storage", "it has a second name (a hard link)", {
      rule: "DST-48",
      source: shownPath(path),
      hint: "Tako did not make that; look at it and move it away.",
    });
  }
  if ((mode & 0o7777) !== MODE) naming(path, "change the mode of", () => fchmodSync(fd, MODE));
}

function isStillThere(fd: number, path: string): boolean {
  const ours = fstatSync(fd, { bigint: true });
  const found = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return found?.ino === ours.ino && found.dev === ours.dev;
}

function flockNow(fd: number, path: string): boolean {
  const failure = flock(fd, LOCK_EX | LOCK_NB);
  if (failure === 0) return true;
  if (failure === EWOULDBLOCK) return false;
  throw new TakoError("storage", `cannot lock it: flock failed with errno ${failure}`, {
    rule: "DST-43",
    source: shownPath(path),
    hint: "Does its file system support locks? Tako does not go on without one.",
  });
}

/** flock(2), without waiting: neither Bun nor node: has it, and a waiting one would stop timers. */
function flock(fd: number, operation: number): number {
  return libc().flock(fd, operation) === 0 ? 0 : errno();
}
