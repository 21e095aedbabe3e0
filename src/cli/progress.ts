// The text of progress bars, one line a download. When and where they are drawn is display.ts's
// business.

import { bytes, safe, seconds } from "./text.ts";

/** A download that is under way. Times are in milliseconds of one clock. */
export interface Download {
  readonly label: string;
  readonly size: number;
  /** Where this run began: what an earlier one got counts as done but not as speed. */
  readonly offset: number;
  readonly startedAt: number;
  readonly done: number;
}

const BAR_WIDTH = 24;

/** A line of at most `columns` characters: label, bar, part done, speed, time left. */
export function progressLine(download: Download, now: number, columns: number): string {
  const { size, done, offset, startedAt } = download;
  const part = size === 0 ? 1 : Math.min(done / size, 1);
  const filled = Math.round(part * BAR_WIDTH);
  const bar = `[${"#".repeat(filled)}${"-".repeat(BAR_WIDTH - filled)}]`;
  const rate = (done - offset) / ((now - startedAt) / 1000);
  const speed = rate > 0 && Number.isFinite(rate);
  const figures = [
    ` ${bar} ${String(Math.floor(part * 100)).padStart(3)}%`,
    `  ${bytes(done)} of ${bytes(size)}`,
    speed ? `  ${bytes(rate)}/s` : "",
    speed ? `  ${seconds(Math.ceil((size - done) / rate))} left` : "",
  ];
  // On a narrow terminal the last figures go first; a line that wraps could not be taken back.
  const label = safe(download.label);
  while (figures.length > 0 && label.length + figures.join("").length > columns) figures.pop();
  return (label + figures.join("")).slice(0, columns);
}
