// `tako prune` on the command line (spec/prune.md): of hosts, and with --output of a publisher's directory.

import { parseKeep } from "../../core/prune.ts";
import { usageError } from "../arguments.ts";
import { command } from "../command.ts";
import { DONE, worst } from "../exit-status.ts";
import { pruneOriginPresenter } from "./prune-origin-presenter.ts";
import { isNoNews, prunePresenter } from "./prune-presenter.ts";

export const prune = command({
  meta: { name: "prune", description: "Remove old images" },
  example: "tako prune --keep=2 app",
  args: {
    "config...": {
      type: "positional",
      required: false,
      description: "Configs, or directories of *.tako; /etc/tako unless given",
    },
    keep: {
      type: "string",
      valueHint: "n",
      description: "How many old images stay",
    },
    output: {
      type: "string",
      alias: "o",
      valueHint: "dir",
      description: "Prune an origin, also s3://...; with --keep, --pattern",
    },
    pattern: {
      type: "string",
      valueHint: "p",
      description: "Of which versions of the origin the newest stay",
    },
    "dry-run": { type: "boolean", description: "Say what would go and what stays" },
    quiet: { type: "boolean", description: "Say nothing where nothing is removed" },
    json: { type: "boolean", description: "Print results as JSON, one object a line" },
  },
  async run(args, { output, effects }) {
    const keep = readKeep(args.keep);
    const dryRun = args["dry-run"] === true;
    const isQuiet = args.quiet === true;
    const origin = originOf({ ...args, keep });
    if (origin !== undefined) {
      const { pruneOrigin } = await import("../../commands/prune/prune-origin.ts");
      const result = await pruneOrigin({ ...origin, dryRun }, effects);
      const isSilent = isQuiet && result.outcome === "nothing";
      return isSilent ? DONE : output.show(pruneOriginPresenter, result);
    }
    const { prune } = await import("../../commands/prune/prune.ts");
    const presenter = prunePresenter(dryRun);
    const statuses: number[] = [];
    await prune({ paths: args._, keep, dryRun }, effects, (result) => {
      const isSilent = isQuiet && isNoNews(result);
      if (!isSilent) statuses.push(output.show(presenter, result, result.config));
    });
    return worst(statuses);
  },
});

interface Given {
  readonly _: readonly string[];
  readonly output?: string | undefined;
  readonly pattern?: string | undefined;
  readonly keep: number | undefined;
}

/** What is to be pruned of an origin, if --output names one (PRU-25). */
function originOf({ _: configs, output, pattern, keep }: Given) {
  if (output === undefined) {
    if (pattern === undefined) return undefined;
    throw usageError("option --pattern is for the origin that --output names");
  }
  if (configs.length > 0) throw usageError("a CONFIG and --output exclude each other");
  if (keep === undefined) throw usageError("missing option --keep=N");
  if (pattern === undefined) throw usageError("missing option --pattern=P");
  return { directory: output, keep, pattern };
}

function readKeep(word: string | undefined): number | undefined {
  if (word === undefined) return undefined;
  try {
    return parseKeep(word);
  } catch (error) {
    throw usageError(`option --keep: ${error instanceof Error ? error.message : ""}`);
  }
}
