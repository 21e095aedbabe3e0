// systemd as this host has it: what systemctl and journalctl answer, and which units this process runs in. What
// follows from an answer, and what people are told, is decided elsewhere.

import { readFileSync } from "node:fs";

/** How a call of systemctl ended. */
export interface CallResult {
  /** Its exit status; `undefined` if a signal ended it, the one at the time limit for example. */
  readonly status: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** What ends a call before its time. */
export interface Limits {
  /** In milliseconds; none by default. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface Systemd {
  /** Whose units these are: of the system, or of the user whose manager started this run (ACT-120). */
  readonly manager: "system" | "user";
  /**
   * Calls systemctl of that manager, without a shell (FET-76). Rejects with the system's error if it cannot be run.
   */
  systemctl(words: readonly string[], limits?: Limits): Promise<CallResult>;
  /** Calls journalctl, likewise. */
  journalctl(words: readonly string[], limits?: Limits): Promise<CallResult>;
  /** The units that this process runs in, outermost first; none outside of systemd. */
  ownUnits(): readonly string[];
}

/** The most of a call's output that is kept, in characters of each stream: a thousand units in full. */
const MAX_OUTPUT = 4 * 1024 * 1024;

/** @param environment of each call; its `PATH` is where the programs are looked for */
export function hostSystemd(environment: Environment): Systemd {
  const isOfUser = () => isOfUserManager(ownUnits(), process.geteuid?.());
  const scope = () => (isOfUser() ? ["--user"] : []);
  return {
    get manager() {
      return isOfUser() ? "user" : "system";
    },
    systemctl: (words, limits = {}) =>
      call("systemctl", [...scope(), ...words], limits, environment),
    journalctl: (words, limits = {}) =>
      call("journalctl", [...scope(), ...words], limits, environment),
    ownUnits,
  };
}

/** Whether these are the units of a process that its own user's manager started, and not of one that sudo made. */
export function isOfUserManager(units: readonly string[], uid: number | undefined): boolean {
  return units.includes(`user@${uid}.service`);
}

type Environment = Readonly<Record<string, string | undefined>>;

function call(
  program: "systemctl" | "journalctl",
  words: readonly string[],
  limits: Limits,
  environment: Environment,
): Promise<CallResult> {
  return new Promise((resolve, reject) => {
    // Loaded here, since most runs have nothing to restart.
    const { spawn } = process.getBuiltinModule("node:child_process");
    const child = spawn(program, words, {
      stdio: ["ignore", "pipe", "pipe"],
      env: environment,
      // One that hangs need not listen to anything milder, and whoever waits for it has a lock.
      killSignal: "SIGKILL",
      ...(limits.timeoutMs === undefined ? {} : { timeout: limits.timeoutMs }),
      ...(limits.signal === undefined ? {} : { signal: limits.signal }),
    });
    // First of all: a process that could not be made has no streams, and tells so a moment later.
    child.on("error", (error) => {
      // Else it is the signal's, and the end of the call follows.
      if (!limits.signal?.aborted) reject(error);
    });
    const output = { stdout: "", stderr: "" };
    for (const stream of ["stdout", "stderr"] as const) {
      child[stream]?.setEncoding("utf8").on("data", (text: string) => {
        output[stream] = (output[stream] + text).slice(0, MAX_OUTPUT);
      });
    }
    child.on("exit", (_, signal) => {
      // What it started may hold its output open for ever.
      if (signal === null) return;
      child.stdout?.destroy();
      child.stderr?.destroy();
    });
    child.on("close", (status) => resolve({ status: status ?? undefined, ...output }));
  });
}

function ownUnits(): readonly string[] {
  try {
    return unitsOfCgroup(readFileSync("/proc/self/cgroup", "utf8"));
  } catch {
    // No /proc, no cgroup: no unit either.
    return [];
  }
}

/** The names of units in `/proc/PID/cgroup`: the parts of its paths that have a unit's suffix. */
export function unitsOfCgroup(cgroup: string): readonly string[] {
  const paths = cgroup.split("\n").map((line) => line.split(":").slice(2).join(":"));
  const parts = paths.flatMap((path) => path.split("/"));
  // systemd puts "_" before a name that the kernel could take for a file of its own.
  const names = parts
    .map((part) => part.replace(/^_/, ""))
    .filter((part) => /\.[a-z]+$/.test(part));
  return [...new Set(names)];
}
