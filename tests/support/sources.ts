// How a test starts the program from its sources: always by this, so that what runs in the child counts as covered.

import { join } from "node:path";

const coverage = process.env["TAKO_COVERAGE"];

/** `[bun, …, "src/main.ts"]`: append the arguments. Runs in any directory, with any environment. */
export const sources: readonly string[] = [
  process.execPath,
  ...(coverage === undefined ? [] : ["--preload", join(coverage, "program.ts")]),
  join(import.meta.dir, "../../src/main.ts"),
];
