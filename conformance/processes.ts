// Starts programs that are judged, so that none outlives the suite: each leads a process group of its
// own, which is killed as a whole.

import { constants } from "node:os";

const running = new Set<number>();
const cleanUps = new Set<() => void>();

/** A reader as every stream of bytes gives one. */
export interface ByteReader {
  /** `value` is `undefined` at the end. */
  read(): Promise<{ readonly value?: Uint8Array | undefined }>;
  cancel(): Promise<void>;
}

/** Has something done before a signal ends the suite. @returns what takes that back */
export function beforeSignal(work: () => void): () => void {
  watchSignals();
  cleanUps.add(work);
  return () => cleanUps.delete(work);
}

/** A program with its three standard streams as pipes. @throws when it cannot be started */
export function startProgram(
  command: readonly string[],
  { cwd, env }: { readonly cwd?: string; readonly env?: Record<string, string | undefined> } = {},
) {
  watchSignals();
  const child = Bun.spawn([...command], {
    ...(cwd === undefined ? {} : { cwd }),
    ...(env === undefined ? {} : { env }),
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
    detached: true,
  });
  running.add(child.pid);
  return child;
}

/** Kills a program and all that it started, also when it has ended itself. */
export function killProgram({ pid }: { readonly pid: number }): void {
  // A number that was given back may be another's by now.
  if (!running.delete(pid)) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // Nobody is left.
  }
}

/** How a program ended, in words. */
export function describeEnd({ exitCode, signalCode }: Bun.Subprocess): string {
  return signalCode === null ? `ended with status ${exitCode}` : `was ended by ${signalCode}`;
}

/** The last lines of what a program said, without empty ones around them; not printable yet. */
export function lastLines(text: string, most = 8): readonly string[] {
  const said = text.trim();
  return said === "" ? [] : said.split("\n").slice(-most);
}

let isWatching = false;

/** Ctrl-C does not reach other groups: they are killed first, then the signal does what it would. */
function watchSignals(): void {
  if (isWatching) return;
  isWatching = true;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, () => {
      for (const pid of running) killProgram({ pid });
      for (const work of cleanUps) work();
      process.kill(process.pid, constants.signals[signal]);
    });
  }
}
