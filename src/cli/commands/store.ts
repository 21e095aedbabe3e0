// `tako store` on the command line (spec/publish.md).

import { parseSha256Hex, type Sha256Hex } from "../../core/digest.ts";
import { usageError } from "../arguments.ts";
import { command } from "../command.ts";
import { LEVEL, PATCHES } from "./pack.ts";
import { givenKey, SECRET_KEY } from "./secret-key.ts";
import { storePresenter } from "./store-presenter.ts";

export const store = command({
  meta: { name: "store", description: "Add an image to an origin and sign its manifest" },
  example: "tako store -f secret.key -o origin app.img 1.0.0",
  args: {
    image: {
      type: "positional",
      required: false,
      description: "The image, or -, a pipe. Needed unless --rotate-key is given",
    },
    version: {
      type: "positional",
      required: false,
      description: "Its version",
    },
    ...SECRET_KEY,
    output: {
      type: "string",
      alias: "o",
      valueHint: "dir",
      required: true,
      description: "The origin, a directory or s3://BUCKET",
    },
    "rotate-key": {
      type: "string",
      valueHint: "old",
      description: "Sign anew what this public key has signed so far",
    },
    "dry-run": {
      type: "boolean",
      description: "Show who would take the version, store nothing",
    },
    new: {
      type: "boolean",
      description: "Begin the manifest of an origin that is new",
    },
    sha256: {
      type: "string",
      valueHint: "hex",
      description: "Store only an image with this digest",
    },
    size: {
      type: "string",
      valueHint: "bytes",
      description: "Store only an image of this size",
    },
    "allow-empty": { type: "boolean", description: "Store even an image of 0 bytes" },
    "unsafe-last-writer-wins": {
      type: "boolean",
      description: "For a bucket without conditions",
    },
    pack: {
      type: "boolean",
      description: "Make packed files of it first, as tako pack does",
    },
    json: { type: "boolean", description: "Print events and results as JSON, one a line" },
  },
  completes: { image: "file" },
  async run(args, { output, effects, io }) {
    const expected = {
      mayBeEmpty: args["allow-empty"] === true,
      ...(args.sha256 === undefined ? {} : { digest: readDigest(args.sha256) }),
      ...(args.size === undefined ? {} : { size: readSize(args.size) }),
    };
    const { store } = await import("../../commands/store.ts");
    const result = await store(
      {
        directory: args.output,
        dryRun: args["dry-run"] === true,
        isNew: args.new === true,
        isUnsafeAllowed: args["unsafe-last-writer-wins"] === true,
        isWatched: io.stderr.isTerminal,
        expected,
        ...(args.pack === true ? { pack: { level: LEVEL.usual, patches: PATCHES.usual } } : {}),
        ...(args.image === undefined ? {} : { image: args.image }),
        ...(args.version === undefined ? {} : { version: args.version }),
        ...givenKey(args),
        ...(args["rotate-key"] === undefined ? {} : { rotateKey: args["rotate-key"] }),
      },
      effects,
    );
    return output.show(storePresenter, result);
  },
});

/** Some programs print them in capitals. */
function readDigest(word: string): Sha256Hex {
  const digest = parseSha256Hex(word.toLowerCase());
  if (digest !== undefined) return digest;
  throw usageError("option --sha256 takes 64 hexadecimal digits, as sha256sum prints them");
}

function readSize(word: string): number {
  const size = /^\d+$/.test(word) ? Number(word) : Infinity;
  if (Number.isSafeInteger(size)) return size;
  throw usageError("option --size takes a whole number of bytes");
}
