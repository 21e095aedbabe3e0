// `tako prune` on the command line (spec/prune.md).

import { parseKeep } from "../../core/prune.ts";
import { usageError } from "../arguments.ts";
import { command } from "../command.ts";
import { worst } from "../exit-status.ts";
import { prunePresenter } from "./prune-presenter.ts";

export const prune = command({
  meta: { name: "prune", description: "Remove old images: tako prune --keep=2 app" },
  args: {
    "config...": {
      type: "positional",
      required: false,
      description: "Configs, or directories of *.tako; /etc/tako unless given",
    },
    keep: {
      type: "string",
      valueHint: "n",
      description: "How many stay of those that nothing needs; else Keep= says",
    },
    "dry-run": { type: "boolean", description: "Say what would go and what stays" },
    quiet: { type: "boolean", description: "Say nothing where nothing is removed" },
    json: { type: "boolean", description: "Print results as JSON, one object a line" },
  },
  async run(args, { output, effects }) {
    const keep = readKeep(args.keep);
    const dryRun = args["dry-run"] === true;
    const { prune } = await import("../../commands/prune/prune.ts");
    const statuses: number[] = [];
    await prune({ paths: args._, keep, dryRun }, effects, (result) => {
      const isSilent = args.quiet === true && result.outcome === "nothing";
      if (!isSilent) statuses.push(output.show(prunePresenter, result, result.config));
    });
    return worst(statuses);
  },
});

function readKeep(word: string | undefined): number | undefined {
  if (word === undefined) return undefined;
  try {
    return parseKeep(word);
  } catch (error) {
    throw usageError(`option --keep: ${error instanceof Error ? error.message : ""}`);
  }
}
