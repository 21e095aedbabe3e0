// The restart of units on the image in use (FET-75 to FET-79, ACT-10 to ACT-16), and what became of each.

import { phaseOf, recordAfterRestart } from "../../core/activation.ts";
import { TakoError } from "../../core/error.ts";
import { dutyOf, isOvertaken, isRestarted } from "../../core/unit-duty.ts";
import { isDown, isRunning, type UnitState } from "../../core/unit-state.ts";
import type { CallResult, Systemd } from "../../shell/systemd.ts";
import type { Effects } from "../effects.ts";
import { allUnits, type Member } from "./member.ts";
import { askStates, systemctlFailed, tell, type UnitStates } from "./units.ts";

/** Nobody waits longer for units to start, unless they may take longer (ACT-11). */
const RESTART_LIMIT_MS = 15 * 60_000;

/** Units that take longer are told, since nothing else happens meanwhile (ACT-17). */
const SAY_SO_AFTER_MS = 10_000;

export interface Restarted {
  /** The units that run what they ran before, or are down. */
  readonly undone: readonly string[];
  /** Right after the calls; without them there is no news. */
  readonly states: UnitStates | undefined;
  /** Why the units that are not done are not; none if all are. */
  readonly error: TakoError | undefined;
  /** The call was ended at its limit, while units were still starting. */
  readonly isLate: boolean;
}

/**
 * Restarts what members owe, each unit once, and puts on record what is done.
 *
 * @param before how the units were before
 * @returns `undefined` if it could not even be tried; the members know why
 */
export async function restartOwed(
  members: readonly Member[],
  effects: Effects,
  before: UnitStates | undefined,
): Promise<Restarted | undefined> {
  const owed = members.map((member) => ({ member, units: owedUnits(member) }));
  const owing = owed.filter(({ units }) => units.length > 0).map(({ member }) => member);
  const wanted = owed.flatMap(({ units }) => units).filter((unit) => isUsable(unit, before));
  const restart = allUnits(members).filter(
    (unit) => wanted.includes(unit) && members.some(({ run }) => run.config.restart.includes(unit)),
  );
  const reload = [...new Set(wanted)].filter((unit) => !restart.includes(unit));
  const sayStarting = (limitMs: number) => {
    for (const { member, units } of owed) {
      const starting = units.filter((unit) => wanted.includes(unit));
      if (starting.length === 0) continue;
      member.run.effects.report({ event: "starting", units: starting, limitMs });
    }
  };
  try {
    const restarted = await restartUnits(effects, restart, reload, before, sayStarting);
    for (const member of owing) await member.attempt(() => note(member, restarted, before));
    return restarted;
  } catch (error) {
    for (const member of owing) member.fail(error);
    return undefined;
  }
}

/** The units that a member owes a restart, but for those that stay stopped. */
export function owedUnits(member: Member): readonly string[] {
  const phase = phaseOf(member.standing());
  return "units" in phase ? phase.units.filter((unit) => !member.stopped.includes(unit)) : [];
}

/** Whether systemd would start it: a call for several ends with nothing done if it would not (ACT-4). */
export function isUsable(unit: string, before: UnitStates | undefined): boolean {
  const state = before?.get(unit);
  return state === undefined || dutyOf(state, true) === "restart";
}

/** Whether a unit runs on what it ran before, so that it can't tell anything about the image (ACT-27). */
export function isBlocked(
  unit: string,
  before: UnitStates | undefined,
  { undone, states }: Restarted,
): boolean {
  if (!isUsable(unit, before)) return true;
  const now = states?.get(unit);
  return (
    undone.includes(unit) &&
    now !== undefined &&
    isRunning(now) &&
    now.invocation === before?.get(unit)?.invocation
  );
}

/** Puts on record, and tells, what became of a member's units. */
async function note(
  member: Member,
  { undone, error }: Restarted,
  before: UnitStates | undefined,
): Promise<void> {
  const units = owedUnits(member);
  const unusable = units.filter((unit) => !isUsable(unit, before));
  const failed = units.filter((unit) => undone.includes(unit));
  const { phase } = phaseOf(member.standing());
  await member.perform(recordAfterRestart(member.standing(), [...unusable, ...failed]));
  const done = units.filter((unit) => !unusable.includes(unit) && !failed.includes(unit));
  if (done.length > 0) member.run.effects.report({ event: "restarted", units: done });
  for (const unit of unusable) member.fail(cannotBeRestarted(unit, before?.get(unit)?.load ?? ""));
  // What is down while an image is watched is for the verdict to say.
  if (failed.length > 0 && phase === "restart-owed") member.fail(error);
}

function cannotBeRestarted(unit: string, load: string): TakoError {
  const reason =
    load === "masked"
      ? "is masked, and runs what it ran before"
      : `cannot be restarted: its unit file is ${load === "" ? "unknown to systemd" : `"${load}"`}`;
  return new TakoError("unit", `${unit} ${reason}`, {
    rule: "ACT-4",
    hint: `See "systemctl status ${unit}"; the next run tries again.`,
  });
}

async function restartUnits(
  { systemd, clock }: Effects,
  restart: readonly string[],
  reload: readonly string[],
  before: UnitStates | undefined,
  sayStarting: (limitMs: number) => void,
): Promise<Restarted> {
  const units = [...restart, ...reload];
  const limitMs = limitOf(units, before);
  using _telling = tellLate(clock, () => sayStarting(limitMs));
  const first = await order(systemd, restart, reload, before, limitMs);
  const isAgain = (unit: string) => !first.isLate && isOvertaken(first.states?.get(unit));
  const last = units.some(isAgain)
    ? await order(systemd, restart.filter(isAgain), reload.filter(isAgain), before, limitMs)
    : { ...first, undone: [] };
  const others = first.undone.filter((unit) => !isAgain(unit));
  const undone = [...others, ...last.undone];
  const { call } = others.length > 0 ? first : last;
  return {
    undone,
    states: new Map([...(first.states ?? []), ...(last.states ?? [])]),
    error: undone.length === 0 ? undefined : systemctlFailed(undone, call),
    isLate: last.isLate,
  };
}

interface Ordered extends Omit<Restarted, "error"> {
  /** The call that says why units are undone, if some are. */
  readonly call: CallResult;
}

/** The calls that restart units, and how these are then. */
async function order(
  systemd: Systemd,
  restart: readonly string[],
  reload: readonly string[],
  before: UnitStates | undefined,
  limitMs: number,
): Promise<Ordered> {
  const units = [...restart, ...reload];
  // Else a start limit that an earlier image has reached refuses this one, or the service behind a socket (ACT-10).
  const triggered = units.flatMap((unit) => before?.get(unit)?.triggers ?? []);
  const all = [...new Set([...units, ...triggered])];
  if (all.length > 0) await tell(systemd, ["reset-failed"], all);
  const nothing: CallResult = { status: 0, stdout: "", stderr: "" };
  const restarted =
    restart.length === 0
      ? nothing
      : await tell(systemd, ["restart"], restart, { timeoutMs: limitMs });
  const reloaded =
    reload.length === 0
      ? nothing
      : await tell(systemd, ["reload-or-restart"], reload, { timeoutMs: limitMs });

  const states = await askStates(systemd, units);
  const undone = [
    ...restart.filter((unit) => !isDone(states?.get(unit), before?.get(unit), restarted)),
    ...reload.filter((unit) => !isReloaded(states?.get(unit), reloaded)),
  ];
  const isLate = restarted.status === undefined || reloaded.status === undefined;
  return { undone, states, call: restarted.status === 0 ? reloaded : restarted, isLate };
}

/** Says once, if it comes to that, that units take their time to start (ACT-17). */
export function tellLate(clock: Effects["clock"], say: () => void): Disposable {
  let isTold = false;
  return clock.every(SAY_SO_AFTER_MS, () => {
    if (!isTold) say();
    isTold = true;
  });
}

/** Where systemd says nothing of a unit, the exit status of the call is all there is. */
function isDone(
  after: UnitState | undefined,
  before: UnitState | undefined,
  { status }: CallResult,
): boolean {
  return after === undefined ? status === 0 : isRestarted(before, after, status === 0);
}

/** A reload that fails leaves a unit active, with what it had loaded before (ACT-15). */
function isReloaded(after: UnitState | undefined, { status }: CallResult): boolean {
  return status === 0 && (after === undefined || !isDown(after));
}

/** Twice the longest start and stop, where that is a time, and longer than the usual limit (ACT-11). */
export function limitOf(units: readonly string[], before: UnitStates | undefined): number {
  const longest = units
    .map((unit) => before?.get(unit)?.longestMs ?? 0)
    .filter((ms) => Number.isFinite(ms));
  return Math.max(RESTART_LIMIT_MS, ...longest.map((ms) => 2 * ms));
}
