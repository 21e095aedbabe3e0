// The mutation run (scripts/mutate.ts): which faults it makes of a source, and which of them compile.

import { afterAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Compiler } from "../scripts/mutate/compile.ts";
import { describe as describeMutant, readExcused } from "../scripts/mutate/excused.ts";
import { mutantsOf } from "../scripts/mutate/operators.ts";

const root = join(import.meta.dir, "..");
const compiler = new Compiler();
afterAll(() => compiler[Symbol.asyncDispose]());

/** Any file that the compiler knows; the example is read in its place. */
const file = "scripts/mutate/tree.ts";
const example = `export async function example(list: readonly string[], done: () => Promise<void>): Promise<boolean> {
  try {
    if (list.length < 3) return false;
    await done();
  } catch {
    return true;
  } finally {
    list.filter((word) => word === "one" || word === "of two words");
  }
  return !list.includes("other");
}
`;

test("each fault is made where it can be, and nothing else changes", async () => {
  const mutants = mutantsOf(await compiler.sourceFile(file, example), file);
  const made = mutants.map((mutant) => {
    const { was, becomes } = describeMutant(mutant, example);
    return `${was} -> ${becomes}`;
  });
  expect(made).toContain("list.length < 3 -> !(list.length < 3)");
  expect(made).toContain("< -> <=");
  expect(made).toContain("3 -> (3 + 1)");
  expect(made).toContain("false -> true");
  expect(made).toContain("await done(); -> ;");
  expect(made).toContain("await done() -> done()");
  expect(made).toContain("=== -> !==");
  expect(made).toContain("|| -> &&");
  expect(made).toContain('"one" -> ""');
  expect(made).toContain('!list.includes("other") -> list.includes("other")');
  expect(made).not.toContain('"of two words" -> ""');
  expect(made.filter((change) => change.startsWith("try {"))).toHaveLength(2);
});

test("what does not compile is told, what is merely unused is not", async () => {
  expect(await compiler.compiles(file, example)).toBe(true);
  expect(await compiler.compiles(file, example.replace("await done();", ";"))).toBe(true);
  expect(await compiler.compiles(file, example.replace("return true", "return 1"))).toBe(false);
  expect(await compiler.compiles(file, example.replace("return true", "return ("))).toBe(false);
  expect(await compiler.compiles(file, `const left = 1;\n${example}`)).toBe(true);
});

test("each excused fault has its reason and stands in a line that is there", async () => {
  for (const { file: path, in: line } of await readExcused()) {
    const lines = readFileSync(join(root, path), "utf8").split("\n");
    expect(lines.map((each) => each.trim())).toContain(line);
  }
});
