// What was ever given out and must not get lost: requirements, cases of fixtures/, findings of fuzzing.
// Each is one line of fixtures/ids.txt, which says of itself how it is read.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Case, casesOf, tablePaths } from "./fixtures.ts";

const repository = join(import.meta.dir, "../..");

export const listPath = join(repository, "fixtures/ids.txt");

/** A case that holds many examples: the versions of a pattern or of a chain. */
interface Examples extends Case {
  readonly matches?: readonly string[];
  readonly differs?: readonly string[];
  readonly classes?: readonly (readonly string[])[];
}

/** Every requirement, as `PAGE ID`. */
export const requirementLines: readonly string[] = readdirSync(join(repository, "spec"))
  .filter((name) => name.endsWith(".md"))
  .flatMap((name) => {
    const page = readFileSync(join(repository, "spec", name), "utf8");
    const ids = page.matchAll(/^\*\*([A-Z]{3}-\d+)\.\*\*/gm);
    return [...ids].map(([, id]) => `spec/${name} ${id}`);
  });

/** A line for all that there is now. */
export function linesOfTree(): readonly string[] {
  const cases = tablePaths.flatMap((path) =>
    casesOf<Examples>(path).map(({ id, matches = [], differs = [], classes = [] }) => {
      const examples = [...matches, ...differs, ...classes.flat()].length;
      return `fixtures/${path} ${id}${examples > 0 ? ` ${examples}` : ""}`;
    }),
  );
  const findings = readdirSync(join(repository, "fixtures/fuzz"));
  return [
    ...requirementLines,
    ...cases,
    ...findings.map((name) => `fixtures/fuzz ${name}`),
  ].toSorted();
}

/** The comment at the top of the list, and its lines, of which those that were dropped have a reason. */
export function readList(text: string) {
  const all = text.split("\n").filter((line) => line !== "");
  const [comments, lines] = [all.filter(isComment), all.filter((line) => !isComment(line))];
  const entries = lines.map((line) => {
    const [given = "", reason] = line.split(" dropped: ");
    return { line: given, reason };
  });
  return { comments, lines, entries };
}

function isComment(line: string): boolean {
  return line.startsWith("#");
}
