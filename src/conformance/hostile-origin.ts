// A real server on a loopback port that misbehaves on request: the first part of the path names the
// scenario, so `origin("reset-body")` is an origin whose every body is cut off.
//
//   const server = await startHostileOrigin({ manifest: bytes });
//   openOrigin(parseOriginUrl(server.origin("status=503"))).manifest()
//   server.requests                                     // what was asked, in order
//
// A new scenario is one entry of the table below. It writes raw bytes, since no library sends what is wrong.

import { createServer, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { gzipSync } from "node:zlib";

/** A request as it came. */
export interface HostileRequest {
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

export interface HostileOrigin {
  /** `http://127.0.0.1:PORT`, or https. */
  readonly url: string;
  /** The URL of the origin that behaves as the scenario says. */
  readonly origin: (
    scenario: keyof typeof scenarios | `${keyof typeof scenarios}=${string}`,
  ) => string;
  /** Every request so far. */
  readonly requests: HostileRequest[];
  readonly stop: () => Promise<void>;
}

/** One request to answer. */
interface Exchange {
  readonly request: HostileRequest;
  /** What follows `=` in the scenario. */
  readonly argument: string;
  /** How often this file of this scenario was asked for, this time included. */
  readonly count: number;
  /** The true content of the file. */
  readonly body: Uint8Array;
  readonly socket: Socket;
  /** The server's URL. */
  readonly url: string;
}

type Scenario = (exchange: Exchange) => void;

const scenarios = {
  /** What a good server does, ranges and conditional requests included. */
  honest,

  // Statuses.
  /** Always the status, with a page. */
  status: ({ socket, argument }) => end(socket, Number(argument), {}, page),
  /** The status once, then honest. */
  once: (exchange) =>
    exchange.count === 1
      ? end(exchange.socket, Number(exchange.argument), {}, page)
      : honest(exchange),
  /** 503 as many times as the argument says, then honest. */
  busy: (exchange) =>
    exchange.count <= Number(exchange.argument) ? end(exchange.socket, 503) : honest(exchange),
  /** 429 with this `Retry-After` (percent-encoded) once, then honest. */
  "retry-after": (exchange) =>
    exchange.count === 1
      ? end(exchange.socket, 429, { "Retry-After": decodeURIComponent(exchange.argument) })
      : honest(exchange),

  // Connections.
  "close-at-once": ({ socket }) => socket.end(),
  "reset-at-once": ({ socket }) => socket.resetAndDestroy(),
  "stall-headers": ({ socket }) => socket.write("HTTP/1.1 200 OK\r\nContent-"),
  "stall-body": ({ socket, body }) => {
    send(socket, 200, { "Content-Length": body.length }, half(body));
  },
  /** A byte every 20 ms. */
  trickle: ({ socket, body }) => {
    send(socket, 200, { "Content-Length": body.length });
    repeat(socket, 20, (index) => body.subarray(index, index + 1));
  },
  /** The whole file, in ten parts 200 ms apart. */
  steady: ({ socket, body }) => {
    send(socket, 200, { "Content-Length": body.length });
    const size = Math.ceil(body.length / 10);
    repeat(socket, 200, (index) => body.subarray(index * size, (index + 1) * size));
  },
  "reset-body": ({ socket, body }) => {
    send(socket, 200, { "Content-Length": body.length }, half(body));
    setTimeout(() => socket.resetAndDestroy(), 50);
  },
  /** Ends short of its Content-Length. */
  short: ({ socket, body }) => end(socket, 200, { "Content-Length": body.length }, half(body)),
  "cut-chunk": ({ socket, body }) => {
    const size = body.length.toString(16);
    end(socket, 200, { "Transfer-Encoding": "chunked" }, `${size}\r\n`, half(body));
  },
  "bad-chunk": ({ socket }) => {
    end(socket, 200, { "Transfer-Encoding": "chunked" }, "zz\r\nabc\r\n0\r\n\r\n");
  },
  /** Ends properly, with half of the file. */
  half: ({ socket, body }) => end(socket, 200, {}, half(body)),
  /** Cuts the first answers, as many as the argument says, in the middle of what was asked for. */
  cut: (exchange) => {
    if (exchange.count > Number(exchange.argument)) return honest(exchange);
    const { status, headers, part } = honestAnswer(exchange);
    send(exchange.socket, status, { ...headers, "Content-Length": part.length }, half(part));
    // A little later: what comes together with the end, a client may drop.
    setTimeout(() => exchange.socket.end(), 100);
  },

  // Too much.
  /** Zeros without end and without Content-Length, after the file. */
  endless: ({ socket, body }) => {
    send(socket, 200, {}, body);
    const zeros = new Uint8Array(64 * 1024);
    const more = () => {
      while (socket.writable && socket.write(zeros));
    };
    socket.on("drain", more);
    more();
  },
  /** Announces as many bytes as the argument says, and sends the file. */
  announce: ({ socket, body, argument }) => {
    send(socket, 200, { "Content-Length": argument }, body);
  },
  /** Has as many header lines as the argument says. */
  headers: ({ socket, body, argument }) => {
    const lines = Array.from({ length: Number(argument) - 2 }, (_, i) => [`X-${i}`, "x"]);
    end(socket, 200, { "Content-Length": body.length, ...Object.fromEntries(lines) }, body);
  },
  "huge-header": ({ socket }) => {
    socket.write("HTTP/1.1 200 OK\r\nX: ");
    repeat(socket, 0, () => "x".repeat(1024 * 1024));
  },

  // Odd answers.
  garbage: ({ socket }) => socket.end("SSH-2.0-OpenSSH_9.2\r\n"),
  /** Says that the plain body is compressed. */
  encoded: ({ socket, body, argument }) => {
    end(socket, 200, { "Content-Length": body.length, "Content-Encoding": argument }, body);
  },
  /** The ETag as the argument says (percent-encoded). */
  etag: ({ socket, body, argument }) =>
    end(socket, 200, { ETag: decodeURIComponent(argument) }, body),

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
  "no-location": ({ socket }) => end(socket, 302),
  /** A redirect whose body never ends. */
  "endless-redirect": ({ socket, request }) => {
    send(socket, 302, { Location: `/honest/${request.file}` });
    repeat(socket, 5, () => "x".repeat(1024));
  },
  /** To itself, for ever. */
  loop: ({ socket, request }) => {
    end(socket, 302, { Location: `/loop/${request.file}` });
  },

  // Of one kind of file.
  /** Honest but for images, which are as the scenario in the argument (percent-encoded) says. */
  images: (exchange) =>
    exchange.request.file === "manifest" ? honest(exchange) : behave(exchange, exchange.argument),

  // True content under false pretences.
  /** The status, with the true file as its body. */
  "true-body": ({ socket, body, argument }) => end(socket, Number(argument), {}, body),
  /** The file followed by as many zeros as the argument says, and a proper end. */
  oversized: ({ socket, body, argument }) => {
    send(socket, 200, {}, body);
    let left = Number(argument);
    const zeros = new Uint8Array(64 * 1024);
    const more = () => {
      while (left > 0 && socket.writable) {
        const part = zeros.subarray(0, left);
        left -= part.length;
        if (!socket.write(part)) return;
      }
      socket.end();
    };
    socket.on("drain", more);
    more();
  },
  /** Compressed, and says so. */
  gzipped: ({ socket, body }) => {
    end(socket, 200, { "Content-Encoding": "gzip" }, gzipSync(body));
  },
  /** The status once for each file, with `Retry-After: 1`, then honest. */
  "soon-again": (exchange) =>
    exchange.count === 1
      ? end(exchange.socket, Number(exchange.argument), { "Retry-After": "1" }, page)
      : honest(exchange),
  /** 410 for images but the one whose digest the argument names. */
  "all-gone-but": (exchange) =>
    exchange.request.file === "manifest" || exchange.request.file === `store/${exchange.argument}`
      ? honest(exchange)
      : end(exchange.socket, 410, {}, page),
} satisfies Record<string, Scenario>;

/** What a scenario does, by its name and argument as in a path. */
function behave(exchange: Exchange, text: string): void {
  const [name = "", argument = ""] = split(decodeURIComponent(text), "=");
  const scenario: Scenario | undefined = isScenario(name) ? scenarios[name] : undefined;
  if (scenario === undefined) end(exchange.socket, 404);
  else scenario({ ...exchange, argument });
}

const page = "<html>Tako Manifest 1\n\nan error page</html>";

function isScenario(name: string): name is keyof typeof scenarios {
  return Object.hasOwn(scenarios, name);
}

/**
 * @param files the true content, by name below the origin: `manifest`, `store/<hex>`
 * @param tls PEM texts; makes it https
 */
export async function startHostileOrigin(
  files: Readonly<Record<string, Uint8Array>>,
  tls?: { readonly cert: string; readonly key: string },
): Promise<HostileOrigin> {
  const requests: HostileRequest[] = [];
  const sockets = new Set<Socket>();
  let url = "";

  function accept(socket: Socket): void {
    sockets.add(socket);
    const closed = new Promise<void>((resolve) => {
      socket.on("close", () => {
        sockets.delete(socket);
        resolve();
      });
    });
    socket.on("error", () => {}); // Clients that hang up are what half of the tests are about.
    let head = "";
    socket.on("data", (bytes) => {
      head += bytes.toString("latin1");
      // The greeting of TLS, from a client that takes this for an https server.
      if (head.startsWith("\x16")) return end(socket, 400);
      if (!head.includes("\r\n\r\n")) return;
      const before = socket.bytesWritten;
      const sent = () => socket.bytesWritten - before;
      const request = { ...parseRequest(head), closed, sent };
      head = "";
      requests.push(request);
      const [name = "", argument = ""] = split(request.scenario, "=");
      const body = files[request.file];
      if (!isScenario(name) || body === undefined) return end(socket, 404);
      const count = requests.filter(
        ({ scenario, file }) => scenario === request.scenario && file === request.file,
      ).length;
      const scenario: Scenario = scenarios[name];
      scenario({ request, argument, count, body, socket, url });
    });
  }

  const server = tls === undefined ? createServer(accept) : createTlsServer(tls, accept);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  url = `${tls === undefined ? "http" : "https"}://127.0.0.1:${address.port}`;
  return {
    url,
    origin: (scenario) => `${url}/${scenario}`,
    requests,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function parseRequest(head: string): Pick<HostileRequest, "scenario" | "file" | "headers"> {
  const [first = "", ...lines] = head.split("\r\n");
  const [, target = ""] = first.split(" ");
  // A client that takes this for its proxy sends the whole URL.
  const path = target.replace(/^http:\/\/[^/]*/, "");
  const [scenario = "", file = ""] = split(path.slice(1), "/");
  const headers = lines
    .map((line) => split(line, ":"))
    .map(([name = "", value = ""]) => [name.toLowerCase(), value.trim()]);
  return { scenario, file, headers: Object.fromEntries(headers) };
}

/** The parts before and after the first separator. */
function split(text: string, separator: string): string[] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + separator.length)];
}

type Headers = Readonly<Record<string, string | number>>;

function honest(exchange: Exchange): void {
  const { status, headers, part } = honestAnswer(exchange);
  end(exchange.socket, status, { ...headers, "Content-Length": part.length }, part);
}

function honestAnswer({ request, body }: Exchange): {
  status: number;
  headers: Headers;
  part: Uint8Array;
} {
  const etag = `"${Bun.hash(body).toString(16)}"`;
  if (request.headers["if-none-match"] === etag) {
    return { status: 304, headers: { ETag: etag }, part: body.subarray(0, 0) };
  }
  const start = rangeStart(request);
  if (start === undefined) return { status: 200, headers: { ETag: etag }, part: body };
  const contentRange = `bytes ${start}-${body.length - 1}/${body.length}`;
  return { status: 206, headers: { "Content-Range": contentRange }, part: body.subarray(start) };
}

function rangeStart({ headers }: HostileRequest): number | undefined {
  const range = /^bytes=(\d+)-$/.exec(headers["range"] ?? "");
  return range === null ? undefined : Number(range[1]);
}

/** Honest without a `Range`; with one, `answer` is given the bytes asked for. */
function ranged(exchange: Exchange, answer: (rest: Uint8Array) => void): void {
  const start = rangeStart(exchange.request);
  if (start === undefined) honest(exchange);
  else answer(exchange.body.subarray(start));
}

function half(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(0, bytes.length >> 1);
}

/** Writes an answer and leaves the connection open. */
function send(
  socket: Socket,
  status: number,
  headers: Headers = {},
  ...body: readonly (string | Uint8Array)[]
): void {
  const lines = Object.entries({ Connection: "close", ...headers });
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  socket.write(`HTTP/1.1 ${status} Status\r\n${head}\r\n`, "latin1");
  for (const part of body) socket.write(part);
}

/** Writes an answer and closes the connection after it. */
function end(...answer: Parameters<typeof send>): void {
  send(...answer);
  answer[0].end();
}

/** Writes a part again and again until the other side hangs up. */
function repeat(socket: Socket, ms: number, part: (index: number) => string | Uint8Array): void {
  let index = 0;
  const timer = setInterval(() => socket.write(part(index++)), ms);
  socket.on("close", () => clearInterval(timer));
}
