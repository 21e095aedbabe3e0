// What went wrong with a file, in Tako's own words: the error codes of the system (CLI-33).

import { TakoError } from "../../core/error.ts";
import { printable, shownPath } from "../../core/text.ts";

/** What the system's error codes mean, and what to do about them where that is known. */
const ERRNO: Readonly<Record<string, readonly [meaning: string, hint?: string]>> = {
  EACCES: ["permission denied", "Check owner and mode of the path and the user that runs Tako."],
  EBADF: ["it is closed"],
  EBUSY: ["it is in use by the system"],
  EDQUOT: ["the disk quota is used up", "Free some space or raise the quota."],
  EEXIST: ["it exists already", "If no other process made it, remove it and try again."],
  EFBIG: ["the file is larger than the file system or the process limit allows"],
  EIO: ["the device reports a read or write error", "Check the disk and the kernel's log."],
  EISDIR: ["it is a directory"],
  ELOOP: ["it is a symbolic link, which Tako does not follow here", "Look at it and remove it."],
  EMFILE: ["too many files are open in this process", "Raise the limit (LimitNOFILE=)."],
  ENAMETOOLONG: ["the name is too long"],
  ENFILE: ["too many files are open on this machine"],
  ENODEV: ["it is not a regular file"],
  ENOENT: ["no such file or directory"],
  ENOSPC: ["no space is left on the file system", "Free some space and try again."],
  ENOTDIR: ["a part of the path is not a directory"],
  ENXIO: ["it is not a regular file"],
  EPERM: ["operation not permitted", "Check owner, mode and attributes (lsattr) of the path."],
  EROFS: ["the file system is read-only", "Mount it writable or choose another directory."],
  ESTALE: ["the network file system lost the file"],
  ETXTBSY: ["it is being executed"],
};

/** Whether an error is one of the system with one of these codes, such as `ENOENT`. */
export function isErrno(error: unknown, ...codes: readonly string[]): boolean {
  return codes.includes(errnoOf(error) ?? "");
}

/** Whether it was for lack of room that something could not be written. */
export function isLackOfRoom(error: unknown): boolean {
  if (!(error instanceof TakoError)) return false;
  return isErrno(error.cause, "ENOSPC", "EDQUOT") || isLackOfRoom(error.cause);
}

/** The code of an error of the system, such as `ENOENT`. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/**
 * Tells an error of the system in words (CLI-33). An error that is a TakoError already, or none of
 * the system, is given back as it is.
 *
 * @param action what was tried, such as `"write"`; gives "cannot write it: ...", of the path as `source`
 */
export function storageError(error: unknown, action: string, path: string): unknown {
  const code = errnoOf(error);
  if (error instanceof TakoError || code === undefined) return error;
  const [meaning, hint] = ERRNO[code] ?? [`the system says ${printable(code)}`];
  return new TakoError("storage", `cannot ${action} it: ${meaning}`, {
    source: shownPath(path),
    hint,
    cause: error,
  });
}

/**
 * Runs what touches `path`, at once or in its own time, and tells an error of the system in words that
 * name the path: the one way in which the disk is touched.
 *
 * @param action what is done, as for {@link storageError}
 */
export function naming<T>(path: string, action: string, run: () => T): T {
  const tell = (error: unknown): never => {
    throw storageError(error, action, path);
  };
  try {
    const result = run();
    return result instanceof Promise ? (result.catch(tell) as T) : result;
  } catch (error) {
    return tell(error);
  }
}
