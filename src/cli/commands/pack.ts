// `tako pack` on the command line (spec/packed.md, PCK-60 and following).

import { usageError } from "../arguments.ts";
import { command } from "../command.ts";
import { DONE } from "../exit-status.ts";
import { lineWidth } from "../io.ts";

/** Of zstd, for whole images. */
export const LEVEL = { usual: 9, least: 1, most: 22 };
/** How many older images patches lead from. More of them would not fit into a list. */
export const PATCHES = { usual: 3, least: 0, most: 64 };

export const pack = command({
  meta: { name: "pack", description: "Make files that hosts update from with less download" },
  example: "tako pack -o origin",
  args: {
    "version...": {
      type: "positional",
      required: false,
      description: "Versions to pack; the newest ones unless given",
    },
    output: {
      type: "string",
      alias: "o",
      valueHint: "dir",
      required: true,
      description: "The directory of the origin",
    },
    patches: {
      type: "string",
      valueHint: "n",
      description: "From how many older images patches lead to each (3)",
    },
    level: {
      type: "string",
      valueHint: "n",
      description: "Of zstd, for whole images, from 1 to 22 (9)",
    },
    "dry-run": { type: "boolean", description: "Say what would be made" },
    quiet: { type: "boolean", description: "Say nothing where nothing is made" },
    json: { type: "boolean", description: "Print events and results as JSON, one object a line" },
  },
  async run(args, { output, effects, io }) {
    const options = {
      directory: args.output,
      patches: readNumber("patches", args.patches, PATCHES),
      level: readNumber("level", args.level, LEVEL),
      versions: args._,
      dryRun: args["dry-run"] === true,
    };
    const { pack } = await import("../../commands/pack/pack.ts");
    const result = await pack(options, effects);
    const isSilent =
      args.quiet === true && result.outcome === "nothing" && result.errors.length === 0;
    if (isSilent) return DONE;
    const { packPresenter } = await import("./pack-presenter.ts");
    return output.show(packPresenter(lineWidth(io.stdout)), result);
  },
});

/** @throws TakoError of kind `usage` */
function readNumber(
  option: string,
  word: string | undefined,
  { usual, least, most }: { readonly usual: number; readonly least: number; readonly most: number },
): number {
  if (word === undefined) return usual;
  const number = /^\d{1,3}$/.test(word) ? Number(word) : Infinity;
  if (number >= least && number <= most) return number;
  throw usageError(`option --${option} takes a whole number from ${least} to ${most}`);
}
