// systemd as this host has it: restarting units, and knowing which unit this process runs in.

import { readFileSync } from "node:fs";
import { TakoError } from "../core/error.ts";
import { printable } from "../core/text.ts";

/** How a call of systemctl ended. */
interface Answer {
  readonly succeeded: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

/** The most of systemctl's output that is kept, in characters. */
const MAX_OUTPUT = 64 * 1024;

/**
 * Restarts units in one call (FET-76).
 *
 * @returns the units that may count as restarted: all of them, or after a failure those that are
 *   active (FET-78), with the error
 */
export async function restartUnits(
  units: readonly string[],
): Promise<{ readonly restarted: readonly string[]; readonly error?: TakoError }> {
  const answer = await systemctl("restart", "--", ...units);
  if (answer.succeeded) return { restarted: units };

  const restarted = await activeUnits(units);
  const broken = units.filter((unit) => !restarted.includes(unit));
  const said = answer.stderr.trim().split("\n")[0] ?? "";
  const reason = said === "" ? "" : `: ${printable(said)}`;
  const error = new TakoError(
    "unit",
    `systemctl could not restart ${broken.join(" ") || units.join(" ")}${reason}`,
    {
      rule: "FET-78",
      hint: `See "systemctl status ${broken[0] ?? units[0]}"; the next run tries again.`,
    },
  );
  return { restarted, error };
}

/** Which of the units are active, by `systemctl is-active`, which answers a line for each. */
async function activeUnits(units: readonly string[]): Promise<readonly string[]> {
  const { stdout } = await systemctl("is-active", "--", ...units);
  const states = stdout.split("\n");
  return units.filter((_, index) => states[index] === "active");
}

function systemctl(...args: readonly string[]): Promise<Answer> {
  return new Promise((resolve, reject) => {
    // Loaded here, since most runs have nothing to restart.
    const { spawn } = process.getBuiltinModule("node:child_process");
    const child = spawn("systemctl", args, { stdio: ["ignore", "pipe", "pipe"] });
    const output = { stdout: "", stderr: "" };
    for (const stream of ["stdout", "stderr"] as const) {
      child[stream].setEncoding("utf8").on("data", (text: string) => {
        output[stream] = (output[stream] + text).slice(0, MAX_OUTPUT);
      });
    }
    child.on("error", (cause) => {
      const hint = "Is systemd's systemctl installed and in PATH?";
      reject(new TakoError("unit", "systemctl could not be run", { rule: "FET-76", hint, cause }));
    });
    child.on("close", (status) => resolve({ succeeded: status === 0, ...output }));
  });
}

/** The units that this process runs in, outermost first; none outside of systemd. */
export function ownUnits(): readonly string[] {
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
