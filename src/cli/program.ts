// The command line as a function from words to an exit status: help, version, and which command
// runs (CLI-5 to CLI-13).

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
import { VERSION_LINE } from "./version.ts";

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
    const command = named === undefined ? undefined : findCommand(named);
    // Who reads by a program gets the same text everywhere (CLI-78).
    if (first === "help" && io.stdout.isTerminal) {
      const { openManual } = await import("../shell/manual.ts");
      const page = command === undefined ? "tako" : `tako-${command.meta.name}`;
      if (await openManual(page, io.environment)) return DONE;
    }
    return showHelp(command, io);
  }
  if (first === "-V" || first === "--version") {
    refuseMore(rest);
    io.stdout.write(`${VERSION_LINE}\n`);
    return DONE;
  }
  if (first === "--licenses") {
    refuseMore(rest);
    const { licenses } = await import("./licenses.ts");
    io.stdout.write(licenses());
    return DONE;
  }
  const command = findCommand(first);
  return asksForHelp(rest) ? showHelp(command, io) : command.run(rest, io, effects);
}

function refuseMore([surplus]: readonly string[]): void {
  if (surplus !== undefined) throw usageError(`unexpected argument ${shownWord(surplus)}`);
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
