// How a binary is made of a staged folder.
//
// Bytecode is of ES modules: as CommonJS, `import.meta.dir` would be the path of the source tree
// on the machine that builds, and the binary would read from there. Neither .env nor bunfig.toml of
// a working directory may steer it. `--smol` keeps memory low; the program is not bound by the CPU.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { EMBEDDED } from "./stage.ts";

const OPTIONS = [
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
  ...EMBEDDED.map((name) => `--asset=${name}`),
];

const ENTRIES = ["src/main.ts", "src/shell/disk/hash-worker.ts"];

interface Binary {
  /** The executable of Bun that the binary carries. */
  readonly runtime: string;
  /** What `--version` says of it. */
  readonly commit: string | undefined;
}

/**
 * Compiles a staged folder.
 *
 * @param folder for the binary, which is always called `tako`: its name is in its bytes
 * @returns its path
 * @throws Error - with what Bun said
 */
export function compile(staged: string, folder: string, { runtime, commit }: Binary): string {
  const output = join(folder, "tako");
  mkdirSync(folder, { recursive: true });
  const options = [
    ...OPTIONS,
    `--compile-executable-path=${runtime}`,
    `--outfile=${output}`,
    ...(commit === undefined ? [] : [`--define=TAKO_COMMIT=${JSON.stringify(commit)}`]),
  ];
  // Bun's own temporary files go to the working directory, and stay if the build is killed.
  const built = Bun.spawnSync([process.execPath, "build", ...options, ...ENTRIES], {
    cwd: staged,
    stdin: "ignore",
  });
  if (!built.success) throw new Error(`bun build: ${built.stderr}`.trimEnd());
  return output;
}
