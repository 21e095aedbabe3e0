// Runs two programs in turn and compares them: wall time as the median of the ratios of pairs, and
// the peak memory of each as the kernel counts it.

export interface Program {
  /** A shell command line, shown as it is run. */
  readonly command: string;
  readonly env?: Readonly<Record<string, string>>;
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
export async function run({ command, env, prepare }: Program): Promise<Sample> {
  prepare?.();
  const start = performance.now();
  const child = Bun.spawn(["sh", "-c", command], {
    env: { ...process.env, ...env },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  const status = await child.exited;
  const milliseconds = performance.now() - start;
  if (status !== 0) {
    throw new Error(`${command}: status ${status}: ${await new Response(child.stderr).text()}`);
  }
  return { milliseconds, peakBytes: child.resourceUsage()?.maxRSS ?? 0 };
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
