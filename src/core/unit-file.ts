// The syntax of systemd's unit files, as far as configs have it: lines, joins, sections, assignments. What
// the keys mean is not known here (spec/config.md, CFG-1 to CFG-7).

import type { Problem } from "./error.ts";
import { beginsAsSecret, printable } from "./text.ts";

/** One `Key=value`. */
export interface Assignment {
  /** The 1-based line on which it begins. */
  readonly line: number;
  readonly key: string;
  readonly value: string;
  /** All of it as it was written, joined: what a message may show of the key is cut from it. */
  readonly text: string;
}

export interface UnitFile {
  /** In the order of their lines. */
  readonly assignments: readonly Assignment[];
  /** Lines that are none. */
  readonly problems: readonly Problem[];
}

/** In the place of a line that begins as a secret key, and of each in a file that does (CFG-18). */
const HIDDEN = "***";

/** `undefined` for what is not text. A byte order mark at the start is dropped. */
export function decodeText(source: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(source);
    return text.includes("\0") ? undefined : text;
  } catch {
    return undefined;
  }
}

export function readUnitFile(text: string): UnitFile {
  const assignments: Assignment[] = [];
  const problems: Problem[] = [];
  const isSecret = beginsAsSecret(text);
  for (const { line, text: content } of joinLines(text)) {
    const text = isSecret || beginsAsSecret(content) ? HIDDEN : content;
    const equals = content.indexOf("=");
    if (equals !== -1) {
      const key = trim(content.slice(0, equals));
      assignments.push({ line, key, value: trim(content.slice(equals + 1)), text });
    } else if (!content.startsWith("[")) {
      const message = `expected Key=value, not "${shown(text)}"`;
      problems.push({ line, message, rule: "CFG-7" });
    } else if (content !== "[Image]") {
      const message = `unknown section ${shown(text)}: expected [Image] or none`;
      problems.push({ line, message, rule: "CFG-6" });
    }
  }
  return { assignments, problems };
}

/** The key of an assignment for a message. Cut from the whole line: a password can hold the sign, too. */
export function shownKey({ text }: Assignment): string {
  return trim(shown(text).replace(/=.*/s, ""));
}

/**
 * A mistyped line for a message. What could be the user and password of a URL, or a token before its
 * host, is left out (CFG-18).
 */
function shown(line: string): string {
  // Bound to the first of the signs: from each one anew, many of them would take quadratic time (CFG-34).
  return printable(line.replace(/^([^:=@]*[:=])?.*@/s, "$1***@"), 80);
}

interface Line {
  readonly line: number;
  readonly text: string;
}

/**
 * The file's lines without blank ones and comments. A final backslash joins a line with the next,
 * a space in its place; comments between the two are skipped, as in systemd.
 */
function joinLines(text: string): readonly Line[] {
  const joined: Line[] = [];
  let open: Line | undefined;
  for (const [index, raw] of text.split("\n").entries()) {
    const part = trim(raw);
    if (/^[#;]/.test(part)) continue;
    const continues = part.endsWith("\\");
    const piece = continues ? part.slice(0, -1) : part;
    const line: Line = open
      ? { line: open.line, text: `${open.text} ${piece}` }
      : { line: index + 1, text: piece };
    open = continues ? line : undefined;
    if (!continues) joined.push(line);
  }
  if (open) joined.push(open);
  return joined
    .map(({ line, text }) => ({ line, text: trim(text) }))
    .filter(({ text }) => text !== "");
}

/** By hand: a regular expression takes quadratic time for white space within a line (CFG-34). */
function trim(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isWhiteSpace(text[start])) start++;
  while (start < end && isWhiteSpace(text[end - 1])) end--;
  return text.slice(start, end);
}

function isWhiteSpace(character: string | undefined): boolean {
  return character === " " || character === "\t" || character === "\r";
}
