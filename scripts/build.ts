// `bun run build`: one executable with the program and its runtime in it, dist/tako.
//
// Bytecode is of ES modules: as CommonJS, `import.meta.dir` would be the path of the source tree
// on the machine that builds, and the binary would read from there. Neither .env nor bunfig.toml of
// a working directory may steer it. `--smol` keeps memory low; the program is not bound by the CPU.

import { mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dir, "..");
const binary = join(root, "dist/tako");
const temporary = `${binary}.${process.pid}`;
const options = [
  "--compile",
  "--bytecode",
  "--format=esm",
  "--minify",
  // A command loads its own code alone.
  "--splitting",
  // The threads that hash find theirs beside what starts them.
  "--entry-naming=[name].[ext]",
  "--no-compile-autoload-dotenv",
  "--no-compile-autoload-bunfig",
  "--compile-exec-argv=--smol",
  // What the conformance suite reads, at /$bunfs/root/fixtures.
  `--asset=${join(root, "fixtures")}`,
  `--outfile=${temporary}`,
];

mkdirSync(join(root, "dist"), { recursive: true });
// Bun's own temporary files go to the working directory, and stay if the build is killed.
const entries = ["src/main.ts", "src/shell/disk/hash-worker.ts"].map((path) => join(root, path));
const built = Bun.spawnSync([process.execPath, "build", ...options, ...entries], {
  cwd: join(root, "dist"),
});
if (built.success) {
  // A program that is running keeps the old file.
  renameSync(temporary, binary);
} else {
  rmSync(temporary, { force: true });
  process.stderr.write(built.stderr);
}
process.exitCode = built.exitCode;
