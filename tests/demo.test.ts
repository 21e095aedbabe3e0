// The demo of README.md, as a new user runs it.

import { expect, test } from "bun:test";
import { join } from "node:path";

test("CLI-41, FET-40, FET-69: the demo updates within 1.*, and what was tampered with is refused", async () => {
  const demo = Bun.spawn([process.execPath, join(import.meta.dir, "../scripts/demo.ts")], {
    stdout: "pipe",
    stderr: "inherit",
  });
  const output = await demo.stdout.text();
  expect(await demo.exited).toBe(0);
  expect(output).toContain("Version=1.*\n");
  expect(output).toContain("app.tako: updated to 1.1.0\n");
  expect(output).toMatch(/the image has a wrong SHA-256: .*\n.*\n\(exit status 65\)\n/);
  expect(output).toEndWith("# All of this went as it should.\n");
});
