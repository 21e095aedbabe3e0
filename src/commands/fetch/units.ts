// Questions to systemd, and calls of it, as an activation puts them (spec/activation.md): what comes back is values and
// sentences. Which units are meant, and when, is decided by those who call.

import { TakoError } from "../../core/error.ts";
import { printable } from "../../core/text.ts";
import { parseUnitStates, UNIT_PROPERTIES, type UnitState } from "../../core/unit-state.ts";
import { isErrno } from "../../shell/disk/storage-error.ts";
import { spawnFailure } from "../../shell/spawn-error.ts";
import type { CallResult, Limits, Systemd } from "../../shell/systemd.ts";

/** States by the names of units. */
export type UnitStates = ReadonlyMap<string, UnitState>;

/** Nobody waits longer for an answer, which takes milliseconds. */
const ANSWER_LIMIT_MS = 60_000;

/**
 * How units are now, by one call.
 *
 * @returns `undefined` if there is no answer, which is no news of any of them (ACT-21)
 */
export async function askStates(
  systemd: Systemd,
  units: readonly string[],
): Promise<UnitStates | undefined> {
  if (units.length === 0) return new Map();
  const answer = await show(systemd, UNIT_PROPERTIES, units);
  const states = answer === undefined ? undefined : parseUnitStates(answer, units);
  return states && new Map(states.map((state) => [state.unit, state]));
}

/** What systemd says of these properties of units; `undefined` without an answer. */
export async function show(
  systemd: Systemd,
  properties: string,
  units: readonly string[],
): Promise<string | undefined> {
  try {
    const words = ["show", `--property=${properties}`, "--", ...units];
    const { stdout } = await systemd.systemctl(words, { timeoutMs: ANSWER_LIMIT_MS });
    return stdout === "" ? undefined : stdout;
  } catch {
    // Whoever is to be restarted meets the same trouble, and tells it.
    return undefined;
  }
}

/**
 * Whether the last thing that anybody had done with a unit was to stop it.
 *
 * @param sinceMs what was before that does not count; milliseconds since the epoch
 * @returns `undefined` if the journal does not tell
 */
export async function wasStopped(
  systemd: Systemd,
  unit: string,
  sinceMs = 0,
): Promise<boolean | undefined> {
  const [field, manager] = systemd.manager === "user" ? ["USER_UNIT", []] : ["UNIT", ["_PID=1"]];
  const types = ["start", "stop", "restart"].map((type) => `JOB_TYPE=${type}`);
  const form = ["--output-fields=JOB_TYPE", "--output=cat", `--since=@${sinceMs / 1000}`];
  const last = await askJournal(systemd, [...form, ...manager, `${field}=${unit}`, ...types]);
  return last === undefined || last === "" ? undefined : last === "stop";
}

/** Waits until the journal has what was logged so far. Only root may; for others it may still be behind. */
export async function letJournalCatchUp(systemd: Systemd): Promise<void> {
  try {
    await systemd.journalctl(["--sync"], { timeoutMs: ANSWER_LIMIT_MS });
  } catch {
    // Without a journal, nobody is blamed by it.
  }
}

/** The message that systemd logs when a unit failed: SD_MESSAGE_UNIT_FAILURE_RESULT. */
const UNIT_FAILURE_RESULT = "d9b373ed55a64feb8242e02dbe79a49c";

/** Whether a run of a unit ended in a failure, and nobody had ended it: many fail when they are stopped. */
export async function hasFailed(systemd: Systemd, invocation: string): Promise<boolean> {
  const field = systemd.manager === "user" ? "USER_INVOCATION_ID" : "INVOCATION_ID";
  const has = async (...words: readonly string[]) =>
    ((await askJournal(systemd, ["--output=cat", `${field}=${invocation}`, ...words])) ?? "") !==
    "";
  const isFailed = await has(`MESSAGE_ID=${UNIT_FAILURE_RESULT}`);
  return isFailed && !(await has("JOB_TYPE=stop", "JOB_TYPE=restart"));
}

/** What a run of a unit logged last itself, one line. */
export async function lastWords(
  systemd: Systemd,
  { unit, invocation }: Pick<UnitState, "unit" | "invocation">,
): Promise<string> {
  if (invocation === "") return "";
  // What ends at once is told about sooner by systemd than by the journal.
  await letJournalCatchUp(systemd);
  const words =
    (await askJournal(systemd, ["--output=cat", `_SYSTEMD_INVOCATION_ID=${invocation}`])) ||
    (await namelessLastWords(systemd, unit, invocation));
  return printable(words ?? "");
}

/** The same where the process ended before the journal could look whose run it was of: what its unit logged since then. */
async function namelessLastWords(
  systemd: Systemd,
  unit: string,
  invocation: string,
): Promise<string | undefined> {
  const [run, field] =
    systemd.manager === "user"
      ? ["USER_INVOCATION_ID", "_SYSTEMD_USER_UNIT"]
      : ["INVOCATION_ID", "_SYSTEMD_UNIT"];
  const time = "_SOURCE_REALTIME_TIMESTAMP";
  const form = ["--output=cat", `--output-fields=${time}`, `${run}=${invocation}`];
  const began = Number((await answerOf(systemd, form))?.split("\n")[0]);
  if (!(began > 0)) return undefined;
  return await askJournal(systemd, [
    "--output=cat",
    `--since=@${began / 1_000_000}`,
    `${field}=${unit}`,
  ]);
}

/** The newest entry that matches; empty without one, `undefined` without a journal. */
function askJournal(systemd: Systemd, words: readonly string[]): Promise<string | undefined> {
  // The other way round, `--since=` makes it the oldest one since then.
  return answerOf(systemd, ["--reverse", "--lines=1", ...words]);
}

async function answerOf(systemd: Systemd, words: readonly string[]): Promise<string | undefined> {
  try {
    const all = ["--quiet", "--no-pager", ...words];
    const { status, stdout } = await systemd.journalctl(all, { timeoutMs: ANSWER_LIMIT_MS });
    return status === 0 ? stdout.trim() : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Tells systemd to do something with units.
 *
 * @throws TakoError of kind `unit` if systemctl cannot be run (FET-85)
 */
export async function tell(
  systemd: Systemd,
  words: readonly string[],
  units: readonly string[],
  limits: Limits = {},
): Promise<CallResult> {
  try {
    const all = { timeoutMs: ANSWER_LIMIT_MS, ...limits };
    return await systemd.systemctl([...words, "--", ...units], all);
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

/** @param verb what the call was to do, which ended like that */
export function systemctlFailed(
  units: readonly string[],
  { status, stderr }: CallResult,
  verb: "restart" | "start" | "stop" = "restart",
): TakoError {
  const said = stderr.trim().split("\n")[0] ?? "";
  if (NO_SYSTEMD.test(said)) return systemdNotReached(units, said, verb);
  const reason = said === "" ? "" : `: ${printable(said)}`;
  const late = status === undefined ? ", which did not end within its time limit" : "";
  return new TakoError("unit", `systemctl could not ${verb} ${units.join(" ")}${late}${reason}`, {
    rule: "FET-78",
    hint: `See "systemctl status ${units[0]}"; the next run tries again.`,
  });
}

/** Nothing is wrong with the units: it is the surroundings of this run (FET-87). */
function systemdNotReached(units: readonly string[], said: string, verb: string): TakoError {
  const done = { restart: "restarted", start: "started", stop: "stopped" }[verb];
  const message = `systemctl does not reach systemd, so ${units.join(" ")} was not ${done}: ${printable(said)}`;
  return new TakoError("unit", message, {
    rule: "FET-87",
    hint: "A unit that runs tako needs AF_UNIX in RestrictAddressFamilies=, a container the host's /run/systemd; the next run tries again.",
  });
}
