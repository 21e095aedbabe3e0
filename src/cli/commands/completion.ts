// `tako completion` on the command line (spec/cli.md, Completion).

import { usageError } from "../arguments.ts";
import { type Command, type Commands, command } from "../command.ts";
import { DONE } from "../exit-status.ts";

const SHELLS = ["bash", "zsh", "fish"] as const;

/** @param all the commands, of which this is one */
export const completion = (all: () => Commands): Command =>
  command({
    meta: { name: "completion", description: "Print what completes command lines in a shell" },
    example: "tako completion bash >/etc/bash_completion.d/tako",
    args: {
      shell: { type: "positional", required: true, description: SHELLS.join(", ") },
      line: {
        type: "boolean",
        description: "What may follow the words on standard input, for the script",
      },
    },
    completes: { shell: SHELLS },
    async run({ shell: name, line }, { io }) {
      const shell = SHELLS.find((each) => each === name);
      if (shell === undefined)
        throw usageError(`expected ${SHELLS.join(", ")} in place of the shell`);
      if (line === true) {
        const { answerLine } = await import("../completion/answer.ts");
        io.stdout.write(answerLine(all(), io.stdin));
        return DONE;
      }
      const { SCRIPTS } = await import("../completion/scripts.ts");
      io.stdout.write(SCRIPTS[shell]);
      return DONE;
    },
  });
