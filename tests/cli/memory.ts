// What a program is connected to, in memory: streams that remember what was written to them.

import type { Io, Stream } from "../../src/cli/io.ts";

export class Memory implements Stream {
  text = "";
  failure: unknown;
  readonly isTerminal: boolean;
  columns = 80;
  readonly #rows: number;

  constructor(isTerminal = false, rows = 24) {
    this.isTerminal = isTerminal;
    this.#rows = rows;
  }

  write(text: string): void {
    this.text += text;
  }

  size() {
    return { columns: this.columns, rows: this.#rows };
  }
}

export interface Shown extends Io {
  readonly stdout: Memory;
  readonly stderr: Memory;
}

export function io({
  terminal = false,
  rows = 24,
  environment = {},
  isJournal = false,
} = {}): Shown {
  const [stdout, stderr] = [new Memory(), new Memory(terminal, rows)];
  return { environment, stdin: -1, stdout, stderr, isJournal };
}
