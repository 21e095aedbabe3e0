// `tako verify` on the command line (spec/verify.md).

import { command } from "../command.ts";
import { worst } from "../exit-status.ts";
import { givenPublicKeys, PUBLIC_KEY } from "./given-public-keys.ts";
import { verifyPresenter } from "./verify-presenter.ts";

export const verify = command({
  meta: {
    name: "verify",
    description: "Read all images that are here, and see whether they hold",
  },
  example: "tako verify app",
  args: {
    "config...": {
      type: "positional",
      required: false,
      description: "Configs, or an origin's directory; /etc/tako unless given",
    },
    ...PUBLIC_KEY,
    quiet: { type: "boolean", description: "Say nothing of what is good" },
    json: { type: "boolean", description: "Print events and results as JSON, one object a line" },
  },
  async run(args, { output, effects }) {
    const { verifyAll } = await import("../../commands/verify/verify.ts");
    const [publicKey] = givenPublicKeys(args);
    const presenter = verifyPresenter(args.quiet === true);
    const statuses: number[] = [];
    await verifyAll({ paths: args._, publicKey }, effects, (result) => {
      const config = "config" in result.of ? result.of.config : undefined;
      statuses.push(output.show(presenter, result, config));
    });
    return worst(statuses);
  },
});
