// A further request for an image, after one that was cut. fetch drops what arrived in the moment of a reset, some
// 100 KiB, and a link that dies so often would never get on; the client of node: gives every byte that the system
// had (ORG-19). It takes longer to load, and its bytes more work, so it is not the first to be asked.

import type { ClientRequest, IncomingMessage } from "node:http";
import type { Source } from "./body.ts";
import type { HttpProxy } from "./proxy.ts";

/** More than this is not taken before somebody has had it. */
const MOST_BYTES = 4 * 1024 * 1024;

export interface Question {
  readonly target: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly proxy: HttpProxy | undefined;
  /** Ends it, headers or not. */
  readonly signal: AbortSignal;
}

export interface AnswerAgain {
  readonly status: number;
  readonly headers: Headers;
  /** Rejects with the system's error, behind all that arrived before it. */
  readonly source: Source;
}

/** @returns undefined where there was no answer: fetch has the better errors for that */
export async function askAgain(question: Question): Promise<AnswerAgain | undefined> {
  const { promise, resolve } = Promise.withResolvers<AnswerAgain | undefined>();
  const request = await open(question);
  // What is wrong with the form of a body is told here, and then the body only that it ends.
  let failure: Error | undefined;
  request.on("error", (error) => {
    failure = error;
    resolve(undefined);
  });
  request.on("response", (response) => {
    const source = sourceOf(response, (error) => failure ?? error);
    const headers = headersOf(response);
    if (headers === undefined) response.destroy();
    resolve(headers && { status: response.statusCode ?? 0, headers, source });
  });
  request.end();
  return await promise;
}

async function open({ target, headers, proxy, signal }: Question): Promise<ClientRequest> {
  const { Agent, request } =
    target.protocol === "https:" ? await import("node:https") : await import("node:http");
  // Given or not: else it would look at the variables itself.
  const proxyEnv = proxy === undefined ? {} : { HTTP_PROXY: proxy.href, HTTPS_PROXY: proxy.href };
  const agent = new Agent({ keepAlive: false, proxyEnv });
  return request(target, { agent, headers, signal, rejectUnauthorized: true });
}

/** Undefined if a header has something in it that no header may have. */
function headersOf({ rawHeaders }: IncomingMessage): Headers | undefined {
  const headers = new Headers();
  try {
    for (let index = 0; index + 1 < rawHeaders.length; index += 2)
      headers.append(rawHeaders[index] ?? "", rawHeaders[index + 1] ?? "");
  } catch {
    return undefined;
  }
  return headers;
}

/** Every chunk as soon as it is there: what is left in the stream when that breaks would be lost. */
function sourceOf(response: IncomingMessage, reasonOf: (error: Error) => Error): Source {
  const waiting: Uint8Array[] = [];
  let bytes = 0;
  let end: (() => undefined) | undefined;
  let changed = Promise.withResolvers<void>();
  const tell = () => {
    changed.resolve();
    changed = Promise.withResolvers();
  };
  const finish = (how: () => undefined) => {
    end ??= how;
    tell();
  };
  response.on("data", (chunk: Uint8Array) => {
    waiting.push(chunk);
    bytes += chunk.length;
    if (bytes >= MOST_BYTES) response.pause();
    tell();
  });
  response.on("end", () => finish(() => undefined));
  const fail = (error: Error) =>
    finish(() => {
      throw reasonOf(error);
    });
  response.on("error", fail);
  response.on("close", () => fail(Object.assign(new Error("closed"), { code: "ECONNRESET" })));
  return {
    async read() {
      for (;;) {
        const chunk = waiting.shift();
        if (chunk !== undefined) {
          bytes -= chunk.length;
          if (bytes < MOST_BYTES) response.resume();
          return chunk;
        }
        if (end !== undefined) return end();
        await changed.promise;
      }
    },
    stop: () => void response.destroy(),
  };
}
