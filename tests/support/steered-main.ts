// The program with another clock, in which waits and limits pass sooner by these factors.
//
//   bun tests/support/steered-main.ts WAITS LIMITS fetch app.tako

import { processIo } from "../../src/cli/io.ts";
import { run } from "../../src/cli/program.ts";
import { systemClock } from "../../src/shell/clock.ts";

const [, , waits = "1", limits = "1", ...words] = process.argv;
const clock = {
  ...systemClock,
  sleep: (ms: number) => systemClock.sleep(ms / Number(waits)),
  every: (ms: number, look: () => void) => systemClock.every(ms / Number(limits), look),
};
process.exitCode = await run(words, processIo(), { clock });
