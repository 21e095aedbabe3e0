// A real Squid on a loopback port, as a proxy, or as a cache in front of an origin.
//
// Needs `needs("squid")`.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { startDaemon } from "./daemon.ts";
import { programPath } from "./needs.ts";

export interface SquidServer {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  /** How each request ended, as `TCP_MEM_HIT/200 GET URL`. */
  results(): readonly string[];
  stop(): Promise<void>;
}

/** Debian's user for it. */
const PROXY = 13;

/**
 * @param lines of its configuration, before the one that lets everybody in
 * @param front of its `http_port`: what makes it a cache in front of an origin
 */
export async function startSquid(lines: readonly string[] = [], front = ""): Promise<SquidServer> {
  const squid = programPath("squid");
  if (squid === null) throw new Error("squid is not installed");
  const server = await startDaemon({
    name: "squid",
    uid: PROXY,
    config: (port, folder) => configuration(port, folder, lines, front),
    words: (file) => [squid, "-N", "-f", file],
    log: "cache.log",
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    results: () => readFileSync(join(server.folder, "access.log"), "utf8").split("\n").slice(0, -1),
    stop: server.stop,
  };
}

function configuration(
  port: number,
  folder: string,
  lines: readonly string[],
  front: string,
): string {
  return `
http_port 127.0.0.1:${port} ${front}
visible_hostname tako.test
pid_filename ${folder}/squid.pid
cache_log ${folder}/cache.log
logformat asked %Ss/%03>Hs %rm %ru
access_log stdio:${folder}/access.log logformat=asked
buffered_logs off
coredump_dir ${folder}
cache_mem 32 MB
maximum_object_size_in_memory 16 MB
shutdown_lifetime 0 seconds
pinger_enable off
netdb_filename none
connect_retries 0
${lines.join("\n")}
http_access allow all
`;
}
