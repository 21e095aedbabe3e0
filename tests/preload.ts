// Loaded before every test file, by bunfig.toml.

import { afterAll, setDefaultTimeout } from "bun:test";
import { join } from "node:path";
import { runs } from "./support/properties.ts";

// Property tests, programs under strace and machines that boot take their time, more so on a busy one.
setDefaultTimeout(60_000 * Math.max(1, runs.numRuns / 1000));

const coverage = process.env["TAKO_COVERAGE"];
if (coverage !== undefined) {
  const { record } = await import(join(coverage, "preload.ts"));
  const by = Bun.main.endsWith(".spec.ts") ? "spec" : "tests";
  afterAll(() => record(by));
}
