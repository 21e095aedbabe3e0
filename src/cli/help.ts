// The help texts, made from the declarations. They go to standard output when asked for, and to
// standard error when no command is given.

import { stripVTControlCharacters } from "node:util";
import { type ArgsDef, type CommandMeta, defineCommand, renderUsage } from "citty";
import { version } from "../../package.json";
import { usesColour } from "./display.ts";
import type { Io, Stream } from "./io.ts";

const HELP_OPTION = { type: "boolean", alias: "h", description: "Show this help" } as const;

const PROGRAM: CommandMeta = {
  name: "tako",
  version,
  description: "Downloads and updates single files securely",
};

/** The help of the whole program, which names every command (CLI-11). */
export async function programHelp(
  commands: Readonly<Record<string, { readonly meta: CommandMeta }>>,
): Promise<string> {
  const subCommands = Object.fromEntries(
    Object.entries(commands).map(([name, { meta }]) => [name, defineCommand({ meta })]),
  );
  const args = {
    help: HELP_OPTION,
    version: { type: "boolean", alias: "V", description: "Show the version" },
    licenses: { type: "boolean", description: "Show the licenses of all that is in the program" },
  } as const;
  const usage = await renderUsage(defineCommand({ meta: PROGRAM, args, subCommands }));
  // All names in one line would be too wide for a terminal.
  return usage.replaceAll(Object.keys(subCommands).join("|"), "COMMAND");
}

/** The help of a command, with every argument and option, an example, and where more is said. */
export async function commandHelp(
  meta: CommandMeta & { readonly name: string },
  { example, legend }: { readonly example: string; readonly legend: string | undefined },
  args: ArgsDef,
): Promise<string> {
  const declaration: ArgsDef = { ...args, help: HELP_OPTION };
  const parent = defineCommand({ meta: PROGRAM });
  const usage = await renderUsage(defineCommand({ meta, args: declaration }), parent);
  const reading = legend === undefined ? "" : `\n\n${legend}`;
  return `${usage.trimEnd()}${reading}\n\nEXAMPLE\n\n  ${example}\n\nMore is in the manual, tako-${meta.name}(1).`;
}

export function writeHelp(text: string, stream: Stream, io: Io): void {
  const shown = usesColour(stream, io) ? text : stripVTControlCharacters(text);
  stream.write(`${shown.replace(/ +$/gm, "").trimEnd()}\n`);
}
