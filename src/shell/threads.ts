// Whether this process may still start threads. The runtime starts its own when it needs them, and waits for
// ever, or aborts, where it gets none: so that is asked before anything runs (CLI-48).

import { availableParallelism } from "node:os";
import { TakoError } from "../core/error.ts";
import { openLibc } from "./libc.ts";

const SYMBOLS = {
  pthread_create: { args: ["ptr", "ptr", "ptr", "ptr"], returns: "i32" },
  pthread_join: { args: ["u64", "ptr"], returns: "i32" },
  dlsym: { args: ["ptr", "ptr"], returns: "ptr" },
  sem_post: { args: ["ptr"], returns: "i32" },
} as const;

/** A `sem_t` of zeros is one that nobody has posted, with glibc and with musl. */
const SEMAPHORE_BYTES = 32;

/** What the runtime starts after this: for requests, for files, and for its memory by the number of cores. */
const NEEDED = 2 + Math.min(availableParallelism(), 8);

/** @throws TakoError if fewer threads can be started than a run needs */
export function requireThreads(): void {
  const left = threadsLeft(NEEDED);
  if (left === NEEDED) return;
  throw new TakoError("failed", `too few threads and processes are left: ${left} of ${NEEDED}`, {
    rule: "CLI-48",
    hint: "Raise the limit: that of the user (ulimit -u, LimitNPROC=), or that of the unit or container (TasksMax=, pids.max).",
  });
}

/** Whether so many more can be started beside those, for work that several of them share. */
export function canStartMore(count: number): boolean {
  return threadsLeft(NEEDED + count) === NEEDED + count;
}

/** How many of so many threads could be started, all at once. They wait for a semaphore, and end. */
function threadsLeft(wanted: number): number {
  const symbols = load();
  if (symbols === undefined) return wanted;
  const { dlsym, pthread_create, pthread_join, sem_post } = symbols;
  const wait = dlsym(null, Buffer.from("sem_wait\0"));
  const semaphore = new Uint8Array(SEMAPHORE_BYTES);
  const id = new BigUint64Array(1);
  const threads: bigint[] = [];
  while (threads.length < wanted) {
    if (pthread_create(id, null, wait, semaphore) !== 0) break;
    threads.push(id[0] ?? 0n);
  }
  for (const _ of threads) sem_post(semaphore);
  for (const thread of threads) pthread_join(thread, null);
  return threads.length;
}

/** Undefined where they are not in the library: in that of glibc, from version 2.34 on. */
function load() {
  try {
    return openLibc(SYMBOLS).symbols;
  } catch {
    // Who cannot ask finds out.
    return undefined;
  }
}
