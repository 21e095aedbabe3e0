// The report for people: what failed and what to do about it, then how it stands.

import { printable } from "../../src/index.ts";
import { byRequirement, count, isOk, type Result } from "../results.ts";
import { describeJudged, linesOf, type Report } from "./report.ts";

export function people({ spec, judged, results, rerun }: Report): string {
  const wrong = results.filter((result) => !isOk(result) && result.outcome !== "not-run");
  const lines = [
    `Tako specification ${spec}`,
    ...judged.map(describeJudged),
    "",
    ...wrong.flatMap((result) => [...describe(result), `  again: ${rerun(result.case)}`, ""]),
    ...summary(results),
  ];
  return `${lines.join("\n")}\n`;
}

function describe({ case: each, outcome, reason }: Result): readonly string[] {
  const verdict = outcome === "passed" ? "UNEXPECTED PASS" : "FAILED";
  return [
    `${verdict} ${each.id} (${each.requirements.join(", ")})`,
    `  ${printable(each.why)}`,
    ...(reason === "" ? [] : linesOf(reason).map((line) => `  ${line}`)),
  ];
}

function summary(results: readonly Result[]): readonly string[] {
  const unjudged = (["skipped", "not-run"] as const).flatMap((outcome) => {
    const alike = results.filter((result) => result.outcome === outcome);
    const reasons = Object.entries(Object.groupBy(alike, ({ reason }) => reason));
    const verdict = outcome === "skipped" ? "skipped" : "NOT RUN";
    return reasons.map(
      ([reason, those = []]) => `${verdict} ${those.length}: ${printable(reason)}`,
    );
  });
  const requirements = requirementLines(results);
  return [
    ...unjudged,
    ...(unjudged.length === 0 ? [] : [""]),
    ...requirements,
    ...(requirements.length === 0 ? [] : [""]),
    countLine(results),
    // Otherwise the numbers would look like those of a program that passed (CNF-7).
    ...(results.every(({ outcome }) => outcome === "skipped")
      ? ["nothing was judged, so this is no pass"]
      : []),
  ];
}

/** A line for each page of the specification: how many requirements are met, and which are not. */
function requirementLines(results: readonly Result[]): readonly string[] {
  const verdicts = byRequirement(results).map(([id, those]) => ({ id, verdict: verdictOf(those) }));
  const pages = Object.groupBy(verdicts, ({ id }) => id.split("-")[0] ?? "");
  return Object.entries(pages).map(([page, group = []]) => {
    const ids = (verdict: string) =>
      group.filter((each) => each.verdict === verdict).map(({ id }) => id);
    const others = ["failed", "expected to fail", "unexpected", "skipped"].flatMap((verdict) => {
      const those = ids(verdict);
      return those.length === 0 ? [] : [`${verdict}: ${those.join(" ")}`];
    });
    const met = `${String(ids("met").length).padStart(3)} of ${group.length} requirements met`;
    return [`${page} ${met}`, ...others].join("; ");
  });
}

/** How a requirement stands: the worst of its cases counts. */
function verdictOf(results: readonly Result[]): string {
  const wrong = results.filter((result) => !isOk(result));
  if (wrong.some(({ outcome }) => outcome !== "passed")) return "failed";
  if (wrong.length > 0) return "unexpected";
  if (results.some(({ outcome }) => outcome === "failed")) return "expected to fail";
  return results.some(({ outcome }) => outcome === "passed") ? "met" : "skipped";
}

/** The last line: how many cases ended in which way. */
function countLine(results: readonly Result[]): string {
  const { passed, failed, skipped, notRun, expectedFailures, unexpectedPasses } = count(results);
  const rare = [
    [notRun, "not run"],
    [expectedFailures, "expected to fail"],
    [unexpectedPasses, "unexpected"],
  ] as const;
  const shown = rare
    .filter(([number]) => number > 0)
    .map(([number, what]) => `, ${number} ${what}`);
  return `${passed} passed, ${failed} failed, ${skipped} skipped${shown.join("")}`;
}
