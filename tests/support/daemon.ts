// What the servers of the tests have in common that are programs of Debian's: a folder, a free port, a wait until they
// answer, and an end.

import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Daemon {
  readonly port: number;
  /** Its own, for configuration and logs. */
  readonly folder: string;
  stop(): Promise<void>;
}

interface Start {
  readonly name: string;
  /** The user that it becomes when root starts it, by its number; its folder is that user's. The same unless given. */
  readonly uid?: number;
  readonly config: (port: number, folder: string) => string;
  /** Starts it in the foreground. */
  readonly words: (configFile: string) => readonly string[];
  /** Where it says why it does not start, in its folder. */
  readonly log: string;
}

/** Ready for connections when it resolves. Another program may take the free port first: three tries. */
export async function startDaemon(start: Start): Promise<Daemon> {
  const folder = mkdtempSync(join(tmpdir(), `tako-${start.name}-`));
  chmodSync(folder, 0o755);
  const { uid } = start;
  if (uid !== undefined && process.getuid?.() === 0) chownSync(folder, uid, uid);
  const file = join(folder, "config");
  for (let left = 2; ; left--) {
    const port = freePort();
    writeFileSync(file, start.config(port, folder));
    // A test run that is killed takes its servers along.
    const words = ["setpriv", "--pdeathsig", "KILL", ...start.words(file)];
    const child = Bun.spawn(words, { stdin: "ignore", stdout: "ignore", stderr: "pipe" });
    const stop = async () => {
      child.kill("SIGTERM");
      await child.exited;
      rmSync(folder, { recursive: true, force: true });
    };
    if (await isUp(port, child)) return { port, folder, stop };
    child.kill("SIGKILL");
    await child.exited;
    if (left > 0) continue;
    const said = `${await child.stderr.text()}${readIfThere(join(folder, start.log))}`;
    rmSync(folder, { recursive: true, force: true });
    throw new Error(`${start.name} did not start: ${said}`);
  }
}

async function isUp(port: number, child: Bun.Subprocess): Promise<boolean> {
  for (let look = 0; look < 400 && child.exitCode === null; look++) {
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

function readIfThere(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

/** A port nobody listens on right now; another program may take it first. */
export function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}
