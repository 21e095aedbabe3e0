// Loaded before every test file, by bunfig.toml.

import { afterAll, afterEach, beforeEach, setDefaultTimeout } from "bun:test";
import { join } from "node:path";
import { runs } from "./support/properties.ts";

// Property tests, programs under strace and machines that boot take their time, more so on a busy one.
setDefaultTimeout(60_000 * Math.max(1, runs.numRuns / 1000));

const coverage = process.env["TAKO_COVERAGE"];
if (coverage !== undefined) {
  const { record, separate } = await import(join(coverage, "preload.ts"));
  const by = Bun.main.endsWith(".spec.ts") ? "spec" : "tests";
  if (process.env["TAKO_COVERAGE_BY_TEST"] === undefined) {
    afterAll(() => record(by));
  } else {
    // What is counted outside of the tests is apart from what each of them runs (scripts/mutate/measure.ts).
    let tests = 0;
    beforeEach(() => separate(`around-${tests}`));
    afterEach(() => separate(`test-${tests++}`));
    afterAll(() => separate("around-end"));
  }
}
