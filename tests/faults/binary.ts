// The binary by itself, for runs by the hundred: hiding the source tree from each would take longer than the run.

import { join } from "node:path";
import { programs, sources } from "../support/program.ts";
import type { Runnable } from "./stories.ts";

const dist = join(import.meta.dir, "../../dist/tako");

/** The sources stand for it where they alone are tested. It is built by `programs`, if it is old. */
export const binary: Runnable = programs.some(({ name }) => name === "binary")
  ? { command: (args) => [dist, ...args] }
  : sources();
