// Why no process could be made, in Tako's own words, where the system says that (FET-85, ORG-79).

import { isErrno } from "./disk/storage-error.ts";

export interface SpawnFailure {
  readonly reason: string;
  readonly hint: string;
  /** Whether it can pass by itself, once others have given back what they hold. */
  readonly passing: boolean;
}

const FAILURES: Readonly<Record<string, SpawnFailure>> = {
  E2BIG: {
    reason: "its arguments are too long",
    hint: "The environment counts among them: pass on fewer or shorter variables.",
    passing: false,
  },
  EAGAIN: {
    reason: "no further process may be started",
    hint: "Raise TasksMax=, LimitNPROC= or the user's limit.",
    passing: true,
  },
  EMFILE: {
    reason: "too many files are open in this process",
    hint: "Raise the limit (LimitNOFILE=).",
    passing: true,
  },
  ENFILE: {
    reason: "too many files are open on this machine",
    hint: "Close some, or raise fs.file-max.",
    passing: true,
  },
  ENOMEM: {
    reason: "there is not enough memory",
    hint: "Free some, or raise MemoryMax=.",
    passing: true,
  },
};

/** @returns undefined where it is no limit of the system's: the program is not there, most likely */
export function spawnFailure(error: unknown): SpawnFailure | undefined {
  return Object.entries(FAILURES).find(([code]) => isErrno(error, code))?.[1];
}
