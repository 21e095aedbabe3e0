// What may follow on a command line that is being typed, from the declarations of the commands. Nothing is asked of
// the network, and nothing is changed (CLI-72 to CLI-76).

import type { ArgsDef } from "citty";
import { asksForHelp } from "../arguments.ts";
import type { Command, Commands, Completes } from "../command.ts";
import { type Candidate, hostConfigs, knownVersions } from "./host.ts";

/** What may stand at the cursor: some words, and perhaps files of a kind, which the shell itself finds. */
export interface Candidates {
  readonly files: "none" | "files" | "directories" | "configs" | "keys";
  readonly words: readonly Candidate[];
}

const NONE: Candidates = { files: "none", words: [] };

/**
 * @param typed the words after `tako` up to the cursor; the last is the one that is being typed, and may be empty
 */
export function candidates(commands: Commands, typed: readonly string[]): Candidates {
  const [first = "", ...rest] = joinedAtEquals(typed);
  if (rest.length === 0)
    return wordsOf(first.startsWith("-") ? PROGRAM_OPTIONS : commandNames(commands));
  if (["help", "-h", "--help"].includes(first)) {
    return rest.length === 1 ? wordsOf(commandNames(commands, ["help"])) : NONE;
  }
  const command = Object.hasOwn(commands, first) ? commands[first] : undefined;
  if (command === undefined || asksForHelp(rest.slice(0, -1))) return NONE;
  return ofCommand(command, rest);
}

const PROGRAM_OPTIONS: readonly Candidate[] = [
  { word: "--help", description: "Show help" },
  { word: "--version", description: "Show the version" },
  { word: "--licenses", description: "Show the licenses of all that is in the program" },
];

function commandNames(commands: Commands, except: readonly string[] = []): readonly Candidate[] {
  const named = Object.entries(commands).map(([word, { meta }]) => ({
    word,
    description: meta.description,
  }));
  return [
    ...named,
    { word: "help", description: "Show the manual or the help of a command" },
  ].filter(({ word }) => !except.includes(word));
}

function wordsOf(words: readonly Candidate[]): Candidates {
  return { files: "none", words };
}

/** For bash, `--key=value` is three words. */
function joinedAtEquals(words: readonly string[]): readonly string[] {
  const joined: string[] = [];
  for (const [index, word] of words.entries()) {
    const last = joined.at(-1) ?? "";
    const continues = word === "=" ? /^--[^=]+$/.test(last) : words[index - 1] === "=";
    if (continues && last.startsWith("--")) joined[joined.length - 1] = last + word;
    else joined.push(word);
  }
  return joined;
}

function ofCommand(command: Command, words: readonly string[]): Candidates {
  const current = words.at(-1) ?? "";
  const { given, positionals, pending, isEnded } = before(words.slice(0, -1), command.args);
  if (pending !== undefined) return valuesOf(command, pending, positionals);
  if (!isEnded && current.startsWith("-")) {
    const [, name] = /^--([^=]+)=/s.exec(current) ?? [];
    if (name === undefined) return wordsOf(optionsOf(command.args, given));
    return takesValue(command.args, name) ? valuesOf(command, name, positionals) : NONE;
  }
  const names = Object.keys(command.args).filter((name) => isPositional(command.args, name));
  const last = names.at(-1);
  const name = names[positionals.length] ?? (last?.endsWith("...") === true ? last : undefined);
  return name === undefined ? NONE : valuesOf(command, name, positionals);
}

/** What the words before the cursor are: options that are given, other arguments, an option that waits for its value. */
function before(words: readonly string[], args: ArgsDef) {
  const given = new Set<string>();
  const positionals: string[] = [];
  let pending: string | undefined;
  let isEnded = false;
  for (const word of words) {
    if (pending !== undefined) pending = undefined;
    else if (isEnded || word === "-" || !word.startsWith("-")) positionals.push(word);
    else if (word === "--") isEnded = true;
    else {
      const name = optionNamed(word, args);
      if (name === undefined) continue;
      given.add(name);
      const isWhole = word.startsWith("--") ? !word.includes("=") : word.length === 2;
      if (isWhole && takesValue(args, name)) pending = name;
    }
  }
  return { given, positionals, pending, isEnded };
}

/** The option of a word such as `-kVALUE`, `--key=VALUE` or `--no-verify`, as it is declared. */
function optionNamed(word: string, args: ArgsDef): string | undefined {
  const [, long] = /^--(?:no-)?([^=]+)/s.exec(word) ?? [];
  if (long !== undefined) return Object.hasOwn(args, long) ? long : undefined;
  return Object.keys(args).find((name) => aliasOf(args, name) === word[1]);
}

function aliasOf(args: ArgsDef, name: string): unknown {
  const declared = args[name];
  return declared !== undefined && "alias" in declared ? declared.alias : undefined;
}

function isPositional(args: ArgsDef, name: string): boolean {
  return args[name]?.type === "positional";
}

function takesValue(args: ArgsDef, name: string): boolean {
  return Object.hasOwn(args, name) && args[name]?.type === "string";
}

/** Those that are not given yet, or may be repeated (CLI-19). One that is on is shown by the form that switches it off (CLI-18). */
function optionsOf(args: ArgsDef, given: ReadonlySet<string>): readonly Candidate[] {
  const options = Object.entries(args).flatMap(([name, declared]) => {
    const isRepeated = declared.valueHint?.endsWith("...") === true;
    if (declared.type === "positional" || (given.has(name) && !isRepeated)) return [];
    const { description = "", default: value } = declared;
    if (declared.type !== "boolean" || value !== true) return [{ word: `--${name}`, description }];
    return [{ word: `--no-${name}`, description: declared.negativeDescription ?? description }];
  });
  return [...options, { word: "--help", description: "Show this help" }];
}

/** What an argument may be, whose words the command declares, or whose name or hint says it. */
function valuesOf(command: Command, name: string, positionals: readonly string[]): Candidates {
  const kind = command.completes[name] ?? usualKind(name, command.args[name]?.valueHint);
  switch (kind) {
    case undefined:
      return NONE;
    case "config":
      return { files: "configs", words: hostConfigs() };
    case "version":
      return wordsOf(knownVersions(positionals[0]));
    case "directory":
      return { files: "directories", words: [] };
    case "file":
      return { files: "files", words: [] };
    case "key-file":
      return { files: "keys", words: [] };
    default:
      return wordsOf(kind.map((word) => ({ word, description: "" })));
  }
}

function usualKind(name: string, hint: string | undefined): Completes | undefined {
  if (name === "config" || name === "config...") return "config";
  if (name === "key-file") return "key-file";
  if (name === "dir" || hint === "dir") return "directory";
  return hint === "file" ? "file" : undefined;
}
