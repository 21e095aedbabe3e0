// Takes what arrives while its reader is busy: what still waits in a connection is lost when that
// breaks (ORG-39).

import type { Source } from "./body.ts";

/** No more than this is taken before the reader has had it. */
const MOST_BYTES = 4 * 1024 * 1024;

/** The same bytes; an error of the source comes behind all that arrived before it. */
export function readAhead({ read, stop }: Source): Source {
  const waiting: Uint8Array[] = [];
  let bytes = 0;
  let isFilling = false;
  let end: (() => undefined) | undefined;
  let changed = Promise.withResolvers<void>();
  const tell = () => {
    changed.resolve();
    changed = Promise.withResolvers();
  };

  async function fill(): Promise<() => undefined> {
    try {
      for (;;) {
        while (bytes >= MOST_BYTES) await changed.promise;
        const chunk = await read();
        if (chunk === undefined) return () => undefined;
        waiting.push(chunk);
        bytes += chunk.length;
        tell();
      }
    } catch (error) {
      return () => {
        throw error;
      };
    }
  }

  function start() {
    isFilling = true;
    void fill().then((ended) => {
      end = ended;
      tell();
    });
  }

  return {
    async read() {
      if (!isFilling) start();
      for (;;) {
        const chunk = waiting.shift();
        if (chunk !== undefined) {
          bytes -= chunk.length;
          tell();
          return chunk;
        }
        if (end !== undefined) return end();
        await changed.promise;
      }
    },
    stop,
  };
}
