// What the scenarios of the hostile origin are made of: answers as bytes, written to a socket in one
// piece, cut off, or drop by drop. Nothing here knows a scenario.

import type { Socket } from "node:net";

/** A request as it came. */
export interface HostileRequest {
  /** `GET`, `HEAD`. */
  readonly method: string;
  readonly scenario: string;
  /** What follows the scenario in the path: `manifest`, `store/<hex>`. */
  readonly file: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Settles when the connection is closed, by whichever side. */
  readonly closed: Promise<void>;
  /** How many bytes the client was sent so far, what waits in the kernel's buffers included. */
  readonly sent: () => number;
}

/** One request to answer. */
export interface Exchange {
  readonly request: HostileRequest;
  /** What follows `=` in the scenario. */
  readonly argument: string;
  /** How often this file of this scenario was asked for by this method, this time included. */
  readonly count: number;
  /** The true content of the file. */
  readonly body: Uint8Array;
  /** What takes its place later. */
  readonly later: Uint8Array;
  readonly socket: Socket;
  /** The server's URL. */
  readonly url: string;
  /** Settles when the client has put away as many bytes of the file, counted from its start. */
  readonly taken: (bytes: number) => Promise<unknown>;
}

export type Scenario = (exchange: Exchange) => void;

export type Headers = Readonly<Record<string, string | number>>;

interface Reply {
  readonly status: number;
  readonly headers: Headers;
  /** The bytes that were asked for. */
  readonly part: Uint8Array;
  /** Where they begin in the file. */
  readonly start: number;
}

/** What a good server does, ranges and conditional requests included. */
export function honest(exchange: Exchange): void {
  const { status, headers, part } = honestAnswer(exchange);
  const body = exchange.request.method === "HEAD" ? [] : [part];
  end(exchange.socket, status, { ...headers, "Content-Length": part.length }, ...body);
}

export function honestAnswer({ request, body }: Exchange): Reply {
  const etag = etagOf(body);
  if (request.headers["if-none-match"] === etag) {
    return { status: 304, headers: { ETag: etag }, part: body.subarray(0, 0), start: 0 };
  }
  const start = rangeStart(request);
  if (start === undefined) return { status: 200, headers: { ETag: etag }, part: body, start: 0 };
  const headers = { "Content-Range": contentRange(start, body) };
  return { status: 206, headers, part: body.subarray(start), start };
}

/** The ETag that {@link honest} gives to a content. */
export function etagOf(body: Uint8Array): string {
  return `"${Bun.hash(body).toString(16)}"`;
}

/** Honest without a `Range`; with one, `answer` is given the bytes asked for, and what they are. */
export function ranged(
  exchange: Exchange,
  answer: (rest: Uint8Array, contentRange: string) => void,
): void {
  const { request, body } = exchange;
  const start = rangeStart(request);
  if (start === undefined) honest(exchange);
  else answer(body.subarray(start), contentRange(start, body));
}

function rangeStart({ headers }: HostileRequest): number | undefined {
  const range = /^bytes=(\d+)-$/.exec(headers["range"] ?? "");
  return range === null ? undefined : Number(range[1]);
}

function contentRange(start: number, body: Uint8Array): string {
  return `bytes ${start}-${body.length - 1}/${body.length}`;
}

/** What no manifest and no image is, though it looks like one at a glance. */
export const errorPage = "<html>Tako Manifest 1\n\nan error page</html>";

/** The header of a body in chunks. */
export const chunked = { "Transfer-Encoding": "chunked" };

/** What stands before a chunk. */
export function chunk(content: Uint8Array): string {
  return `${content.length.toString(16)}\r\n`;
}

/** Where an answer is broken off. */
const places = {
  /** Before its first byte. */
  start: () => 0,
  "status-line": () => "HTTP/1.1 2".length,
  headers: (head: number) => head - 8,
  /** After the headers. */
  body: (head: number) => head,
  middle: (head: number, part: number) => head + (part >> 1),
  /** Before the last byte. */
  end: (head: number, part: number) => head + part - 1,
};

export type Place = keyof typeof places;

/**
 * Sends the honest answer as far as a place.
 *
 * @param then is given the rest, once the client has put away what it was sent
 */
export async function breakOff(
  exchange: Exchange,
  place: Place,
  then: (rest: Uint8Array) => void,
): Promise<void> {
  const { status, headers, part, start } = honestAnswer(exchange);
  const head = headOf(status, { ...headers, "Content-Length": part.length });
  const at = places[place](head.length, part.length);
  const bytes = Buffer.concat([Buffer.from(head, "latin1"), part]);
  exchange.socket.write(bytes.subarray(0, at));
  // What comes together with the end of a connection, a client may drop.
  if (at > head.length) await exchange.taken(start + at - head.length);
  then(bytes.subarray(at));
}

function headOf(status: number, headers: Headers): string {
  const lines = Object.entries({ Connection: "close", ...headers });
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return `HTTP/1.1 ${status} Status\r\n${head}\r\n`;
}

/** Writes an answer and leaves the connection open. */
export function send(
  socket: Socket,
  status: number,
  headers: Headers = {},
  ...body: readonly (string | Uint8Array)[]
): void {
  socket.write(headOf(status, headers), "latin1");
  for (const part of body) socket.write(part);
}

/** Writes an answer and closes the connection after it. */
export function end(...answer: Parameters<typeof send>): void {
  send(...answer);
  answer[0].end();
}

/** Writes a part again and again until the other side hangs up. */
export function repeat(
  socket: Socket,
  ms: number,
  part: (index: number) => string | Uint8Array,
): void {
  let index = 0;
  const timer = setInterval(() => socket.write(part(index++)), ms);
  socket.on("close", () => clearInterval(timer));
}

/** Writes the same bytes as fast as they are read, until the other side hangs up or has had enough. */
export function flood(socket: Socket, part: string | Uint8Array, enough = Infinity): void {
  let left = enough;
  const more = () => {
    while (left > 0 && socket.writable) {
      const next = left < part.length ? part.slice(0, left) : part;
      left -= next.length;
      if (!socket.write(next)) return;
    }
    if (left === 0) socket.end();
  };
  socket.on("drain", more);
  more();
}

/** Drop by drop: a byte every 100 ms. */
export function drip(socket: Socket, bytes: Uint8Array): void {
  repeat(socket, 100, (index) => bytes.subarray(index, index + 1));
}

export function half(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(0, bytes.length >> 1);
}

/** The parts before and after the first separator. */
export function split(text: string, separator: string): string[] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + separator.length)];
}
