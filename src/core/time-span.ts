// Time spans, written as in systemd (systemd.time): text to milliseconds. What a span is for, and how long it
// may be there, is said where it is used.

import { TakoError } from "./error.ts";

const UNITS: readonly (readonly [names: string, ms: number])[] = [
  ["us usec µs μs", 0.001],
  ["ms msec", 1],
  ["s sec second seconds", 1000],
  ["m min minute minutes", 60_000],
  ["h hr hour hours", 3_600_000],
  ["d day days", 86_400_000],
  ["w week weeks", 604_800_000],
  ["M month months", 2_629_800_000],
  ["y year years", 31_557_600_000],
];

const MS = new Map(UNITS.flatMap(([names, ms]) => names.split(" ").map((name) => [name, ms])));

/**
 * Parses a time span: numbers, each with a unit or of seconds (CFG-37).
 *
 * @returns milliseconds
 * @throws TakoError of kind `config`
 */
function parseTimeSpan(text: string): number {
  /** A number and its unit. One after the other: a pattern of them all could take ages to say no. */
  const part = /([0-9]*\.[0-9]+|[0-9]+)(?!\.)[ \t\r]*([A-Za-z\u00b5\u03bc]*)[ \t\r]*/y;
  let ms = 0;
  do {
    const [, number, unit] = part.exec(text) ?? [];
    const each = unit === "" ? 1000 : MS.get(unit ?? "");
    if (each === undefined) throw invalid();
    ms += Number(number) * each;
  } while (part.lastIndex < text.length);
  return ms;
}

function invalid(): TakoError {
  const message = "invalid time span: expected one such as 30s, 2min or 1h 30s";
  return new TakoError("config", message, { rule: "CFG-37" });
}

/** What a time span is for. */
interface Purpose {
  readonly noun: string;
  readonly min: number;
  readonly max: number;
  /** The same limits for people, and an example. */
  readonly expected: string;
  readonly rule: string;
}

/** Parses a time span that has limits. Systemd's `infinity` is beyond each of them. */
function parseSpanFor({ noun, min, max, expected, rule }: Purpose, text: string): number {
  const isEndless = text.trim() === "infinity";
  const ms = isEndless ? Infinity : parseTimeSpan(text);
  if (ms >= min && ms <= max) return ms;
  const message = `${isEndless ? "infinity" : "this time span"} is no ${noun}: expected ${expected}`;
  throw new TakoError("config", message, { rule });
}

/**
 * Parses how long to wait for an origin. Nobody waits for ever, for he holds a lock (CFG-38).
 *
 * @returns milliseconds
 * @throws TakoError of kind `config`
 */
export function parseTimeout(text: string): number {
  const expected = "1ms to 1d, such as 30s";
  return parseSpanFor(
    { noun: "time to wait", min: 1, max: 86_400_000, expected, rule: "CFG-38" },
    text,
  );
}

/**
 * Parses how long to watch units. The lock is held for so long, too (CFG-54).
 *
 * @returns milliseconds
 * @throws TakoError of kind `config`
 */
export function parseWatch(text: string): number {
  const expected = "1s to 1h, such as 30s";
  return parseSpanFor(
    { noun: "time to watch", min: 1000, max: 3_600_000, expected, rule: "CFG-54" },
    text,
  );
}

/**
 * Parses how old something has to be. A year is systemd's, of 365.25 days (CFG-55).
 *
 * @returns milliseconds
 * @throws TakoError of kind `config`
 */
export function parseAge(text: string): number {
  const expected = "0 to 1y, such as 3d";
  return parseSpanFor({ noun: "age", min: 0, max: 31_557_600_000, expected, rule: "CFG-55" }, text);
}
