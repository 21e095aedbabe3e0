// A real Apache that serves one directory on a loopback port, and what it was asked.
//
// Needs `needs("apache2")`. It reads the directory as another user when root runs the tests.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { startDaemon } from "./daemon.ts";
import { programPath } from "./needs.ts";

export interface ApacheServer {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  /** What was asked for so far: `STATUS PATH RANGE IF-NONE-MATCH`, with `-` for a header that was absent. */
  requests(): readonly string[];
  stop(): Promise<void>;
}

/** Debian's place and user for it. */
const MODULES = "/usr/lib/apache2/modules";
const WWW_DATA = 33;

/** @param lines more of its configuration, after the directory's */
export async function serveWithApache(directory: string, lines = ""): Promise<ApacheServer> {
  const apache = programPath("apache2");
  if (apache === null) throw new Error("apache2 is not installed");
  const server = await startDaemon({
    name: "apache",
    uid: WWW_DATA,
    config: (port, folder) => configuration(directory, port, folder, lines),
    words: (file) => [apache, "-D", "FOREGROUND", "-f", file],
    log: "error.log",
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    requests: () =>
      readFileSync(join(server.folder, "access.log"), "utf8").split("\n").slice(0, -1),
    stop: server.stop,
  };
}

const modules = [
  ...["mpm_event", "authn_core", "authn_file", "authz_core", "authz_host", "authz_user"],
  ...["auth_basic", "alias", "deflate", "dir", "filter", "env", "headers", "rewrite"],
];

function configuration(directory: string, port: number, folder: string, lines: string): string {
  return `
ServerName 127.0.0.1
ServerRoot "${folder}"
DefaultRuntimeDir "${folder}"
PidFile apache.pid
ErrorLog error.log
Listen 127.0.0.1:${port}
${modules.map((name) => `LoadModule ${name}_module ${MODULES}/mod_${name}.so`).join("\n")}
User www-data
Group www-data
StartServers 1
ServerLimit 2
ThreadsPerChild 16
MinSpareThreads 1
MaxSpareThreads 32
MaxRequestWorkers 32
# One write for each line: a look at the log sees whole lines.
LogFormat "%>s %U %{Range}i %{If-None-Match}i" asked
CustomLog access.log asked
DocumentRoot "${directory}"
<Directory "${directory}">
  Require all granted
</Directory>
${lines}
`;
}
