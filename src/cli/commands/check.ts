// `tako check` on the command line (spec/check.md).

import { command } from "../command.ts";
import { worst } from "../exit-status.ts";
import { checkPresenter } from "./check-presenter.ts";

export const check = command({
  meta: {
    name: "check",
    description: "Tell all that is wrong with configs, or not as it was meant",
  },
  example: "tako check app.tako",
  args: {
    "config...": {
      type: "positional",
      required: false,
      description: "Configs, or directories of *.tako; /etc/tako unless given",
    },
    quiet: { type: "boolean", description: "Say nothing of what is valid" },
    json: { type: "boolean", description: "Print events and results as JSON, one object a line" },
  },
  async run(args, { output, effects }) {
    const { checkAll } = await import("../../commands/check/check.ts");
    const presenter = checkPresenter(args.quiet === true);
    const results = await checkAll(args._, effects);
    return worst(results.map((result) => output.show(presenter, result, result.config)));
  },
});
