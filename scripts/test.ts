// `bun run test`: checks, builds, runs every test, measures coverage, counts. The last line is `N passed, N failed`,
// with `, N skipped` when something a test needs is missing here; in CI nothing may be, and a skipped test has failed.
// A check, a build or a coverage goal that fails is one failure.

import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Glob } from "bun";
import { prepareCoverage, reportCoverage } from "./coverage.ts";

const repository = join(import.meta.dir, "..");
const ci = process.env["CI"] === "true" || process.env["CI"] === "1";

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

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
  const missing = join(folder, "missing");
  await mkdir(missing);
  await mkdir(temporary);
  // Some tests run the program as another user: like /tmp, it is for all.
  await chmod(folder, 0o755);
  await chmod(temporary, 0o1777);
  await prepareCoverage(coverage);
  const counts = await tests(only, coverage, missing);
  if (only.length === 0) {
    const gaps = await reportCoverage(coverage);
    for (const gap of gaps) console.log(gap);
    if (gaps.length > 0) failures.push("coverage");
  }

  if (counts.skipped > 0) await reportMissing(missing);
  for (const failure of failures) console.log(`failed: ${failure}`);
  const failed = counts.failed + failures.length + (ci ? counts.skipped : 0);
  const skipped = counts.skipped > 0 && !ci ? `, ${counts.skipped} skipped` : "";
  console.log(`${counts.passed} passed, ${failed} failed${skipped}`);
  return failed === 0 ? 0 : 1;
}

async function script(name: string): Promise<boolean> {
  const path = join(import.meta.dir, `${name}.ts`);
  if (!existsSync(path)) return true;
  console.log(`== ${name}`);
  return (await started([process.execPath, path]).exited) === 0;
}

async function tests(only: readonly string[], coverage: string, missing: string): Promise<Counts> {
  console.log("== tests");
  const report = join(folder, "junit.xml"); // new in every run, so never an older run's
  const reporter = ["--reporter=junit", `--reporter-outfile=${report}`];
  const child = started(
    [process.execPath, "test", "--parallel", "--only-failures", ...reporter, ...only],
    {
      CI: "1", // for Bun: no test.only, no new snapshots
      TMPDIR: temporary,
      TAKO_COVERAGE: coverage,
      TAKO_TEST_BUN_FLAGS: `--preload=${join(coverage, "program.ts")}`,
      TAKO_TEST_MISSING: missing,
    },
  );
  const status = await child.exited;
  const counted = existsSync(report) ? count(await Bun.file(report).text()) : undefined;
  // A file that throws while it loads is no failure in the report, and a test that ends the process leaves none.
  const broken = status !== 0 || counted === undefined ? 1 : 0;
  return {
    passed: counted?.passed ?? 0,
    skipped: counted?.skipped ?? 0,
    failed: Math.max(counted?.failed ?? 0, broken),
  };
}

function started(command: string[], variables: Record<string, string> = {}) {
  const env = { ...process.env, ...variables };
  return Bun.spawn(command, { cwd: repository, env, stdio: ["ignore", "inherit", "inherit"] });
}

/** The counts of a JUnit report, which its outermost element holds. */
function count(junit: string): Counts | undefined {
  const root = /<testsuites\b[^>]*>/.exec(junit)?.[0];
  if (root === undefined) return undefined;
  const attribute = (name: string) =>
    Number(new RegExp(`\\b${name}="(\\d+)"`).exec(root)?.[1] ?? 0);
  const failed = attribute("failures") + attribute("errors");
  const skipped = attribute("skipped");
  return { failed, skipped, passed: attribute("tests") - failed - skipped };
}

/** Why tests were skipped, and the one command that changes it. tests/support/needs.ts notes it. */
async function reportMissing(missing: string): Promise<void> {
  const packages = new Set<string>();
  for await (const path of new Glob("*").scan({ cwd: missing, absolute: true })) {
    const { reason, debianPackage }: { reason: string; debianPackage?: string } =
      await Bun.file(path).json();
    console.log(`skipped: ${reason}`);
    if (debianPackage !== undefined) packages.add(debianPackage);
  }
  if (packages.size > 0) {
    console.log(
      `To run them: apt-get install --yes --no-install-recommends ${[...packages].sort().join(" ")}`,
    );
  }
}
