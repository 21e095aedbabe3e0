// The least of a proxy: it makes tunnels (RFC 9110, section 9.3.6), and tells how many.

import { connect, createServer, type Socket } from "node:net";

export interface Tunnels extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  /** Where each of them led, as `HOST:PORT`. */
  readonly targets: readonly string[];
}

export async function startTunnels(): Promise<Tunnels> {
  const targets: string[] = [];
  const sockets = new Set<Socket>();
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => sockets.delete(socket));
  };
  const server = createServer((client) => {
    keep(client);
    client.once("data", (request) => {
      const [, host = "", port = ""] =
        /^CONNECT ([^ :]+):(\d+) HTTP\/1\.1\r\n/.exec(request.toString("latin1")) ?? [];
      if (host === "") {
        client.end("HTTP/1.1 405 x\r\nContent-Length: 0\r\n\r\n");
        return;
      }
      targets.push(`${host}:${port}`);
      const origin = connect(Number(port), host, () => {
        client.write("HTTP/1.1 200 x\r\n\r\n");
        client.pipe(origin).pipe(client);
      });
      keep(origin);
      origin.on("close", () => client.destroy());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    targets,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
