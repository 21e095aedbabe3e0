// An HTTP server of a publisher's directory, which sends what core/static-answer.ts decides
// (spec/serve.md).

import { closeSync, readFileSync, realpathSync, type Stats, statSync } from "node:fs";
import { join, sep } from "node:path";
import { TakoError } from "../core/error.ts";
import { goneName, MANIFEST, STORE } from "../core/layout.ts";
import { fileOfPath, type OriginFile, partOf, type Validators } from "../core/static-answer.ts";
import { printable, shownPath } from "../core/text.ts";
import { openDirectory } from "./disk/files.ts";
import { isErrno, naming } from "./disk/storage-error.ts";

/** A client that takes nothing for so long is cut off, in seconds. */
const IDLE_S = 60;

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
  stop(): Promise<void>;
}

/**
 * Serves the directory from now on.
 *
 * @throws TakoError of kind `storage` without a directory that holds a manifest (SRV-4), `failed` if
 *   the address or port cannot be had (SRV-5)
 */
export function startStaticOrigin(directory: string, listening: Listening): StaticOrigin {
  closeSync(openDirectory(directory));
  const root = naming(directory, "open", () => realpathSync(directory));
  if (find(root, { is: "manifest" }) === undefined) {
    throw new TakoError("storage", "there is no manifest to serve", {
      rule: "SRV-4",
      source: shownPath(join(directory, MANIFEST)),
      hint: "tako store --output makes one, with the first image.",
    });
  }
  const server = listen(listening, (request) => answer(root, request, listening));
  const host = { "0.0.0.0": "127.0.0.1", "::": "::1" }[listening.address] ?? listening.address;
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${server.port}`,
    finish: () => server.stop(),
    stop: () => server.stop(true),
  };
}

function listen(
  { address, port }: Listening,
  answer: (request: Request) => Response,
): Bun.Server<undefined> {
  try {
    return Bun.serve({ hostname: address, port, idleTimeout: IDLE_S, fetch: answer });
  } catch (error) {
    const isInUse = isErrno(error, "EADDRINUSE");
    throw new TakoError(
      "failed",
      `cannot listen on port ${port} of ${address}${isInUse ? ": it is in use" : ""}`,
      {
        rule: "SRV-5",
        hint: "Choose another --port or --address; without --port it is a free one.",
        cause: error,
      },
    );
  }
}

function answer(root: string, request: Request, { answered, failed }: Listening): Response {
  const { method, headers } = request;
  // Without a Host it is the path alone. What `..` and `.` mean is settled in it (SRV-11).
  const path = new URL(request.url, "http://origin").pathname;
  const tell = (status: number, bytes = 0, range?: string) =>
    answered({ method, path, status, bytes: method === "HEAD" ? 0 : bytes, range });
  const refuse = (status: number, fields: Record<string, string> = {}) => {
    tell(status);
    return new Response(null, { status, headers: { "Content-Length": "0", ...fields } });
  };
  try {
    if (method !== "GET" && method !== "HEAD") return refuse(405, { Allow: "GET, HEAD" });
    const named = fileOfPath(path);
    if (named?.is === "image" && find(root, { ...named, is: "marker" })) return refuse(410);
    const file = named && find(root, named);
    if (file === undefined) return refuse(404);
    const { etag, size, body } = file;
    const asked = {
      method,
      range: headers.get("range"),
      ifRange: headers.get("if-range"),
      ifNoneMatch: headers.get("if-none-match"),
    };
    const part = partOf(asked, file, size);
    const fields = {
      ETag: etag,
      "Last-Modified": file.stats.mtime.toUTCString(),
      "Accept-Ranges": "bytes",
      "Content-Type": "application/octet-stream",
      "Content-Disposition": "attachment",
    };
    if (part.status === 304) {
      tell(304);
      return new Response(null, { status: 304, headers: fields });
    }
    if (part.status === 416) {
      return refuse(416, { ...fields, "Content-Range": `bytes */${size}` });
    }
    const { first, last } = part.status === 206 ? part.range : { first: 0, last: size - 1 };
    const length = last - first + 1;
    const range = part.status === 206 ? `${first}-${last}/${size}` : undefined;
    tell(part.status, length, range);
    return new Response(method === "HEAD" || length === 0 ? null : body(first, last + 1), {
      status: part.status,
      headers: {
        ...fields,
        "Content-Length": `${length}`,
        ...(range === undefined ? {} : { "Content-Range": `bytes ${range}` }),
      },
    });
  } catch (error) {
    if (!(error instanceof TakoError)) throw error;
    failed(`${printable(path)}: ${error.message}`);
    return refuse(500);
  }
}

interface Found extends Validators {
  readonly size: number;
  readonly stats: Stats;
  readonly body: (from: number, to: number) => Blob | Uint8Array<ArrayBuffer>;
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
      const body = (from: number, to: number) => Bun.file(target).slice(from, to);
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

function nameOf(named: OriginFile): string {
  if (named.is === "manifest") return MANIFEST;
  return join(STORE, named.is === "image" ? named.digest : goneName(named.digest));
}
