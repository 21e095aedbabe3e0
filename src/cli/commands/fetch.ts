// `tako fetch` on the command line (spec/fetch.md).

import { usageError } from "../arguments.ts";
import { command } from "../command.ts";
import { exitStatus, worst } from "../exit-status.ts";

export const fetch = command({
  meta: { name: "fetch", description: "Download or update the images of configs" },
  args: {
    "config...": {
      type: "positional",
      required: true,
      description: "Config files, or directories of *.tako files",
    },
    init: {
      type: "boolean",
      description: "Only make sure that an image is there, for the start of the unit that uses it",
    },
    "dry-run": {
      type: "boolean",
      description: "Check everything, say what would be done, do nothing",
    },
    verify: {
      type: "boolean",
      default: true,
      description: "Verify the digest of an image that is there already",
      negativeDescription: "Check only its size",
    },
    jobs: {
      type: "string",
      valueHint: "n",
      default: "8",
      description: "How many configs to work on at a time",
    },
    json: { type: "boolean", description: "Print events and results as JSON, one object a line" },
  },
  async run(args, output) {
    const jobs = readJobs(args.jobs);
    const { fetchAll } = await import("../../commands/fetch.ts");
    const statuses: number[] = [];
    await fetchAll(
      {
        paths: args._,
        init: args.init === true,
        verify: args.verify,
        dryRun: args["dry-run"] === true,
        jobs,
      },
      output.report,
      (result) => {
        statuses.push(exitStatus(result.errors.map(({ kind }) => kind)));
        output.fetched(result);
      },
    );
    return worst(statuses);
  },
});

function readJobs(word: string): number {
  if (/^[1-9]\d{0,2}$/.test(word)) return Number(word);
  throw usageError("option --jobs takes a whole number from 1 to 999");
}
