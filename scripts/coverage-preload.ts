// Loads the instrumented copies of src/ and conformance/ in place of the files, in `bun test` and in the programs that tests start.
// coverage.ts puts a copy of this beside those copies: it finds them, and writes what it counted, where it lies itself.

import { mkdirSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { plugin } from "bun";

const folder = import.meta.dir;

/** The path from the repository's root on: programs may find it elsewhere, as a machine of tests/systemd does. */
const MEASURED = /^(?!.*\/(?:node_modules|tests\/conformance)\/).*\/((?:src|conformance)\/.*\.ts)$/;

plugin({
  name: "coverage",
  setup(build) {
    build.onLoad({ filter: MEASURED }, async ({ path }) => {
      const [, inRepository = ""] = MEASURED.exec(path) ?? [];
      const instrumented = Bun.file(join(folder, "instrumented", inRepository));
      const contents = (await instrumented.exists())
        ? await instrumented.text()
        : await Bun.file(path).text();
      return { contents, loader: "ts" };
    });
  },
});

interface Counters {
  readonly s: Record<string, number>;
  readonly f: Record<string, number>;
  readonly b: Record<string, number[]>;
}

function counted(): [string, Counters][] {
  const coverage = (globalThis as { __coverage__?: Record<string, Counters> }).__coverage__;
  return Object.entries(coverage ?? {});
}

/** Writes what ran so far. `by` is what ran it: `spec`, `tests` or `program`. */
export function record(by: string, id: string = crypto.randomUUID()): void {
  const files = counted();
  const counters = Object.fromEntries(files.map(([path, { s, f, b }]) => [path, { s, f, b }]));
  // Whoever is killed leaves the file of before, or none.
  const file = join(folder, "counters", `${by}-${id}`);
  writeFileSync(file, JSON.stringify(counters));
  renameSync(file, `${file}.json`);
}

/** Puts what was counted since the last call, here and in programs that have ended, into a folder of its own. */
export function separate(name: string): void {
  record("tests");
  for (const [, { s, f, b }] of counted()) {
    for (const id of Object.keys(s)) s[id] = 0;
    for (const id of Object.keys(f)) f[id] = 0;
    for (const arms of Object.values(b)) arms.fill(0);
  }
  const counters = join(folder, "counters");
  mkdirSync(join(counters, name));
  for (const file of readdirSync(counters)) {
    if (file.endsWith(".json")) renameSync(join(counters, file), join(counters, name, file));
  }
}
