// Runs two programs in turn and compares them: wall time as the median of the ratios of pairs, and
// the peak memory of each as the kernel counts it.

import { join } from "node:path";

export interface Program {
  /** A shell command line, shown as it is run. */
  readonly command: string;
  /** Brings the disk to where each run must start; not timed. */
  readonly prepare?: () => void;
}

export interface Sample {
  readonly milliseconds: number;
  readonly peakBytes: number;
}

export interface Comparison {
  readonly name: string;
  readonly ours: Program;
  readonly theirs: Program;
  /** The median of our time divided by theirs, pair by pair. */
  readonly ratio: number;
  readonly median: { readonly ours: Sample; readonly theirs: Sample };
  readonly pairs: number;
}

/** Runs a pair once unmeasured, then `pairs` times, ours and theirs taking turns at going first. */
export async function compare(
  name: string,
  ours: Program,
  theirs: Program,
  pairs: number,
): Promise<Comparison> {
  const samples: { ours: Sample; theirs: Sample }[] = [];
  for (let pair = 0; pair <= pairs; pair++) {
    const order = pair % 2 === 0 ? [ours, theirs] : [theirs, ours];
    const measured = new Map<Program, Sample>();
    for (const program of order) measured.set(program, await run(program));
    const sample = { ours: measured.get(ours)!, theirs: measured.get(theirs)! };
    if (pair > 0) samples.push(sample);
  }
  return {
    name,
    ours,
    theirs,
    ratio: median(samples.map((sample) => sample.ours.milliseconds / sample.theirs.milliseconds)),
    median: {
      ours: medianSample(samples.map((sample) => sample.ours)),
      theirs: medianSample(samples.map((sample) => sample.theirs)),
    },
    pairs,
  };
}

/** Runs a program once; a status other than 0 ends the benchmark. */
export async function run({ command, prepare }: Program): Promise<Sample> {
  prepare?.();
  const child = Bun.spawn(["python3", join(import.meta.dir, "timed.py"), command], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  if ((await child.exited) !== 0) throw new Error(`${command}: ${stderr}`);
  const [milliseconds = 0, peakBytes = 0] = stdout.split(" ").map(Number);
  return { milliseconds, peakBytes };
}

/** The time is the median, the memory the highest of all runs. */
function medianSample(samples: readonly Sample[]): Sample {
  return {
    milliseconds: median(samples.map(({ milliseconds }) => milliseconds)),
    peakBytes: Math.max(...samples.map(({ peakBytes }) => peakBytes)),
  };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Runs a shell command line to its end. What it writes to its standard output. */
export async function shell(command: string): Promise<string> {
  const child = Bun.spawn(["sh", "-ec", command], { stdout: "pipe", stderr: "inherit" });
  const stdout = await child.stdout.text();
  if ((await child.exited) !== 0) throw new Error(command);
  return stdout;
}
