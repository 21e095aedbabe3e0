// `tako release` on the command line (spec/activation.md, By hand).

import { command } from "../command.ts";
import { byHandPresenter } from "./by-hand-presenter.ts";
import { ONE_CONFIG } from "./one-config.ts";

export const release = command({
  meta: { name: "release", description: "End a hold, and let refused versions be tried again" },
  example: "tako release app",
  args: {
    config: ONE_CONFIG,
    json: { type: "boolean", description: "Print events and results as JSON, one object a line" },
  },
  async run({ config: name }, { output, effects }) {
    const { release } = await import("../../commands/by-hand/release.ts");
    const result = await release(name, effects);
    return output.show(byHandPresenter, result, result.config);
  },
});
