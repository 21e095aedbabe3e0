// Lines of bytes from a stream that nobody can trust to be short. What they mean is not known here.

import type { ByteReader } from "../processes.ts";

const LF = 0x0a;

/** The most bytes of a line of the adapter protocol, with its LF (ADP-8). */
export const MAX_LINE_BYTES = 16 * 1024 * 1024;

export class LineTooLong extends Error {}

/** Reads a stream line by line, and no further than it was asked to. */
export class LineReader {
  readonly #stream: ByteReader;
  readonly #limit: number;
  /** What was read beyond the last line. */
  #rest: Uint8Array = new Uint8Array();

  constructor(stream: ReadableStream<Uint8Array>, limit = MAX_LINE_BYTES) {
    this.#stream = stream.getReader();
    this.#limit = limit;
  }

  /** Wants no more: a pending `read` ends. */
  cancel(): void {
    this.#stream.cancel().catch(() => {});
  }

  /** What is here already of the lines after the last one. */
  get ahead(): Uint8Array {
    return this.#rest;
  }

  /**
   * The next line without its LF; `undefined` at the end of the stream, where bytes without LF are
   * no line.
   *
   * @throws LineTooLong
   */
  async read(): Promise<Uint8Array | undefined> {
    const pieces: Uint8Array[] = [];
    let length = 0;
    for (let chunk = this.#rest; ; ) {
      const end = chunk.indexOf(LF);
      const piece = chunk.subarray(0, end === -1 ? undefined : end + 1);
      length += piece.length;
      if (length > this.#limit) throw new LineTooLong(`a line of more than ${this.#limit} bytes`);
      pieces.push(piece);
      this.#rest = chunk.subarray(piece.length);
      if (end !== -1) return Buffer.concat(pieces).subarray(0, -1);
      const { value } = await this.#stream.read();
      if (value === undefined) return undefined;
      chunk = value;
    }
  }
}
