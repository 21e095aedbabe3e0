// Where messages, results and progress bars are shown. Bars are the last lines of a terminal, and
// what is said meanwhile goes above them.

import type { Io, Stream } from "./io.ts";
import { type Download, progressLine } from "./progress.ts";
import { safe } from "./text.ts";

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

/** Hexadecimal digits that tell images apart well enough for people. */
const SHORT_DIGEST = 12;

export class Display {
  readonly #io: Io;
  readonly #hasColour: boolean;
  /** Bars are for a terminal that can move its cursor (CLI-21). */
  readonly hasBars: boolean;
  readonly #downloads = new Map<string, Download>();
  #linesDrawn = 0;
  #nextRedraw: NodeJS.Timeout | undefined;

  constructor(io: Io) {
    this.#io = io;
    this.#hasColour = usesColour(io.stderr, io);
    this.hasBars = io.stderr.isTerminal && !io.isJournal && io.environment["TERM"] !== "dumb";
  }

  /** A message on standard error. */
  say(priority: Priority, lines: readonly string[]): void {
    const text = lines.map((line) => `${this.#dress(priority, safe(line))}\n`).join("");
    this.#io.stderr.write(this.#takeBack() + text + this.#bars());
  }

  #dress(priority: Priority, line: string): string {
    // The journal notes the program's name by itself.
    if (this.#io.isJournal) return JOURNAL_PRIORITY[priority] + line.replace(/^(tako: | +)/, "");
    const colour = this.#hasColour ? COLOUR[priority] : "";
    return colour === "" ? line : `${colour}${line}\x1b[0m`;
  }

  /** A result on standard output, as it is: whole lines. */
  print(text: string): void {
    if (this.#linesDrawn > 0) this.#io.stderr.write(this.#takeBack());
    this.#io.stdout.write(text);
    if (this.#downloads.size > 0) this.#io.stderr.write(this.#bars());
  }

  /** A download begins. */
  startBar(key: string, version: string, size: number, offset: number): void {
    const startedAt = performance.now();
    this.#downloads.set(key, { path: key, version, size, offset, startedAt, done: offset });
    this.#redraw();
  }

  /** A file is being read. One that was read before it could be drawn has no bar. */
  readOn(key: string, { path, version, sha256, size, done }: Reading): void {
    this.moveBar(key, done);
    if (this.#downloads.has(key) || done >= size) return;
    const shown = version ?? sha256.slice(0, SHORT_DIGEST);
    const startedAt = performance.now();
    this.#downloads.set(key, { path, version: shown, size, offset: done, startedAt, done });
    this.#redraw();
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

  /** Moves the cursor to where the bars begin, and clears from there. */
  #takeBack(): string {
    const lines = this.#linesDrawn;
    this.#linesDrawn = 0;
    return lines === 0 ? "" : `\x1b[${lines}A\x1b[J`;
  }

  /**
   * The bars' lines. The cursor rests at the start of the line below: a run that is killed leaves
   * a terminal on which one can go on.
   */
  #bars(): string {
    if (!this.hasBars || this.#downloads.size === 0) return "";
    const { columns, rows } = this.#io.stderr.size();
    const now = performance.now();
    const shown = [...this.#downloads.values()].slice(0, Math.max(rows - 2, 1));
    this.#linesDrawn = shown.length;
    return shown.map((download) => `${progressLine(download, now, columns - 1)}\n`).join("");
  }
}

/** Colour is for people at a terminal who did not decline it (CLI-22). */
export function usesColour(stream: Stream, { environment, isJournal }: Io): boolean {
  const declined = (environment["NO_COLOR"] ?? "") !== "" || environment["TERM"] === "dumb";
  return stream.isTerminal && !isJournal && !declined;
}
