// Memory for manifests while they are checked. Anybody on the way can send 64 MiB in the place of one, to
// each config of a run at once: so what is large comes one at a time, always into the same memory, and is
// never copied (ORG-64).

import { MAX_MANIFEST_BYTES } from "../../core/manifest.ts";

/** From here on a manifest is large: some 13,000 versions. */
const LARGE_BYTES = 1024 * 1024;

/** After so many bytes what came is collected. */
const COLLECT_BYTES = 8 * 1024 * 1024;

/** What all origins of a run share. */
export class LargeManifests {
  #memory: Uint8Array | undefined;
  /** Settles when nobody uses the memory any more. */
  #free: Promise<void> = Promise.resolve();

  /** Waits for the memory. @returns it, and how to give it back */
  async take(): Promise<{ readonly memory: Uint8Array; readonly giveBack: () => void }> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const before = this.#free;
    this.#free = promise;
    await before;
    // Pages that nobody writes to take no room.
    this.#memory ??= new Uint8Array(MAX_MANIFEST_BYTES);
    return { memory: this.#memory, giveBack: resolve };
  }
}

/** The bytes of one manifest, as they come. */
export class ManifestRoom implements Disposable {
  readonly #large: LargeManifests;
  #parts: Uint8Array[] = [];
  #length = 0;
  #uncollected = 0;
  #isWaiting = false;
  #taken: Awaited<ReturnType<LargeManifests["take"]>> | undefined;

  constructor(large: LargeManifests) {
    this.#large = large;
  }

  /** Adds a chunk, which may change once it is taken; at most {@link MAX_MANIFEST_BYTES} in all. */
  add(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#taken === undefined && this.#length + chunk.length > LARGE_BYTES) {
      return this.#moveAndAdd(chunk);
    }
    if (this.#taken === undefined) this.#parts.push(new Uint8Array(chunk));
    else this.#taken.memory.set(chunk, this.#length);
    this.#length += chunk.length;
    this.#collect(chunk.length);
    return undefined;
  }

  /** Whether it waits for the memory, which another manifest has. */
  get isWaiting(): boolean {
    return this.#isWaiting;
  }

  async #moveAndAdd(chunk: Uint8Array): Promise<void> {
    this.#isWaiting = true;
    const taken = await this.#large.take();
    this.#isWaiting = false;
    let at = 0;
    for (const part of this.#parts) {
      taken.memory.set(part, at);
      at += part.length;
    }
    this.#parts = [];
    this.#taken = taken;
    taken.memory.set(chunk, at);
    this.#length += chunk.length;
  }

  /**
   * Chunks that were taken lie about until they are collected, and so little else is there that this would
   * be late: then they take as much as what they were copied to.
   */
  #collect(bytes: number): void {
    this.#uncollected += bytes;
    if (this.#uncollected < COLLECT_BYTES) return;
    this.#uncollected = 0;
    Bun.gc(true);
  }

  /** All that came; not to be used any more once this is disposed of. */
  bytes(): Uint8Array {
    return this.#taken?.memory.subarray(0, this.#length) ?? Buffer.concat(this.#parts);
  }

  /** Forgets what came, and lets the next one have the memory. */
  [Symbol.dispose](): void {
    this.#taken?.giveBack();
    this.#taken = undefined;
    this.#parts = [];
    this.#length = 0;
  }
}
