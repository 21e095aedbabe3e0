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

/** How much of the path's end stays while there are figures that can go instead. */
const SHORT_PATH = 12;

/**
 * A line of at most `columns` characters: path, version, bar, part done, bytes, speed, time left. Where there is no room,
 * the path is cut from its start, then the last figures go, then the path, and at last bar and part; a version is whole or
 * not there, for a part of it would be another one (CLI-28). A line that wraps could not be taken back.
 */
export function progressLine(download: Download, now: number, columns: number): string {
  const { size, done, offset, startedAt } = download;
  const part = size === 0 ? 1 : Math.min(done / size, 1);
  const filled = Math.round(part * BAR_WIDTH);
  const bar = `[${"#".repeat(filled)}${"-".repeat(BAR_WIDTH - filled)}]`;
  const percent = `${Math.floor(part * 100)}%`.padStart(4);
  const rate = (done - offset) / ((now - startedAt) / 1000);
  const speed = rate > 0 && Number.isFinite(rate);
  const figures = [
    `  ${bytes(done)} of ${bytes(size)}`,
    speed ? `  ${bytes(rate)}/s` : "",
    speed ? `  ${seconds(Math.ceil((size - done) / rate))} left` : "",
  ];
  const path = narrow(download.path);
  const version = safe(download.version);
  const least = `${cut(path, SHORT_PATH)} ${version} ${bar} ${percent}`.length;
  while (figures.length > 0 && least + figures.join("").length > columns) figures.pop();
  const whole = `${version} ${bar} ${percent}`;
  if (whole.length > columns) {
    const rests = [`${version} ${percent}`, version, percent.trim()];
    return rests.find((text) => text.length <= columns) ?? "";
  }
  const end = whole + figures.join("");
  return `${cut(path, columns - end.length - 1)} ${end}`.trimStart();
}

/** The end of a path in so much room; nothing where not even a short name would be left. */
function cut(path: string, room: number): string {
  if (path.length <= room) return path;
  if (room < 8) return "";
  const end = path.slice(3 - room);
  return `...${end.slice(Math.max(end.indexOf("/"), 0))}`;
}
