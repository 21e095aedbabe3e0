// Scenarios of the hostile origin with headers that are wrong, or with what is no HTTP at all.

import { chunk, chunked, end, flood, type Scenario } from "./wire.ts";

export const headers = {
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
} satisfies Record<string, Scenario>;
