// The report as TAP, version 13 (testanything.org): the prove of today's distributions refuses 14, and
// readers of 14 take 13.

import { isOk, type Result } from "../results.ts";
import { describeJudged, linesOf, type Report } from "./report.ts";

export function tap({ spec, judged, results, rerun }: Report): string {
  const lines = [
    "TAP version 13",
    `1..${results.length}`,
    `# Tako specification ${spec}`,
    ...judged.map((each) => `# ${describeJudged(each)}`),
    ...results.flatMap((result, index) => point(result, index + 1, rerun(result.case))),
  ];
  return `${lines.join("\n")}\n`;
}

function point(result: Result, number: number, rerun: string): readonly string[] {
  const { case: each, outcome, mayFail, reason } = result;
  const title = `${number} - ${each.id} ${escaped(each.why)}`;
  if (outcome === "skipped") return [`ok ${title} # SKIP ${escaped(reason)}`];
  if (outcome === "passed" && !mayFail) return [`ok ${title}`];
  // What is known to fail is not ok and yet no failure: TAP's TODO.
  const directive = isOk(result) ? " # TODO expected to fail" : "";
  const message = outcome === "passed" ? "passed, but is expected to fail" : reason;
  // JSON texts are YAML.
  return [
    `not ok ${title}${directive}`,
    "  ---",
    `  requirements: ${JSON.stringify(each.requirements)}`,
    `  message: ${JSON.stringify(linesOf(message).join("\n"))}`,
    `  again: ${JSON.stringify(linesOf(rerun).join(" "))}`,
    "  ...",
  ];
}

function escaped(text: string): string {
  return linesOf(text).join(" ").replace(/[\\#]/g, "\\$&");
}
