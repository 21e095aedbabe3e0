// An HTTP server of a publisher's directory, which sends what core/static-answer.ts decides
// (spec/serve.md).

import {
  createReadStream,
  openSync,
  readFileSync,
  realpathSync,
  type Stats,
  statSync,
} from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join, sep } from "node:path";
import { type Duplex, pipeline, Readable } from "node:stream";
import { TakoError } from "../core/error.ts";
import { goneName, MANIFEST, STORE } from "../core/layout.ts";
import {
  fileOfPath,
  type OriginFile,
  partOf,
  pathOfTarget,
  type Validators,
} from "../core/static-answer.ts";
import { printable, shownPath } from "../core/text.ts";
import { requireDirectory } from "./disk/files.ts";
import { errnoOf, isErrno, naming } from "./disk/storage-error.ts";

/** A client that takes nothing for so long is cut off, in milliseconds. */
const IDLE_MS = 60_000;

/** What was answered. `path` is foreign text. */
export interface Answered {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  /** Of the body. */
  readonly bytes: number;
  /** As Content-Range has it. */
  readonly range: string | undefined;
}

export interface Listening {
  readonly address: string;
  readonly port: number;
  readonly answered: (answer: Answered) => void;
  /** Told why a file cannot be read. */
  readonly failed: (message: string) => void;
}

export interface StaticOrigin {
  /** As hosts of this machine reach it. */
  readonly url: string;
  /** Takes no more requests, and waits for the answers that are on their way. */
  finish(): Promise<void>;
  /** Cuts whatever is left. */
  stop(): void;
}

/**
 * Serves the directory from now on.
 *
 * @throws TakoError of kind `storage` without a directory that holds a manifest (SRV-4), `failed` if
 *   the address or port cannot be had (SRV-5)
 */
export async function startStaticOrigin(
  directory: string,
  listening: Listening,
): Promise<StaticOrigin> {
  requireDirectory(directory, "origin");
  const root = naming(directory, "open", () => realpathSync(directory));
  if (find(root, { is: "manifest" }) === undefined) {
    throw new TakoError("storage", "there is no manifest to serve", {
      rule: "SRV-4",
      source: shownPath(join(directory, MANIFEST)),
      hint: "tako store --output makes one, with the first image.",
    });
  }
  const server = createServer((request, response) => respond(root, request, response, listening));
  server.on("clientError", (error, socket) =>
    refuseUnread(socket, isErrno(error, "HPE_INVALID_METHOD") ? NOT_ALLOWED : "400 Bad Request"),
  );
  server.on("connect", (_request, socket) => refuseUnread(socket, NOT_ALLOWED));
  server.setTimeout(IDLE_MS);
  const port = await listen(server, listening);
  const host = { "0.0.0.0": "127.0.0.1", "::": "::1" }[listening.address] ?? listening.address;
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${port}`,
    finish: () => new Promise((resolve) => server.close(() => resolve())),
    stop: () => server.closeAllConnections(),
  };
}

/** Why the system does not let it listen, and what helps. */
const LISTENING: Readonly<Record<string, readonly [reason: string, hint?: string]>> = {
  EADDRINUSE: ["the port is in use", "Choose another --port; without it, it is a free one."],
  EADDRNOTAVAIL: [
    "this machine has no such address",
    '"ip addr" shows those that it has; --address 0.0.0.0 is all of them.',
  ],
  EACCES: ["permission denied", "Choose a --port from 1024 on: those below are for root."],
};

/** @returns the port, which may have been left to the system */
async function listen(server: Server, { address, port }: Listening): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject).listen(port, address, resolve);
  try {
    await promise;
  } catch (error) {
    const given = port === 0 ? address : `port ${port} of ${address}`;
    const [reason, hint] = LISTENING[errnoOf(error) ?? ""] ?? ["the system refuses it"];
    throw new TakoError("failed", `cannot listen on ${given}: ${reason}`, {
      rule: "SRV-5",
      hint,
      cause: error,
    });
  }
  return (server.address() as AddressInfo).port;
}

const ALLOWED = "GET, HEAD";
const NOT_ALLOWED = `405 Method Not Allowed\r\nAllow: ${ALLOWED}`;

/** What the parser makes no request of has no method and no path to tell (SRV-15). */
function refuseUnread(socket: Duplex, status: string): void {
  if (!socket.writable) return;
  socket.end(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
}

/** What a request gets. */
interface Answer {
  readonly status: number;
  readonly fields: Readonly<Record<string, string>>;
  /** The length of the body that a GET gets. */
  readonly bytes?: number;
  readonly range?: string;
  readonly body?: () => Readable | Uint8Array;
}

function respond(
  root: string,
  request: IncomingMessage,
  response: ServerResponse,
  { answered, failed }: Listening,
): void {
  const { method = "" } = request;
  const path = pathOfTarget(request.url ?? "");
  const send = ({ status, fields, bytes = 0, range, body }: Answer) => {
    const sent = method === "HEAD" ? undefined : body?.();
    answered({ method, path, status, bytes: method === "HEAD" ? 0 : bytes, range });
    response.writeHead(status, fields);
    // Who went away took what there was; a file that got shorter cuts the answer.
    if (sent instanceof Readable) pipeline(sent, response, () => {});
    else response.end(sent);
  };
  try {
    send(answerTo(root, path, request));
  } catch (error) {
    if (!(error instanceof TakoError)) throw error;
    failed(`${printable(path)}: ${error.message}`);
    send(refusal(500));
  }
}

function refusal(status: number, fields: Readonly<Record<string, string>> = {}): Answer {
  return { status, fields: { "Content-Length": "0", ...fields } };
}

function answerTo(root: string, path: string, { method = "", headers }: IncomingMessage): Answer {
  if (method !== "GET" && method !== "HEAD") return refusal(405, { Allow: ALLOWED });
  const named = fileOfPath(path);
  if (named?.is === "image" && find(root, { ...named, is: "marker" })) return refusal(410);
  const file = named && find(root, named);
  if (file === undefined) return refusal(404);
  const { etag, size, body } = file;
  const asked = {
    method,
    range: headers.range ?? null,
    ifRange: headers["if-range"]?.toString() ?? null,
    ifNoneMatch: headers["if-none-match"] ?? null,
  };
  const part = partOf(asked, file, size);
  const fields = {
    ETag: etag,
    "Last-Modified": file.stats.mtime.toUTCString(),
    "Accept-Ranges": "bytes",
    "Content-Type": "application/octet-stream",
    "Content-Disposition": "attachment",
  };
  if (part.status === 304) return { status: 304, fields };
  if (part.status === 416) return refusal(416, { ...fields, "Content-Range": `bytes */${size}` });
  if (part.status === 206) {
    const { first, last } = part.range;
    const bytes = last - first + 1;
    const range = `${first}-${last}/${size}`;
    const named = { "Content-Length": `${bytes}`, "Content-Range": `bytes ${range}` };
    const sent = { bytes, range, body: () => body(first, last + 1) };
    return { status: 206, fields: { ...fields, ...named }, ...sent };
  }
  const whole = { ...fields, "Content-Length": `${size}` };
  return { status: 200, fields: whole, bytes: size, body: () => body(0, size) };
}

interface Found extends Validators {
  readonly size: number;
  readonly stats: Stats;
  readonly body: (from: number, to: number) => Readable | Uint8Array;
}

/** The file, unless it is missing, not a regular one, or reached by a link that leads out of the root (SRV-12). */
function find(root: string, named: OriginFile): Found | undefined {
  const path = join(root, nameOf(named));
  try {
    const target = realpathSync(path);
    if (!target.startsWith(root === sep ? sep : root + sep)) return undefined;
    const stats = statSync(target);
    if (!stats.isFile()) return undefined;
    if (named.is === "image") {
      const body = (from: number, to: number) => readStream(target, from, to);
      const modified = stats.mtime.toUTCString();
      return { etag: `"${named.digest}"`, modified, size: stats.size, stats, body };
    }
    // The tag and the body are of the same bytes, whoever writes meanwhile (SRV-30).
    const bytes = readFileSync(target);
    const etag = `"${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}"`;
    return { etag, size: bytes.length, stats, body: (from, to) => bytes.subarray(from, to) };
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR", "ELOOP")) return undefined;
    return naming(path, "read", () => {
      throw error;
    });
  }
}

/** Of the bytes from `start` to before `end`. It is opened at once, so that what fails is told before the answer begins. */
function readStream(path: string, start: number, end: number): Readable | Uint8Array {
  if (start === end) return new Uint8Array();
  const fd = naming(path, "read", () => openSync(path, "r"));
  return createReadStream(path, { fd, start, end: end - 1 });
}

function nameOf(named: OriginFile): string {
  if (named.is === "manifest") return MANIFEST;
  return join(STORE, named.is === "image" ? named.digest : goneName(named.digest));
}
