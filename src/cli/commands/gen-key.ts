// `tako gen-key` on the command line (PUB-60 to PUB-62, PUB-84).

import type { KeyFiles } from "../../commands/gen-key.ts";
import { usageError } from "../arguments.ts";
import { command } from "../command.ts";
import { DONE } from "../exit-status.ts";
import type { Presenter } from "../presenter.ts";

const presenter: Presenter<KeyFiles> = {
  text: ({ publicKey }) => [{ on: "stdout", line: publicKey.text }],
  json: ({ publicKey, secretFile, publicFile }) => ({
    public_key: publicKey.text,
    secret_key_file: secretFile,
    public_key_file: publicFile,
  }),
  errors: () => [],
  status: () => DONE,
};

export const genKey = command({
  meta: { name: "gen-key", description: "Make a key pair for signing manifests" },
  example: "tako gen-key --output app.key",
  args: {
    output: {
      type: "string",
      valueHint: "file",
      description: "Write FILE, for its owner alone, and FILE.pub",
    },
    json: { type: "boolean", description: "Print the result as JSON; needs --output" },
  },
  async run({ output: file, json }, { output, effects, io }) {
    // What reads JSON keeps it, in a log or a database: no place for a secret.
    if (json && file === undefined) {
      throw usageError("option --json needs --output, for the secret key is never part of JSON");
    }
    const { generateKey, generateKeyFile } = await import("../../commands/gen-key.ts");
    if (file !== undefined) return output.show(presenter, await generateKeyFile(file, effects));
    const key = generateKey(effects);
    // The one place that prints a secret, past the guard that hides them (PUB-6).
    io.stdout.write(`Secret key\n${key.reveal()}\n\nPublic key\n${key.publicKey.text}\n`);
    return DONE;
  },
});
