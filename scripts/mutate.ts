// `bun run mutate [PATH...]`: plants faults in src/shell, src/commands and src/cli, one at a time, in a copy of the
// repository, and tells which of them no test notices. Faults that do not compile do not count, nor do those of
// scripts/mutants.toml. What is caught stays caught until its file changes, so a run goes on where one was stopped;
// dist/mutate/ keeps that.

import { appendFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Glob } from "bun";
import { Compiler } from "./mutate/compile.ts";
import { asEntry, type Description, describe, readExcused, sameMutant } from "./mutate/excused.ts";
import { type Measured, measure, type Selection, testsAt } from "./mutate/measure.ts";
import { type Mutant, mutantsOf } from "./mutate/operators.ts";
import { type Outcome, printReport } from "./mutate/report.ts";
import { Tree } from "./mutate/tree.ts";

const repository = join(import.meta.dir, "..");
const kept = join(repository, "dist/mutate");
const FOLDERS = ["src/shell", "src/commands", "src/cli"];
/** Of the mutants that count, in percent. */
const GOAL = 90;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    jobs: { type: "string", default: "1" },
    minutes: { type: "string", default: "Infinity" },
    sample: { type: "string" },
    slowest: { type: "string", default: "Infinity" },
    seed: { type: "string", default: "1" },
    fresh: { type: "boolean", default: false },
  },
});

/** A mutant, and what became of it. */
interface Judged {
  readonly mutant: Mutant;
  readonly description: Description;
  outcome: Outcome;
}

/** By source file, how many faults each test file noticed. */
const noticed = new Map<string, Map<string, number>>();

/** How often a test was asked whether it passes on the sources as they are. */
const controls = new Map<string, number>();
/** What does not: alone it cannot pass, or it fails now and then. It judges nothing more. */
const unfit = new Set<string>();

process.exitCode = await run();

async function run(): Promise<number> {
  await mkdir(kept, { recursive: true });
  const sources = await readSources();
  await using compiler = new Compiler();
  const chosen = sampled(await allMutants(compiler, [...sources.keys()]));
  console.log(`${chosen.length} mutants`);
  const excused = await readExcused();
  const known = values.fresh ? new Map<string, Outcome>() : await readOutcomes();

  const first = Tree.copy();
  await using trees = new AsyncDisposableStack();
  trees.use(first);
  const measured = await measureKept(first);
  const others = Array.from({ length: Number(values.jobs) - 1 }, () => trees.use(Tree.copy()));

  const queue = chosen.map((mutant): Judged => {
    const source = sources.get(mutant.file) ?? "";
    const description = describe(mutant, source);
    const isExcused = excused.some((entry) => sameMutant(entry, description));
    const before = known.get(identify(mutant, source)) ?? "untried";
    return { mutant, description, outcome: isExcused ? "excused" : before };
  });
  const isOpen = ({ outcome }: Judged) => outcome === "untried" || outcome === "lived";
  // First what was never tried; then, with the tests that are new, what lived.
  const byOutcome = Map.groupBy(queue.filter(isOpen), ({ outcome }) => outcome);
  const left = [...(byOutcome.get("untried") ?? []), ...(byOutcome.get("lived") ?? [])].values();
  const deadline = performance.now() + Number(values.minutes) * 60_000;
  const work = async (tree: Tree) => {
    for (const judged of left) {
      if (performance.now() > deadline) return;
      const source = sources.get(judged.mutant.file) ?? "";
      judged.outcome = await judge(tree, compiler, measured, judged.mutant, source);
      const id = identify(judged.mutant, source);
      await appendFile(join(kept, "outcomes"), `${id} ${judged.outcome}\n`);
      if (judged.outcome === "lived" || judged.outcome === "untried")
        console.log(`${asEntry(judged.description)}\n`);
    }
  };
  await Promise.all([first, ...others].map(work));
  return printReport(queue, GOAL) ? 0 : 1;
}

async function judge(
  tree: Tree,
  compiler: Compiler,
  measured: Measured,
  mutant: Mutant,
  source: string,
): Promise<Outcome> {
  const text = source.slice(0, mutant.start) + mutant.text + source.slice(mutant.end);
  if (!(await compiler.compiles(mutant.file, text))) return "invalid";
  const before = source.slice(0, mutant.start).split("\n");
  const place = [before.length - 1, before.at(-1)?.length ?? 0] as const;
  // What noticed other faults of the file comes first, then what is quickest.
  const catches = noticed.get(mutant.file) ?? new Map<string, number>();
  noticed.set(mutant.file, catches);
  const all = testsAt(measured, mutant.file, place);
  const selected = all
    .filter(({ ms }) => ms <= 1000 * Number(values.slowest))
    .toSorted((a, b) => a.ms - b.ms)
    .toSorted((a, b) => (catches.get(b.path) ?? 0) / b.ms - (catches.get(a.path) ?? 0) / a.ms);
  for (const selection of selected) {
    if (await notices(tree, selection, mutant.file, text, source)) {
      catches.set(selection.path, (catches.get(selection.path) ?? 0) + 1);
      return "caught";
    }
  }
  // What was left out may notice it yet.
  return selected.length === all.length ? "lived" : "untried";
}

/** Whether one of the tests fails with the fault, and passes without it. */
async function notices(
  tree: Tree,
  { path, titles, ms }: Selection,
  file: string,
  text: string,
  source: string,
): Promise<boolean> {
  // Under another's load a run takes longer than when it was measured.
  const limitMs = 5 * ms + 20_000;
  const trusted = titles.filter((title) => !unfit.has(`${path}: ${title}`));
  if (trusted.length === 0) return false;
  await tree.write(file, text);
  const { verdict, ended } = await tree.test(path, limitMs, { titles: trusted });
  await tree.write(file, source);
  if (verdict === "passed") return false;
  const failed = ended.find(({ passed }) => !passed)?.title;
  const judges = failed === undefined ? trusted : [failed];
  if (await passes(tree, path, judges, limitMs, verdict === "too long")) return true;
  const left = failed === undefined ? [] : trusted.filter((title) => title !== failed);
  return await notices(tree, { path, titles: left, ms }, file, text, source);
}

/**
 * A test that fails without a fault, too, has noticed none. So the first time that it notices one, every tenth
 * time after that, and whenever it is late, it has to pass on the sources as they are.
 */
async function passes(
  tree: Tree,
  path: string,
  titles: readonly string[],
  limitMs: number,
  isLate: boolean,
): Promise<boolean> {
  const names = titles.map((title) => `${path}: ${title}`);
  const times = controls.get(names.join("\n")) ?? 0;
  controls.set(names.join("\n"), times + 1);
  if (!isLate && times % 10 !== 0) return true;
  const { verdict } = await tree.test(path, limitMs, { titles });
  if (verdict === "passed") return true;
  for (const name of names) {
    unfit.add(name);
    console.log(`${name}: fails on the sources as they are when it runs alone, and judges nothing`);
  }
  return false;
}

async function measureKept(tree: Tree): Promise<Measured> {
  const place = Bun.file(join(kept, "measured.json"));
  const isKnown = !values.fresh && (await place.exists());
  const known: Measured | undefined = isKnown ? await place.json() : undefined;
  const measured = await measure(tree, known, async (so) => {
    await Bun.write(place, JSON.stringify(so));
  });
  for (const { path, passes } of measured.tests) {
    if (!passes) console.log(`${path} fails on the sources as they are, and judges nothing`);
  }
  return measured;
}

async function readSources(): Promise<ReadonlyMap<string, string>> {
  const roots = positionals.length === 0 ? FOLDERS : positionals;
  const paths = roots.flatMap((root) =>
    root.endsWith(".ts") ? [root] : [...new Glob(`${root}/**/*.ts`).scanSync(repository)],
  );
  const sources = new Map<string, string>();
  for (const path of paths.toSorted()) {
    sources.set(path, await Bun.file(join(repository, path)).text());
  }
  return sources;
}

async function allMutants(
  compiler: Compiler,
  paths: readonly string[],
): Promise<readonly Mutant[]> {
  const all: Mutant[] = [];
  for (const path of paths) all.push(...mutantsOf(await compiler.sourceFile(path), path));
  return all;
}

/** Mixed, so that a run that is stopped has seen something of all; the same for the same seed. */
function sampled(all: readonly Mutant[]): readonly Mutant[] {
  const order = (mutant: Mutant) => Bun.hash(`${values.seed} ${JSON.stringify(mutant)}`);
  return all
    .map((mutant) => ({ mutant, at: order(mutant) }))
    .toSorted((a, b) => (a.at < b.at ? -1 : 1))
    .slice(0, values.sample === undefined ? all.length : Number(values.sample))
    .map(({ mutant }) => mutant);
}

function identify({ start, end, text }: Mutant, source: string): string {
  return Bun.hash(JSON.stringify([source, start, end, text])).toString(36);
}

/** What earlier runs found; the last word on a mutant counts. */
async function readOutcomes(): Promise<Map<string, Outcome>> {
  const place = Bun.file(join(kept, "outcomes"));
  if (!(await place.exists())) return new Map();
  const lines = (await place.text()).split("\n").filter(Boolean);
  return new Map(lines.map((line) => line.split(" ") as [string, Outcome]));
}
