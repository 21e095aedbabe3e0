// The entry of a thread that hashes files for hash-lanes.ts: it is sent descriptors of open files, and answers with
// how far it is, then with the digest. Which files these are is not known here.

import { readSync } from "node:fs";
import { parentPort } from "node:worker_threads";
import { BLOCK, newHasher } from "./hash.ts";

/** What such a thread answers for a file. */
export type Answer =
  /** How many bytes have been hashed. */
  | { readonly done: number }
  /** In hexadecimal. */
  | { readonly digest: string }
  /** The system's code for why it cannot be read. */
  | { readonly code: string };

/** Blocks between two answers on the way. */
const STEP = 16;

const block = new Uint8Array(BLOCK);

parentPort?.on("message", (fd: number) => {
  const answer = (said: Answer) => parentPort?.postMessage(said);
  try {
    answer({ digest: digestOf(fd, (done) => answer({ done })) });
  } catch (error) {
    answer({
      code: error instanceof Error && "code" in error ? String(error.code) : String(error),
    });
  }
});

function digestOf(fd: number, onProgress: (done: number) => void): string {
  const hasher = newHasher();
  let done = 0;
  for (let blocks = 1; ; blocks++) {
    const count = readSync(fd, block, 0, block.length, null);
    if (count === 0) return hasher.digest("hex");
    hasher.update(block.subarray(0, count));
    done += count;
    if (blocks % STEP === 0) onProgress(done);
  }
}
