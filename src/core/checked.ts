// The record of the last look for news, `.checked` (spec/destination.md): text to values and back, and what a run adds to
// it. It decides nothing: what shows it is commands/status/.

import { parseSha256Hex, type Sha256Hex } from "./digest.ts";
import type { TakoError } from "./error.ts";
import { printable } from "./text.ts";

/** How the last look for news ended. Times are seconds since the epoch. */
export interface Look {
  readonly time: number;
  /** `ok`, or the kind of its error (CLI-40). */
  readonly outcome: string;
  /** When the first of the looks ended that went well, or did not, as all since then. */
  readonly since: number;
  /** What was wrong; empty if it went well. */
  readonly message: string;
}

/** How many runs in a row ended with a restart for an image still owed. */
export interface Tries {
  readonly image: Sha256Hex;
  readonly count: number;
}

export interface Checked {
  readonly look: Look;
  readonly tries: Tries | undefined;
}

/** The most bytes of a message (DST-111). */
const MAX_MESSAGE = 200;
const OK = "ok";

/** Whether a look for news went well. */
export function isOk({ outcome }: Look): boolean {
  return outcome === OK;
}

/**
 * What is to be on record after one more look (DST-111).
 *
 * @param missed what kept the news, or their image, away
 * @param time seconds since the epoch
 */
export function lookNow(
  before: Look | undefined,
  missed: TakoError | undefined,
  time: number,
): Look {
  const outcome = missed?.kind ?? OK;
  const isAsBefore = before !== undefined && isOk(before) === (outcome === OK);
  const since = isAsBefore ? before.since : time;
  if (missed === undefined) return { time, outcome, since, message: "" };
  const said = missed.source === undefined ? missed.message : `${missed.source}: ${missed.message}`;
  // printable() marks a cut by three dots.
  return {
    time,
    outcome,
    since,
    message: printable(said, MAX_MESSAGE - 3).slice(0, MAX_MESSAGE) || "-",
  };
}

/**
 * What is to be on record after a run (DST-112).
 *
 * @param image the one that a restart is still owed for, if one is
 */
export function triesNow(
  before: Tries | undefined,
  image: Sha256Hex | undefined,
): Tries | undefined {
  if (image === undefined) return undefined;
  return { image, count: before?.image === image ? before.count + 1 : 1 };
}

export function encodeChecked({ look, tries }: Checked): string {
  const { time, outcome, since, message } = look;
  const first = [time, outcome, since, ...(message === "" ? [] : [message])].join(" ");
  return tries === undefined ? `${first}\n` : `${first}\n${tries.image} ${tries.count}\n`;
}

/** @returns `undefined` if it is damaged (DST-113) */
export function decodeChecked(text: string): Checked | undefined {
  const lines = text.split("\n");
  if (lines.pop() !== "" || lines.length > 2) return undefined;
  const [first = "", second] = lines;
  const [found, time, outcome = "", since, message = ""] =
    /^(\d{1,12}) ([a-z-]{1,20}) (\d{1,12})(?: ([ -~]{1,200}))?$/.exec(first) ?? [];
  if (found === undefined || (outcome === OK) !== (message === "")) return undefined;
  const look = { time: Number(time), outcome, since: Number(since), message };
  if (second === undefined) return { look, tries: undefined };
  const [, hex = "", count] = /^(\S+) ([1-9]\d{0,8})$/.exec(second) ?? [];
  const image = parseSha256Hex(hex);
  return image && { look, tries: { image, count: Number(count) } };
}
