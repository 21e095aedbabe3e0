// The text of progress bars, one line a download. When and where they are drawn is display.ts's
// business.

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

/**
 * A line of at most `columns` characters: path, version, bar, part done, bytes, speed, time left. Without room for all,
 * they give way in the order of CLI-28; a version is whole or not there, for a part of it would be another one. A line
 * that wraps could not be taken back.
 */
export function progressLine(download: Download, now: number, columns: number): string {
  const { size, done } = download;
  const part = size === 0 ? 1 : Math.min(done / size, 1);
  const percent = `${Math.floor(part * 100)}%`.padStart(4);
  const path = narrow(download.path);
  const version = safe(download.version);
  const figures = figuresOf(download, now);

  const room = columns - `${cut(path, SHORT_PATH)} ${version} [] ${percent}`.length;
  while (figures.length > 0 && BAR_WIDTH + figures.join("").length > room) figures.pop();
  const width = Math.min(Math.max(room, SHORT_BAR), BAR_WIDTH);
  const ends = [
    `${version} ${bar(part, width)} ${percent}${figures.join("")}`,
    `${version} ${percent}`,
    version,
    percent.trim(),
  ];
  const end = ends.find((text) => text.length <= columns) ?? "";
  return `${cut(path, columns - end.length - 1)} ${end}`.trim();
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
