// What is owed to a unit whose image changes: a restart, or nothing (spec/activation.md, ACT-3 to ACT-6), and whether
// it got it (ACT-12, ACT-14).

import { isDown, isRunning, type UnitState } from "./unit-state.ts";

export type Duty =
  | "restart"
  /** It cannot run, and nobody wants it to. */
  | "leave-masked"
  /** Somebody stopped it, or it is a job that is not at work; it uses the new image when it starts. */
  | "leave-stopped"
  /** systemd has no usable unit of this name, or runs one that it would not start again. */
  | "unusable";

/**
 * What is to be done with a unit.
 *
 * @param startsAll whether units that do not run are started too, as for the first image of a destination
 */
export function dutyOf(state: UnitState, startsAll: boolean): Duty {
  if (state.load === "masked") return isRunning(state) ? "unusable" : "leave-masked";
  if (state.load !== "loaded") return "unusable";
  return state.active === "inactive" && !startsAll ? "leave-stopped" : "restart";
}

/**
 * Whether a unit runs since the restart, and not what ran before it: its InvocationID tells (ACT-12). One that has
 * done its work is unloaded and has none.
 *
 * @param succeeded whether systemctl said that the restart went well
 */
export function isRestarted(
  before: UnitState | undefined,
  after: UnitState,
  succeeded: boolean,
): boolean {
  if (isDown(after)) return false;
  if (after.invocation === (before?.invocation ?? "") && after.invocation !== "") return false;
  if (succeeded) return true;
  return after.active === "active" || (after.isJob && after.active === "inactive");
}

/**
 * Whether systemd's own restart of a unit, because of the image before, may have come in between: then what was ordered
 * joined it, or was refused for the start limit, and how often the new image was restarted can't be told (ACT-14).
 */
export function isOvertaken(after: UnitState | undefined): boolean {
  return after !== undefined && (after.restarts > 0 || after.result === "start-limit-hit");
}
