// `bun run crash-sweep [STORY...]`: disturbs the binary at every system call by which it changes or syncs a directory, in each
// story of tests/faults: killed there, and with each error there. Then signals at random moments. Minutes; the fast part of it is
// in every test run. The last line is `N tried, violations: N, unreached: N`; the status is 1 if a violation is among them.

import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { interrupt, seeded } from "../tests/faults/signals.ts";
import {
  fetchStories,
  packStories,
  type Runnable,
  type Story,
  storeStories,
} from "../tests/faults/stories.ts";
import type { Point } from "../tests/faults/strace.ts";
import {
  countsFor,
  disturb,
  ERRORS,
  type Fault,
  pointsFor,
  sideBySide,
  type Undisturbed,
  undisturbed,
} from "../tests/faults/sweep.ts";
import { Site } from "../tests/fetch/site.ts";

/** How often a point is aimed at that other threads may take. */
const TRIES = 20;
const SIGNALS = 200;
const JOBS = availableParallelism() + 1;

// A disk that takes its time to sync would be most of the time, and is not what is tried here.
if (process.env["TMPDIR"] === undefined && existsSync("/dev/shm"))
  process.env["TMPDIR"] = "/dev/shm";
const binary = join(import.meta.dir, "../dist/tako");
const program: Runnable = { command: (args) => [binary, ...args] };
const folder = mkdtempSync(join(tmpdir(), "tako-crash-sweep-"));
const site = await Site.start();
const total = { tried: 0, violations: 0, unreached: 0 };
try {
  const words = process.argv.slice(2);
  const all = [
    ...(await fetchStories(site)),
    ...storeStories(folder),
    ...packStories(folder, program),
  ];
  const unknown = words.filter((word) => !all.some(({ name }) => name === word));
  if (unknown.length > 0)
    throw new Error(`no story ${unknown}; there are ${all.map(({ name }) => name).join(", ")}`);
  const stories = all.filter(({ name }) => words.length === 0 || words.includes(name));
  console.log(
    "story                                     points  killed  failed  violations  unreached",
  );
  for (const story of stories) await sweep(story);
  if (words.length === 0) await signals();
} finally {
  await site.stop();
  rmSync(folder, { recursive: true, force: true });
}
const { tried, violations, unreached } = total;
console.log(`${tried} tried, violations: ${violations}, unreached: ${unreached}`);
process.exitCode = violations === 0 ? 0 : 1;

async function sweep(story: Story): Promise<void> {
  const reference = await undisturbed(story, program);
  report(story, "undisturbed", reference.problems);
  const before = { ...total };
  let [killed, failed] = [0, 0];
  for (const fault of ["KILL", ...Object.keys(ERRORS)] as Fault[]) {
    const reached = await sweepWith(reference, fault);
    if (fault === "KILL") killed += reached;
    else failed += reached;
  }
  const cells = [
    pointsFor(reference, "KILL").length,
    killed,
    failed,
    total.violations - before.violations,
    total.unreached - before.unreached,
  ];
  console.log(story.name.padEnd(42), cells.map((cell) => String(cell).padStart(7)).join(" "));
}

/** Aims at each point until it was hit. @returns how many were */
async function sweepWith(reference: Undisturbed, fault: Fault): Promise<number> {
  const nameOf = ({ name, path, nth }: Point) => `${name} ${path} ${nth}`;
  const wanted = pointsFor(reference, fault);
  const reached = new Set<string>();
  await sideBySide(wanted, JOBS, async (point) => {
    for (const count of countsFor(reference, point, TRIES)) {
      if (reached.has(nameOf(point))) return;
      const { hit, problems } = await disturb(reference, program, fault, point, count);
      total.tried += 1;
      if (hit !== undefined) reached.add(nameOf(hit));
      report(reference.story, `${fault} at ${nameOf(hit ?? point)}`, problems);
    }
  });
  const missed = wanted.filter((point) => !reached.has(nameOf(point)));
  for (const point of missed) console.log(`  unreached: ${fault} at ${nameOf(point)}`);
  total.unreached += missed.length;
  return wanted.length - missed.length;
}

/** SIGTERM and SIGINT at random moments: the same ones in every sweep, as far as the machine allows. */
async function signals(): Promise<void> {
  const random = seeded(1);
  let [running, partials] = [0, 0];
  await sideBySide(Array(SIGNALS).keys(), JOBS, async () => {
    const { signal, wasRunning, left, problems } = await interrupt(site, program, random);
    total.tried += 1;
    if (wasRunning) running += 1;
    if (left > 0) partials += 1;
    for (const problem of problems)
      console.log(`  VIOLATION: ${signal} with ${left} bytes: ${problem}`);
    total.violations += problems.length;
  });
  console.log(`${SIGNALS} signals, ${running} before the end of a run, ${partials} left a partial`);
}

function report(story: Story, where: string, problems: readonly string[]): void {
  for (const problem of problems) console.log(`  VIOLATION: ${story.name}, ${where}: ${problem}`);
  total.violations += problems.length;
}
