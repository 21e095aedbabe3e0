// `tako inspect` on the command line (spec/inspect.md).

import { usageError } from "../arguments.ts";
import { command } from "../command.ts";
import { lineWidth } from "../io.ts";
import { givenPublicKeys } from "./given-public-keys.ts";
import { inspectPresenter } from "./inspect-presenter.ts";

export const inspect = command({
  meta: { name: "inspect", description: "Look at an origin, a manifest, a key or a config" },
  example: "tako inspect https://images.example.com/app",
  args: {
    what: {
      type: "positional",
      required: true,
      description: "A URL, a directory or a file",
    },
    "public-key": {
      type: "string",
      valueHint: "key...",
      description: "Check the signature by this key; may be repeated",
    },
    continues: {
      type: "string",
      valueHint: "old",
      description: "Would hosts that hold this manifest accept it?",
    },
    images: {
      type: "string",
      valueHint: "n",
      default: "100",
      description: "Look for so many of the newest images",
    },
    deep: { type: "boolean", description: "Receive these images, and hash them" },
    json: { type: "boolean", description: "Print the result as JSON" },
  },
  async run(args, { output, effects, io }) {
    const images = readCount(args.images);
    const { inspect } = await import("../../commands/inspect/inspect.ts");
    const result = await inspect(
      {
        what: args.what,
        publicKeys: givenPublicKeys(args),
        images,
        isDeep: args.deep === true,
        ...(args.continues === undefined ? {} : { continues: args.continues }),
      },
      effects,
    );
    return output.show(inspectPresenter(lineWidth(io.stdout)), result);
  },
});

function readCount(word: string): number {
  if (/^\d{1,9}$/.test(word)) return Number(word);
  throw usageError("option --images takes a whole number from 0");
}
