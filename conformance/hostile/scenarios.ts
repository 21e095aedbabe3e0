// How the hostile origin misbehaves: one entry a scenario. Entries write raw bytes, since no library
// sends what is wrong.

import { brotliCompressSync, constants, deflateSync, gzipSync } from "node:zlib";
import {
  breakOff,
  drip,
  type Exchange,
  end,
  flood,
  half,
  honest,
  type Place,
  ranged,
  repeat,
  type Scenario,
  send,
  split,
} from "./wire.ts";

export const scenarios = {
  honest,

  // Statuses.
  /** Always the status, with a page. */
  status: ({ socket, argument }) => end(socket, Number(argument), {}, page),
  /** The status, with the true file as its body. */
  "true-body": ({ socket, body, argument }) => end(socket, Number(argument), {}, body),
  /** 410 for images but the one whose digest the argument names. */
  "all-gone-but": (exchange) =>
    ["manifest", `store/${exchange.argument}`].includes(exchange.request.file)
      ? honest(exchange)
      : end(exchange.socket, 410, {}, page),
  /** The status once, with `Retry-After: 1`, then honest. */
  "soon-again": (exchange) =>
    exchange.count === 1
      ? end(exchange.socket, Number(exchange.argument), { "Retry-After": "1" }, page)
      : honest(exchange),
  /** 503 as many times as the argument says, then honest. */
  busy: (exchange) =>
    exchange.count <= Number(exchange.argument) ? end(exchange.socket, 503) : honest(exchange),
  /** 429 with this `Retry-After` (percent-encoded) once, then honest. */
  "retry-after": (exchange) => retryAfter(exchange, decodeURIComponent(exchange.argument)),
  /** The same with a date, as many seconds from now as the argument says. */
  "retry-in": (exchange) => {
    const date = new Date(Date.now() + 1000 * Number(exchange.argument));
    retryAfter(exchange, date.toUTCString());
  },
  /** 103 (RFC 8297), and then the honest answer. */
  "early-hints": (exchange) => {
    exchange.socket.write("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n");
    honest(exchange);
  },
  /** One 100 after the other, and no answer. */
  "endless-continue": ({ socket }) => repeat(socket, 5, () => "HTTP/1.1 100 Continue\r\n\r\n"),
  /** The content, with a status line that is as long as the argument says. */
  "long-status": ({ socket, body, argument }) => {
    socket.write(`HTTP/1.1 200 ${"x".repeat(Number(argument))}\r\nConnection: close\r\n\r\n`);
    socket.end(body);
  },

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

  // Headers.
  /** Has as many header lines as the argument says. */
  headers: ({ socket, body, argument }) => {
    const lines = Array.from({ length: Number(argument) - 2 }, (_, i) => [`X-${i}`, "x"]);
    end(socket, 200, { "Content-Length": body.length, ...Object.fromEntries(lines) }, body);
  },
  /** The content, after a header as long as the argument says. */
  "header-bytes": ({ socket, body, argument }) => {
    end(socket, 200, { "Content-Length": body.length, X: "x".repeat(Number(argument)) }, body);
  },
  "huge-header": ({ socket }) => {
    socket.write("HTTP/1.1 200 OK\r\nX: ");
    flood(socket, "x".repeat(1024 * 1024));
  },
  /** Both a length and chunks (RFC 9112 section 6.3). */
  "length-and-chunks": ({ socket, body }) => {
    const both = { "Content-Length": body.length, ...chunked };
    end(socket, 200, both, chunk(body), body, "\r\n0\r\n\r\n");
  },
  /** Two lengths: the right one, and one byte less. */
  "two-lengths": ({ socket, body }) => {
    const both = { "Content-Length": body.length, "content-length": body.length - 1 };
    end(socket, 200, both, body);
  },
  /** The ETag as the argument says (percent-encoded). */
  etag: ({ socket, body, argument }) =>
    end(socket, 200, { ETag: decodeURIComponent(argument) }, body),
  /** The same ETag whatever the content is, and so 304 for content that the client does not have. */
  "same-etag": ({ socket, body, request }) => {
    const isKnown = request.headers["if-none-match"] === '"same"';
    end(socket, isKnown ? 304 : 200, { ETag: '"same"' }, ...(isKnown ? [] : [body]));
  },
  "unchanged-with-body": ({ socket, body }) => {
    end(socket, 304, { "Content-Length": body.length }, body);
  },

  // Not HTTP, or hardly.
  garbage: ({ socket }) => socket.end("SSH-2.0-OpenSSH_9.2\r\n"),
  /** HTTP/0.9 has a body and nothing else. */
  headless: ({ socket, body }) => socket.end(body),
  /** The server's side of a connection of HTTP/2: an empty SETTINGS frame. */
  "http-2": ({ socket }) => socket.end(Uint8Array.of(0, 0, 0, 4, 0, 0, 0, 0, 0)),
  /** The honest answer with this in place of the protocol's name. */
  protocol: ({ socket, body, argument }) => {
    socket.write(`${decodeURIComponent(argument)} 200 OK\r\nConnection: close\r\n\r\n`);
    socket.end(body);
  },
  "bad-header": ({ socket, body }) => {
    socket.write("HTTP/1.1 200 OK\r\nno colon here\r\n: no name\r\n\0: \0\r\n\r\n");
    socket.end(body);
  },
  /** What a terminal would obey, where the argument says; the 0x9b is CSI in one byte. */
  escapes: ({ socket, argument }) => {
    const evil = "\x1b]0;owned\x07\x1b[2J";
    if (argument === "status") socket.write(`HTTP/1.1 404 ${evil}\r\n\r\n`);
    else if (argument === "header") socket.write(`HTTP/1.1 404 No\r\nETag: "${evil}"\r\n\r\n`);
    else if (argument === "location") socket.write(`HTTP/1.1 302 No\r\nLocation: ${evil}\r\n\r\n`);
    else
      socket.write("HTTP/1.1 302 \x9b2J\r\nLocation: file:/\x9b2J\r\nETag: \x9b\r\n\r\n", "latin1");
    socket.end();
  },
  /** A second answer, which nobody asked for, right behind the first. */
  "two-answers": ({ socket, body, request }) => {
    const keep = "Connection: keep-alive\r\nContent-Length: ";
    socket.write(`HTTP/1.1 200 OK\r\n${keep}${body.length}\r\n\r\n`);
    socket.write(body);
    if (request.file === "manifest") socket.write(`HTTP/1.1 200 OK\r\n${keep}4\r\n\r\nevil`);
  },

  // Ranges. Without a `Range`, all of these are honest.
  "ignores-ranges": ({ socket, body }) => end(socket, 200, { "Content-Length": body.length }, body),
  "range-status": (exchange) =>
    ranged(exchange, () => end(exchange.socket, Number(exchange.argument), {}, page)),
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

  // Redirects.
  /** The status, to the honest origin. */
  redirect: ({ socket, request, argument }) => {
    end(socket, Number(argument), { Location: `/honest/${request.file}` }, page);
  },
  /** To this URL (percent-encoded), `{}` standing for the server's own. */
  "redirect-to": ({ socket, argument, url }) => {
    end(socket, 302, { Location: decodeURIComponent(argument).replace("{}", url) });
  },
  /** As many redirects as the argument says, then honest. */
  hops: (exchange) => {
    const left = Number(exchange.argument);
    if (left === 0) return honest(exchange);
    end(exchange.socket, 302, { Location: `/hops=${left - 1}/${exchange.request.file}` });
  },
  /** To itself, for ever. */
  loop: ({ socket, request }) =>
    end(socket, 302, { Location: `/${request.scenario}/${request.file}` }),
  "no-location": ({ socket }) => end(socket, 302),
  /** To a page that is not there, whose path is the password of the request, as the argument says. */
  "tell-password": ({ socket, request, argument }) => {
    const [, pair = ""] = (request.headers["authorization"] ?? "").split(" ");
    const password = Buffer.from(pair, "base64")
      .toString()
      .replace(/^[^:]*:/, "");
    const percent = Buffer.from(password).toString("hex").replace(/../g, "%$&");
    const told: Readonly<Record<string, string>> = {
      percent: `/status=404/${percent}`,
      base64: `/status=404/${pair}`,
      file: `file:///${password}`,
    };
    end(socket, 302, { Location: told[argument] ?? `/status=404/${password}` });
  },
  /** A redirect whose body never ends. */
  "endless-redirect": ({ socket, request }) => {
    send(socket, 302, { Location: `/honest/${request.file}` });
    repeat(socket, 5, () => "x".repeat(1024));
  },
} satisfies Record<string, Scenario>;

/** For the manifest or the images only, or for the first request of each file only. */
const limits: Readonly<Record<string, (exchange: Exchange) => boolean>> = {
  manifest: ({ request }) => request.file === "manifest",
  image: ({ request }) => request.file !== "manifest",
  first: ({ count }) => count === 1,
};

/** Answers as the text says: limits, name and argument of a scenario. */
export function behave(text: string, exchange: Exchange): void {
  const [limit = "", rest = ""] = /^[a-z]+:/.test(text) ? split(text, ":") : [];
  if (limit !== "") {
    if (limits[limit]?.(exchange) === false) honest(exchange);
    else behave(rest, exchange);
    return;
  }
  const [name = "", argument = ""] = split(text, "=");
  const scenario: Scenario | undefined = isScenario(name) ? scenarios[name] : undefined;
  if (scenario === undefined) end(exchange.socket, 404);
  else scenario({ ...exchange, argument });
}

function isScenario(name: string): name is keyof typeof scenarios {
  return Object.hasOwn(scenarios, name);
}

const page = "<html>Tako Manifest 1\n\nan error page</html>";
const chunked = { "Transfer-Encoding": "chunked" };
const zeros = new Uint8Array(64 * 1024);

function chunk(content: Uint8Array): string {
  return `${content.length.toString(16)}\r\n`;
}

function place({ argument }: Exchange): Place {
  return argument as Place;
}

function retryAfter(exchange: Exchange, value: string): void {
  if (exchange.count === 1) end(exchange.socket, 429, { "Retry-After": value });
  else honest(exchange);
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
