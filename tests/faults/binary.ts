// The binary by itself, for runs by the hundred: hiding the source tree from each would take longer than the run.

import { join } from "node:path";
import { programs } from "../support/program.ts";
import type { Runnable } from "./stories.ts";

const dist = join(import.meta.dir, "../../dist/tako");

// Where the binary is built if it is old.
if (programs.every(({ name }) => name !== "binary")) throw new Error("there is no binary");

export const binary: Runnable = { command: (args) => [dist, ...args] };
