// The cases of fixtures/cli/: each makes its own surroundings, runs the command under test in them step
// by step, and removes them.

import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { type Case, type Evidence, Failure } from "../case.ts";
import { readFixture, unaskedOf } from "../fixtures.ts";
import { lastLines } from "../processes.ts";
import { quoteWord } from "../words.ts";
import { type Fixture, parseFixtures, type Step } from "./fixture.ts";
import { type RunEnd, runGuarded } from "./guarded-run.ts";
import { judge, type Observed } from "./judge.ts";
import { requestText } from "./judge-output.ts";
import { listing, treeOf } from "./tree.ts";
import { watchLink } from "./watch.ts";
import { World } from "./world.ts";

export interface BlackBoxOptions {
  /** Each exit status is the one of spec/cli.md, not just zero or not. */
  readonly strict: boolean;
  /** Of each run of the command. */
  readonly timeoutMs: number;
}

const TABLES = [
  "fetch",
  "origins",
  "publish",
  "extensions",
  "restarts",
  "activation",
  "min-age",
  "by-hand",
  "slots",
  "command-line",
  "packed",
];

/**
 * The cases of a program that is judged by its command line.
 *
 * @param command the words that `fetch ...`, `store ...` and `gen-key` are added to
 */
export function blackBoxCases(command: readonly string[], options: BlackBoxOptions): Case[] {
  return spread(blackBoxFixtures()).map((fixture) => ({
    id: fixture.id,
    requirements: fixture.requirement,
    profile: fixture.profile,
    why: fixture.why,
    run: (signal) => runCase(fixture, command, timeOf(fixture, options), signal),
  }));
}

/** Puts the cases that wait among the others, which work meanwhile, and none of them near the end. */
function spread(fixtures: readonly Fixture[]): readonly Fixture[] {
  const slow = fixtures.filter((fixture) => fixture.slow);
  const others = fixtures.filter((fixture) => !fixture.slow);
  const distance = Math.floor((0.75 * others.length) / slow.length);
  return others.flatMap((fixture, index) => {
    const waiting = index % distance === 0 ? slow[index / distance] : undefined;
    return waiting === undefined ? [fixture] : [waiting, fixture];
  });
}

/** A case that is slow by its nature gets three times the time. */
function timeOf({ slow }: Fixture, options: BlackBoxOptions): BlackBoxOptions {
  return slow ? { ...options, timeoutMs: 3 * options.timeoutMs } : options;
}

let known: readonly Fixture[] | undefined;

/** All cases, read once. */
export function blackBoxFixtures(): readonly Fixture[] {
  known ??= TABLES.map((name) => `cli/${name}.toml`).flatMap((file) => {
    const unasked = unaskedOf(file);
    const text = new TextDecoder("utf-8", { fatal: true }).decode(readFixture(file));
    return parseFixtures(text, file).map((fixture) => ({
      ...fixture,
      requirement: fixture.requirement.filter((id) => !unasked.has(id)),
    }));
  });
  return known;
}

async function runCase(
  { step: steps }: Fixture,
  command: readonly string[],
  options: BlackBoxOptions,
  signal: AbortSignal,
): Promise<void> {
  const world = await World.create();
  try {
    for (const [index, step] of steps.entries()) {
      world.prepare(step);
      const seen = await runStep(world, step, command, options, signal);
      const { problems, keys } = judge(world, step, seen, options.strict);
      if (keys !== undefined && step.expect.keys !== undefined)
        world.nameKey(step.expect.keys, keys);
      if (problems.length === 0) continue;
      const where = steps.length === 1 ? "" : `step ${index + 1}: `;
      const reasons = problems.map((problem) => `${where}${problem}`);
      throw new Failure(
        [...reasons, ...runsOf(world, step, seen)].join("\n"),
        evidenceOf(world, step, seen),
      );
    }
  } finally {
    await world.remove();
  }
}

async function runStep(
  world: World,
  step: Step,
  command: readonly string[],
  { timeoutMs }: BlackBoxOptions,
  signal: AbortSignal,
): Promise<Observed> {
  const before = treeOf(world.folder);
  const asked = world.requests.length;
  const isWatched = step.expect.latest_during !== undefined;
  const watch = isWatched ? watchLink(world.path("app"), "latest") : undefined;
  const run = (words: readonly string[]): Promise<RunEnd> =>
    runGuarded(commandOf(command, words, world, step), {
      cwd: step.in_folder ? world.folder : process.cwd(),
      env: environment(world, step),
      input: step.stdin,
      timeoutMs,
      signal,
    });
  const outcomes = await Promise.all([step.run, ...step.also_run].map(run));
  const latestSeen = (await watch?.()) ?? new Set();
  const requests = world.requests.slice(asked);
  // A client that has gone has taken all that it will.
  await Promise.race([Promise.all(requests.map(({ closed }) => closed)), Bun.sleep(1000)]);
  return { outcomes, before, after: treeOf(world.folder), requests, latestSeen };
}

function commandOf(
  command: readonly string[],
  words: readonly string[],
  world: World,
  { umask, in_folder }: Step,
): string[] {
  // In another directory, a relative path of the command is still that of the suite's.
  const isPath = (word: string, index: number) =>
    (index > 0 || word.includes("/")) && existsSync(word);
  const here = in_folder
    ? command.map((word, index) => (isPath(word, index) ? resolve(word) : word))
    : command;
  const all = [...here, ...words.map((word) => world.fill(word))];
  return umask === undefined ? all : ["sh", "-c", 'umask "$0"; exec "$@"', umask, ...all];
}

/** What the caller has in its environment is no part of the case. */
function environment(world: World, step: Step): Record<string, string | undefined> {
  const foreign = /^(TAKO_.*|CREDENTIALS_DIRECTORY|JOURNAL_STREAM|(https?|all|no)_proxy)$/i;
  const kept = Object.entries(process.env).filter(([name]) => !foreign.test(name));
  const given = Object.entries(step.env).map(([name, value]) => [name, world.fill(value)]);
  return { ...Object.fromEntries(kept), ...Object.fromEntries(given) };
}

/** What a step ran, and the last line of each run's standard error. */
function runsOf(world: World, step: Step, { outcomes }: Observed): readonly string[] {
  return outcomes.flatMap(({ stderr }, index) => {
    const words = [step.run, ...step.also_run][index] ?? [];
    const said = lastLines(stderr, 1).map((line) => `standard error ended: ${line}`);
    return [`ran: ${words.map((word) => quoteWord(world.fill(word))).join(" ")}`, ...said];
  });
}

function evidenceOf(world: World, step: Step, seen: Observed): Evidence {
  const outputs = seen.outcomes.flatMap(({ status, stdout, stderr }, index) => {
    const suffix = index === 0 ? "" : `-${index + 1}`;
    return [
      [`stdout${suffix}`, stdout],
      [`stderr${suffix}`, stderr],
      [`status${suffix}`, `${status}\n`],
    ];
  });
  const files = [...seen.after].flatMap(([path, { content }]) =>
    path.endsWith(".tako") && content !== undefined ? [[path, content] as const] : [],
  );
  return {
    ...Object.fromEntries(outputs),
    ...Object.fromEntries(files),
    command: `${[step.run, ...step.also_run].map((words) => words.map((word) => world.fill(word)).join(" ")).join("\n")}\n`,
    requests: seen.requests.map((request) => `${requestText(world, request)}\n`).join(""),
    "files-before": listing(seen.before),
    "files-after": listing(seen.after),
  };
}
