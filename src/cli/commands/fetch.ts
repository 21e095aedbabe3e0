// `tako fetch` on the command line (spec/fetch.md).

import { type Mode, startsUnit } from "../../core/plan.ts";
import { usageError } from "../arguments.ts";
import { command } from "../command.ts";
import { worst } from "../exit-status.ts";
import { inTurn } from "../in-turn.ts";
import { fetchPresenter } from "./fetch-presenter.ts";

export const fetch = command({
  meta: { name: "fetch", description: "Download or update the images of configs" },
  example: "tako fetch app.tako",
  args: {
    "config...": {
      type: "positional",
      required: true,
      description: "Config files, or directories of *.tako files",
    },
    init: {
      type: "boolean",
      description: "Only make sure that a unit has an image to start from",
    },
    "dry-run": {
      type: "boolean",
      description: "Check all, say what would be done, and do nothing",
    },
    activate: {
      type: "boolean",
      default: true,
      description: "Use what was downloaded, restart units",
      negativeDescription: "Leave that to another run",
    },
    verify: {
      type: "boolean",
      default: true,
      description: "Verify the digest of an image that is here",
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
  async run(args, { output, effects }) {
    const jobs = readJobs(args.jobs);
    const { fetchAll } = await import("../../commands/fetch/fetch.ts");
    const statuses: number[] = [];
    const take = inTurn();
    const mode = modeOf({ init: args.init === true, dry: args["dry-run"] === true });
    const activates = args.activate;
    if (!activates && startsUnit(mode)) {
      throw usageError("option --no-activate leaves the unit of --init without an image");
    }
    await fetchAll(
      { paths: args._, mode, activates, verify: args.verify, jobs },
      effects,
      (result, place) => {
        statuses.push(fetchPresenter.status(result));
        output.showMessages(fetchPresenter, result, result.config);
        take(place, () => output.showResult(fetchPresenter, result));
      },
    );
    return worst(statuses);
  },
});

function modeOf({ init, dry }: { readonly init: boolean; readonly dry: boolean }): Mode {
  if (dry) return init ? "dry-init" : "dry-run";
  return init ? "init" : "run";
}

/** Each job may hold a dozen descriptors and a manifest (FET-3). */
const MAX_JOBS = 256;

function readJobs(word: string): number {
  if (/^[1-9]\d{0,2}$/.test(word) && Number(word) <= MAX_JOBS) return Number(word);
  throw usageError(`option --jobs takes a whole number from 1 to ${MAX_JOBS}`);
}
