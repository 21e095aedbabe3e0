// A host with slots on a machine with a real systemd: a service in Python that serves HTTP from a socket of systemd's or
// from a port of its own and ends gracefully, the units around it, and a client that asks again and again.

import type { Machine } from "./machine.ts";

/**
 * `serve.py IMAGE [PORT]` answers every request with what IMAGE holds, after a moment. Told to stop, it accepts nothing
 * more, finishes what it has, and ends. An image that begins with "bad" fails at
 * once, and one with "ends" ends.
 */
const SERVE = `
import os, select, signal, socket, sys, threading, time

image = open(sys.argv[1]).read().strip()
if image.startswith("bad"):
    sys.exit("this image does not work")
if image.startswith("ends"):
    sys.exit()
if "LISTEN_FDS" in os.environ:
    listener = socket.socket(fileno=3)
else:
    listener = socket.create_server(("127.0.0.1", int(sys.argv[2])), backlog=128)
listener.setblocking(False)
reader, writer = os.pipe()
signal.signal(signal.SIGTERM, lambda *_: os.write(writer, b"x"))

def answer(connection):
    connection.setblocking(True)
    request = b""
    while b"\\r\\n\\r\\n" not in request:
        piece = connection.recv(4096)
        if not piece:
            return connection.close()
        request += piece
    time.sleep(0.03)
    head = f"HTTP/1.1 200 OK\\r\\nContent-Length: {len(image)}\\r\\nConnection: close\\r\\n\\r\\n"
    connection.sendall((head + image).encode())
    connection.close()

threads = []
def accept():
    try:
        connection, _ = listener.accept()
    except BlockingIOError:  # the other slot was faster
        return False
    thread = threading.Thread(target=answer, args=(connection,))
    thread.start()
    threads[:] = [each for each in threads if each.is_alive()] + [thread]
    return True

while True:
    ready, _, _ = select.select([listener, reader], [], [])
    if reader in ready:
        break
    accept()
if "LISTEN_FDS" not in os.environ:  # whoever waits for a port of its own waits for nobody else
    while accept():
        pass
    listener.close()
for thread in threads:
    thread.join()
`;

export async function installServer(machine: Machine): Promise<void> {
  await machine.write("/srv/serve.py", SERVE);
}

export interface Client {
  /** Stops asking. How many requests there were, and what went wrong with each that failed. */
  stop(): Promise<{ readonly asked: number; readonly failed: readonly string[] }>;
}

/** Asks 50 times a second, each time by a connection of its own, whether or not the last answer is there. */
export function askAllTheTime(url: string): Client {
  const failed: string[] = [];
  const open = new Set<Promise<void>>();
  let asked = 0;
  const ask = async () => {
    asked++;
    try {
      const response = await fetch(url, { keepalive: false, signal: AbortSignal.timeout(10_000) });
      const text = await response.text();
      if (!response.ok || !/^\d+\.\d+\.\d+$/.test(text)) failed.push(`${response.status} ${text}`);
    } catch (error) {
      failed.push(String(error));
    }
  };
  const timer = setInterval(() => {
    const asking = ask().finally(() => open.delete(asking));
    open.add(asking);
  }, 20);
  return {
    async stop() {
      clearInterval(timer);
      await Promise.all(open);
      return { asked, failed };
    },
  };
}
