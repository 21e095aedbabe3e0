// Bytes that come in chunks of any size, taken in the amounts that a format asks for.

const NOTHING: Uint8Array = new Uint8Array(0);

export class ByteReader {
  readonly #source: AsyncIterator<Uint8Array>;
  /** What has come and is not taken. */
  #left = NOTHING;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Fills `into` as far as there are bytes. @returns how many there were */
  async fill(into: Uint8Array): Promise<number> {
    let filled = 0;
    while (filled < into.length) {
      if (this.#left.length === 0) {
        const { done, value } = await this.#source.next();
        if (done === true) break;
        this.#left = value;
      }
      const chunk = this.#left.subarray(0, into.length - filled);
      into.set(chunk, filled);
      filled += chunk.length;
      this.#left = this.#left.subarray(chunk.length);
    }
    return filled;
  }

  /** All that is not taken when it begins, after `before`. Ending it early ends the source. */
  async *rest(before = NOTHING): AsyncGenerator<Uint8Array> {
    try {
      yield before;
      yield this.#left;
      for (
        let next = await this.#source.next();
        next.done !== true;
        next = await this.#source.next()
      )
        yield next.value;
    } finally {
      await this.end();
    }
  }

  /** Ends the source: nothing more is taken. */
  async end(): Promise<void> {
    await this.#source.return?.();
  }
}
