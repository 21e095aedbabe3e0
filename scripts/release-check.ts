// `bun run release-check`: builds a release, and looks at all of it (tests/release), which `bun run test` does not. What it
// skips for want of a program it says, and in CI that is a failure. The last line is `N passed, N failed`.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runTests, tellCounts } from "./run-tests.ts";

const folder = await mkdtemp(join(tmpdir(), "tako-release-check-"));
try {
  console.log("== release");
  const words = [process.execPath, join(import.meta.dir, "build.ts"), "--all"];
  const built = Bun.spawnSync(words, { stdio: ["ignore", "inherit", "inherit"] });
  if (built.success) {
    const counts = await runTests(folder, ["./tests/release/release.check.ts"], { TMPDIR: folder });
    process.exitCode = await tellCounts(folder, counts);
  } else {
    console.log("0 passed, 1 failed");
    process.exitCode = 1;
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
