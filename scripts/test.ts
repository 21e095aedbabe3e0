// `bun run test`: checks, builds, runs every test, measures coverage, counts. The last line is `N passed, N failed`,
// with `, N skipped` when something a test needs is missing here; in CI nothing may be, and a skipped test has failed.
// A check, a build or a coverage goal that fails is one failure.

import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { prepareCoverage, reportCoverage } from "./coverage.ts";
import { runTests, tellCounts } from "./run-tests.ts";

const repository = join(import.meta.dir, "..");

/** One more than there are cores: much of the time is spent waiting, for units and for time limits. */
const WORKERS = availableParallelism() + 1;

const folder = await mkdtemp(join(tmpdir(), "tako-test-"));
const temporary = join(folder, "tmp"); // of all tests, so that what a killed one leaves goes, too

process.on("SIGINT", () => {}); // Ctrl-C ends what runs; then this cleans up
try {
  process.exitCode = await run(process.argv.slice(2));
} catch (error) {
  console.log(error);
  console.log("0 passed, 1 failed");
  process.exitCode = 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}

/** Runs it all; with `only`, just the tests whose path contains one of these words. The exit status. */
async function run(only: readonly string[]): Promise<number> {
  const failures: string[] = [];
  if (!(await script("check"))) failures.push("check");
  if (!(await script("build"))) failures.push("build");

  const coverage = join(folder, "coverage");
  await mkdir(temporary);
  // Some tests run the program as another user: like /tmp, it is for all.
  await chmod(folder, 0o755);
  await chmod(temporary, 0o1777);
  await prepareCoverage(coverage);
  console.log("== tests");
  const counts = await runTests(folder, [`--parallel=${WORKERS}`, "--only-failures", ...only], {
    TMPDIR: temporary,
    TAKO_COVERAGE: coverage,
    TAKO_TEST_BUN_FLAGS: `--preload=${join(coverage, "program.ts")}`,
  });
  if (only.length === 0) {
    const gaps = await reportCoverage(coverage);
    for (const gap of gaps) console.log(gap);
    if (gaps.length > 0) failures.push("coverage");
  }
  return tellCounts(folder, counts, failures);
}

async function script(name: string): Promise<boolean> {
  const path = join(import.meta.dir, `${name}.ts`);
  if (!existsSync(path)) return true;
  console.log(`== ${name}`);
  const child = Bun.spawn([process.execPath, path], {
    cwd: repository,
    stdio: ["ignore", "inherit", "inherit"],
  });
  return (await child.exited) === 0;
}
