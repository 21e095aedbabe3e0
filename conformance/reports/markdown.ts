// The report as a table for a README: the pages of the specification, and how the program stands.

import { PROFILES } from "../case.ts";
import { count, isOk, type Result } from "../results.ts";
import { describeJudged, linesOf, type Report } from "./report.ts";

export function markdown({ spec, judged, results }: Report): string {
  const wrong = results.filter((result) => !isOk(result));
  const lines = [
    `Conformance with Tako specification ${spec}: ${judged.map(describeJudged).map(escaped).join("; ")}`,
    "",
    "| Profile | Passed | Failed | Skipped |",
    "| --- | --- | --- | --- |",
    ...PROFILES.flatMap((profile) => {
      const those = results.filter((result) => result.case.profile === profile);
      return those.length === 0 ? [] : [row(profile, those)];
    }),
    row("All", results),
    ...(wrong.length === 0
      ? []
      : ["", "| Failed case | Requirements | Why |", "| --- | --- | --- |"]),
    ...wrong.map(({ case: { id, requirements, why } }) => {
      return `| ${id} | ${requirements.join(", ")} | ${escaped(why)} |`;
    }),
  ];
  return `${lines.join("\n")}\n`;
}

function row(name: string, results: readonly Result[]): string {
  const { passed, failed, skipped, notRun, expectedFailures, unexpectedPasses } = count(results);
  const known = expectedFailures === 0 ? "" : ` (${expectedFailures} of them known)`;
  const all = failed + notRun + expectedFailures;
  return `| ${name} | ${passed + unexpectedPasses} | ${all}${known} | ${skipped} |`;
}

function escaped(text: string): string {
  return linesOf(text)
    .join(" ")
    .replace(/[\\|`*_<>[\]]/g, "\\$&");
}
