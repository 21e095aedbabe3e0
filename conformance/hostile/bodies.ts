// Scenarios of the hostile origin whose body is what matters: cut off, too long, too short, packed, or a wrong part.

import { brotliCompressSync, constants, deflateSync, gzipSync } from "node:zlib";
import {
  breakOff,
  chunk,
  chunked,
  drip,
  type Exchange,
  end,
  errorPage,
  flood,
  half,
  honest,
  honestAnswer,
  type Place,
  ranged,
  repeat,
  type Scenario,
  send,
} from "./wire.ts";

export const bodies = {
  // Connections. The argument is the place where the honest answer breaks off.
  close: (exchange) => breakOff(exchange, place(exchange), () => exchange.socket.end()),
  reset: (exchange) => breakOff(exchange, place(exchange), () => exchange.socket.resetAndDestroy()),
  stall: (exchange) => breakOff(exchange, place(exchange), () => {}),
  drip: (exchange) => breakOff(exchange, place(exchange), (rest) => drip(exchange.socket, rest)),
  /** The whole file, in ten parts 200 ms apart. */
  steady: ({ socket, body }) => {
    send(socket, 200, { "Content-Length": body.length });
    const size = Math.ceil(body.length / 10);
    repeat(socket, 200, (index) => body.subarray(index * size, (index + 1) * size));
  },
  /** Cuts the first answers, as many as the argument says, in the middle of what was asked for. */
  cut: (exchange) =>
    exchange.count > Number(exchange.argument)
      ? honest(exchange)
      : breakOff(exchange, "middle", () => exchange.socket.end()),
  /** Cuts each answer after as many bytes as the argument says. */
  dies: async (exchange) => {
    const { status, headers, part, start } = honestAnswer(exchange);
    const { socket } = exchange;
    const most = Number(exchange.argument);
    if (part.length <= most) return honest(exchange);
    send(socket, status, { ...headers, "Content-Length": part.length }, part.subarray(0, most));
    await exchange.taken(start + most);
    socket.end();
  },
  /** Cuts the first answer in the middle; from then on the file is another one. */
  swap: (exchange) =>
    exchange.count > 1
      ? honest({ ...exchange, body: exchange.later })
      : breakOff(exchange, "middle", () => exchange.socket.end()),

  // Bodies and their lengths.
  /** Without a length: the end of the connection ends the body. */
  "no-length": ({ socket, body }) => end(socket, 200, {}, body),
  /** Ends properly, with half of the file. */
  half: ({ socket, body }) => end(socket, 200, {}, half(body)),
  /** Announces as many bytes as the argument says, sends the file, and waits. */
  announce: ({ socket, body, argument }) => send(socket, 200, { "Content-Length": argument }, body),
  chunked: ({ socket, body }) => end(socket, 200, chunked, chunk(body), body, "\r\n0\r\n\r\n"),
  "cut-chunk": ({ socket, body, taken }) => {
    send(socket, 200, chunked, chunk(body), half(body));
    void taken(body.length >> 1).then(() => socket.end());
  },
  /** The whole file in a chunk, and no last chunk. */
  "no-last-chunk": ({ socket, body, taken }) => {
    send(socket, 200, chunked, chunk(body), body, "\r\n");
    void taken(body.length).then(() => socket.end());
  },
  /** The size of the chunk as the argument says (percent-encoded). */
  "bad-chunk": ({ socket, body, argument }) => {
    end(socket, 200, chunked, `${decodeURIComponent(argument)}\r\n`, body, "\r\n0\r\n\r\n");
  },
  /** Zeros without end and without Content-Length, after the file. */
  endless: ({ socket, body }) => {
    send(socket, 200, {}, body);
    flood(socket, zeros);
  },
  /** The file, then as many zeros as the argument says, and a proper end. */
  oversized: ({ socket, body, argument }) => {
    send(socket, 200, {}, body);
    flood(socket, zeros, Number(argument));
  },
  "endless-chunks": ({ socket }) => {
    send(socket, 200, chunked);
    flood(socket, Buffer.concat([Buffer.from(chunk(zeros)), zeros, Buffer.from("\r\n")]));
  },
  /** Says that the plain body is compressed. */
  encoded: ({ socket, body, argument }) => {
    end(socket, 200, { "Content-Length": body.length, "Content-Encoding": argument }, body);
  },
  /** Compressed, and says so. */
  gzipped: ({ socket, body }) => {
    end(socket, 200, { "Content-Encoding": "gzip" }, gzipSync(body));
  },
  /** A small body that is 80 MiB of zeros, compressed as the argument says. */
  bomb: ({ socket, argument }) => {
    const body = bomb(argument);
    end(socket, 200, { "Content-Length": body.length, "Content-Encoding": argument }, body);
  },

  // Ranges. Without a `Range`, all of these are honest.
  "ignores-ranges": ({ socket, body }) => end(socket, 200, { "Content-Length": body.length }, body),
  /** A 200 with a page in place of the rest. */
  "page-for-ranges": (exchange) =>
    ranged(exchange, () =>
      end(exchange.socket, 200, { "Content-Length": errorPage.length }, errorPage),
    ),
  /** A 206 with no more bytes than the argument says, which is what it says of itself, too. */
  "part-of-range": (exchange) =>
    ranged(exchange, (rest, contentRange) => {
      const part = rest.subarray(0, Number(exchange.argument));
      const { length } = exchange.body;
      const first = Number(/\d+/.exec(contentRange)?.[0]);
      end(
        exchange.socket,
        206,
        {
          "Content-Range": `bytes ${first}-${first + part.length - 1}/${length}`,
          "Content-Length": part.length,
        },
        part,
      );
    }),
  "range-status": (exchange) =>
    ranged(exchange, () => end(exchange.socket, Number(exchange.argument), {}, errorPage)),
  /** A 206 with this Content-Range (percent-encoded), and the true rest. */
  "content-range": (exchange) =>
    ranged(exchange, (rest) => {
      const contentRange = decodeURIComponent(exchange.argument);
      end(exchange.socket, 206, { "Content-Range": contentRange }, rest);
    }),
  "no-content-range": (exchange) => ranged(exchange, (rest) => end(exchange.socket, 206, {}, rest)),
  /** A good 206, with zeros instead of the rest. */
  "zero-range": (exchange) =>
    ranged(exchange, (rest, contentRange) =>
      end(exchange.socket, 206, { "Content-Range": contentRange }, new Uint8Array(rest.length)),
    ),
  "short-range": (exchange) =>
    ranged(exchange, (rest, contentRange) =>
      end(exchange.socket, 206, { "Content-Range": contentRange }, half(rest)),
    ),
  "long-range": (exchange) =>
    ranged(exchange, (rest, contentRange) =>
      end(exchange.socket, 206, { "Content-Range": contentRange }, rest, "and more"),
    ),
  /** 206 to what asked for no range. */
  "always-206": ({ socket, body }) => {
    const all = `bytes 0-${body.length - 1}/${body.length}`;
    end(socket, 206, { "Content-Range": all }, body);
  },
} satisfies Record<string, Scenario>;

const zeros = new Uint8Array(64 * 1024);

function place({ argument }: Exchange): Place {
  return argument as Place;
}

const bombs = new Map<string, Uint8Array>();

function bomb(encoding: string): Uint8Array {
  const known = bombs.get(encoding) ?? compress(encoding, new Uint8Array(80 * 1024 * 1024));
  bombs.set(encoding, known);
  return known;
}

function compress(encoding: string, content: Uint8Array): Uint8Array {
  if (encoding === "gzip") return gzipSync(content, { level: 1 });
  if (encoding === "deflate") return deflateSync(content, { level: 1 });
  return brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } });
}
