// A real OpenSSH server on a loopback port, for sftp and scp, and a home directory whose `.ssh` may log in there.
//
// Needs `needs("sshd")`.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./daemon.ts";
import { programPath } from "./needs.ts";

export interface SshServer {
  /** `user@127.0.0.1:PORT`, for a URL. */
  readonly host: string;
  /** For `HOME`: holds the user's key, and the server's in `known_hosts`. */
  readonly home: string;
  readonly stop: () => Promise<void>;
}

/** Ready for connections when it resolves. */
export async function startSshServer(): Promise<SshServer> {
  const sshd = programPath("sshd");
  if (sshd === null) throw new Error("sshd is not installed");
  const folder = mkdtempSync(join(tmpdir(), "tako-sshd-"));
  const ssh = join(folder, ".ssh");
  mkdirSync(ssh, { mode: 0o700 });
  // Where sshd gives up its privileges when root starts it; a package's own start would make it.
  if (process.getuid?.() === 0) mkdirSync("/run/sshd", { recursive: true });
  const hostKey = join(folder, "host_key");
  // curl looks for a key of this name, whatever its kind.
  const userKey = join(ssh, "id_rsa");
  makeKey(hostKey);
  makeKey(userKey);

  for (let left = 2; ; left--) {
    const port = freePort();
    const config = join(folder, "sshd_config");
    writeFileSync(
      config,
      `Port ${port}
ListenAddress 127.0.0.1
HostKey ${hostKey}
AuthorizedKeysFile ${userKey}.pub
StrictModes no
PidFile none
Subsystem sftp internal-sftp
`,
    );
    const known = `[127.0.0.1]:${port} ${readFileSync(`${hostKey}.pub`, "utf8")}`;
    writeFileSync(join(ssh, "known_hosts"), known);
    // A test run that is killed takes its servers along.
    const child = Bun.spawn(["setpriv", "--pdeathsig", "KILL", sshd, "-D", "-e", "-f", config], {
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
    });
    const reader = child.stderr.getReader();
    const { value } = await reader.read();
    const said = Buffer.from(value ?? []).toString();
    if (said.includes("Server listening")) {
      return {
        host: `${userName()}@127.0.0.1:${port}`,
        home: folder,
        stop: async () => {
          child.kill("SIGKILL");
          await child.exited;
          rmSync(folder, { recursive: true });
        },
      };
    }
    child.kill("SIGKILL");
    await child.exited;
    if (left === 0) throw new Error(`sshd did not start: ${said.trim()}`);
  }
}

/** Bun's `userInfo` tells what the environment says, which may be nothing. */
function userName(): string {
  return Bun.spawnSync(["id", "-un"]).stdout.toString().trim();
}

function makeKey(path: string): void {
  const made = Bun.spawnSync(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path]);
  if (!made.success) throw new Error(`ssh-keygen: ${made.stderr.toString()}`);
}
