// Loaded before every test file, by bunfig.toml.

import { afterAll, setDefaultTimeout } from "bun:test";
import { join } from "node:path";

// Property tests, programs under strace and machines that boot take their time, more so on a busy one.
setDefaultTimeout(60_000);

const coverage = process.env["TAKO_COVERAGE"];
if (coverage !== undefined) {
  const { record } = await import(join(coverage, "preload.ts"));
  const by = Bun.main.endsWith(".spec.ts") ? "spec" : "tests";
  afterAll(() => record(by));
}
