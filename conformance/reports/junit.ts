// The report as JUnit's XML, in the shape that Jenkins and others read (the schema is in tests/).

import type { Profile } from "../case.ts";
import { count, isOk, type Result } from "../results.ts";
import { describeJudged, linesOf, type Report } from "./report.ts";

export function junit({ spec, judged, results, rerun }: Report): string {
  const suites = Object.entries(Object.groupBy(results, (result) => result.case.profile));
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="Tako specification ${spec}" ${totals(results)}>`,
    ...suites.flatMap(([profile, those = []]) => [
      `  <testsuite name="${profile}" ${totals(those)}>`,
      "    <properties>",
      `      <property name="spec" value="${spec}"/>`,
      ...judged.map(
        (each) => `      <property name="${each.by}" value="${escaped(describeJudged(each))}"/>`,
      ),
      "    </properties>",
      ...those.flatMap((result) => testCase(result, rerun(result.case))),
      "  </testsuite>",
    ]),
    "</testsuites>",
  ];
  return `${lines.join("\n")}\n`;
}

function totals(results: readonly Result[]): string {
  const { failed, skipped, notRun, expectedFailures, unexpectedPasses } = count(results);
  const seconds = results.reduce((sum, result) => sum + result.seconds, 0);
  const numbers = {
    tests: results.length,
    failures: failed + unexpectedPasses,
    errors: notRun,
    skipped: skipped + expectedFailures,
  };
  const shown = Object.entries(numbers).map(([name, number]) => `${name}="${number}"`);
  return `${shown.join(" ")} time="${seconds.toFixed(3)}"`;
}

function testCase(result: Result, rerun: string): readonly string[] {
  const { case: each, outcome, mayFail, reason, seconds } = result;
  const opening = `    <testcase name="${each.id}" classname="${className(each)}" time="${seconds.toFixed(3)}"`;
  if (outcome === "passed" && !mayFail) return [`${opening}/>`];
  if (isOk(result)) {
    const why = outcome === "skipped" ? reason : `expected to fail: ${reason}`;
    return [`${opening}>`, `      <skipped message="${escaped(why)}"/>`, "    </testcase>"];
  }
  const element = outcome === "not-run" ? "error" : "failure";
  const message = outcome === "passed" ? "passed, but is expected to fail" : reason;
  const [first = ""] = message.split("\n");
  return [
    `${opening}>`,
    `      <${element} message="${escaped(first)}" type="${element}">${escaped(each.why)}`,
    ...linesOf(message).map(escaped),
    `again: ${escaped(rerun)}</${element}>`,
    "    </testcase>",
  ];
}

/** Requirements take the place of classes, so that results can be browsed by them. */
function className({
  requirements,
  profile,
}: {
  requirements: readonly string[];
  profile: Profile;
}) {
  return `tako.${profile}.${requirements[0] ?? "none"}`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
};

function escaped(text: string): string {
  return linesOf(text)
    .join(" ")
    .replace(/[&<>"]/g, (character) => ENTITIES[character] ?? "");
}
