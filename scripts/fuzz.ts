// `bun run fuzz --seconds 60 [--seed N] [NAME...]`: fuzzes every decoder, or those that are named, in turn for that long, prints
// how many inputs each was given and the most memory that the process had meanwhile, and keeps what breaks a law, made as small
// as fast-check can, in fixtures/fuzz/. The status is 1 if something did, or if it took more memory than it may.

import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import fc from "fast-check";
import { keep } from "../tests/fuzz/corpus.ts";
import { checkInput, type Decoder } from "../tests/fuzz/decoder.ts";
import { decoders } from "../tests/fuzz/decoders.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seconds: { type: "string", default: "60" }, seed: { type: "string" } },
});
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
const seconds = Number(values.seconds);
if (!(seconds > 0)) throw new Error(`--seconds: expected a number above 0, got ${values.seconds}`);
const deadline = performance.now() + seconds * 1000;
/** One decoder's turn. */
const TURN_MS = 500;
/** Inputs are small, and what they stand for is bounded: the rest is what fast-check and a second reading take. */
const MOST_MIB = 768;

const unknown = positionals.filter((name) => !Object.hasOwn(decoders, name));
if (unknown.length > 0)
  throw new Error(`no decoder ${unknown}; there are ${Object.keys(decoders).join(", ")}`);
const chosen = Object.entries(decoders).filter(
  ([name]) => positionals.length === 0 || positionals.includes(name),
);

const counts = new Map(
  chosen.map(([name]) => [name, { inputs: 0, milliseconds: 0, findings: 0, mib: 0 }]),
);
console.log(`seed ${seed}`);
for (let round = 0; performance.now() < deadline; round++) {
  for (const [name, decoder] of chosen) {
    const count = counts.get(name);
    // One finding a run and decoder: the next one would be the same.
    if (count === undefined || count.findings > 0 || performance.now() >= deadline) continue;
    const start = performance.now();
    forgetPeak();
    const { inputs, finding } = await takeTurn(decoder, seed + round);
    count.inputs += inputs;
    count.milliseconds += performance.now() - start;
    count.mib = Math.max(count.mib, peakMib());
    if (finding === undefined) continue;
    count.findings += 1;
    console.log(`${name}: ${finding.why}\n  ${keep({ decoder: name, ...finding })}`);
  }
}

let failed = false;
for (const [name, { inputs, milliseconds, findings, mib }] of counts) {
  const rate = Math.round((inputs / milliseconds) * 1000);
  console.log(
    `${name.padEnd(16)}${String(inputs).padStart(10)} inputs${String(rate).padStart(8)}/s` +
      `${String(Math.round(mib)).padStart(6)} MiB${String(findings).padStart(4)} findings`,
  );
  failed ||= findings > 0 || mib > MOST_MIB;
}
console.log(`${[...counts.values()].reduce((sum, { inputs }) => sum + inputs, 0)} inputs`);
process.exitCode = failed ? 1 : 0;

async function takeTurn(decoder: Decoder, turnSeed: number) {
  const checked = await fc.check(
    fc.asyncProperty(decoder.inputs, (input) => checkInput(decoder, input)),
    {
      seed: turnSeed,
      numRuns: 1_000_000,
      interruptAfterTimeLimit: TURN_MS,
      markInterruptAsFailure: false,
    },
  );
  const [input] = checked.counterexample ?? [];
  if (!checked.failed || input === undefined) return { inputs: checked.numRuns };
  const error = checked.errorInstance;
  const why = error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
  return { inputs: checked.numRuns, finding: { why, input } };
}

/** proc_pid_clear_refs(5): the kernel counts the peak of memory anew. */
function forgetPeak(): void {
  writeFileSync("/proc/self/clear_refs", "5");
}

function peakMib(): number {
  const status = readFileSync("/proc/self/status", "utf8");
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
}
