// Which test runs which statement of the sources, and how long it takes: measured once, so that a fault meets only the
// tests that can notice it. It is kept, and a test file is measured again only when it has changed.

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
  "tests/{buckets,check,cli,concurrency,fetch,files,hostile,inspect,origins,pack,packed,prune,publish,serve,status,verify}/*.test.ts",
  "tests/conformance/command.test.ts",
];

/** It runs much of the program, slowly, and looks at this of it. */
const SUITE = {
  test: "tests/conformance/command.test.ts",
  source: "src/cli/commands/conformance.ts",
};

/** Longer than any of these takes on a busy machine, one test after the other. */
const LONGEST_MS = 600_000;

/** What a program counts with: also what it ran before it was killed. */
const PROGRAM = `
import { record } from "./preload.ts";
const id = crypto.randomUUID();
process.on("exit", () => record("program", id));
setInterval(() => record("program", id), 100).unref();
`;

/** A statement: where it begins and ends, as line and column, both from 0 on. */
interface Statement {
  readonly from: readonly [number, number];
  readonly to: readonly [number, number];
}

/** By source file, the numbers of the statements that were run. */
type Runs = Readonly<Record<string, readonly string[]>>;

/** One test, or all tests with that title. */
interface Test {
  readonly title: string;
  readonly ms: number;
  readonly runs: Runs;
}

interface TestFile {
  readonly path: string;
  /** Of its text. */
  readonly hash: string;
  /** Whether it passes on the sources as they are; else it can judge nothing. */
  readonly passes: boolean;
  /** To load it, and for what it does before, between and after its tests. */
  readonly ms: number;
  /** What it runs then: any of its tests may depend on it. */
  readonly runs: Runs;
  readonly tests: readonly Test[];
}

/** The tests of a file that run a statement. */
export interface Selection {
  readonly path: string;
  readonly titles: readonly string[];
  /** How long they take. */
  readonly ms: number;
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
  const valid = known?.hash === hash ? known.tests : [];
  const texts = new Map<string, string>();
  for (const path of TESTS.flatMap((glob) => [...new Glob(glob).scanSync(tree.root)]).toSorted()) {
    texts.set(path, Bun.hash(await tree.read(path)).toString(36));
  }
  const done = valid.filter(({ path, hash, passes }) => passes && texts.get(path) === hash);
  const left = [...texts].filter(([path]) => done.every((test) => test.path !== path));
  if (left.length === 0 && known !== undefined) return { ...known, tests: done };

  const coverage = `${tree.root}-coverage`;
  try {
    await mkdir(coverage);
    await prepareCoverage(coverage);
    await Bun.write(join(coverage, "program.ts"), PROGRAM);
    const statements = statementsOf(await added(coverage, "*"));
    for (const [path, text] of left) {
      console.log(`measuring ${path}`);
      done.push(await measureOne(tree, path, text, coverage));
      await keep({ hash, statements, tests: done });
    }
    return { hash, statements, tests: done };
  } finally {
    await rm(coverage, { recursive: true, force: true });
  }
}

/** Runs one test after the other, so that what was counted between two of them is known to be of one. */
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
  const { verdict, ended } = await tree.test(path, LONGEST_MS, {
    env: {
      TAKO_COVERAGE: coverage,
      TAKO_COVERAGE_BY_TEST: "1",
      TAKO_TEST_BUN_FLAGS: `--preload=${join(coverage, "program.ts")}`,
    },
    inTurn: true,
  });
  const whole = performance.now() - start;
  const folders = [...new Glob("test-*").scanSync({ cwd: counters, onlyFiles: false })];
  // Else it is not known which test ran what.
  const isTold = folders.length === ended.length;
  const tests: Test[] = [];
  for (const [index, { title, ms }] of ended.entries()) {
    tests.push({ title, ms, runs: await runsIn(counters, isTold ? `test-${index}` : "*") });
  }
  return {
    path,
    hash,
    passes: verdict === "passed",
    ms: Math.max(0, Math.round(whole - tests.reduce((sum, { ms }) => sum + ms, 0))),
    runs: await runsIn(counters, "around-*"),
    tests,
  };
}

/** What the counters of some folders say together. */
async function runsIn(counters: string, folders: string): Promise<Runs> {
  const runs = new Map<string, Set<string>>();
  for await (const name of new Glob(`${folders}/*.json`).scan(counters)) {
    const counted: Record<string, { s: Record<string, number> }> = await Bun.file(
      join(counters, name),
    ).json();
    for (const [source, { s }] of Object.entries(counted)) {
      const ran = runs.get(source) ?? new Set();
      for (const [id, count] of Object.entries(s)) if (count > 0) ran.add(id);
      if (ran.size > 0) runs.set(source, ran);
    }
  }
  return Object.fromEntries([...runs].map(([source, ids]) => [source, [...ids]]));
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

/** The tests that run what is at this place, file by file; those of the whole source file where no statement is. */
export function testsAt(
  { statements, tests }: Measured,
  path: string,
  place: readonly [number, number],
): readonly Selection[] {
  const around = Object.entries(statements[path] ?? {}).filter(
    ([, { from, to }]) => compare(from, place) <= 0 && compare(place, to) < 0,
  );
  // The innermost begins last.
  const innermost = around.toSorted(([, a], [, b]) => compare(b.from, a.from))[0]?.[0];
  return tests
    .filter((file) => file.passes && (file.path !== SUITE.test || path === SUITE.source))
    .flatMap((file) => {
      const isForAll = isRun(file.runs[path], innermost);
      const chosen = file.tests.filter(({ runs }) => isForAll || isRun(runs[path], innermost));
      if (chosen.length === 0) return [];
      const ms = chosen.reduce((sum, test) => sum + test.ms, file.ms);
      return [{ path: file.path, titles: chosen.map(({ title }) => title), ms }];
    });
}

function isRun(ran: readonly string[] = [], statement: string | undefined): boolean {
  return statement === undefined ? ran.length > 0 : ran.includes(statement);
}

function compare(a: readonly [number, number], b: readonly [number, number]): number {
  return a[0] === b[0] ? a[1] - b[1] : a[0] - b[0];
}
