// `store/<sha256>.packed`: which packed files of an image, and of older ones, there are at an origin, and how large
// they are (PCK-1 to PCK-7). A hint: nothing is believed for it.

import { parseSha256Hex, type Sha256Hex } from "../digest.ts";
import { TakoError } from "../error.ts";

/** A patch that turns one image into another. */
export interface PatchLine {
  readonly old: Sha256Hex;
  readonly new: Sha256Hex;
  /** Of the patch, in bytes. */
  readonly size: number;
}

export interface PackedList {
  /** The bytes of the image as a zstd frame, if there is one. */
  readonly zst: number | undefined;
  readonly patches: readonly PatchLine[];
}

/** The most bytes of a list (PCK-2). */
export const MAX_PACKED_BYTES = 65_536;
/** The most characters of a line, without its end: "patch", two digests and 2^53 - 1 are 152. */
const MAX_LINE = 160;
const HEADER = "Tako Packed 1";

/**
 * Reads a list.
 *
 * @throws TakoError of kind `origin` with `rule` and `line`
 */
export function parsePackedList(bytes: Uint8Array): PackedList {
  if (bytes.length > MAX_PACKED_BYTES)
    throw badList("it is larger than 64 KiB", "PCK-2", undefined);
  const lines = new TextDecoder("latin1").decode(bytes).split("\n");
  if (lines[0] !== HEADER) throw badList(`expected "${HEADER}"`, "PCK-1", 1);
  if (lines.pop() !== "") throw badList("the last line does not end", "PCK-3", lines.length + 1);
  let zst: number | undefined;
  const patches = new Map<string, PatchLine>();
  for (const [index, line] of lines.entries()) {
    const number = index + 1;
    if (!/^[\x20-\x7e]{1,160}$/.test(line)) {
      const expected = `expected 1 to ${MAX_LINE} printable characters`;
      throw badList(expected, "PCK-3", number);
    }
    const [word, ...values] = line.split(" ");
    if (word === "zst") {
      if (zst !== undefined) throw badList("a second zst", "PCK-6", number);
      zst = readZst(values, number);
    } else if (word === "patch") {
      const patch = readPatch(values, number);
      const name = `${patch.old} ${patch.new}`;
      if (patches.has(name)) throw badList("the same patch again", "PCK-6", number);
      patches.set(name, patch);
    }
    // Others are for who knows them (PCK-7).
  }
  return { zst, patches: [...patches.values()] };
}

/** The bytes of a list. Lines that would make it too large are left out, from the end. */
export function encodePackedList({ zst, patches }: PackedList): Uint8Array {
  const lines = [
    HEADER,
    ...(zst === undefined ? [] : [`zst ${zst}`]),
    ...patches.map((patch) => `patch ${patch.old} ${patch.new} ${patch.size}`),
  ];
  let text = "";
  for (const line of lines) {
    if (text.length + line.length + 1 > MAX_PACKED_BYTES) break;
    text += `${line}\n`;
  }
  return new TextEncoder().encode(text);
}

function readZst([size, ...more]: readonly string[], line: number): number {
  const bytes = readSize(size);
  if (bytes === undefined || more.length > 0) throw badList('expected "zst SIZE"', "PCK-4", line);
  return bytes;
}

function readPatch([from, to, size, ...more]: readonly string[], line: number): PatchLine {
  const [old, next, bytes] = [parseSha256Hex(from ?? ""), parseSha256Hex(to ?? ""), readSize(size)];
  const isWhole = old !== undefined && next !== undefined && bytes !== undefined;
  if (!isWhole || old === next || more.length > 0) {
    throw badList('expected "patch OLD NEW SIZE", of two images', "PCK-5", line);
  }
  return { old, new: next, size: bytes };
}

/** `undefined` unless it is decimal, from 1 to 2^53 - 1. */
function readSize(text = ""): number | undefined {
  const size = /^[1-9][0-9]*$/.test(text) ? Number(text) : 0;
  return Number.isSafeInteger(size) && size > 0 ? size : undefined;
}

function badList(what: string, rule: string, line: number | undefined): TakoError {
  return new TakoError("origin", `the list of packed files is damaged: ${what}`, { rule, line });
}
