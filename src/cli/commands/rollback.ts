// `tako rollback` on the command line (spec/activation.md, By hand).

import { command } from "../command.ts";
import { byHandPresenter } from "./by-hand-presenter.ts";
import { ONE_CONFIG } from "./one-config.ts";

export const rollback = command({
  meta: { name: "rollback", description: "Go back to an earlier version, and stay on it" },
  example: "tako rollback app 1.2.0",
  args: {
    config: ONE_CONFIG,
    version: {
      type: "positional",
      required: false,
      description: "The version; else the last that proved itself, or an older one",
    },
    "dry-run": { type: "boolean", description: "Say what would be done, do nothing" },
    json: { type: "boolean", description: "Print events and results as JSON, one object a line" },
  },
  completes: { version: "version" },
  async run({ config: name, version, "dry-run": dry }, { output, effects }) {
    const { rollback } = await import("../../commands/by-hand/rollback.ts");
    const given = version === undefined ? {} : { version };
    const result = await rollback({ name, ...given, dryRun: dry === true }, effects);
    return output.show(byHandPresenter, result, result.config);
  },
});
