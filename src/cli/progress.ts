// The text of progress bars, one line a download. When and where they are drawn is display.ts's business.

import { bytes, narrow, safe, seconds } from "./text.ts";

/** A download that is under way. Times are in milliseconds of one clock. */
export interface Download {
  /** Whose it is: the path of the config. */
  readonly path: string;
  readonly version: string;
  readonly size: number;
  /** Where this run began: what an earlier one got counts as done but not as speed. */
  readonly offset: number;
  readonly startedAt: number;
  readonly done: number;
}

const BAR_WIDTH = 24;
const SHORT_BAR = 8;

/** How much of the path's end stays while there are figures that can go instead. */
const SHORT_PATH = 12;

/** The columns of a line, as wide as they are by themselves. */
interface Row {
  readonly path: string;
  readonly version: string;
  /** What is done of it, from 0 to 1. */
  readonly part: number;
  /** Bytes, speed and time left, as far as they are known. */
  readonly figures: readonly string[];
}

/**
 * A line of at most `columns` characters for each download: path, version, bar, part done, bytes, speed, time left, one below
 * the other. Without room for all, they give way in the order of CLI-28; a version is whole or not there, for a part of it
 * would be another one. A line that wraps could not be taken back.
 */
export function progressLines(
  downloads: readonly Download[],
  now: number,
  columns: number,
): readonly string[] {
  const rows = downloads.map((download) => rowOf(download, now));
  const versions = widest(rows.map(({ version }) => version));
  const figures = [0, 1, 2].map((at) => widest(rows.map((row) => row.figures[at] ?? "")));
  const shortPaths = widest(rows.map(({ path }) => cut(path, SHORT_PATH)));

  const room = columns - (shortPaths + 1 + versions + " [] 100%".length);
  while (figures.length > 0 && BAR_WIDTH + sum(figures) > room) figures.pop();
  const width = Math.min(Math.max(room, SHORT_BAR), BAR_WIDTH);
  const ends = rows.map(({ version, part, ...row }) => {
    const shown = version.padEnd(versions);
    const percent = `${Math.floor(part * 100)}%`.padStart("100%".length);
    const known = figures.map((each, at) => (row.figures[at] ?? "").padEnd(each)).join("");
    return [
      `${shown} ${bar(part, width)} ${percent}${known}`,
      `${shown} ${percent}`,
      rows.length === 1 ? percent.trim() : percent,
    ];
  });
  const form = [0, 1, 2].find((at) => widest(ends.map((end) => end[at] ?? "")) <= columns);
  if (form === undefined) return rows.map(() => "");
  const rest = columns - widest(ends.map((end) => end[form] ?? "")) - 1;
  const paths = rows.map(({ path }) => cut(path, rest));
  const label = widest(paths);
  return ends.map((end, at) => {
    const path = label === 0 ? "" : `${(paths[at] ?? "").padEnd(label)} `;
    return `${path}${end[form]}`.trimEnd();
  });
}

function rowOf(download: Download, now: number): Row {
  const { size, done, path, version } = download;
  return {
    path: narrow(path),
    version: safe(version),
    part: size === 0 ? 1 : Math.min(done / size, 1),
    figures: figuresOf(download, now),
  };
}

function widest(texts: readonly string[]): number {
  return Math.max(0, ...texts.map(({ length }) => length));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

function bar(part: number, width: number): string {
  const filled = Math.round(part * width);
  return `[${"#".repeat(filled)}${"-".repeat(width - filled)}]`;
}

function figuresOf({ size, done, offset, startedAt }: Download, now: number): string[] {
  const figures = [`  ${bytes(done)} of ${bytes(size)}`];
  const rate = (done - offset) / ((now - startedAt) / 1000);
  if (!(rate > 0 && Number.isFinite(rate))) return figures;
  const left = Math.ceil((size - done) / rate);
  return [...figures, `  ${bytes(rate)}/s`, `  ${seconds(left)} left`];
}

/** The path in so much room: its last parts, else its name, else the end of that, else nothing. */
function cut(path: string, room: number): string {
  if (path.length <= room) return path;
  const end = path.slice(Math.min(3 - room, -1));
  const slash = end.indexOf("/");
  const name = path.slice(path.lastIndexOf("/") + 1);
  if (slash >= 0 && room > 3) return `...${end.slice(slash)}`;
  if (name.length <= room) return name;
  return room < 8 ? "" : `...${end}`;
}
