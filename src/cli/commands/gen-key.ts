// `tako gen-key` on the command line (PUB-60 to PUB-62).

import { command } from "../command.ts";
import { DONE } from "../exit-status.ts";

export const genKey = command({
  meta: { name: "gen-key", description: "Make a key pair for signing manifests" },
  example: "tako gen-key --output app.key",
  args: {
    output: {
      type: "string",
      valueHint: "file",
      description: "Write FILE, for its owner alone, and FILE.pub",
    },
  },
  async run({ output: file }, { output, effects, io }) {
    const { generateKey, generateKeyFile } = await import("../../commands/gen-key.ts");
    if (file !== undefined) {
      const publicKey = await generateKeyFile(file, effects);
      output.print(publicKey.text);
      return DONE;
    }
    const key = generateKey(effects);
    // The one place that prints a secret, past the guard that hides them (PUB-6).
    io.stdout.write(`Secret key\n${key.reveal()}\n\nPublic key\n${key.publicKey.text}\n`);
    return DONE;
  },
});
