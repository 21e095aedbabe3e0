// `tako store` on the command line (spec/publish.md).

import { command } from "../command.ts";
import { storePresenter } from "./store-presenter.ts";

export const store = command({
  meta: { name: "store", description: "Add an image to an origin and sign its manifest" },
  args: {
    image: {
      type: "positional",
      required: false,
      description: "The image; - reads standard input. Needed unless --rotate-key is given",
    },
    version: {
      type: "positional",
      required: false,
      description: "Its version, such as 1.0.0. Needed with IMAGE",
    },
    key: {
      type: "string",
      alias: "k",
      valueHint: "key",
      description: "The secret key; other users of this machine can see it",
    },
    "key-file": {
      type: "string",
      alias: "f",
      valueHint: "file",
      description: "A file with the secret key; without -f and -k, TAKO_SECRET_KEY holds it",
    },
    output: {
      type: "string",
      alias: "o",
      valueHint: "dir",
      required: true,
      description: "The directory of the origin",
    },
    "rotate-key": {
      type: "string",
      valueHint: "old",
      description: "Sign the manifest of this public key anew, with the secret key",
    },
    "dry-run": {
      type: "boolean",
      description: "Show where the version would sort and which patterns would take it",
    },
    json: { type: "boolean", description: "Print events and results as JSON, one object a line" },
  },
  async run(args, { output, effects }) {
    const { store } = await import("../../commands/store.ts");
    const result = await store(
      {
        directory: args.output,
        dryRun: args["dry-run"] === true,
        ...(args.image === undefined ? {} : { image: args.image }),
        ...(args.version === undefined ? {} : { version: args.version }),
        ...(args.key === undefined ? {} : { key: args.key }),
        ...(args["key-file"] === undefined ? {} : { keyFile: args["key-file"] }),
        ...(args["rotate-key"] === undefined ? {} : { rotateKey: args["rotate-key"] }),
      },
      effects,
    );
    return output.show(storePresenter, result);
  },
});
