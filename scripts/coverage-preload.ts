// Loads the instrumented copies of src/ and conformance/ in place of the files, in `bun test` and in the programs that tests start.
// coverage.ts puts a copy of this beside those copies: it finds them, and writes what it counted, where it lies itself.

import { writeFileSync } from "node:fs";
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
  readonly s: unknown;
  readonly f: unknown;
  readonly b: unknown;
}

/** Writes what ran so far. `by` is what ran it: `spec`, `tests` or `program`. */
export function record(by: string): void {
  const files = Object.entries(
    (globalThis as { __coverage__?: Record<string, Counters> }).__coverage__ ?? {},
  );
  const counters = Object.fromEntries(files.map(([path, { s, f, b }]) => [path, { s, f, b }]));
  writeFileSync(
    join(folder, "counters", `${by}-${crypto.randomUUID()}.json`),
    JSON.stringify(counters),
  );
}
