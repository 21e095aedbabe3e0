// The mutation run (scripts/mutate.ts): which faults it makes of a source, and which of them compile.

import { afterAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Compiler } from "../scripts/mutate/compile.ts";
import { describe as describeMutant, readExcused } from "../scripts/mutate/excused.ts";
import { type Measured, testsAt } from "../scripts/mutate/measure.ts";
import { mutantsOf } from "../scripts/mutate/operators.ts";
import { Tree } from "../scripts/mutate/tree.ts";

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
  return !list.includes("other") && list.length < 3_000;
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
  expect(made).toContain("3_000 -> (3_000 * 2)");
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

test("what another fault does as well is not planted twice, and what people read is not judged", async () => {
  const text = `export const negated = (word: string) => (word === "one" ? { description: "two" } : ["DST-5"]);\n`;
  const mutants = mutantsOf(await compiler.sourceFile(file, text), file);
  const made = mutants.map(({ start, end, text: other }) => [text.slice(start, end), other]);
  expect(made).toContainEqual(["===", "!=="]);
  expect(made).not.toContainEqual(['word === "one"', '!(word === "one")']);
  expect(made.flat().join()).not.toContain("two");
  expect(made.flat()).not.toContain('"DST-5"');
});

test("a fault meets the tests that run its statement, and all of a file that runs it outside of them", () => {
  const of = (path: string, around: string[], ...tests: [title: string, ran: string[]][]) => ({
    ...{ path, hash: "", passes: true, ms: 100, runs: { "a.ts": around } },
    tests: tests.map(([title, ran]) => ({ title, ms: 10, runs: { "a.ts": ran } })),
  });
  const measured: Measured = {
    hash: "",
    statements: {
      "a.ts": { 0: { from: [0, 0], to: [9, 0] }, 1: { from: [2, 4], to: [3, 0] } },
    },
    tests: [
      of("one", ["0"], ["x", ["0", "1"]], ["y", ["0"]]),
      of("two", ["0", "1"], ["x", []], ["y", []]),
      of("three", ["0"], ["x", ["0"]]),
    ],
  };
  expect(testsAt(measured, "a.ts", [2, 8])).toEqual([
    { path: "one", titles: ["x"], ms: 110 },
    { path: "two", titles: ["x", "y"], ms: 120 },
  ]);
  expect(testsAt(measured, "a.ts", [2, 0]).map(({ path }) => path)).toEqual([
    "one",
    "two",
    "three",
  ]);
});

test("of a test file only the titles that are asked for run, whatever is in them", async () => {
  await using tree = Tree.copy();
  const path = "tests/example.test.ts";
  await tree.write(
    path,
    `import { describe, expect, test } from "bun:test";
describe("a, (b) > c", () => {
  test("PUB-1: x > [1] $", () => {});
  test("PUB-1: x > [1] $ and more", () => expect(1).toBe(2));
});
test("PUB-1", () => expect(1).toBe(2));
`,
  );
  const chosen = "a, (b) > c > PUB-1: x > [1] $";
  const good = await tree.test(path, 30_000, { titles: [chosen] });
  expect(good.verdict).toBe("passed");
  expect(good.ended.map(({ title, passed }) => [title, passed])).toEqual([[chosen, true]]);
  const bad = await tree.test(path, 30_000, { titles: [chosen, "PUB-1"] });
  expect(bad.verdict).toBe("failed");
  expect(bad.ended.map(({ title, passed }) => [title, passed])).toEqual([
    [chosen, true],
    ["PUB-1", false],
  ]);
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
