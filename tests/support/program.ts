// The program as its users run it: from the sources, and as the compiled binary.
//
//   for (const program of programs) {
//     describe(program.name, () => {
//       test("CLI-12: …", async () => {
//         const { status, stdout, stderr } = await program.run(["--version"]);
//
// The binary runs where the source tree is hidden, so that it can't read from there. That needs
// root; others run it as it is. It is built anew when it is older than the sources.

import { appendFileSync, existsSync, statSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { bunFlags } from "./bun-flags.ts";
import { checkJson } from "./schemas.ts";

export interface RunOptions {
  /** Where the program runs; the system's directory for temporary files unless given. */
  readonly cwd?: string;
  /** Its whole environment, besides PATH. */
  readonly env?: Readonly<Record<string, string>>;
  /** What it reads on standard input; nothing unless given. */
  readonly input?: string | Uint8Array<ArrayBuffer>;
  /** After how many milliseconds it is killed. */
  readonly timeout?: number;
}

export interface Outcome {
  /** The exit status; 128 + the signal's number if a signal ended it. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Program {
  readonly name: "sources" | "binary";
  /** The words that run it with these arguments. The process that they start is the program itself. */
  command(args: readonly string[]): string[];
  /** Runs it to its end. What it prints with --json is as docs/schema has it. */
  run(args: readonly string[], options?: RunOptions): Promise<Outcome>;
}

/** A run takes no longer than this, unless told; a program that hangs is killed. */
const TIMEOUT_MS = 60_000;

const root = join(import.meta.dir, "../..");
const dist = join(root, "dist/tako");

/** A fault that is planted in the sources is not in the binary (scripts/mutate.ts). */
const sourcesOnly = process.env["TAKO_TEST_SOURCES_ONLY"] !== undefined;

export const programs: readonly Program[] = sourcesOnly
  ? [sources()]
  : [sources(), program("binary", binaryCommand())];

export function sources(): Program {
  return fromSources("src/main.ts");
}

/**
 * The sources with another clock: what they wait for on purpose, and the limits of what they wait for from
 * others, pass sooner by these factors.
 */
export function withFasterClock(factors: {
  readonly waits: number;
  readonly limits: number;
}): Program {
  return fromSources("tests/support/steered-main.ts", `${factors.waits}`, `${factors.limits}`);
}

function fromSources(file: string, ...words: readonly string[]): Program {
  // As `bun run` in the project does it: no .env of the working directory counts.
  const config = `--config=${join(root, "bunfig.toml")}`;
  return program("sources", [process.execPath, config, ...bunFlags, join(root, file), ...words]);
}

/** The program with both of its outputs in one place, as on a terminal; that is `stdout` of the outcome. */
export function inOnePlace({ name, command }: Program): Program {
  return program(name, ["sh", "-c", 'exec "$@" 2>&1', "sh", ...command([])]);
}

/** The environment that {@link Program.run} gives; for tests that start `command(…)` themselves. */
export function environment(
  env: Readonly<Record<string, string>> = {},
): Record<string, string | undefined> {
  return { PATH: process.env["PATH"], ...env };
}

function program(name: Program["name"], words: readonly string[]): Program {
  const command = (args: readonly string[]) => [...words, ...args];
  return {
    name,
    command,
    async run(args, { cwd = tmpdir(), env, input, timeout = TIMEOUT_MS } = {}) {
      const child = Bun.spawn(command(args), {
        cwd,
        env: environment(env),
        stdin: input === undefined ? "ignore" : new Blob([input]),
        stdout: "pipe",
        stderr: "pipe",
        timeout,
        killSignal: "SIGKILL",
      });
      const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
      await child.exited;
      note(stdout, stderr);
      checkJson(args, stdout);
      return { status: exitStatus(child), stdout, stderr };
    },
  };
}

/** What a run said, for docs/messages.md (scripts/messages.ts). */
function note(stdout: string, stderr: string): void {
  const folder = process.env["TAKO_TEST_SAID"];
  if (folder !== undefined) appendFileSync(join(folder, `${process.pid}.said`), stdout + stderr);
}

/** The status of a process that has ended, as a shell tells it. */
export function exitStatus({ exitCode, signalCode }: Bun.Subprocess): number {
  if (exitCode !== null) return exitCode;
  const number = Object.entries(constants.signals).find(([name]) => name === signalCode)?.[1];
  return 128 + (number ?? 0);
}

/**
 * Waits for what a running process does.
 *
 * @throws Error - the process ended before `isDone` was true
 */
export async function whileRunning(child: Bun.Subprocess, isDone: () => boolean): Promise<void> {
  while (!isDone()) {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`the program has ended with status ${exitStatus(child)}`);
    await Bun.sleep(5);
  }
}

/** In bytes; 0 where there is no such file. */
export function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

/** In a mount namespace of its own the binary is in /mnt, and the source tree is an empty directory. */
function binaryCommand(): string[] {
  buildIfOld();
  const script = `
    mount -t tmpfs tmpfs /mnt && : > /mnt/tako && mount --bind "$1" /mnt/tako &&
    mount -t tmpfs tmpfs "$2" || exit 125
    shift 2
    exec /mnt/tako "$@"`;
  const hidden = ["unshare", "--mount", "sh", "-c", script, "tako", dist, root];
  return Bun.spawnSync([...hidden, "--version"], { stderr: "ignore" }).success ? hidden : [dist];
}

function buildIfOld(): void {
  const built = existsSync(dist) ? statSync(dist).mtimeMs : 0;
  const folders = ["src", "conformance", "fixtures", "scripts/build"].map((path) =>
    join(root, path),
  );
  const files = ["package.json", "LICENSE", "NOTICE", "scripts/build.ts"].map((path) =>
    join(root, path),
  );
  for (const cwd of folders) files.push(...new Bun.Glob("**/*").scanSync({ cwd, absolute: true }));
  if (files.every((file) => statSync(file).mtimeMs < built)) return;
  const build = Bun.spawnSync([process.execPath, join(root, "scripts/build.ts")]);
  if (!build.success) throw new Error(`the binary can't be built: ${build.stderr}`);
}
