// Config files, one for each image (spec/config.md): the bytes of one become a Config, or all that is wrong with them.

import type { Branded } from "./branded.ts";
import {
  CONFIG_KEYS,
  type ConfigKey,
  type ConfigValues,
  type KeyNames,
  type ListKey,
  type OptionalKey,
  type RequiredKey,
} from "./config-keys.ts";
import { asTakoError, type Problem, TakoError } from "./error.ts";
import { nearest } from "./near-miss.ts";
import { except } from "./pattern.ts";
import { conflictsOf, type ListedUnit } from "./unit-conflicts.ts";
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
  const unknown = unknownKeys(assignments);
  // What an unknown key was meant to be does not count as missing (CFG-35).
  const named = new Set([...assignments.map(({ key }) => key), ...unknown.map(({ near }) => near)]);
  const problems = [...stray, ...unknown.map(unknownKey), ...missingKeys(named)];
  const given = Map.groupBy(assignments, ({ key }) => key);
  const givenFor = ({ name }: ConfigKey) => given.get(name) ?? [];
  const read = { named, problems };
  const units = KEYS.filter(isUnits).flatMap((key) => readUnits(key, givenFor(key), read));
  const values: Partial<ConfigValues> = Object.fromEntries(
    Object.entries(CONFIG_KEYS).map(([member, key]): [string, unknown] => [
      member,
      isUnits(key) ? unitsOf(key, units) : readValue(key, givenFor(key), read),
    ]),
  );
  const isWrong = ({ name }: ConfigKey) =>
    problems.some(({ key }) => key === name) || unknown.some(({ near }) => near === name);
  const [slotsLine] = givenFor(CONFIG_KEYS.slots).map(({ line }) => line);
  const slots =
    values.slots === undefined || slotsLine === undefined
      ? undefined
      : { names: values.slots, line: slotsLine, lacksUnit: !isWrong(CONFIG_KEYS.restart) };
  const isWatched = named.has(CONFIG_KEYS.watchMs.name);
  const all = [...problems, ...conflictsOf({ units, isWatched, slots })];
  if (all.length > 0) throw wrongConfig(file, all);
  // Without a problem, each row has given its value.
  const { pattern, skip, ...others } = values as ConfigValues;
  return { file, ...others, skip, pattern: except(pattern, skip) } as Config;
}

interface UnknownKey {
  readonly assignment: Assignment;
  /** The key that it was probably meant to be. */
  readonly near: string | undefined;
}

function unknownKeys(assignments: readonly Assignment[]): readonly UnknownKey[] {
  return assignments
    .filter(({ key }) => !NAMES.includes(key))
    .map((assignment) => ({ assignment, near: nearest(assignment.key, NAMES) }));
}

function unknownKey({ assignment, near }: UnknownKey): Problem {
  const key = shownKey(assignment);
  const advice =
    near === undefined ? `expected one of ${NAMES.join(", ")}` : `did you mean ${near}=?`;
  const message = `unknown key "${key}": ${advice}`;
  return { line: assignment.line, key, message, rule: "CFG-8" };
}

function missingKeys(named: ReadonlySet<string | undefined>): readonly Problem[] {
  return KEYS.filter(isRequired)
    .filter(({ name }) => !named.has(name))
    .map(({ name, expected }) => {
      const message = `${name}= is missing: expected ${expected}`;
      return { key: name, message, rule: "CFG-10" };
    });
}

function isRequired(key: ConfigKey): key is RequiredKey {
  return key.times === "once" || key.times === "once or more";
}

function isUnits(key: ConfigKey): key is ListKey<readonly string[]> {
  return key.times === "any number" && key.lists === "units";
}

/** What values are read with. */
interface Reading {
  /** The keys that the file has. */
  readonly named: KeyNames;
  /** What is wrong is added to them. */
  readonly problems: Problem[];
}

/** What the assignments of a key give. */
function readValue(key: ConfigKey, given: readonly Assignment[], reading: Reading): unknown {
  if (key.times === "any number") {
    return readList(key, given, reading).map(({ item }) => item);
  }
  if (key.times === "once or more") {
    return parseAll(key, given, reading).map(({ value }) => value);
  }
  refuseRepetitions(key, given, reading.problems);
  const [first] = parseAll(key, given, reading);
  const fallback = key.times === "at most once" ? key.fallback : undefined;
  return first === undefined && fallback !== undefined
    ? key.parse(fallback, reading.named)
    : first?.value;
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

interface Parsed<T> {
  readonly line: number;
  readonly value: T;
}

function parseAll<T>(
  key: RequiredKey<T> | OptionalKey<T> | ListKey<T>,
  given: readonly Assignment[],
  { named, problems }: Reading,
): readonly Parsed<T>[] {
  const values: Parsed<T>[] = [];
  for (const { line, value } of given) {
    if (value === "" && key.times !== "any number") {
      const message = `${key.name}= is empty: expected ${key.expected}`;
      problems.push({ line, key: key.name, message, rule: "CFG-11" });
      continue;
    }
    try {
      values.push({ line, value: key.parse(value, named) });
    } catch (error) {
      const { message, rule } = asTakoError(error);
      problems.push({ line, key: key.name, message, rule });
    }
  }
  return values;
}

/** One list of all. An empty one clears those before it, as in systemd (CFG-14). */
function readList<T>(
  key: ListKey<readonly T[]>,
  given: readonly Assignment[],
  reading: Reading,
): readonly { readonly item: T; readonly line: number }[] {
  const lists = parseAll(key, given, reading);
  const last = lists.findLastIndex(({ value }) => value.length === 0);
  return lists.slice(last + 1).flatMap(({ line, value }) => value.map((item) => ({ item, line })));
}

/** No unit twice: it stands where it was named first. */
function readUnits(
  key: ListKey<readonly string[]>,
  given: readonly Assignment[],
  reading: Reading,
): readonly ListedUnit[] {
  const units = new Map<string, ListedUnit>();
  for (const { item: unit, line } of readList(key, given, reading)) {
    if (!units.has(unit)) units.set(unit, { key: key.name, unit, line });
  }
  return [...units.values()];
}

function unitsOf({ name }: ListKey, units: readonly ListedUnit[]): readonly string[] {
  return units.filter(({ key }) => key === name).map(({ unit }) => unit);
}

function wrongConfig(file: string, problems: readonly Problem[]): TakoError {
  const sorted = problems.toSorted((a, b) => (a.line ?? Infinity) - (b.line ?? Infinity));
  const count = sorted.length === 1 ? "1 problem" : `${sorted.length} problems`;
  return new TakoError("config", `${count} in this config file`, {
    source: file,
    problems: sorted,
  });
}
