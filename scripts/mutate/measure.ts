// Which test file runs which statement of the sources, and how long it takes: measured once, so that a fault meets
// only the tests that can notice it. It is kept, and a test file is measured again only when it has changed.

import { chmod, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { Glob } from "bun";
import { added, type Files, prepareCoverage } from "../coverage.ts";
import type { Tree } from "./tree.ts";

/**
 * What is run against faults. The rest takes minutes a file (machines, strace, fuzzing), or judges texts and other
 * programs.
 */
const TESTS = [
  "spec/*.spec.ts",
  "tests/{cli,concurrency,fetch,files,hostile,origins,publish}/*.test.ts",
  "tests/conformance/command.test.ts",
];

/** It runs much of the program, slowly, and looks at this of it. */
const SUITE = {
  test: "tests/conformance/command.test.ts",
  source: "src/cli/commands/conformance.ts",
};

/** Longer than any of these takes on a busy machine. */
const LONGEST_MS = 300_000;

/** A statement: where it begins and ends, as line and column, both from 0 on. */
interface Statement {
  readonly from: readonly [number, number];
  readonly to: readonly [number, number];
}

export interface TestFile {
  readonly path: string;
  /** Of its text. */
  readonly hash: string;
  readonly ms: number;
  /** Whether it passes on the sources as they are; else it can judge nothing. */
  readonly passes: boolean;
  /** By source file, the numbers of the statements that it runs. */
  readonly runs: Readonly<Record<string, readonly string[]>>;
}

export interface Measured {
  /** Of all sources; what was measured on others says nothing. */
  readonly hash: string;
  readonly statements: Readonly<Record<string, Readonly<Record<string, Statement>>>>;
  readonly tests: readonly TestFile[];
}

/** Measures what is not known yet. `keep` is told each step. */
export async function measure(
  tree: Tree,
  known: Measured | undefined,
  keep: (measured: Measured) => Promise<void>,
): Promise<Measured> {
  const hash = await hashOfSources(tree);
  const coverage = join(tree.root, "..", `${tree.root.split("/").at(-1)}-coverage`);
  try {
    await mkdir(coverage);
    await prepareCoverage(coverage);
    const statements = statementsOf(await added(coverage, "*"));
    const valid = known?.hash === hash ? known.tests : [];
    const tests: TestFile[] = [];
    const paths = TESTS.flatMap((glob) => [...new Glob(glob).scanSync(tree.root)]);
    for (const path of paths.toSorted()) {
      const own = Bun.hash(await tree.read(path)).toString(36);
      const before = valid.find((test) => test.path === path && test.hash === own && test.passes);
      if (before === undefined) console.log(`measuring ${path}`);
      tests.push(before ?? (await measureOne(tree, path, own, coverage)));
      const left = valid.filter((test) => !tests.some(({ path: done }) => done === test.path));
      await keep({ hash, statements, tests: [...tests, ...left] });
    }
    return { hash, statements, tests };
  } finally {
    await rm(coverage, { recursive: true, force: true });
  }
}

async function measureOne(
  tree: Tree,
  path: string,
  hash: string,
  coverage: string,
): Promise<TestFile> {
  const counters = join(coverage, "counters");
  await rm(counters, { recursive: true });
  await mkdir(counters);
  await chmod(counters, 0o1777);
  const start = performance.now();
  const verdict = await tree.test(path, LONGEST_MS, {
    TAKO_COVERAGE: coverage,
    TAKO_TEST_BUN_FLAGS: `--preload=${join(coverage, "program.ts")}`,
  });
  const ms = Math.round(performance.now() - start);
  const runs = Object.entries(await added(coverage, "*")).flatMap(([source, { s }]) => {
    const ran = Object.keys(s).filter((id) => (s[id] ?? 0) > 0);
    return ran.length === 0 ? [] : [[source, ran] as const];
  });
  return { path, hash, ms, passes: verdict === "passed", runs: Object.fromEntries(runs) };
}

async function hashOfSources(tree: Tree): Promise<string> {
  const paths = [...new Glob("src/**/*.ts").scanSync(tree.root)].toSorted();
  const texts = await Promise.all(paths.map((path) => tree.read(path)));
  return Bun.hash(texts.join("\0")).toString(36);
}

function statementsOf(files: Files): Measured["statements"] {
  return Object.fromEntries(
    Object.entries(files).map(([path, { statementMap }]) => [
      path,
      Object.fromEntries(
        Object.entries(statementMap).map(([id, { start, end }]) => [
          id,
          { from: [start.line - 1, start.column], to: [end.line - 1, end.column] } as const,
        ]),
      ),
    ]),
  );
}

/** The test files that run what is at this place, quickest first; those of the whole file where no statement is. */
export function testsAt(
  { statements, tests }: Measured,
  path: string,
  place: readonly [number, number],
): readonly TestFile[] {
  const around = Object.entries(statements[path] ?? {}).filter(
    ([, { from, to }]) => compare(from, place) <= 0 && compare(place, to) < 0,
  );
  // The innermost begins last.
  const innermost = around.toSorted(([, a], [, b]) => compare(b.from, a.from))[0]?.[0];
  return tests
    .filter((test) => test.path !== SUITE.test || path === SUITE.source)
    .filter(({ passes, runs }) => passes && isRun(runs[path], innermost))
    .toSorted((a, b) => a.ms - b.ms);
}

function isRun(ran: readonly string[] = [], statement: string | undefined): boolean {
  return statement === undefined ? ran.length > 0 : ran.includes(statement);
}

function compare(a: readonly [number, number], b: readonly [number, number]): number {
  return a[0] === b[0] ? a[1] - b[1] : a[0] - b[0];
}
