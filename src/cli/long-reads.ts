// When an image that is being read is worth a line, where no bar shows it (CLI-55). What the line says is events.ts's
// business.

import type { Event } from "../commands/events.ts";

const SAY_SO_AFTER_MS = 2000;

/** Events that tell how far an image has been read. */
type Reading = Extract<Event, { event: "reading" | "progress" | "hashing" }>;

export function isReading(event: Event): event is Reading {
  return event.event === "reading" || event.event === "progress" || event.event === "hashing";
}

/** Several images of a config are read at a time. */
export function readingKey({ config, sha256 }: { config?: string; sha256?: string }): string {
  return `${config} ${sha256}`;
}

export class LongReads {
  readonly #isQuiet: boolean;
  /** When the reading of each began, in milliseconds of one clock; infinity once that was told. */
  readonly #begun = new Map<string, number>();

  constructor(isQuiet: boolean) {
    this.#isQuiet = isQuiet;
  }

  /** Whether an event is to be told: any that is not of reading, and once of what is read for two seconds. */
  isWorthALine(event: Event): boolean {
    if (!isReading(event)) return true;
    if (this.#isQuiet) return false;
    const key = readingKey(event);
    const now = performance.now();
    if (event.event === "reading") this.#begun.set(key, now);
    // What a download brings is told as that, and is not known here.
    const begun = this.#begun.get(key) ?? (event.event === "hashing" ? now : Infinity);
    const isLong = now - begun >= SAY_SO_AFTER_MS;
    this.#begun.set(key, isLong ? Infinity : begun);
    if ("done" in event && event.done >= event.size) this.#begun.delete(key);
    return isLong;
  }
}
