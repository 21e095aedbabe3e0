// Whether there is room for more threads, and that to ask takes none of it.

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { canStartMore } from "../../src/shell/threads.ts";

/** The addresses that this process uses, in bytes. */
const used = () =>
  1024 * Number(/^VmSize:\s*(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]);

test("CLI-48: where there is room for more threads, that is seen, and nothing is left of the look", () => {
  canStartMore(1);
  const before = used();
  // The stack of each takes 8 MiB of addresses, or what ulimit -s says.
  for (let times = 0; times < 200; times++) expect(canStartMore(1)).toBe(true);
  expect(used() - before).toBeLessThan(1_000_000_000);
});
