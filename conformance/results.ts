// How cases ended, counted and kept. How that is shown is in reports/.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Case, Evidence } from "./case.ts";

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
