// Config files, one for each image (spec/config.md): the bytes of one become a Config, or all that is wrong with them.

import type { Branded } from "./branded.ts";
import {
  CONFIG_KEYS,
  type ConfigKey,
  type ConfigValues,
  type ListKey,
  type OptionalKey,
  type RequiredKey,
} from "./config-keys.ts";
import { asTakoError, type Problem, TakoError } from "./error.ts";
import { nearest } from "./near-miss.ts";
import { type Assignment, decodeText, readUnitFile, shownKey } from "./unit-file.ts";

/** What one config file asks for. Only `parseConfig` makes one. */
export type Config = Branded<
  ConfigValues & {
    /** The file's name as given. */
    readonly file: string;
  },
  "Config"
>;

/** The most bytes of a config file. */
export const MAX_CONFIG_BYTES = 1024 * 1024;

const KEYS: readonly ConfigKey[] = Object.values(CONFIG_KEYS);
const NAMES = KEYS.map(({ name }) => name);

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
  const { assignments, problems: stray } = readUnitFile(text);
  const problems = [...stray, ...unknownOrMissing(assignments)];
  const given = Map.groupBy(assignments, ({ key }) => key);
  const values = Object.entries(CONFIG_KEYS).map(([member, key]): [string, unknown] => [
    member,
    read(key, given.get(key.name) ?? [], problems),
  ]);
  if (problems.length > 0) throw wrongConfig(file, problems);
  // Without a problem, each row has given its value.
  return { file, ...Object.fromEntries(values) } as Config;
}

/** Keys that are not in the table, and keys of it that are not there though they must. */
function unknownOrMissing(assignments: readonly Assignment[]): readonly Problem[] {
  const unknown = assignments
    .filter(({ key }) => !NAMES.includes(key))
    .map((assignment) => ({ assignment, near: nearest(assignment.key, NAMES) }));
  // What an unknown key was meant to be does not count as missing (CFG-35).
  const named = new Set([...assignments.map(({ key }) => key), ...unknown.map(({ near }) => near)]);
  return [
    ...unknown.map(({ assignment, near }) => unknownKey(assignment, near)),
    ...KEYS.flatMap((key) => (!isRequired(key) || named.has(key.name) ? [] : [missingKey(key)])),
  ];
}

function unknownKey(assignment: Assignment, near: string | undefined): Problem {
  const key = shownKey(assignment);
  const advice =
    near === undefined ? `expected one of ${NAMES.join(", ")}` : `did you mean ${near}=?`;
  const message = `unknown key "${key}": ${advice}`;
  return { line: assignment.line, key, message, rule: "CFG-8" };
}

function isRequired(key: ConfigKey): key is RequiredKey {
  return key.times === "once" || key.times === "once or more";
}

function missingKey({ name, expected }: RequiredKey): Problem {
  return { key: name, message: `${name}= is missing: expected ${expected}`, rule: "CFG-10" };
}

/** What the assignments of a key give. What is wrong with them is added to the problems. */
function read(key: ConfigKey, given: readonly Assignment[], problems: Problem[]): unknown {
  if (key.times === "any number") return joinLists(parseAll(key, given, problems));
  if (key.times === "once or more") return parseAll(key, given, problems);
  refuseRepetitions(key, given, problems);
  const [value] = parseAll<unknown>(key, given, problems);
  return key.times === "at most once" ? (value ?? key.parse(key.fallback)) : value;
}

function refuseRepetitions(
  { name }: ConfigKey,
  [first, ...repeated]: readonly Assignment[],
  problems: Problem[],
): void {
  for (const { line } of repeated) {
    const message = `${name}= may be given once, and is on line ${first?.line} already`;
    problems.push({ line, key: name, message, rule: "CFG-9" });
  }
}

function parseAll<T>(
  key: RequiredKey<T> | OptionalKey<T> | ListKey<T>,
  given: readonly Assignment[],
  problems: Problem[],
): readonly T[] {
  const values: T[] = [];
  for (const { line, value } of given) {
    if (value === "" && key.times !== "any number") {
      const message = `${key.name}= is empty: expected ${key.expected}`;
      problems.push({ line, key: key.name, message, rule: "CFG-11" });
      continue;
    }
    try {
      values.push(key.parse(value));
    } catch (error) {
      const { message, rule } = asTakoError(error);
      problems.push({ line, key: key.name, message, rule });
    }
  }
  return values;
}

/** One list of all, none twice. An empty list clears those before it, as in systemd (CFG-14). */
function joinLists<T>(lists: readonly (readonly T[])[]): readonly T[] {
  const joined = new Set<T>();
  for (const list of lists) {
    if (list.length === 0) joined.clear();
    for (const item of list) joined.add(item);
  }
  return [...joined];
}

function wrongConfig(file: string, problems: readonly Problem[]): TakoError {
  const sorted = problems.toSorted((a, b) => (a.line ?? Infinity) - (b.line ?? Infinity));
  const count = sorted.length === 1 ? "1 problem" : `${sorted.length} problems`;
  return new TakoError("config", `${count} in this config file`, {
    source: file,
    problems: sorted,
  });
}
