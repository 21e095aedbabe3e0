// The images that did not work here, `.refused` (spec/destination.md): text to values and back, and what a host
// may not take for them.

import { parseSha256Hex, type Sha256Hex } from "./digest.ts";
import { printable } from "./text.ts";

/** One image that was taken out of use again. */
export interface Refusal {
  readonly digest: Sha256Hex;
  /** The image that was put back in its place. */
  readonly instead: Sha256Hex;
  /** Seconds since the epoch. */
  readonly time: number;
  /** What was wrong, for people. */
  readonly reason: string;
}

/** What `.refused` holds, oldest first, each digest once. */
export type Refusals = readonly Refusal[];

/** The most lines that are kept (DST-76). */
const MAX_REFUSALS = 100;
/** The most bytes of a reason (DST-75). */
const MAX_REASON = 200;

/** With one more refusal; the last word on a digest counts, and the oldest give way (DST-76). */
export function withRefusal(refusals: Refusals, refusal: Refusal): Refusals {
  return [...withoutRefusal(refusals, refusal.digest), refusal].slice(-MAX_REFUSALS);
}

export function withoutRefusal(refusals: Refusals, digest: Sha256Hex): Refusals {
  return refusals.filter((refusal) => refusal.digest !== digest);
}

export function refusalOf(refusals: Refusals, digest: Sha256Hex | undefined): Refusal | undefined {
  return refusals.find((refusal) => refusal.digest === digest);
}

export function encodeRefusals(refusals: Refusals): string {
  return refusals
    .map(({ digest, instead, time, reason }) => {
      const shown = printable(reason).slice(0, MAX_REASON) || "-";
      return `${digest} ${instead} ${time} ${shown}\n`;
    })
    .join("");
}

/** @returns `undefined` if it is damaged (DST-77) */
export function decodeRefusals(text: string): Refusals | undefined {
  const lines = text.split("\n");
  if (lines.pop() !== "" || lines.length > MAX_REFUSALS) return undefined;
  let refusals: Refusals = [];
  for (const line of lines) {
    const [, hex = "", insteadHex = "", time, reason = ""] =
      /^(\S+) (\S+) (\d{1,12}) ([ -~]{1,200})$/.exec(line) ?? [];
    const [digest, instead] = [parseSha256Hex(hex), parseSha256Hex(insteadHex)];
    if (digest === undefined || instead === undefined) return undefined;
    if (refusalOf(refusals, digest) !== undefined) return undefined;
    refusals = [...refusals, { digest, instead, time: Number(time), reason }];
  }
  return refusals;
}
