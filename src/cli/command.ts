// A command of the command line as a value: what it takes, and what runs it. Each is a file in
// commands/.

import type { ArgsDef, CommandMeta, ParsedArgs } from "citty";
import type { Effects } from "../commands/effects.ts";
import { requireThreads } from "../shell/threads.ts";
import { readArguments } from "./arguments.ts";
import { effectsOf, type GivenEffects } from "./effects.ts";
import { commandHelp } from "./help.ts";
import type { Io } from "./io.ts";
import { Output } from "./output.ts";

export interface Command {
  readonly meta: CommandMeta;
  help(): Promise<string>;
  /** Runs it with the words that follow its name. @returns the exit status */
  run(words: readonly string[], io: Io, given?: GivenEffects): Promise<number>;
}

/** What a command tells, touches and writes. */
export interface Surroundings {
  readonly output: Output;
  readonly effects: Effects;
  readonly io: Io;
}

/** What a command declares. Its `run` imports what does the work, so that no other command waits for it. */
interface Declaration<T extends ArgsDef> {
  readonly meta: CommandMeta & { readonly name: string; readonly description: string };
  /** A command line to copy, for its help. */
  readonly example: string;
  /** How to read what it prints, in a line of its help. */
  readonly legend?: string;
  readonly args: T;
  readonly run: (args: ParsedArgs<T>, surroundings: Surroundings) => Promise<number>;
}

export function command<const T extends ArgsDef>({
  meta,
  example,
  legend,
  args,
  run,
}: Declaration<T>): Command {
  return {
    meta,
    help: () => commandHelp(meta, { example, legend }, args),
    async run(words, io, givenEffects = {}) {
      const help = `tako ${meta.name} --help`;
      let output = new Output(io, { help });
      try {
        const given = readArguments(words, args);
        const isOn = (name: string) => name in given && given[name] === true;
        output = new Output(io, { help, json: isOn("json"), quiet: isOn("quiet") });
        requireThreads();
        const effects = effectsOf(io, output.report, givenEffects);
        return await run(given, { output, effects, io });
      } catch (error) {
        return output.failed(error);
      }
    },
  };
}
