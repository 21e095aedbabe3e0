// The entry of `bun run tako` and of the compiled binary. The version is told before anything else
// is loaded. Nothing but this sets the process's exit status, and nothing calls `exit`.

import { version } from "../package.json";
import { processIo } from "./cli/io.ts";

const words = process.argv.slice(2);
const io = processIo();

if (words.length === 1 && words[0] === "--version") {
  io.stdout.write(`tako ${version}\n`);
} else {
  const { run } = await import("./cli/run.ts");
  process.exitCode = await run(words, io);
}
