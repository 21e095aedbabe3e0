// The units of `OnUpdate=` and `OnRollback=`, which are started after the event and not waited for (ACT-16).

import { phaseOf } from "../../core/activation.ts";
import type { Member } from "./member.ts";
import { tell } from "./units.ts";

/** Starts what is to follow an update, once nothing is owed any more, whatever else went wrong (ACT-16). */
export async function finish(member: Member): Promise<void> {
  const { phase } = phaseOf(member.standing());
  if (phase === "at-rest") await startAfter(member, member.run.config.onUpdate);
}

/** Starts units without waiting for them: what becomes of them is theirs. */
export async function startAfter(
  { run: { effects } }: Member,
  units: readonly string[],
): Promise<void> {
  if (units.length === 0) return;
  const { status, stderr } = await tell(effects.systemd, ["start", "--no-block"], units);
  if (status === 0) {
    effects.report({ event: "started", units });
    return;
  }
  // systemctl starts those that it can, and has a line for each of the others.
  const which =
    units.length === 1 ? `${units[0]} could not` : `not all of ${units.join(", ")} could`;
  const message = `${which} be started: ${stderr.trim().replaceAll("\n", " ")}`;
  effects.report({ event: "warning", message });
}
