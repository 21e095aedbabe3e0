// The command line as a function from words to an exit status: help, version, and which command
// runs (CLI-5 to CLI-13).

import { version } from "../../package.json";
import { TakoError } from "../core/error.ts";
import { nearest } from "../core/near-miss.ts";
import { asksForHelp, shownWord, usageError } from "./arguments.ts";
import type { Command } from "./command.ts";
import { commands } from "./commands/index.ts";
import type { GivenEffects } from "./effects.ts";
import { DONE, exitStatus, worst } from "./exit-status.ts";
import { programHelp, writeHelp } from "./help.ts";
import type { Io } from "./io.ts";
import { Output } from "./output.ts";

/**
 * Runs `tako` with these words. Whatever goes wrong is told, and nothing is thrown.
 *
 * @param effects in place of the process's own, for a program around this one
 * @returns the exit status
 */
export async function run(
  words: readonly string[],
  io: Io,
  effects: GivenEffects = {},
): Promise<number> {
  const output = new Output(io, { help: "tako --help" });
  let status: number;
  try {
    status = await dispatch(words, io, effects);
  } catch (error) {
    status = output.failed(error);
  }
  if (io.stdout.failure === undefined) return status;
  const { storageError } = await import("../shell/disk/storage-error.ts");
  return worst([
    status,
    output.failed(storageError(io.stdout.failure, "write", "standard output")),
  ]);
}

async function dispatch(words: readonly string[], io: Io, effects: GivenEffects): Promise<number> {
  const [first, ...rest] = words;
  if (first === undefined) {
    writeHelp(await programHelp(commands), io.stderr, io);
    return exitStatus(["usage"]);
  }
  if (first === "-h" || first === "--help" || first === "help") {
    const named = rest.find((word) => !word.startsWith("-"));
    return showHelp(named === undefined ? undefined : findCommand(named), io);
  }
  if (first === "-V" || first === "--version") {
    const [surplus] = rest;
    if (surplus !== undefined) throw usageError(`unexpected argument ${shownWord(surplus)}`);
    io.stdout.write(`tako ${version}\n`);
    return DONE;
  }
  const command = findCommand(first);
  return asksForHelp(rest) ? showHelp(command, io) : command.run(rest, io, effects);
}

async function showHelp(command: Command | undefined, io: Io): Promise<number> {
  writeHelp(command ? await command.help() : await programHelp(commands), io.stdout, io);
  return DONE;
}

function findCommand(name: string): Command {
  // Not `in`, nor a bare lookup: `toString` and `__proto__` are no commands (CLI-13).
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command !== undefined) return command;
  if (name.startsWith("-")) {
    throw new TakoError("usage", `expected a command before ${shownWord(name)}`);
  }
  const near = nearest(name, Object.keys(commands));
  const advice = near === undefined ? "" : `; did you mean ${near}?`;
  throw usageError(`unknown command ${shownWord(name)}${advice}`);
}
