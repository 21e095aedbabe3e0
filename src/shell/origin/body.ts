// What an origin sends, on its way to where it is wanted. How the bytes come is each transport's own
// business; what they mean is that of who asked.

/** Where the bytes of a body go. */
export interface Sink {
  /**
   * Takes a chunk, which may change once it is taken. A promise only if there is something to wait
   * for: each one costs.
   */
  write(chunk: Uint8Array): Promise<void> | undefined;
  /** Lets the body append to a file by itself; a sink that is no file has no such way. */
  append?(writeTo: WriteTo): Promise<void>;
}

/**
 * Appends a body to an open file. Rejects with an OriginError, or with the system's error if the file
 * could not be written. What had arrived until then is in the file, and nothing is written any more
 * once it has settled.
 *
 * @param signal ends the request
 */
export type WriteTo = (fd: number, signal: AbortSignal) => Promise<void>;

/** A body that is on its way. Whoever does not want it disposes of it, which ends the request. */
export interface Body extends AsyncDisposable {
  /**
   * Brings the body into a sink, once, and ends the request in any case. What had arrived when it
   * failed is in the sink.
   *
   * @param limit the most bytes: what is beyond is not read
   * @returns `longer` if there is more than the limit
   * @throws OriginError, or what the sink throws
   */
  into(sink: Sink, limit: number): Promise<"ended" | "longer">;
}

/** Where the bytes of a body come from. */
export interface Source {
  /** The next bytes, `undefined` at the end. Rejects with an OriginError. */
  readonly read: () => Promise<Uint8Array | undefined>;
  /** Ends the request, and with it a pending `read`, in one way or another; may be called again. */
  readonly stop: () => void | Promise<void>;
}

/** A body that comes chunk by chunk, each one when the sink has done with the one before. */
export function bodyFrom(source: Source): Body {
  return {
    async into(sink, limit) {
      let received = 0;
      try {
        for (;;) {
          const chunk = await source.read();
          if (chunk === undefined) return "ended";
          received += chunk.length;
          if (received > limit) return "longer";
          const writing = sink.write(chunk);
          if (writing !== undefined) await writing;
        }
      } finally {
        await source.stop();
      }
    },
    async [Symbol.asyncDispose]() {
      await source.stop();
    },
  };
}
