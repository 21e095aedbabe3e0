// `tako public-key` on the command line (PUB-80).

import type { PublicKey } from "../../core/keys.ts";
import { command } from "../command.ts";
import { DONE } from "../exit-status.ts";
import type { Presenter } from "../presenter.ts";
import { givenKey, SECRET_KEY } from "./secret-key.ts";

const presenter: Presenter<PublicKey> = {
  text: ({ text }) => [{ on: "stdout", line: text }],
  json: ({ text }) => ({ public_key: text }),
  errors: () => [],
  status: () => DONE,
};

export const publicKey = command({
  meta: {
    name: "public-key",
    description: "Show the public key of a secret one",
  },
  example: "tako public-key -f secret.key",
  args: {
    ...SECRET_KEY,
    json: { type: "boolean", description: "Print it as JSON" },
  },
  async run(args, { output, effects }) {
    const { publicKeyOf } = await import("../../commands/public-key.ts");
    return output.show(presenter, await publicKeyOf(givenKey(args), effects));
  },
});
