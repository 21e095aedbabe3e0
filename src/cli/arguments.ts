// From the words after a command to its arguments, strictly: what the command does not declare is
// a usage error (CLI-1 to CLI-7). Which commands and arguments there are is declared in commands/.

import { type ParseArgsOptionsConfig, parseArgs } from "node:util";
import type { ArgsDef, ParsedArgs } from "citty";
import { TakoError } from "../core/error.ts";
import { nearest } from "../core/near-miss.ts";
import { printable } from "../core/text.ts";

/** The words before `--`: those that can be options (CLI-3). */
function wordsBeforeDashes(words: readonly string[]): readonly string[] {
  const end = words.indexOf("--");
  return end === -1 ? words : words.slice(0, end);
}

export function asksForHelp(words: readonly string[]): boolean {
  return wordsBeforeDashes(words).some((word) => word === "-h" || word === "--help");
}

/** What stands between the values of an option that may be repeated; no word of a command line holds it. */
export const REPEATED = "\0";

/**
 * Reads the words of a command line by the command's declaration. A positional argument whose name
 * ends in `...` takes one word or more; they are in `_`. An option whose hint ends so may be repeated (CLI-19).
 *
 * @throws TakoError of kind `usage`
 */
export function readArguments<const T extends ArgsDef>(
  words: readonly string[],
  declared: T,
): ParsedArgs<T> {
  const options = optionsOf(declared);
  const { values, positionals } = parseStrictly(words, options);
  for (const [name, { type, required, valueHint }] of Object.entries<ArgsDef[string]>(declared)) {
    if (type !== "positional" && required === true && values[name] === undefined) {
      const value = (valueHint ?? "value").toUpperCase();
      const short = options[name]?.short;
      const shorter = short === undefined ? "" : `-${short} ${value}, `;
      throw usageError(`missing option ${shorter}--${name}=${value}`);
    }
    if ([values[name]].flat().includes(""))
      throw usageError(`option --${name} needs a value that is not empty`);
  }
  const named = namePositionals(positionals, declared);
  const joined = Object.entries(values).map(([name, value]) => [
    name,
    Array.isArray(value) ? value.join(REPEATED) : value,
  ]);
  return { ...Object.fromEntries(joined), ...named, _: positionals } as unknown as ParsedArgs<T>;
}

function optionsOf(declared: ArgsDef): ParseArgsOptionsConfig {
  const options: ParseArgsOptionsConfig = {};
  for (const [name, { type, default: value, valueHint, ...rest }] of Object.entries(declared)) {
    if (type === "positional") continue;
    const alias = "alias" in rest && typeof rest.alias === "string" ? rest.alias : undefined;
    options[name] = {
      type: type === "boolean" ? "boolean" : "string",
      multiple: valueHint?.endsWith("...") === true,
      ...(alias === undefined ? {} : { short: alias }),
      ...(typeof value === "string" || typeof value === "boolean" ? { default: value } : {}),
    };
  }
  return options;
}

function parseStrictly(words: readonly string[], options: ParseArgsOptionsConfig) {
  const parsed = parseArgs({
    args: [...words],
    options,
    allowPositionals: true,
    allowNegative: true,
    // Its own errors name the option in a sentence only, so its tokens are checked instead.
    strict: false,
    tokens: true,
  });
  for (const token of parsed.tokens) {
    if (token.kind === "option") checkOption(token, options);
  }
  return parsed;
}

interface OptionToken {
  /** As it is declared, or would be. */
  readonly name: string;
  /** As it is written: `-k`, `--key`, `--no-verify`. */
  readonly rawName: string;
  readonly value?: string | undefined;
  /** Whether the value is in the same word. */
  readonly inlineValue?: boolean | undefined;
}

/** @throws TakoError for an option that is not declared, or has a value where it takes none, or none where it needs one */
function checkOption(
  { name, rawName, value, inlineValue }: OptionToken,
  options: ParseArgsOptionsConfig,
): void {
  const option = Object.hasOwn(options, name) ? options[name] : undefined;
  // Only what is on unless it is switched off has a negative form.
  const isNegative = rawName === `--no-${name}`;
  if (option === undefined || (isNegative && option.default !== true)) {
    throw unknownOption(rawName, options);
  }
  const names = option.short === undefined ? `--${name}` : `-${option.short}, --${name}`;
  if (option.type === "boolean") {
    if (value !== undefined) throw usageError(`option ${names} takes no value`);
  } else if (value === undefined) {
    throw usageError(`option ${names} needs a value`);
  } else if (inlineValue === false && /^-./s.test(value)) {
    // A word that could be the next option is no value.
    throw usageError(`option ${rawName} needs a value`);
  }
}

function unknownOption(name: string, options: ParseArgsOptionsConfig): TakoError {
  const known = Object.entries(options).flatMap(([option, { default: value }]) =>
    value === true ? [option, `no-${option}`] : [option],
  );
  const near = name.startsWith("--") ? optionMeant(name.slice(2), [...known, "help"]) : undefined;
  const advice = near === undefined ? "" : `; did you mean --${near}?`;
  return usageError(`unknown option ${printable(name)}${advice}`);
}

/** A near miss (CLI-7), or the one that was written as its beginning (CLI-17). */
function optionMeant(word: string, known: readonly string[]): string | undefined {
  const begun = word.length < 3 ? undefined : known.find((option) => option.startsWith(word));
  return nearest(word, known) ?? begun;
}

function namePositionals(words: readonly string[], declared: ArgsDef): Record<string, string> {
  const names = Object.keys(declared).filter((name) => declared[name]?.type === "positional");
  const surplus = words[names.length];
  if (surplus !== undefined && !names.at(-1)?.endsWith("...")) {
    throw usageError(`unexpected argument ${shownWord(surplus)}`);
  }
  const missing = names[words.length];
  if (missing !== undefined && declared[missing]?.required === true) {
    throw usageError(`missing argument ${missing.toUpperCase()}`);
  }
  return Object.fromEntries(words.slice(0, names.length).map((word, i) => [names[i], word]));
}

/** A word of the command line for a message, but never a mistyped key (CLI-14). */
export function shownWord(word: string): string {
  const shown = printable(word);
  return shown.startsWith("SECRET+***") ? "(a secret key)" : `"${shown}"`;
}

export function usageError(message: string): TakoError {
  return new TakoError("usage", message);
}
