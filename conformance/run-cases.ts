// Runs cases, some side by side, and notes how each ended. Which cases there are, and what becomes of the results, is
// not known here.

import { type Case, type Evidence, Failure, NotRun, Skip } from "./case.ts";
import type { Outcome, Result } from "./results.ts";
import { matchesGlob } from "./selection.ts";

/** Cases that can run side by side. */
export interface Part {
  readonly cases: readonly Case[];
  readonly jobs: number;
  readonly timeoutMs: number;
}

/**
 * Runs cases, a part after the other.
 *
 * @param mayFail ids and globs of the cases that are known to fail
 * @param onResult is told each result as it comes
 * @returns the results in the order of the cases
 */
export async function runCases(
  parts: readonly Part[],
  mayFail: readonly string[],
  onResult: (result: Result) => void = () => {},
): Promise<readonly Result[]> {
  const results: Result[] = [];
  for (const { cases, jobs, timeoutMs } of parts) {
    const start = results.length;
    const open = cases.entries();
    const work = async () => {
      for (const [index, each] of open) {
        const result = await runCase(each, timeoutMs, matchesGlob(mayFail, each.id));
        results[start + index] = result;
        onResult(result);
      }
    };
    await Promise.all(Array.from({ length: jobs }, work));
  }
  return results;
}

async function runCase(each: Case, timeoutMs: number, mayFail: boolean): Promise<Result> {
  const timeOut = new AbortController();
  const timer = setTimeout(() => timeOut.abort(), timeoutMs);
  const startedAt = performance.now();
  const ended = (outcome: Outcome, reason = "", evidence: Evidence = {}): Result => {
    const seconds = (performance.now() - startedAt) / 1000;
    return { case: each, outcome, mayFail, reason, evidence, seconds };
  };
  try {
    await each.run(timeOut.signal);
    return ended("passed");
  } catch (error) {
    if (error instanceof Failure) return ended("failed", error.message, error.evidence);
    if (error instanceof Skip) return ended("skipped", error.message);
    if (error instanceof NotRun) return ended("not-run", error.message);
    // One case that the suite can't run must not hide the others.
    const { stack = "" } = error instanceof Error ? error : {};
    return ended("failed", `the suite itself failed: ${error}`, { stack });
  } finally {
    clearTimeout(timer);
  }
}
