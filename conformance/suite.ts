// Which cases run, in which order, and how each ended. How they are shown is in reports/.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type Case, type Evidence, Failure, NotRun, type Profile, Skip } from "./case.ts";

/** Which of the cases are meant. Ids and requirements are given as globs of `*` and `?`. */
export interface Selection {
  readonly profiles: readonly Profile[];
  readonly run: readonly string[];
  readonly skip: readonly string[];
}

/** Cases that can run side by side. */
export interface Part {
  readonly cases: readonly Case[];
  readonly jobs: number;
  readonly timeoutMs: number;
}

export type Outcome = "passed" | "failed" | "skipped" | "not-run";

export interface Result {
  readonly case: Case;
  readonly outcome: Outcome;
  /** Whether the case is known to fail. */
  readonly mayFail: boolean;
  /** Why it did not pass. */
  readonly reason: string;
  readonly evidence: Evidence;
  readonly seconds: number;
}

export function selectCases(
  cases: readonly Case[],
  { profiles, run, skip }: Selection,
): readonly Case[] {
  return cases.filter(({ id, requirements, profile }) => {
    const isNamed = (globs: readonly string[]) =>
      [id, ...requirements].some((name) => matchesGlob(globs, name));
    return profiles.includes(profile) && (run.length === 0 || isNamed(run)) && !isNamed(skip);
  });
}

/** Whether one of the globs matches the whole name. */
export function matchesGlob(globs: readonly string[], name: string): boolean {
  return globs.some((glob) => {
    const source = glob.replace(/[^*?]+/g, RegExp.escape).replaceAll("*", ".*");
    return new RegExp(`^${source.replaceAll("?", ".")}$`).test(name);
  });
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

/** Whether a result is one that was asked for. */
export function isOk({ outcome, mayFail }: Result): boolean {
  if (outcome === "skipped") return true;
  return outcome === (mayFail ? "failed" : "passed");
}

/** Whether the subject passed: something was judged, and everything is as it should be. */
export function isSuccess(results: readonly Result[]): boolean {
  return results.every(isOk) && results.some(({ outcome }) => outcome !== "skipped");
}

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly notRun: number;
  readonly expectedFailures: number;
  readonly unexpectedPasses: number;
}

/** How many results there are of each kind; each is counted once. */
export function count(results: readonly Result[]): Counts {
  const number = (outcome: Outcome, mayFail?: boolean) =>
    results.filter(
      (result) => result.outcome === outcome && result.mayFail === (mayFail ?? result.mayFail),
    ).length;
  return {
    passed: number("passed", false),
    failed: number("failed", false),
    skipped: number("skipped"),
    notRun: number("not-run"),
    expectedFailures: number("failed", true),
    unexpectedPasses: number("passed", true),
  };
}

/** The results that concern each requirement, in the order of the ids. */
export function byRequirement(
  results: readonly Result[],
): readonly (readonly [requirement: string, results: readonly Result[]])[] {
  const groups = new Map<string, Result[]>();
  for (const result of results) {
    for (const id of result.case.requirements) groups.set(id, [...(groups.get(id) ?? []), result]);
  }
  return [...groups].toSorted(([a], [b]) => compareIds(a, b));
}

function compareIds(a: string, b: string): number {
  const [pageA = "", numberA] = a.split("-");
  const [pageB = "", numberB] = b.split("-");
  return pageA === pageB ? Number(numberA) - Number(numberB) : pageA < pageB ? -1 : 1;
}

/** Writes what is known of each failure to files: `DIR/<id of the case>/<name>`. */
export async function saveEvidence(results: readonly Result[], directory: string): Promise<void> {
  for (const { case: each, outcome, reason, evidence } of results) {
    if (outcome !== "failed") continue;
    const folder = join(directory, each.id);
    await mkdir(folder, { recursive: true });
    for (const [name, content] of Object.entries({ reason: `${reason}\n`, ...evidence })) {
      await Bun.write(join(folder, name), content);
    }
  }
}
