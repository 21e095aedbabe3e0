// A server, over http or https, that resets the connection after so many bytes of each image, once the other side's system
// has them all: so whoever loses some of them lost them himself.
//
// Needs `needs("python3")`.

import type { Certificate } from "./certificates.ts";

export interface ResettingServer extends AsyncDisposable {
  readonly url: string;
  /** Where each answer with an image began, in bytes. */
  readonly offsets: readonly number[];
}

const program = `
import array, fcntl, os, re, socket, ssl, struct, sys, termios, threading
directory, piece, certificate, key = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if certificate else None
if context: context.load_cert_chain(certificate, key)
listener = socket.create_server(("127.0.0.1", 0), backlog=50)
print(listener.getsockname()[1], flush=True)

def serve(connection):
    if context: connection = context.wrap_socket(connection, server_side=True)
    request = b""
    while b"\\r\\n\\r\\n" not in request:
        more = connection.recv(65536)
        if not more: return
        request += more
    path = request.split(b" ")[1].decode()
    body = open(directory + path, "rb").read()
    found = re.search(rb"range: bytes=(\\d+)-", request, re.I)
    start = int(found[1]) if found else 0
    head = f"Content-Range: bytes {start}-{len(body) - 1}/{len(body)}\\r\\n" if start else ""
    head = f"HTTP/1.1 {206 if start else 200} x\\r\\nContent-Length: {len(body) - start}\\r\\n{head}\\r\\n"
    isImage = path.startswith("/store/")
    if isImage: print(start, flush=True)
    connection.sendall(head.encode() + body[start:start + piece] if isImage else head.encode() + body)
    if not isImage or start + piece >= len(body): return connection.close()
    left = array.array("i", [1])
    while left[0]: fcntl.ioctl(connection, termios.TIOCOUTQ, left)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    os.close(connection.detach())

while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
`;

/** @param piece bytes of an image that each answer brings */
export async function startResettingServer(
  directory: string,
  piece: number,
  certificate?: Certificate,
): Promise<ResettingServer> {
  const words = [directory, `${piece}`, certificate?.certificate ?? "", certificate?.key ?? ""];
  // A test run that is killed takes its servers along.
  const child = Bun.spawn(["setpriv", "--pdeathsig", "KILL", "python3", "-c", program, ...words], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "ignore",
  });
  const offsets: number[] = [];
  const port = Promise.withResolvers<number>();
  void (async () => {
    let text = "";
    let isFirst = true;
    for await (const chunk of child.stdout) {
      text += Buffer.from(chunk).toString();
      const lines = text.split("\n");
      text = lines.pop() ?? "";
      for (const line of lines) {
        if (isFirst) port.resolve(Number(line));
        else offsets.push(Number(line));
        isFirst = false;
      }
    }
    port.reject(new Error("the server that resets did not start"));
  })();
  return {
    url: `${certificate === undefined ? "http" : "https"}://127.0.0.1:${await port.promise}`,
    offsets,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}
