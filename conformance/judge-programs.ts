// The story of `tako conformance`: which programs are judged, by which cases, and what is reported.

import { readFile } from "node:fs/promises";
import { printable } from "../src/index.ts";
import { adapterCases } from "./adapter/cases.ts";
import { AdapterProcess } from "./adapter/process.ts";
import type { Ask } from "./adapter/questions.ts";
import { blackBoxCases } from "./black-box/cases.ts";
import { type Case, Failure, type Profile } from "./case.ts";
import { SuiteError } from "./error.ts";
import { lastLines } from "./processes.ts";
import { reports } from "./reports/index.ts";
import type { Judged } from "./reports/report.ts";
import { isSuccess, type Result, saveEvidence } from "./results.ts";
import { type Part, runCases } from "./run-cases.ts";
import { matchesGlob, selectCases } from "./selection.ts";
import { SPEC_VERSION } from "./version.ts";
import { quoteWord } from "./words.ts";

export type Format = keyof typeof reports;

/** A command line, as it was given and as words. */
export interface CommandLine {
  readonly text: string;
  readonly words: readonly string[];
}

export interface SuiteRequest {
  readonly adapter?: CommandLine;
  readonly cli?: CommandLine;
  readonly profiles: readonly Profile[];
  readonly run: readonly string[];
  readonly skip: readonly string[];
  /** The file of the cases that are known to fail. */
  readonly expectedFailures?: string;
  /** Exit statuses are those of spec/cli.md. */
  readonly strict: boolean;
  /** Of a case of the adapter, and of a run of the command line. */
  readonly timeoutMs: number;
  /** The directory for what went to and from failing cases. */
  readonly save?: string;
  readonly format: Format;
}

/** What the command line has without --timeout (CNF-11). */
const DEFAULT_TIMEOUT_MS = 10_000;
/** How many black-box cases run side by side: most of them wait for something. */
const JOBS = 4;
/** A black-box case runs its command a few times. */
const RUNS = 6;
/** How many cases' time an adapter may leave requests without answer, in all. */
const PATIENCE = 10;

/**
 * Runs the suite.
 *
 * @param onResult is told each result as it comes, and how many there will be
 * @returns the report, and whether the programs passed
 * @throws SuiteError for a request that names no case, a program that does not start, a file in the way
 */
export async function runConformance(
  request: SuiteRequest,
  onResult: (result: Result, all: number) => void = () => {},
): Promise<{ readonly report: string; readonly success: boolean }> {
  const { adapter, timeoutMs } = request;
  checkSkip(request.skip);
  const mayFail = await readExpectedFailures(request.expectedFailures);
  const running = adapter && new AdapterProcess(adapter.words, PATIENCE * timeoutMs);
  try {
    const parts = partsOf(request, running?.ask);
    const all = parts.reduce((sum, { cases }) => sum + cases.length, 0);
    if (all === 0) throw noCase();
    checkProgram(request.cli);
    const judged = await judgedPrograms(request, running);
    const results = await runCases(parts, mayFail, (result) => onResult(result, all));
    if (request.save !== undefined) await save(results, request.save);
    const report = { spec: SPEC_VERSION, judged, results, rerun: rerunOf(request) };
    return { report: reports[request.format](report), success: isSuccess(results) };
  } finally {
    await running?.close();
  }
}

/** The cases that are meant, without running anything. @throws SuiteError when there are none */
export function listCases(
  request: Pick<SuiteRequest, "profiles" | "run" | "skip">,
): readonly Case[] {
  checkSkip(request.skip);
  const cases = selectCases(allCases(), request);
  if (cases.length === 0) throw noCase();
  return cases;
}

/** A glob that skips nothing is misspelt, and what it was to skip would run unnoticed (CNF-4). */
function checkSkip(globs: readonly string[]): void {
  const names = allCases().flatMap(({ id, requirements }) => [id, ...requirements]);
  const unknown = globs.find((glob) => !names.some((name) => matchesGlob([glob], name)));
  if (unknown === undefined) return;
  throw usage(`--skip: no case matches "${printable(unknown)}"`);
}

function noCase(): SuiteError {
  return usage("no case matches; --list alone shows them all");
}

function usage(message: string, place: { file?: string; line?: number } = {}): SuiteError {
  return new SuiteError({ kind: "usage", message, ...place });
}

const neverAsked: Ask = () => Promise.reject(new Error("no adapter was given"));

function allCases(): readonly Case[] {
  return [...adapterCases(neverAsked), ...blackBoxCases([], { strict: false, timeoutMs: 0 })];
}

function partsOf(request: SuiteRequest, ask: Ask | undefined): readonly Part[] {
  const { cli, strict, timeoutMs } = request;
  const parts: Part[] = [];
  if (ask !== undefined) {
    parts.push({ cases: selectCases(adapterCases(ask), request), jobs: 1, timeoutMs });
  }
  if (cli !== undefined) {
    const cases = selectCases(blackBoxCases(cli.words, { strict, timeoutMs }), request);
    parts.push({ cases, jobs: JOBS, timeoutMs: RUNS * timeoutMs });
  }
  return parts;
}

async function judgedPrograms(
  { adapter, cli, timeoutMs }: SuiteRequest,
  running: AdapterProcess | undefined,
): Promise<readonly Judged[]> {
  const judged: Judged[] = [];
  if (adapter !== undefined && running !== undefined) {
    judged.push({ by: "adapter", command: adapter.text, ...(await greet(running, timeoutMs)) });
  }
  if (cli !== undefined) judged.push({ by: "cli", command: cli.text });
  return judged;
}

/** Without an answer to `hello` there is nothing to judge. */
async function greet(adapter: AdapterProcess, timeoutMs: number) {
  try {
    return await adapter.hello(timeoutMs);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const [reason = ""] = error.message.split("\n", 1);
    throw new SuiteError({
      kind: "no-start",
      message: `the adapter does not start: ${printable(reason, 1000)}`,
      said: lastLines(String(error.evidence["stderr"] ?? "")).map((line) => printable(line)),
      cause: error,
    });
  }
}

/** Without a program, every case would fail for the same reason. */
function checkProgram(cli: CommandLine | undefined): void {
  const [program = ""] = cli?.words ?? [];
  if (cli === undefined || Bun.which(program) !== null) return;
  throw new SuiteError({
    kind: "no-start",
    message: `the command of --cli does not start: ${printable(program)}`,
    said: [],
    hint: "There is no such file, or it is not executable.",
  });
}

function rerunOf({ adapter, cli, strict, timeoutMs }: SuiteRequest): (each: Case) => string {
  const asked = new Set(adapterCases(neverAsked).map(({ id }) => id));
  return ({ id }) => {
    const [option, command] = asked.has(id) ? ["adapter", adapter] : ["cli", cli];
    const words = ["tako", "conformance", `--${option}`, command?.text ?? "", "--run", id];
    if (strict && !asked.has(id)) words.push("--strict");
    if (timeoutMs !== DEFAULT_TIMEOUT_MS) words.push("--timeout", String(timeoutMs / 1000));
    return words.map(quoteWord).join(" ");
  };
}

/** The ids and globs of a file, one a line. A line that means no case is a mistake. */
async function readExpectedFailures(path: string | undefined): Promise<readonly string[]> {
  if (path === undefined) return [];
  const text = await touching(path, "read", () => readFile(path, "utf8"));
  const lines = text.split("\n").map((line) => line.replace(/#.*/, "").trim());
  const globs = lines.filter((line) => line !== "");
  const ids = allCases().map(({ id }) => id);
  const unknown = globs.find((glob) => !ids.some((id) => matchesGlob([glob], id)));
  if (unknown === undefined) return globs;
  throw usage(`no case is named "${printable(unknown)}"`, {
    file: path,
    line: lines.indexOf(unknown) + 1,
  });
}

function save(results: readonly Result[], directory: string): Promise<void> {
  return touching(directory, "write", () => saveEvidence(results, directory));
}

async function touching<T>(
  path: string,
  action: "read" | "write",
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new SuiteError({ kind: "file", action, path, cause: error });
  }
}
