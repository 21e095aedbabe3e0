// Runs tests by Bun, and counts them by its report; tells what was skipped because a program is missing here.

import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Glob } from "bun";

const repository = join(import.meta.dir, "..");
const ci = process.env["CI"] === "true" || process.env["CI"] === "1";

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/**
 * Runs `bun test` with these words.
 *
 * @param folder a new one, for the report and what tests say is missing
 */
export async function runTests(
  folder: string,
  words: readonly string[],
  variables: Readonly<Record<string, string>> = {},
): Promise<Counts> {
  const report = join(folder, "junit.xml"); // new in every run, so never an older run's
  const missing = missingIn(folder);
  await mkdir(missing, { recursive: true });
  const reporter = ["--reporter=junit", `--reporter-outfile=${report}`];
  const child = Bun.spawn([process.execPath, "test", ...reporter, ...words], {
    cwd: repository,
    env: {
      ...process.env,
      CI: "1", // for Bun: no test.only, no new snapshots
      TAKO_TEST_MISSING: missing,
      ...variables,
    },
    stdio: ["ignore", "inherit", "inherit"],
  });
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

/**
 * Says what was skipped and why, and in the last line how it went. In CI nothing may be missing.
 *
 * @param failures what failed beside the tests
 * @returns the exit status
 */
export async function tellCounts(
  folder: string,
  counts: Counts,
  failures: readonly string[] = [],
): Promise<number> {
  if (counts.skipped > 0) await reportMissing(missingIn(folder));
  for (const failure of failures) console.log(`failed: ${failure}`);
  const failed = counts.failed + failures.length + (ci ? counts.skipped : 0);
  const skipped = counts.skipped > 0 && !ci ? `, ${counts.skipped} skipped` : "";
  console.log(`${counts.passed} passed, ${failed} failed${skipped}`);
  return failed === 0 ? 0 : 1;
}

const missingIn = (folder: string) => join(folder, "missing");

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
