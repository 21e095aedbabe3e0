// How events, errors and results read for people: values in, lines out. Where they are shown is
// display.ts's business.

import type { Event, FetchResult } from "../commands/events.ts";
import type { TakoError } from "../core/error.ts";
import { printable } from "../core/text.ts";

export type Priority = "error" | "warning" | "info";

export interface Message {
  readonly priority: Priority;
  readonly text: string;
}

/**
 * The last guard before anything is shown to people: no control characters (CLI-24) and no secrets,
 * wherever the text came from.
 */
export function safe(text: string): string {
  return printable(text, Infinity);
}

/** What an event says; `undefined` for one that is not worth a line. */
export function describeEvent(event: Event): Message | undefined {
  const message = describe(event);
  if (message === undefined || event.config === undefined) return message;
  return { ...message, text: `${event.config}: ${message.text}` };
}

function describe(event: Event): Message | undefined {
  switch (event.event) {
    case "waiting":
      return info(`waiting for another run that has locked ${event.directory}`);
    case "warning":
      return warning(`warning: ${event.message}`);
    case "retry":
      return warning(
        `${event.url}: ${event.reason}; trying again in ${seconds(event.delay_ms / 1000)}`,
      );
    case "manifest":
      return event.state === "unchanged"
        ? undefined
        : info(`${event.state} manifest, ${count(event.versions, "version")}`);
    case "damaged":
      return warning(`the image of ${event.version} is damaged: ${event.path}`);
    case "gone":
      return warning(`the origin removed the image of ${event.version}: ${event.url}`);
    case "download":
      return info(
        event.offset === 0
          ? `downloading ${event.version}, ${bytes(event.size)}`
          : `downloading ${event.version}, ${bytes(event.size - event.offset)} left of ${bytes(event.size)}`,
      );
    case "progress":
      return undefined;
    case "downloaded":
      return info(`downloaded ${event.version}, ${bytes(event.size)}, verified`);
    case "activated":
      return info(`activated ${event.version}`);
    case "restarted":
      return info(`restarted ${event.units.join(" ")}`);
    case "would":
      return info(`would ${event.action} ${event.what}`);
  }
}

function count(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? "" : "s"}`;
}

function info(text: string): Message {
  return { priority: "info", text };
}

function warning(text: string): Message {
  return { priority: "warning", text };
}

/**
 * An error in one line or two, with its file or URL and line (CLI-30); the problems of a config file
 * in one line each (CLI-31).
 *
 * @param config the config file whose run failed, if it was one's
 */
export function describeError(error: TakoError, config?: string): readonly string[] {
  if (error.problems.length > 0) {
    const file = error.source ?? config ?? "config";
    return error.problems.map(({ line, message }) => `${place(file, line)}: ${message}`);
  }
  const { message, source, line, hint } = error;
  const parts = [message];
  if (source !== undefined) parts.unshift(place(source, line));
  if (config !== undefined && config !== source) parts.unshift(config);
  const first = `tako: ${parts.join(": ")}`;
  return hint === undefined ? [first] : [first, `  ${hint}`];
}

/** `FILE:LINE`, as compilers say it; a URL is followed by words, since a number would be a part of it. */
function place(source: string, line: number | undefined): string {
  if (line === undefined) return source;
  return source.includes("://") ? `${source}, line ${line}` : `${source}:${line}`;
}

/** How a config's run ended, if it did not fail: a line, and a hint if there is something to do. */
export function describeResult(result: FetchResult): readonly [string, ...string[]] {
  const { config, outcome, version = "", pattern = "", offered = [] } = result;
  if (outcome === "updated") return [`${config}: updated to ${version}`];
  if (outcome === "current") return [`${config}: ${version} is current`];
  const offer =
    offered.length === 0
      ? "the manifest is empty"
      : `the newest on offer ${offered.length === 1 ? "is" : "are"} ${offered.join(", ")}`;
  const line = `${config}: no version matches "${pattern}"; ${offer}`;
  const isExact = !/[*<]/.test(pattern);
  return isExact
    ? [line, `  "${pattern}" is one exact version; "${pattern}.*" is all that begin with it.`]
    : [line];
}

/** A number of bytes for people, in powers of ten as disks and networks are sold. */
export function bytes(count: number): string {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  const power = Math.min(Math.floor(Math.log10(Math.max(count, 1)) / 3), units.length - 1);
  const value = count / 1000 ** power;
  return `${value.toFixed(power === 0 || value >= 100 ? 0 : 1)} ${units[power]}`;
}

/** A duration in seconds: `0.5 s`, `42 s`, `3 min`. */
export function seconds(count: number): string {
  if (count >= 120) return `${Math.round(count / 60)} min`;
  return `${count < 10 ? Number(count.toFixed(1)) : Math.round(count)} s`;
}
