// How the script of a shell asks what may follow: the words in, what may stand there out (CLI-77). They come by standard
// input, since other users can see the arguments of a program, and one of the words may be a key.

import { readFileSync } from "node:fs";
import type { Commands } from "../command.ts";
import { candidates } from "./candidates.ts";

/**
 * The answer: on the first line which files may stand there, then a line for each word, with a tab before its description.
 *
 * @param stdin a file descriptor: the words after `tako`, each with a NUL behind it
 */
export function answerLine(commands: Commands, stdin: number): string {
  const typed = readFileSync(stdin, "utf8").split("\0").slice(0, -1);
  const { files, words } = candidates(commands, typed);
  const lines = words.map(({ word, description }) =>
    description === "" ? word : `${word}\t${description}`,
  );
  return `${[files, ...lines].join("\n")}\n`;
}
