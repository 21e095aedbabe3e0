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
  /** The images that the origin had taken away, newest first (DST-115). For words only: a run asks again. */
  readonly gone: readonly Sha256Hex[];
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

/**
 * What is to be on record of images that the origin took away, after one more look (DST-115).
 *
 * @param told those that this look was told of, newest first
 */
export function goneNow(
  before: readonly Sha256Hex[],
  missed: TakoError | undefined,
  told: readonly Sha256Hex[],
): readonly Sha256Hex[] {
  return missed !== undefined && told.length === 0 ? before : told;
}

export function encodeChecked({ look, tries, gone }: Checked): string {
  const { time, outcome, since, message } = look;
  const lines = [
    [time, outcome, since, ...(message === "" ? [] : [message])].join(" "),
    ...(tries === undefined ? [] : [`${tries.image} ${tries.count}`]),
    ...gone.map((digest) => `gone ${digest}`),
  ];
  return `${lines.join("\n")}\n`;
}

/** No run is told of more (FET-52): the picked version, and those in its place. */
const RECORD =
  /^(\d{1,12}) ([a-z-]{1,20}) (\d{1,12})(?: ([ -~]{1,200}))?\n(?:([0-9a-f]{64}) ([1-9]\d{0,8})\n)?((?:gone [0-9a-f]{64}\n){0,9})$/;

/** @returns `undefined` if it is damaged (DST-113) */
export function decodeChecked(text: string): Checked | undefined {
  const [found, time, outcome = "", since, message = "", hex = "", count, lines = ""] =
    RECORD.exec(text) ?? [];
  if (found === undefined || (outcome === OK) !== (message === "")) return undefined;
  const image = parseSha256Hex(hex);
  return {
    look: { time: Number(time), outcome, since: Number(since), message },
    tries: image && { image, count: Number(count) },
    gone: lines.split(/gone |\n/).flatMap((digest) => parseSha256Hex(digest) ?? []),
  };
}
