// `tako hold` on the command line (spec/activation.md, By hand).

import { command } from "../command.ts";
import { byHandPresenter } from "./by-hand-presenter.ts";
import { ONE_CONFIG } from "./one-config.ts";

export const hold = command({
  meta: { name: "hold", description: "Stay on the version that is in use" },
  example: "tako hold app",
  args: {
    config: ONE_CONFIG,
    json: { type: "boolean", description: "Print events and results as JSON, one object a line" },
  },
  async run({ config: name }, { output, effects }) {
    const { hold } = await import("../../commands/by-hand/hold.ts");
    const result = await hold(name, effects);
    return output.show(byHandPresenter, result, result.config);
  },
});
