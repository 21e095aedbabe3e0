// Runs the command under test so that it can't harm the suite: a group of processes of its own that is
// killed as a whole, a time-out, and a limit to what it prints.

import { type ByteReader, killProgram, startProgram } from "../processes.ts";

export interface RunOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What it reads on standard input; nothing unless given. */
  readonly input?: string | undefined;
  readonly timeoutMs: number;
  /** Ends the run before its time-out. */
  readonly signal: AbortSignal;
}

export interface RunEnd {
  /** The exit status; null if there is none. */
  readonly status: number | null;
  /** The first 64 KiB of each. */
  readonly stdout: string;
  readonly stderr: string;
  /** Why it is no proper end: the run hung, flooded, was killed, or left processes behind. */
  readonly trouble?: string | undefined;
}

const KEPT_BYTES = 64 * 1024;
/** The most that a run may print on one of its outputs. */
const MAX_OUTPUT_BYTES = 100 * 1000 * 1000;
/** How long processes that the command started may take to end after it. */
const GRACE_MS = 1000;

/** Never throws for what the command does: `trouble` says it. */
export async function runGuarded(
  command: readonly string[],
  { cwd, env, input, timeoutMs, signal }: RunOptions,
): Promise<RunEnd> {
  let child: ReturnType<typeof startProgram>;
  try {
    child = startProgram(command, { cwd, env });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { status: null, stdout: "", stderr: "", trouble: `it can't be started: ${reason}` };
  }
  let trouble: string | undefined;
  const stop = (why: string) => {
    trouble ??= why;
    killProgram(child);
  };
  const stdout = new Output(child.stdout, "standard output", stop);
  const stderr = new Output(child.stderr, "standard error", stop);
  const timer = setTimeout(() => stop(`it did not end within ${timeoutMs / 1000} s`), timeoutMs);
  const abort = () => stop("the case took too long");
  signal.addEventListener("abort", abort);
  if (signal.aborted) abort();
  try {
    await feed(child.stdin, input);
    await child.exited;
    clearTimeout(timer);
    const { exitCode, signalCode } = child;
    if (signalCode !== null) trouble ??= `${signalCode} ended it`;
    if (!(await groupEnds(child.pid))) stop("it left a process running");
    const ended = Promise.all([stdout.ended, stderr.ended]);
    if (!(await settlesWithin(ended, GRACE_MS))) stop("its output stayed open after its end");
    return { status: exitCode, stdout: stdout.text(), stderr: stderr.text(), trouble };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
    killProgram(child);
    // A signal is on its way when kill returns: what it ends may still run, and write into the case's folder.
    await groupEnds(child.pid);
    stdout.close();
    stderr.close();
  }
}

/** Keeps the beginning of a stream, counts the rest, and reads on: a full pipe would stop the command. */
class Output {
  readonly ended: Promise<void>;
  readonly #reader: ByteReader;
  readonly #kept: Uint8Array[] = [];
  #bytes = 0;

  constructor(stream: ReadableStream<Uint8Array>, name: string, stop: (why: string) => void) {
    this.#reader = stream.getReader();
    this.ended = this.#drain(() =>
      stop(`it printed more than ${MAX_OUTPUT_BYTES} bytes on ${name}`),
    );
  }

  async #drain(onFlood: () => void): Promise<void> {
    try {
      for (;;) {
        const { value } = await this.#reader.read();
        if (value === undefined) return;
        const room = KEPT_BYTES - this.#bytes;
        if (room > 0) this.#kept.push(value.slice(0, room));
        this.#bytes += value.length;
        if (this.#bytes > MAX_OUTPUT_BYTES) onFlood();
      }
    } catch {
      // The stream ended with the process.
    }
  }

  text(): string {
    const text = new TextDecoder().decode(Buffer.concat(this.#kept));
    return this.#bytes > KEPT_BYTES ? `${text}\n... (${this.#bytes} bytes in all)\n` : text;
  }

  close(): void {
    this.#reader.cancel().catch(() => {});
  }
}

/** The command need not read what it is given. */
async function feed(stdin: Bun.FileSink, input = ""): Promise<void> {
  try {
    stdin.write(input);
    await stdin.end();
  } catch {
    // It closed its standard input, or has ended.
  }
}

/** Waits a little for processes that the command started: a helper may end just after it. */
async function groupEnds(pid: number): Promise<boolean> {
  for (let waited = 0; waited <= GRACE_MS; waited += 20) {
    try {
      process.kill(-pid, 0);
    } catch {
      return true;
    }
    await Bun.sleep(20);
  }
  return false;
}

async function settlesWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const settled = await Promise.race([promise.then(() => true), late]);
  clearTimeout(timer);
  return settled;
}
