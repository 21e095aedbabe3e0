// `tako list` on the command line (spec/status.md).

import { parsePattern } from "../../core/pattern.ts";
import { command } from "../command.ts";
import { lineWidth } from "../io.ts";
import { givenPublicKeys, PUBLIC_KEY } from "./given-public-keys.ts";

export const list = command({
  meta: { name: "list", description: "List versions, and which are here, allowed or in use" },
  example: "tako list app --matching '1.*'",
  legend: "Marks: * in use, u next, x skipped since it did not work here, o held.",
  args: {
    what: {
      type: "positional",
      required: true,
      description: "A config, or the URL or directory of an origin",
    },
    matching: {
      type: "string",
      valueHint: "pattern",
      description: "Try a pattern, as in Version=",
    },
    ...PUBLIC_KEY,
    all: { type: "boolean", description: "Every version, not only the newest" },
    json: { type: "boolean", description: "Print the result as JSON" },
  },
  async run(args, { output, effects, io }) {
    const { matching } = args;
    const { list } = await import("../../commands/list.ts");
    const { listPresenter } = await import("./list-presenter.ts");
    const options = {
      what: args.what,
      matching: matching === undefined ? undefined : parsePattern(matching),
      keys: givenPublicKeys(args),
      all: args.all === true,
    };
    return output.show(listPresenter(lineWidth(io.stdout)), await list(options, effects));
  },
});
