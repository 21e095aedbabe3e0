// What is asked and told of systemd for the unit of a slot: whether it may be started, its start and the watch over it,
// and its end (ACT-102 to ACT-104, ACT-112, ACT-113).

import { TakoError } from "../../core/error.ts";
import type { Slot } from "../../core/slots.ts";
import { isDown, isRunning, type UnitState } from "../../core/unit-state.ts";
import type { CallResult } from "../../shell/systemd.ts";
import type { Member } from "./member.ts";
import { limitOf, tellLate } from "./restart.ts";
import { refuseDeadlock, refuseMissingCheck } from "./survey.ts";
import { askStates, systemctlFailed, tell, type UnitStates } from "./units.ts";
import { type Seen, watchAll } from "./watch.ts";

/** @throws TakoError if a start would come to no good end, before anything changes (ACT-2, ACT-19, ACT-102) */
export function requireStartable(
  member: Member,
  { unit }: Slot,
  before: UnitStates | undefined,
): void {
  refuseDeadlock(member, before);
  refuseMissingCheck(member, before);
  const load = before?.get(unit)?.load;
  if (load !== undefined && load !== "loaded") {
    throw new TakoError("unit", `${unit} cannot be started: its unit file is "${load}"`, {
      rule: "ACT-102",
      hint: `See "systemctl status ${unit}"; the next run tries again.`,
    });
  }
  const limited = [...(before?.values() ?? [])].find(endsItsSocket);
  if (limited === undefined) return;
  const sockets = limited.triggeredBy.join(" ");
  const message = `${limited.unit} has a limit of starts: a slot that reaches it takes ${sockets} along, and the other slot with it`;
  throw new TakoError("unit", message, {
    rule: "ACT-102",
    hint: "Put StartLimitIntervalSec=0 into [Unit] of the template.",
  });
}

/** A socket fails with a service that reached its limit, whoever else accepts from it. */
function endsItsSocket({ triggeredBy, startLimitMs }: UnitState): boolean {
  return triggeredBy.some((unit) => unit.endsWith(".socket")) && startLimitMs !== 0;
}

/**
 * Starts the unit of a slot, and watches it (ACT-103).
 *
 * @throws TakoError of kind `unit` if it was not even tried (ACT-113)
 */
export async function startSlot(
  member: Member,
  { unit }: Slot,
  before: UnitStates | undefined,
): Promise<Seen> {
  const { config, effects } = member.run;
  const { systemd } = effects;
  const earlier = before?.get(unit);
  const call = await start(member, unit, before);
  const state = (await askStates(systemd, [unit]))?.get(unit);
  // One that failed, or still starts, has run the image.
  if (call.status !== 0 && (state === undefined || !(isDown(state) || isRunning(state)))) {
    throw systemctlFailed([unit], call, "start");
  }
  const invocation = state?.invocation ?? "";
  if (call.status === undefined && state?.active === "activating") {
    return { verdict: "bad", culprit: { unit, what: "does not come up", state, invocation } };
  }
  const restarts = earlier !== undefined && isRunning(earlier) ? earlier.restarts : 0;
  const watched = { unit, hasRun: true, mustStay: true, invocation, restarts };
  return await watchAll([member], effects, [watched], config.watchMs ?? 0);
}

async function start(
  { run: { effects } }: Member,
  unit: string,
  before: UnitStates | undefined,
): Promise<CallResult> {
  // Else the limit that an earlier image has reached refuses this one (ACT-10).
  await tell(effects.systemd, ["reset-failed"], [unit]);
  const limitMs = limitOf([unit], before);
  using _telling = tellLate(effects.clock, () =>
    effects.report({ event: "starting", units: [unit], limitMs }),
  );
  return await tell(effects.systemd, ["start"], [unit], { timeoutMs: limitMs });
}

/**
 * Ends the unit of a slot. Whatever made it fail is told; of a slot that is not in use nothing is left to look at.
 *
 * @throws TakoError of kind `unit` if it still runs then (ACT-112)
 */
export async function stopSlot(
  { run: { effects } }: Member,
  { unit }: Slot,
  before: UnitStates | undefined,
): Promise<void> {
  const { systemd } = effects;
  const states = before ?? (await askStates(systemd, [unit]));
  const timeoutMs = limitOf([unit], states);
  const call = await tell(systemd, ["stop"], [unit], { timeoutMs });
  if (call.status !== 0) {
    const state = (await askStates(systemd, [unit]))?.get(unit);
    // A unit that systemd knows nothing of does not run.
    if (state === undefined || isRunning(state)) throw systemctlFailed([unit], call, "stop");
  }
  await tell(systemd, ["reset-failed"], [unit]);
}
