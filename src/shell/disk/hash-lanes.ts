// The SHA-256 of many files, as many at a time as there are cores: one lane is this thread, each further one a thread
// that hashes and does nothing else (hash-worker.ts).

import { closeSync } from "node:fs";
import { availableParallelism } from "node:os";
import type { Sha256Hex } from "../../core/digest.ts";
import { canStartMore } from "../threads.ts";
import { hashFile, requireSha256Hex } from "./hash.ts";
import type { Answer } from "./hash-worker.ts";
import { openRegularFile } from "./read-files.ts";
import { storageError } from "./storage-error.ts";

type OnProgress = (done: number) => void;
type Lane = (path: string, onProgress: OnProgress) => Promise<Sha256Hex | undefined>;

interface Job {
  readonly path: string;
  readonly size: number;
  readonly onProgress: OnProgress;
  readonly ended: PromiseWithResolvers<Sha256Hex | undefined>;
}

/** For a smaller file, in bytes, no thread is started: it would take longer than the hash. */
const WORTH_A_THREAD = 4 * 1024 * 1024;
/** With more of them the disk is what is waited for. */
const MAX_THREADS = 7;
/** What the runtime starts for each, at most. */
const THREADS_OF_A_WORKER = 2;

/** Takes files to hash until it is disposed of, which is when no more is asked of it. */
export class HashLanes implements Disposable {
  readonly #queue: Job[] = [];
  readonly #idle: Lane[] = [hashFile];
  readonly #workers: Worker[] = [];
  #limit = Math.min(availableParallelism() - 1, MAX_THREADS);

  /**
   * The digest of the regular file at `path`, once a lane is free; `undefined` if there is none then.
   *
   * @param size of it, in bytes, as far as it is known
   * @param onProgress is told now and then how many bytes of it have been hashed
   */
  hash(path: string, size: number, onProgress: OnProgress): Promise<Sha256Hex | undefined> {
    const ended = Promise.withResolvers<Sha256Hex | undefined>();
    this.#queue.push({ path, size, onProgress, ended });
    this.#next();
    return ended.promise;
  }

  [Symbol.dispose](): void {
    for (const worker of this.#workers) worker.terminate();
  }

  #next(): void {
    const [job] = this.#queue;
    const lane = job && (this.#idle.pop() ?? this.#another(job));
    if (job === undefined || lane === undefined) return;
    this.#queue.shift();
    void this.#run(job, lane);
    this.#next();
  }

  async #run({ path, onProgress, ended }: Job, lane: Lane): Promise<void> {
    try {
      ended.resolve(await lane(path, onProgress));
    } catch (error) {
      ended.reject(error);
    }
    this.#idle.push(lane);
    this.#next();
  }

  #another({ size }: Job): Lane | undefined {
    if (this.#workers.length >= this.#limit || size < WORTH_A_THREAD) return undefined;
    if (!canStartMore(THREADS_OF_A_WORKER)) {
      this.#limit = 0;
      return undefined;
    }
    const worker = new Worker(new URL("./hash-worker.ts", import.meta.url));
    this.#workers.push(worker);
    return (path, onProgress) => hashBy(worker, path, onProgress);
  }
}

/** Opened here, where what is no regular file is told; the thread only reads. */
async function hashBy(
  worker: Worker,
  path: string,
  onProgress: OnProgress,
): Promise<Sha256Hex | undefined> {
  const fd = openRegularFile(path);
  if (fd === undefined) return undefined;
  const ended = Promise.withResolvers<Sha256Hex>();
  worker.onmessage = ({ data }: MessageEvent<Answer>) => {
    if ("done" in data) onProgress(data.done);
    else if ("digest" in data) ended.resolve(requireSha256Hex(data.digest));
    else ended.reject(storageError(Object.assign(new Error(), { code: data.code }), "read", path));
  };
  worker.onerror = ({ message }) => ended.reject(new Error(message));
  worker.postMessage(fd);
  try {
    return await ended.promise;
  } finally {
    closeSync(fd);
  }
}
