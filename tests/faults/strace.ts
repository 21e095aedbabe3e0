// A program under strace: the calls by which it changes or syncs one directory tree, and the same run
// with one of them failing, or the program killed at it.

import { readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exitStatus } from "../support/program.ts";

export interface Call {
  readonly name: string;
  /** The paths in the tree that it names, relative to it; the tree itself is `.`. */
  readonly paths: readonly string[];
  /** Its arguments, as strace shows them. */
  readonly words: string;
  readonly thread: string;
  /** Places in the trace. A call that the program did not live to see the end of has no end. */
  readonly started: number;
  readonly ended?: number;
  readonly succeeded: boolean;
  readonly injected: boolean;
}

/** A call of a run, to be found again in the next: the nth of its name on this path. */
export interface Point {
  readonly name: string;
  readonly path: string;
  readonly nth: number;
}

export interface Command {
  readonly words: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The tree of which calls are told. */
  readonly tree: string;
}

export interface Traced {
  /** The exit status; 128 + the signal's number if one ended it. */
  readonly status: number;
  readonly stderr: string;
  readonly calls: readonly Call[];
}

/** What changes or syncs files; opening one is among them. */
export const CHANGING = [
  ..."openat write pwrite64 writev pwritev2 sendfile copy_file_range ioctl fallocate".split(" "),
  ..."fchmod fchmodat chmod fchown ftruncate truncate fsync fdatasync sync_file_range".split(" "),
  ..."rename renameat renameat2 symlink symlinkat link linkat".split(" "),
  ..."unlink unlinkat mkdir mkdirat rmdir flock".split(" "),
];

/** All calls of a run that change or sync the tree, and each program that it starts. */
export function record(command: Command): Promise<Traced> {
  // Without the filter in the kernel every call of the runtime would stop, too.
  const options = ["--seccomp-bpf", "-e", `trace=${[...CHANGING, "execve"].join()}`];
  return trace(command, options);
}

/**
 * Runs with a call that fails, or at which the program is killed.
 *
 * strace counts calls for each thread by itself, and Bun has several: which of the calls on a path
 * is hit is known afterwards only, by {@link hitPoint}.
 *
 * @param what an errno, or `KILL`: then the call is not done any more
 * @param when as strace has it: `2` the second of a thread, `2+` all from it on
 */
export function inject(
  command: Command,
  { name, path }: Pick<Point, "name" | "path">,
  what: string,
  when: string,
): Promise<Traced> {
  const fault = what === "KILL" ? `signal=${what}` : `error=${what}`;
  const options = ["-P", join(command.tree, path), "-e", `trace=${name}`];
  // The filter in the kernel makes stops of another kind, at which strace's signal gets lost.
  const filter = what === "KILL" ? [] : ["--seccomp-bpf"];
  return trace(command, [...filter, ...options, "-e", `inject=${name}:${fault}:when=${when}`]);
}

/** Which call was hit in a run of {@link inject}: the killed one, or the first that was made fail. */
export function hitPoint({ calls, status }: Traced, path: string): Point | undefined {
  // A killed call has no end; strace may show it for a second thread, too.
  const isHit = ({ injected, ended }: Call) => injected || (status === 137 && ended === undefined);
  const hit = calls.find(isHit);
  return hit && pointOf(calls, hit, path);
}

/** The points of a run: one for each call. */
export function points(calls: readonly Call[]): readonly Point[] {
  return calls.flatMap((call) => {
    const [path] = call.paths;
    return path === undefined ? [] : [pointOf(calls, call, path)];
  });
}

function pointOf(calls: readonly Call[], call: Call, path: string): Point {
  const same = calls.filter(({ name, paths }) => name === call.name && paths.includes(path));
  return { name: call.name, path, nth: same.indexOf(call) + 1 };
}

let traces = 0;

async function trace(command: Command, options: readonly string[]): Promise<Traced> {
  const log = join(tmpdir(), `tako-trace-${process.pid}-${++traces}`);
  const strace = ["strace", "-f", "-q", "-y", "-s", "0", "-o", log, ...options];
  const outcome = await run({ ...command, words: [...strace, ...command.words] });
  const text = readFileSync(log, "latin1");
  rmSync(log);
  return { ...outcome, calls: parseTrace(text, command.tree) };
}

/** Runs it without a look at its calls. */
export async function run({ words, env }: Command): Promise<Traced> {
  const child = Bun.spawn([...words], {
    env,
    stdio: ["ignore", "ignore", "pipe"],
    timeout: 120_000,
    killSignal: "SIGKILL",
  });
  const stderr = await child.stderr.text();
  await child.exited;
  return { status: exitStatus(child), stderr, calls: [] };
}

/** The calls of a trace (`strace -f -y`) that concern a tree, in the order in which they started. */
export function parseTrace(text: string, tree: string): readonly Call[] {
  const calls: Call[] = [];
  const unfinished = new Map<string, { begin: string; started: number }>();
  const add = (thread: string, whole: string, started: number, ended?: number) => {
    const call = parseCall(whole, tree);
    if (call !== undefined)
      calls.push({ ...call, thread, started, ...(ended === undefined ? {} : { ended }) });
  };
  for (const [place, line] of text.split("\n").entries()) {
    const [, thread = "", rest = ""] = /^(\d+) +(.*)$/.exec(line) ?? [];
    if (rest.endsWith(" <unfinished ...>")) {
      const begin = rest.slice(0, -" <unfinished ...>".length);
      unfinished.set(thread, { begin, started: place });
    } else if (rest.startsWith("<... ")) {
      const known = unfinished.get(thread);
      unfinished.delete(thread);
      if (known === undefined) continue;
      const end = rest.replace(/^<\.\.\. \w+ resumed>/, "");
      add(thread, `${known.begin}${end}`, known.started, end.endsWith("= ?") ? undefined : place);
    } else {
      add(thread, rest, place, rest.endsWith("= ?") ? undefined : place);
    }
  }
  for (const [thread, { begin, started }] of unfinished) add(thread, `${begin})`, started);
  return calls.sort((a, b) => a.started - b.started);
}

function parseCall(text: string, tree: string) {
  const [, name = "", words = "", result = ""] =
    /^(\w+)\((.*?)\)?(?: += (.*))?$/.exec(text.replace(/\) += /, ") = ")) ?? [];
  const paths = [...words.matchAll(/[<"](\/[^<">]*)[>"]/g)]
    .map(([, path = ""]) => path.replace(/ \(deleted\)$/, ""))
    .filter((path) => path === tree || path.startsWith(`${tree}/`))
    .map((path) => path.slice(tree.length + 1) || ".");
  if (name === "" || (paths.length === 0 && name !== "execve")) return undefined;
  return {
    name,
    paths: [...new Set(paths)],
    words,
    succeeded: /^\d/.test(result),
    injected: result.includes("(INJECTED)"),
  };
}
