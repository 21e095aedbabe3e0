// What a mutation run found, in numbers: by folder, and in all.

import { dirname } from "node:path";

/** `invalid`: it does not compile; `untried`: not yet known. */
export type Outcome = "caught" | "lived" | "excused" | "invalid" | "untried";

interface Judged {
  readonly mutant: { readonly file: string };
  readonly outcome: Outcome;
}

/** Prints the table. Whether the goal, in percent, is reached. */
export function printReport(all: readonly Judged[], goal: number): boolean {
  const columns = ["caught", "lived", "excused", "invalid", "untried"] as const;
  console.log(`${"".padEnd(22)}${columns.map((name) => name.padStart(9)).join("")}    share`);
  const groups = Map.groupBy(all, ({ mutant }) => dirname(mutant.file));
  for (const [name, judged] of [
    ...[...groups].toSorted(([a], [b]) => (a < b ? -1 : 1)),
    ["all", all] as const,
  ]) {
    const counts = columns.map((column) => count(judged, column));
    const cells = counts.map((number) => String(number).padStart(9)).join("");
    console.log(`${name.padEnd(22)}${cells}${`${share(judged).toFixed(1)} %`.padStart(9)}`);
  }
  const isReached = share(all) >= goal;
  if (!isReached) console.log(`less than ${goal} % of the mutants that count are caught`);
  return isReached;
}

function count(judged: readonly Judged[], outcome: Outcome): number {
  return judged.filter((one) => one.outcome === outcome).length;
}

function share(judged: readonly Judged[]): number {
  const caught = count(judged, "caught");
  const counted = caught + count(judged, "lived");
  return counted === 0 ? 100 : (100 * caught) / counted;
}
