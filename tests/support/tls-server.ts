// openssl's own TLS server on a loopback port, for what no web server is set up like.
//
// Needs `needs("openssl")`.

import type { Certificate } from "./certificates.ts";
import { freePort } from "./daemon.ts";

export interface TlsServer extends AsyncDisposable {
  /** `https://127.0.0.1:PORT`. */
  readonly url: string;
}

/**
 * Ready for connections when it resolves.
 *
 * @param options of `openssl s_server`, such as `-tls1_2`
 */
export async function startTlsServer(
  { certificate, key }: Certificate,
  options: readonly string[],
): Promise<TlsServer> {
  const port = freePort();
  const words = ["openssl", "s_server", "-accept", `127.0.0.1:${port}`, "-www"];
  // A test run that is killed takes its servers along.
  const child = Bun.spawn(
    ["setpriv", "--pdeathsig", "KILL", ...words, "-cert", certificate, "-key", key, ...options],
    { stdin: "ignore", stdout: "pipe", stderr: "ignore" },
  );
  const reader = child.stdout.getReader();
  let said = "";
  while (!said.includes("ACCEPT")) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`openssl s_server did not start: ${said}`);
    said += Buffer.from(value).toString();
  }
  return {
    url: `https://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}
