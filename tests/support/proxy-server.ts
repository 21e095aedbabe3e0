// A real proxy, tinyproxy, on a loopback port.
//
// Needs `needs("tinyproxy")`.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { programPath } from "./needs.ts";

export interface ProxyServer {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  readonly stop: () => Promise<void>;
}

/**
 * Ready for connections when it resolves.
 *
 * @param lines of its config, such as `BasicAuth user password`
 * @param allowed the hosts that it lets through: all unless given
 */
export async function startProxy(
  lines: readonly string[] = [],
  allowed?: readonly string[],
): Promise<ProxyServer> {
  const tinyproxy = programPath("tinyproxy");
  if (tinyproxy === null) throw new Error("tinyproxy is not installed");
  const folder = mkdtempSync(join(tmpdir(), "tako-proxy-"));
  const filter = join(folder, "filter");
  const config = join(folder, "tinyproxy.conf");
  if (allowed !== undefined) writeFileSync(filter, `${allowed.join("\n")}\n`);
  const rules = allowed === undefined ? [] : [`Filter "${filter}"`, "FilterDefaultDeny Yes"];
  for (let left = 2; ; left--) {
    const port = freePort();
    const text = ["Listen 127.0.0.1", `Port ${port}`, "Timeout 60", "MaxClients 20", ...rules];
    writeFileSync(config, `${[...text, ...lines].join("\n")}\n`);
    // A test run that is killed takes its servers along.
    const words = ["setpriv", "--pdeathsig", "KILL", tinyproxy, "-d", "-c", config];
    const child = Bun.spawn(words, { stdin: "ignore", stdout: "pipe", stderr: "ignore" });
    if (await isUp(port, child)) {
      return {
        url: `http://127.0.0.1:${port}`,
        stop: async () => {
          child.kill("SIGKILL");
          await child.exited;
          rmSync(folder, { recursive: true });
        },
      };
    }
    child.kill("SIGKILL");
    await child.exited;
    if (left === 0) throw new Error(`tinyproxy did not start: ${await child.stdout.text()}`);
  }
}

async function isUp(port: number, child: Bun.Subprocess): Promise<boolean> {
  for (let look = 0; look < 200 && child.exitCode === null; look++) {
    try {
      const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } });
      socket.end();
      return child.exitCode === null;
    } catch {
      await Bun.sleep(25);
    }
  }
  return false;
}

/** A port nobody listens on right now; another program may take it first. */
export function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}
