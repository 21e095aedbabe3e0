// What the program is connected to: its environment, its standard streams, and what is at their
// other end. Nothing here knows what is written.

import { fstatSync, readFileSync, writeSync } from "node:fs";

/** As Linux has it, which node:fs does not name. */
const O_CLOEXEC = 0o2000000;

/** Standard output or standard error. */
export interface Stream {
  readonly isTerminal: boolean;
  /**
   * Writes all of it before it returns. That nobody reads any more is no failure (CLI-26); another
   * failure is kept, and what follows is dropped.
   */
  write(text: string): void;
  /** Why not everything could be written (CLI-58). */
  readonly failure: unknown;
  /** The size of the terminal at this moment. */
  size(): { readonly columns: number; readonly rows: number };
}

/** The most characters of a line for people: what lays itself out by it is whole elsewhere. */
export function lineWidth(stream: Stream): number {
  return stream.isTerminal ? stream.size().columns : Infinity;
}

export interface Io {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The file descriptor of standard input. */
  readonly stdin: number;
  readonly stdout: Stream;
  readonly stderr: Stream;
  /** Whether standard error goes to systemd's journal, which reads priorities (CLI-23). */
  readonly isJournal: boolean;
}

/** Those of this process. */
export function processIo(): Io {
  return {
    environment: process.env,
    stdin: 0,
    stdout: new Descriptor(1),
    stderr: new Descriptor(2),
    isJournal: isJournal(2, process.env["JOURNAL_STREAM"]),
  };
}

class Descriptor implements Stream {
  readonly isTerminal: boolean;
  readonly #descriptor: 1 | 2;
  #isOpen = true;
  #isChecked = false;
  #failure: unknown;

  constructor(descriptor: 1 | 2) {
    this.#descriptor = descriptor;
    this.isTerminal = isTerminal(descriptor);
  }

  get failure(): unknown {
    return this.#failure;
  }

  write(text: string): void {
    const bytes = new TextEncoder().encode(text);
    if (!this.#isChecked && wasClosed(this.#descriptor)) {
      this.#isOpen = false;
      this.#failure = Object.assign(new Error("EBADF"), { code: "EBADF" });
    }
    this.#isChecked = true;
    for (let done = 0; this.#isOpen && done < bytes.length; ) {
      try {
        done += writeSync(this.#descriptor, bytes, done);
      } catch (error) {
        if (codeOf(error) === "EAGAIN") {
          // Somebody made the pipe non-blocking, and its reader is slow.
          Bun.sleepSync(2);
        } else {
          this.#isOpen = false;
          if (codeOf(error) !== "EPIPE") this.#failure = error;
        }
      }
    }
  }

  size(): { columns: number; rows: number } {
    const stream = this.#descriptor === 1 ? process.stdout : process.stderr;
    const [columns, rows] = this.isTerminal ? stream.getWindowSize() : [];
    // A terminal that nobody gave a size, as over a serial line, says 0 (CLI-29).
    return { columns: columns || 80, rows: rows || 24 };
  }
}

/** The module that can tell is slow to load, and most that is written to is no device at all. */
function isTerminal(descriptor: number): boolean {
  try {
    if (!fstatSync(descriptor).isCharacterDevice()) return false;
  } catch {
    // Closed by whoever started the program.
    return false;
  }
  return process.getBuiltinModule("node:tty").isatty(descriptor);
}

/**
 * Whether whoever started the program had closed it. The runtime has opened /dev/null in its place by now, which shows by
 * its flag: no descriptor that a process inherits is closed on exec (execve(2)).
 */
function wasClosed(descriptor: number): boolean {
  try {
    if (!fstatSync(descriptor).isCharacterDevice()) return false;
    const flags = readFileSync(`/proc/self/fdinfo/${descriptor}`, "utf8");
    return (Number.parseInt(/^flags:\s*([0-7]+)$/m.exec(flags)?.[1] ?? "0", 8) & O_CLOEXEC) !== 0;
  } catch {
    return false;
  }
}

/** `JOURNAL_STREAM` is inherited, so it counts only if it names this very descriptor (systemd.exec). */
function isJournal(descriptor: number, stream: string | undefined): boolean {
  if (stream === undefined) return false;
  const { dev, ino } = fstatSync(descriptor, { bigint: true });
  return stream === `${dev}:${ino}`;
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
