// The body of an answer over HTTP, as sent (ORG-11): chunk by chunk, or, where it is large, from the
// connection straight to the file.

import { fstatSync } from "node:fs";
import { type Body, bodyFrom, type Source, type WriteTo } from "./body.ts";
import { connectionError, isFileError } from "./http-error.ts";
import type { Fail } from "./origin-error.ts";
import { readAhead } from "./read-ahead.ts";
import { StallWatch, watched } from "./stall.ts";
import type { Patience } from "./transport.ts";

/**
 * A body of this size is never there whole before somebody reads it. Bun.write would reserve room
 * for a body that is, and so append it behind a hole.
 */
const LARGE_BODY_BYTES = 4 * 1024 * 1024;

interface Request {
  /** Makes an error of it. */
  readonly fail: Fail;
  /** Ends it. */
  readonly stop: () => void;
  /** Told when the body breaks off. */
  readonly onCut: () => void;
  readonly patience: Patience;
  /** Of what is asked for, where it is known. */
  readonly size?: number | undefined;
}

/** Of a source whose errors are those of a connection. */
export function bodyOf(
  { read, stop }: Source,
  { fail, onCut, patience, size = 0 }: Omit<Request, "stop">,
): Body {
  const told = async () => {
    try {
      return await read();
    } catch (error) {
      onCut();
      throw connectionError(error, true, fail);
    }
  };
  return bodyFrom(watched({ read: told, stop }, fail, patience, size));
}

export function httpBody(response: Response, request: Request): Body {
  const { stop, fail, onCut, patience, size = 0 } = request;
  // Only if it is asked for: what has a reader cannot be written to a file any more.
  let reader: { read(): Promise<{ readonly value?: Uint8Array }> } | undefined;
  const read = async () => {
    reader ??= response.body?.getReader();
    return (await reader?.read())?.value;
  };
  const chunked = bodyOf(readAhead({ read, stop }), request);

  // The runtime writes the file on this thread, so no look comes while a slow disk keeps it waiting.
  const writeTo: WriteTo = async (fd, signal) => {
    signal.addEventListener("abort", stop);
    using watch = new StallWatch(patience, () => fstatSync(fd).size, stop, fail, size);
    try {
      await watch.during(Bun.write(Bun.file(fd), response));
    } catch (error) {
      if (isFileError(error)) throw error;
      onCut();
      throw connectionError(error, true, fail);
    }
  };

  return {
    ...chunked,
    async into(sink, limit) {
      if (sink.append === undefined || !isLargeAndExact(response.headers, limit)) {
        return chunked.into(sink, limit);
      }
      try {
        await sink.append(writeTo);
        return "ended";
      } finally {
        stop();
      }
    },
  };
}

/**
 * Whether a body promises just these many bytes: then the client reads no byte beyond (RFC 9112,
 * section 6.3), and the limit is kept (ORG-27).
 */
function isLargeAndExact(headers: Headers, bytes: number): boolean {
  return announcedLength(headers) === bytes && bytes >= LARGE_BODY_BYTES;
}

/** How long a body says that it is; in chunks, it does not say. */
export function announcedLength(headers: Headers): number | undefined {
  const length = headers.get("Content-Length");
  return length === null || headers.has("Transfer-Encoding") ? undefined : Number(length);
}
