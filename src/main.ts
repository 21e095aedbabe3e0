// The entry of `bun run tako` and of the compiled binary. The version is told before anything else
// is loaded. Nothing but this sets the process's exit status, and nothing calls `exit`.

import { processIo } from "./cli/io.ts";
import { VERSION_LINE } from "./cli/version.ts";
import { putSignalsRight } from "./shell/signals.ts";

const words = process.argv.slice(2);
const io = processIo();

const asksForVersion = words.length === 1 && (words[0] === "--version" || words[0] === "-V");
if (asksForVersion) io.stdout.write(`${VERSION_LINE}\n`);
// Also to tell that the version could not be written.
if (!asksForVersion || io.stdout.failure !== undefined) {
  putSignalsRight();
  const { run } = await import("./cli/program.ts");
  process.exitCode = await run(words, io);
}
