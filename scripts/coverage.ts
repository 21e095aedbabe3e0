// Which lines and branches of src/ and conformance/ the tests run. Bun counts neither branches, nor child processes, nor files no test imports;
// so every file is instrumented beforehand, tests and the programs they start load these copies, and the counters are added up here.

import { chmod, copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Glob } from "bun";
import { createFileCoverage, type FileCoverageData } from "istanbul-lib-coverage";
import { createInstrumenter } from "istanbul-lib-instrument";

const repository = join(import.meta.dir, "..");

/** Lines of all of src and conformance that some test must run. */
const LINES_PERCENT = 90;

type Counters = Pick<FileCoverageData, "s" | "f" | "b">;
export type Files = Record<string, FileCoverageData>;

/** Fills an empty folder; with its path in TAKO_COVERAGE, tests count there. */
export async function prepareCoverage(folder: string): Promise<void> {
  const instrumenter = createInstrumenter({
    esModules: true,
    parserPlugins: ["typescript", "importAttributes", "explicitResourceManagement"],
  });
  const files: Files = {};
  for await (const path of new Glob("{src,conformance}/**/*.ts").scan(repository)) {
    const source = await Bun.file(join(repository, path)).text();
    await Bun.write(join(folder, "instrumented", path), instrumenter.instrumentSync(source, path));
    files[path] = instrumenter.lastFileCoverage();
  }
  await Bun.write(join(folder, "files.json"), JSON.stringify(files));
  await mkdir(join(folder, "counters"));
  await chmod(join(folder, "counters"), 0o1777); // programs run as another user count, too
  await copyFile(join(import.meta.dir, "coverage-preload.ts"), join(folder, "preload.ts"));
  await Bun.write(
    join(folder, "program.ts"),
    'import { record } from "./preload.ts";\nprocess.on("exit", () => record("program"));\n',
  );
}

/** Prints a table by folder. The requirements it misses, in words. */
export async function reportCoverage(folder: string): Promise<string[]> {
  const all = await added(folder, "*");
  const groups = Map.groupBy(Object.keys(all), (path) => path.split("/").slice(0, -1).join("/"));
  const rows = [...groups].map(([name, paths]) => row(name, pick(all, paths)));
  console.log(`${"".padEnd(18)}${"lines".padStart(12)}${"branches".padStart(14)}`);
  for (const text of rows.sort()) console.log(text);
  console.log(row("all", all));

  const failures: string[] = [];
  const lines = percent(all, "lines");
  if (lines < LINES_PERCENT)
    failures.push(
      `tests run ${lines.toFixed(1)} % of the lines of src and conformance, not ${LINES_PERCENT} %`,
    );

  const spec = await added(folder, "spec-*");
  for (const [path, data] of Object.entries(spec).sort()) {
    const left = path.startsWith("src/core/") ? gaps(data) : "";
    if (left !== "") failures.push(`${path}: no spec test runs ${left}`);
  }
  return failures;
}

/** What all counters in `folder` whose names fit the pattern come to. */
export async function added(folder: string, pattern: string): Promise<Files> {
  const files: Files = await Bun.file(join(folder, "files.json")).json();
  for await (const name of new Glob(`${pattern}.json`).scan(join(folder, "counters"))) {
    const counted: Record<string, Counters> = await Bun.file(join(folder, "counters", name)).json();
    for (const [path, counters] of Object.entries(counted)) add(files[path], counters);
  }
  return files;
}

function add(sum: FileCoverageData | undefined, { s, f, b }: Counters): void {
  if (sum === undefined) return;
  for (const [id, count] of Object.entries(s)) sum.s[id] = (sum.s[id] ?? 0) + count;
  for (const [id, count] of Object.entries(f)) sum.f[id] = (sum.f[id] ?? 0) + count;
  for (const [id, counts] of Object.entries(b)) {
    sum.b[id] = counts.map((count, arm) => (sum.b[id]?.[arm] ?? 0) + count);
  }
}

function pick(files: Files, paths: readonly string[]): Files {
  return Object.fromEntries(Object.entries(files).filter(([path]) => paths.includes(path)));
}

function totals(files: Files, what: "lines" | "branches"): { covered: number; total: number } {
  const summaries = Object.values(files).map((data) => createFileCoverage(data).toSummary()[what]);
  return {
    covered: summaries.reduce((sum, { covered }) => sum + covered, 0),
    total: summaries.reduce((sum, { total }) => sum + total, 0),
  };
}

function percent(files: Files, what: "lines" | "branches"): number {
  const { covered, total } = totals(files, what);
  return total === 0 ? 100 : (100 * covered) / total;
}

function row(name: string, files: Files): string {
  const cell = (what: "lines" | "branches") => `${percent(files, what).toFixed(1)} %`;
  return `${name.padEnd(18)}${cell("lines").padStart(12)}${cell("branches").padStart(14)}`;
}

/** The lines and branch arms (`line:column kind`) of a file that its tests leave out, in one line; "" when there are none. */
function gaps(data: FileCoverageData): string {
  const lines = createFileCoverage(data).getUncoveredLines();
  const branches = Object.entries(data.branchMap).flatMap(([id, { type, loc, locations }]) =>
    locations.flatMap((location, arm) => {
      if ((data.b[id]?.[arm] ?? 0) > 0) return [];
      // An `else` that is not written has no place of its own.
      const { line, column } = location.start.line === undefined ? loc.start : location.start;
      return [`${line}:${column + 1} ${location.start.line === undefined ? "else" : type}`];
    }),
  );
  return [
    ...(lines.length > 0 ? [`lines ${lines.join(", ")}`] : []),
    ...(branches.length > 0 ? [`branches ${branches.join(", ")}`] : []),
  ].join("; ");
}
