// The end of a run: the restarts that the image in use still owes (FET-75 to FET-79), and what follows
// from the answers of systemctl.

import {
  type RestartStep,
  recordAfterRestart,
  type Standing,
  stepsToSettle,
} from "../../core/activation.ts";
import { TakoError } from "../../core/error.ts";
import { printable } from "../../core/text.ts";
import type { LockedDestination } from "../../shell/destination.ts";
import { isErrno } from "../../shell/disk/storage-error.ts";
import { spawnFailure } from "../../shell/spawn-error.ts";
import type { CallResult, Systemd } from "../../shell/systemd.ts";
import type { Run } from "./run.ts";

/** Nobody waits longer to hear which units are active, which takes milliseconds. */
const IS_ACTIVE_LIMIT_MS = 60_000;

/**
 * Restarts the units that the image in use still owes a restart.
 *
 * @throws TakoError of kind `unit`; what could not be restarted stays owed
 */
export async function settle(run: Run, destination: LockedDestination): Promise<void> {
  const standing = destination.readStanding(run.config.restart);
  for (const step of stepsToSettle(standing)) {
    if (step.step === "record") await destination.writeOwed(step.owed);
    else await restart(run, destination, standing, step);
  }
}

async function restart(
  { effects: { systemd, report } }: Run,
  destination: LockedDestination,
  standing: Standing,
  { units }: RestartStep,
): Promise<void> {
  const result = await call(systemd, "restart", units);
  const failed = result.status === 0 ? [] : await inactive(systemd, units);
  await destination.writeOwed(recordAfterRestart(standing, failed).owed);
  const restarted = units.filter((unit) => !failed.includes(unit));
  if (restarted.length > 0) report({ event: "restarted", units: restarted });
  if (result.status !== 0) throw couldNotRestart(failed.length > 0 ? failed : units, result);
}

/** Which of the units are not active, by `systemctl is-active`, which answers a line for each (FET-78). */
async function inactive(systemd: Systemd, units: readonly string[]): Promise<readonly string[]> {
  const { stdout } = await call(systemd, "is-active", units, IS_ACTIVE_LIMIT_MS);
  const states = stdout.split("\n");
  return units.filter((_, index) => states[index] !== "active");
}

async function call(
  systemd: Systemd,
  verb: string,
  units: readonly string[],
  timeoutMs?: number,
): Promise<CallResult> {
  try {
    return await systemd.systemctl([verb, "--", ...units], timeoutMs ? { timeoutMs } : {});
  } catch (cause) {
    throw couldNotRun(cause);
  }
}

function couldNotRun(cause: unknown): TakoError {
  const failure = spawnFailure(cause);
  const reason = failure === undefined ? "" : `: ${failure.reason}`;
  const hint = isErrno(cause, "E2BIG")
    ? "Name fewer units in Restart=, or let one stand for all."
    : (failure?.hint ?? "Is systemd's systemctl installed and in PATH?");
  return new TakoError("unit", `systemctl could not be run${reason}`, {
    rule: "FET-85",
    hint,
    cause,
  });
}

/** systemctl's own words, which it translates into no language, where it is systemd that it does not reach. */
const NO_SYSTEMD = /Failed to connect to bus|System has not been booted with systemd/;

function couldNotRestart(units: readonly string[], { stderr }: CallResult): TakoError {
  const said = stderr.trim().split("\n")[0] ?? "";
  if (NO_SYSTEMD.test(said)) return systemdNotReached(units, said);
  const reason = said === "" ? "" : `: ${printable(said)}`;
  return new TakoError("unit", `systemctl could not restart ${units.join(" ")}${reason}`, {
    rule: "FET-78",
    hint: `See "systemctl status ${units[0]}"; the next run tries again.`,
  });
}

/** Nothing is wrong with the units: it is the surroundings of this run (FET-87). */
function systemdNotReached(units: readonly string[], said: string): TakoError {
  const message = `systemctl does not reach systemd, so ${units.join(" ")} was not restarted: ${printable(said)}`;
  return new TakoError("unit", message, {
    rule: "FET-87",
    hint: "A unit that runs tako needs AF_UNIX in RestrictAddressFamilies=, a container the host's /run/systemd; the next run tries again.",
  });
}
