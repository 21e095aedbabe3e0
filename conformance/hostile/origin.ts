// A real server on a loopback port that misbehaves on request: the first part of the path names the
// scenario, so `origin("reset=middle")` is an origin whose every body is cut off. What a scenario does
// is in scenarios.ts.
//
//   const server = await startHostileOrigin({ manifest: bytes });
//   openOrigin(parseOriginUrl(server.origin("status=503"))).manifest()
//   server.requests                                     // what was asked, in order

import { createServer, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { behave, type scenarios } from "./scenarios.ts";
import { end, type HostileRequest, split } from "./wire.ts";

export type { HostileRequest } from "./wire.ts";

type Name = keyof typeof scenarios;
/** For the manifest or the images only, for the first request of each file only; else honest. */
type Limit = "manifest:" | "image:" | "first:" | "manifest:first:" | "image:first:";

/** How an origin behaves: `status=503`, `image:first:stall=middle`. */
export type HostileScenario = `${Limit | ""}${Name | `${Name}=${string}`}`;

export interface HostileOrigin {
  /** `http://127.0.0.1:PORT`, or https. */
  readonly url: string;
  /** The URL of the origin that behaves as the scenario says. */
  readonly origin: (scenario: HostileScenario) => string;
  /** Every request so far. */
  readonly requests: HostileRequest[];
  readonly stop: () => Promise<void>;
}

export interface HostileOptions {
  /** PEM texts; makes it https. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** What takes the place of a file in the scenarios that swap it. */
  readonly later?: Readonly<Record<string, Uint8Array>>;
  /**
   * Settles when the client has put away as many bytes of a file: a connection that is cut takes with
   * it what the client has not read. Waits 100 ms unless given.
   */
  readonly taken?: (file: string, bytes: number) => Promise<unknown>;
}

/**
 * @param files the true content, by name below the origin: `manifest`, `store/<hex>`
 */
export async function startHostileOrigin(
  files: Readonly<Record<string, Uint8Array>>,
  { tls, later = {}, taken = () => Bun.sleep(100) }: HostileOptions = {},
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
      const { file, method } = request;
      const body = files[file];
      if (body === undefined) return end(socket, 404);
      const count = requests.filter(
        (each) =>
          each.scenario === request.scenario && each.file === file && each.method === method,
      ).length;
      behave(request.scenario, {
        request,
        argument: "",
        count,
        body,
        later: later[file] ?? body,
        socket,
        url,
        taken: (bytes) => taken(file, bytes),
      });
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

function parseRequest(
  head: string,
): Pick<HostileRequest, "method" | "scenario" | "file" | "headers"> {
  const [first = "", ...lines] = head.split("\r\n");
  const [method = "", target = ""] = first.split(" ");
  // A client that takes this for its proxy sends the whole URL.
  const path = target.replace(/^http:\/\/[^/]*/, "");
  const [scenario = "", file = ""] = split(path.slice(1), "/");
  const headers = lines
    .map((line) => split(line, ":"))
    .map(([name = "", value = ""]) => [name.toLowerCase(), value.trim()]);
  return { method, scenario, file, headers: Object.fromEntries(headers) };
}
