// Words and numbers as people read them.

import { printable, withoutSecrets } from "../core/text.ts";

/**
 * The last guard before anything is shown to people: no control characters (CLI-24) and no secrets,
 * wherever the text came from.
 */
export function safe(text: string): string {
  return printable(text, Infinity);
}

/** The same where room is short: a character is one, and what is not printable ASCII a question mark. */
export function narrow(text: string): string {
  return withoutSecrets(text).replace(/[^\x20-\x7e]/gu, "?");
}

/** Digests as people compare them, by their first 12 digits; whole in quotes, and as a part of a path or a URL (CLI-53). */
export function shortDigests(text: string): string {
  const digest = /"[^"]*"|(?<![\w/.-])([0-9a-f]{12})[0-9a-f]{52}(?![\w.-])/g;
  return text.replace(digest, (found, start: string | undefined) => start ?? found);
}

/** `1 version`, `2 versions`. */
export function count(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? "" : "s"}`;
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

/** A longer duration in seconds, by its largest unit: `42 s`, `3 min`, `5 h`, `12 days`. */
export function duration(count: number): string {
  if (count >= 48 * 3600) return `${Math.floor(count / 86_400)} days`;
  return count >= 2 * 3600 ? `${Math.floor(count / 3600)} h` : seconds(count);
}

/** A moment, given in seconds since the epoch, as systemd writes one: `2026-11-29 08:30:00 UTC`. */
export function moment(at: number): string {
  return `${new Date(at * 1000).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** As much of a digest as tells it from others, for people. */
export function shortDigest(digest: string): string {
  return digest.slice(0, 12);
}
