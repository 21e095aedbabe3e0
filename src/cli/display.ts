// Where messages, results and progress bars are shown. Bars are the last lines of a terminal, and
// what is said meanwhile goes above them.

import { beforeInterrupt, beforeStop } from "../shell/signals.ts";
import type { Io, Stream } from "./io.ts";
import { type Download, progressLines } from "./progress.ts";
import { bytes, safe, shortDigest, shortDigests } from "./text.ts";

export type Priority = "error" | "warning" | "info";

/** The time between two drawings of the bars. */
const REDRAW_MS = 100;

/** The priorities of syslog that the journal reads (sd-daemon(3)). */
const JOURNAL_PRIORITY: Readonly<Record<Priority, string>> = {
  error: "<3>",
  warning: "<4>",
  info: "<6>",
};

const COLOUR: Readonly<Record<Priority, string>> = {
  error: "\x1b[31m",
  warning: "\x1b[33m",
  info: "",
};

const DIM = "\x1b[2m";
const PLAIN = "\x1b[0m";
/** Whether a line that is longer than the terminal goes on in the next (DECAWM). */
const [UNBROKEN, BROKEN] = ["\x1b[?7l", "\x1b[?7h"];

/** A file of `store/` that is being read, and how far that is. */
interface Reading {
  /** Whose it is: the path of the config. */
  readonly path: string;
  /** Absent for an image that the manifest does not list. */
  readonly version: string | undefined;
  readonly sha256: string;
  readonly size: number;
  readonly done: number;
}

export class Display {
  readonly #io: Io;
  readonly #hasColour: boolean;
  /** Bars are for a terminal that can move its cursor (CLI-21). */
  readonly hasBars: boolean;
  readonly #downloads = new Map<string, Download>();
  /** How many lines of bars are below the cursor now, as they were written. */
  #drawn = 0;
  /** Of these, what is done is kept for the next run. */
  readonly #kept = new Set<string>();
  #heedsSignals = false;
  #nextRedraw: NodeJS.Timeout | undefined;

  constructor(io: Io) {
    this.#io = io;
    this.#hasColour = usesColour(io.stderr, io);
    this.hasBars = io.stderr.isTerminal && !io.isJournal && io.environment["TERM"] !== "dumb";
  }

  /** A message on standard error. */
  say(priority: Priority, lines: readonly string[]): void {
    const text = lines
      .map((line) => `${this.#dress(priority, shortDigests(safe(line)))}\n`)
      .join("");
    this.#io.stderr.write(this.#takeBack() + text + this.#bars());
  }

  #dress(priority: Priority, line: string): string {
    // The journal notes the program's name by itself.
    if (this.#io.isJournal) return JOURNAL_PRIORITY[priority] + line.replace(/^(tako: | +)/, "");
    const colour = this.#hasColour ? (isHint(line) ? DIM : COLOUR[priority]) : "";
    return colour === "" ? line : `${colour}${line}${PLAIN}`;
  }

  /** A result on standard output, as it is: whole lines. */
  print(text: string): void {
    if (this.#drawn > 0) this.#io.stderr.write(this.#takeBack());
    this.#io.stdout.write(text);
    if (this.#downloads.size > 0) this.#io.stderr.write(this.#bars());
  }

  /** A download begins. */
  startBar(key: string, version: string, size: number, offset: number): void {
    this.#kept.add(key);
    this.#start(key, { path: key, version, size, offset });
  }

  /** An image begins to be read, of which nothing is kept if that does not come to its end. */
  startReading(key: string, version: string, size: number): void {
    this.#start(key, { path: key, version, size, offset: 0 });
  }

  /** A file is being read. One that was read before it could be drawn has no bar. */
  readOn(key: string, { path, version, sha256, size, done }: Reading): void {
    if (done >= size) this.endBar(key);
    else if (this.#downloads.has(key)) this.moveBar(key, done);
    else this.#start(key, { path, version: version ?? shortDigest(sha256), size, offset: done });
  }

  #start(key: string, download: Omit<Download, "done" | "startedAt">): void {
    this.#heedSignals();
    const startedAt = performance.now();
    this.#downloads.set(key, { ...download, startedAt, done: download.offset });
    this.#redraw();
  }

  /** The cursor is where the bars begin, and the shell goes on from there. */
  #heedSignals(): void {
    if (this.#heedsSignals) return;
    this.#heedsSignals = true;
    beforeInterrupt(() => this.#sayWhatIsKept());
    // They are drawn again when they move on.
    beforeStop(() => this.#io.stderr.write(this.#takeBack()));
  }

  /** A download went on. This comes often, and is shown a little later, also if nothing follows. */
  moveBar(key: string, done: number): void {
    const download = this.#downloads.get(key);
    if (download === undefined) return;
    this.#downloads.set(key, { ...download, done });
    this.#nextRedraw ??= setTimeout(() => this.#redraw(), REDRAW_MS).unref();
  }

  /** A download ended, well or not. */
  endBar(key: string): void {
    if (this.#downloads.delete(key)) this.#redraw();
  }

  #redraw(): void {
    clearTimeout(this.#nextRedraw);
    this.#nextRedraw = undefined;
    this.#io.stderr.write(this.#takeBack() + this.#bars());
  }

  /** Clears the bars' lines, however many a terminal of another size has made of them since (CLI-50). */
  #takeBack(): string {
    if (this.#drawn === 0) return "";
    this.#drawn = 0;
    // The first by itself: what clears a screen as a whole, terminals keep for who scrolls back.
    return "\r\x1b[2K\n\x1b[J\x1b[A";
  }

  /**
   * The bars' lines. The cursor rests where they begin, since a terminal that breaks lines anew moves it with them; how many
   * lines it has made of them, nobody here can know: it tells its size too late over a slow link. A line that is too long for
   * the size it has by now is not broken while it is written, so the way back up is right.
   */
  #bars(): string {
    if (!this.hasBars || this.#downloads.size === 0) return "";
    const { columns, rows } = this.#io.stderr.size();
    const shown = [...this.#downloads.values()].slice(0, Math.max(rows - 2, 1));
    const lines = progressLines(shown, performance.now(), columns - 1);
    this.#drawn = lines.length;
    const text = lines.map((line) => `${line}\n`).join("");
    return `${UNBROKEN}${text}${BROKEN}\x1b[${lines.length}A`;
  }

  /** Below the bars as they stand, what the next run need not get or read again (CLI-52). */
  #sayWhatIsKept(): void {
    const all = [...this.#downloads];
    const kept = all.flatMap(([key, each]) => (this.#kept.has(key) ? each : []));
    const lines = kept.map(
      ({ path, done, size }) =>
        `tako: ${safe(path)}: interrupted; ${bytes(done)} of ${bytes(size)} are kept, and the next run goes on from there\n`,
    );
    if (kept.length < all.length) {
      lines.push("tako: interrupted; the next run reads anew what this one has read\n");
    }
    // The terminal has put ^C into the bars.
    const bars = this.#takeBack() + this.#bars();
    this.#io.stderr.write(bars + "\n".repeat(this.#drawn) + lines.join(""));
  }
}

/** The line below an error that says what to do about it (CLI-30). */
function isHint(line: string): boolean {
  return line.startsWith("  ");
}

/** Colour is for people at a terminal who did not decline it (CLI-22). */
export function usesColour(stream: Stream, { environment, isJournal }: Io): boolean {
  const declined = (environment["NO_COLOR"] ?? "") !== "" || environment["TERM"] === "dumb";
  return stream.isTerminal && !isJournal && !declined;
}
