// The report as one JSON object, whose fields docs/reference/conformance.md lists.

import { byRequirement, count, isSuccess, type Result } from "../results.ts";
import { linesOf, type Report } from "./report.ts";

export function json({ spec, judged, results, rerun }: Report): string {
  const report = {
    spec,
    judged,
    success: isSuccess(results),
    counts: countFields(results),
    requirements: Object.fromEntries(
      byRequirement(results).map(([id, those]) => [id, countFields(those)]),
    ),
    cases: results.map((result) => caseFields(result, rerun(result.case))),
  };
  // ASCII, so that no character steers a terminal.
  const text = JSON.stringify(report, undefined, 2).replace(
    /[\x7f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return `${text}\n`;
}

function countFields(results: readonly Result[]) {
  const { passed, failed, skipped, notRun, expectedFailures, unexpectedPasses } = count(results);
  return {
    passed,
    failed,
    skipped,
    not_run: notRun,
    expected_failures: expectedFailures,
    unexpected_passes: unexpectedPasses,
  };
}

function caseFields({ case: each, outcome, mayFail, reason, seconds }: Result, again: string) {
  return {
    id: each.id,
    requirements: each.requirements,
    profile: each.profile,
    why: each.why,
    outcome,
    expected_to_fail: mayFail,
    seconds: Number(seconds.toFixed(3)),
    ...(reason === "" ? {} : { reason: linesOf(reason) }),
    again,
  };
}
