// What `tako --version` prints (CLI-12, CLI-80). It is told before anything else is loaded.

import { version } from "../../package.json";

/** From which commit the binary is, put in by the build (scripts/build/compile.ts); sources have none. */
declare const TAKO_COMMIT: string;

const commit = typeof TAKO_COMMIT === "string" ? ` (${TAKO_COMMIT})` : "";

export const VERSION_LINE = `tako ${version}${commit}`;
