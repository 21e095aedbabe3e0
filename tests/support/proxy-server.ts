// A real proxy, tinyproxy, on a loopback port.
//
// Needs `needs("tinyproxy")`.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { startDaemon } from "./daemon.ts";
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
  const { port, stop } = await startDaemon({
    name: "tinyproxy",
    config: (port, folder) => configuration(port, folder, lines, allowed),
    words: (file) => [tinyproxy, "-d", "-c", file],
    log: "log",
  });
  return { url: `http://127.0.0.1:${port}`, stop };
}

function configuration(
  port: number,
  folder: string,
  lines: readonly string[],
  allowed: readonly string[] | undefined,
): string {
  const filter = join(folder, "filter");
  if (allowed !== undefined) writeFileSync(filter, `${allowed.join("\n")}\n`);
  const rules = allowed === undefined ? [] : [`Filter "${filter}"`, "FilterDefaultDeny Yes"];
  const text = ["Listen 127.0.0.1", `Port ${port}`, "Timeout 60", "MaxClients 20", ...rules];
  return `${[...text, `LogFile "${join(folder, "log")}"`, ...lines].join("\n")}\n`;
}
