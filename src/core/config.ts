// Config files: systemd's unit-file syntax, one image per file (spec/config.md).

import { ownError, type Problem, printable, TakoError } from "./error.ts";
import { type PublicKey, parsePublicKey } from "./keys.ts";
import { nearest } from "./near-miss.ts";
import { type OriginUrl, parseOriginUrl } from "./origin-url.ts";
import { type Pattern, parsePattern } from "./pattern.ts";

/** What one config file asks for. */
export interface Config {
  /** The file's name as given. */
  readonly file: string;
  readonly origin: OriginUrl;
  /** At least one; any of them may sign. */
  readonly publicKeys: readonly PublicKey[];
  /** A path; a relative one counts from the working directory. */
  readonly destination: string;
  readonly pattern: Pattern;
  /** systemd units to restart, in the order given, none twice. */
  readonly restart: readonly string[];
}

/** The most bytes of a config file. */
export const MAX_CONFIG_BYTES = 1024 * 1024;

const KEYS = ["Origin", "PublicKey", "Destination", "Version", "Restart"] as const;
type Key = (typeof KEYS)[number];

const EXPECTED: Record<Exclude<Key, "Restart">, string> = {
  Origin: "a URL such as https://images.example.com/app",
  PublicKey: "a public key of 44 characters",
  Destination: "a directory",
  Version: "a version pattern such as 1.*",
};

/** A `Key=value` with the 1-based line on which it begins. */
interface Assignment {
  readonly line: number;
  readonly value: string;
}

/**
 * Parses a config file.
 *
 * @param source the file's bytes
 * @param file its name, for messages
 * @throws TakoError of kind `config`, with all problems of the file in `problems`
 */
export function parseConfig(source: Uint8Array, file: string): Config {
  const text = decodeText(source);
  if (text === undefined) {
    throw wrongConfig(file, [{ message: "expected UTF-8 text without NUL bytes", rule: "CFG-1" }]);
  }
  const problems: Problem[] = [];
  const meant = new Set<Key>();
  const assigned = readAssignments(text, problems, meant);

  function read<T>(key: Key, parse: (value: string) => T): readonly T[] {
    const values: T[] = [];
    const assignments = assigned.get(key) ?? [];
    if (assignments.length === 0 && key !== "Restart" && !meant.has(key)) {
      const message = `${key}= is missing: expected ${EXPECTED[key]}`;
      problems.push({ key, message, rule: "CFG-10" });
    }
    for (const { line, value } of assignments) {
      if (value === "" && key !== "Restart") {
        const message = `${key}= is empty: expected ${EXPECTED[key]}`;
        problems.push({ line, key, message, rule: "CFG-11" });
        continue;
      }
      try {
        values.push(parse(value));
      } catch (error) {
        const { message, rule } = ownError(error);
        problems.push({ line, key, message, rule });
      }
    }
    return values;
  }

  function readOnce<T>(key: Key, parse: (value: string) => T): T | undefined {
    const [first, ...repeated] = assigned.get(key) ?? [];
    for (const { line } of repeated) {
      const message = `${key}= may be given once, and is on line ${first?.line} already`;
      problems.push({ line, key, message, rule: "CFG-9" });
    }
    return read(key, parse)[0];
  }

  const origin = readOnce("Origin", parseOriginUrl);
  const publicKeys = read("PublicKey", parsePublicKey);
  const destination = readOnce("Destination", (value) => value);
  const pattern = readOnce("Version", parsePattern);
  const restart = read("Restart", parseUnits);

  if (problems.length > 0 || !origin || !destination || !pattern) {
    throw wrongConfig(file, problems);
  }
  return { file, origin, publicKeys, destination, pattern, restart: joinLists(restart) };
}

/** `undefined` for what is not text. A byte order mark at the start is dropped. */
function decodeText(source: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(source);
    return text.includes("\0") ? undefined : text;
  } catch {
    return undefined;
  }
}

/** @param meant is given the keys that unknown ones are taken for (CFG-35) */
function readAssignments(
  text: string,
  problems: Problem[],
  meant: Set<Key>,
): Map<Key, Assignment[]> {
  const assigned = new Map<Key, Assignment[]>();
  for (const { line, value: content } of joinLines(text)) {
    const equals = content.indexOf("=");
    if (content.startsWith("[") && equals === -1) {
      if (content !== "[Image]") {
        const message = `unknown section ${shown(content)}: expected [Image] or none`;
        problems.push({ line, message, rule: "CFG-6" });
      }
      continue;
    }
    const name = trim(content.slice(0, equals === -1 ? undefined : equals));
    const key = KEYS.find((known) => known === name);
    if (equals === -1) {
      const message = `expected Key=value, not "${shown(content)}"`;
      problems.push({ line, message, rule: "CFG-7" });
    } else if (key === undefined) {
      const near = nearest(name, KEYS);
      if (near !== undefined) meant.add(near);
      // Cut from the whole line: a password can hold the sign, too.
      const given = trim(shown(content).replace(/=.*/s, ""));
      problems.push({ line, key: given, message: unknownKey(given, near), rule: "CFG-8" });
    } else {
      const assignment = { line, value: trim(content.slice(equals + 1)) };
      const earlier = assigned.get(key);
      if (earlier === undefined) assigned.set(key, [assignment]);
      else earlier.push(assignment);
    }
  }
  return assigned;
}

/** A mistyped line for a message. What could be the user and password of a URL is left out (CFG-18). */
function shown(line: string): string {
  // Bound to the first colon: from each one anew, many of them would take quadratic time (CFG-34).
  return printable(line.replace(/^([^:]*):.*@/s, "$1:***@"), 80);
}

/**
 * The file's lines without blank ones and comments. A final backslash joins a line with the next,
 * a space in its place; comments between the two are skipped, as in systemd.
 */
function joinLines(text: string): readonly Assignment[] {
  const joined: Assignment[] = [];
  let open: Assignment | undefined;
  for (const [index, raw] of text.split("\n").entries()) {
    const part = trim(raw);
    if (/^[#;]/.test(part)) continue;
    const continues = part.endsWith("\\");
    const piece = continues ? part.slice(0, -1) : part;
    const line: Assignment = open
      ? { line: open.line, value: `${open.value} ${piece}` }
      : { line: index + 1, value: piece };
    open = continues ? line : undefined;
    if (!continues) joined.push(line);
  }
  if (open) joined.push(open);
  return joined
    .map(({ line, value }) => ({ line, value: trim(value) }))
    .filter(({ value }) => value !== "");
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

function unknownKey(name: string, near: Key | undefined): string {
  const advice =
    near === undefined ? `expected one of ${KEYS.join(", ")}` : `did you mean ${near}=?`;
  return `unknown key "${name}": ${advice}`;
}

/** The unit types that can be restarted, or reached by name (systemd.unit). */
const UNIT_NAME =
  /^[A-Za-z0-9:_.\\-]+(@[A-Za-z0-9:_.\\@-]+)?\.(service|socket|device|mount|automount|swap|target|path|timer|slice|scope)$/;

function parseUnits(value: string): readonly string[] {
  const words = value.split(/[ \t\r]+/).filter((word) => word !== "");
  return words.map((word) => {
    // As systemctl has it, a name without a type is that of a service (CFG-36).
    const unit = /^[A-Za-z0-9][^.]*$/.test(word) ? `${word}.service` : word;
    if (unit.length <= 255 && UNIT_NAME.test(unit)) return unit;
    const message = `invalid unit "${printable(word, 80)}": expected a name such as app.service`;
    throw new TakoError("config", message, { rule: "CFG-15" });
  });
}

/** One list of all, none twice. An empty list clears those before it, as in systemd. */
function joinLists(lists: readonly (readonly string[])[]): readonly string[] {
  const units = new Set<string>();
  for (const list of lists) {
    if (list.length === 0) units.clear();
    for (const unit of list) units.add(unit);
  }
  return [...units];
}

function wrongConfig(file: string, problems: readonly Problem[]): TakoError {
  const sorted = problems.toSorted((a, b) => (a.line ?? Infinity) - (b.line ?? Infinity));
  const count = sorted.length === 1 ? "1 problem" : `${sorted.length} problems`;
  return new TakoError("config", `${count} in this config file`, {
    source: file,
    problems: sorted,
  });
}
