// How units are before anything changes, and what then forbids to touch them (ACT-1, ACT-2, ACT-18, ACT-19).

import { TakoError } from "../../core/error.ts";
import { isRunning } from "../../core/unit-state.ts";
import type { Effects } from "../effects.ts";
import { allUnits, type Member } from "./member.ts";
import { unitsOf } from "./standing.ts";
import { askStates, type UnitStates } from "./units.ts";

/** How all units are before anything changes, and the services that this run is a part of (ACT-1). */
export async function survey(
  members: readonly Member[],
  { systemd }: Effects,
): Promise<UnitStates | undefined> {
  const units = allUnits(members);
  const own = systemd.ownUnits().filter((unit) => unit.endsWith(".service"));
  const checks = members.flatMap(({ run }) => run.config.check);
  return units.length === 0 && checks.length === 0
    ? undefined
    : await askStates(systemd, [...new Set([...units, ...checks, ...own])]);
}

/**
 * A unit that is ordered after the one which this run is a part of, while that one is still starting, would wait for
 * its end, and this run for the unit (ACT-2).
 */
export function refuseDeadlock({ run }: Member, before: UnitStates | undefined): void {
  const starting = run.effects.systemd
    .ownUnits()
    .filter((unit) => before?.get(unit)?.active === "activating");
  const unit = unitsOf(run).find((each) =>
    before?.get(each)?.after.some((other) => starting.includes(other)),
  );
  if (unit === undefined) return;
  const own = starting.join(" ");
  const message = `${unit} is ordered after ${own}, which this run is a part of: each would wait for the other's end`;
  throw new TakoError("unit", message, {
    rule: "ACT-2",
    hint: `Take After=${own} out of ${unit}; a unit waits for its image by ExecStartPre=tako fetch --init.`,
  });
}

/** A check that cannot run says nothing of any image, so none is put into use to be judged by it (ACT-19). */
export function refuseMissingCheck({ run }: Member, before: UnitStates | undefined): void {
  const missing = run.config.check.find(
    (unit) => (before?.get(unit)?.load ?? "loaded") !== "loaded",
  );
  if (missing === undefined) return;
  const message = `${missing} of Check= cannot be started: its unit file is "${before?.get(missing)?.load}"`;
  throw new TakoError("unit", message, {
    rule: "ACT-19",
    hint: `See "systemctl status ${missing}"; nothing was changed.`,
  });
}

/** systemd starts no socket whose service runs, so the restart of one alone would end without it (ACT-18). */
export async function refuseDeadSocket(
  { run }: Member,
  { systemd }: Effects,
  before: UnitStates | undefined,
): Promise<void> {
  for (const socket of unitsOf(run).filter((unit) => unit.endsWith(".socket"))) {
    const services = await askStates(systemd, before?.get(socket)?.triggers ?? []);
    const running = services?.values().find(isRunning)?.unit;
    if (running === undefined) continue;
    const message = `${socket} would be down after its restart, since ${running}, which it starts, runs`;
    throw new TakoError("unit", message, {
      rule: "ACT-18",
      hint: `Name ${running} in Restart= in its place: the socket stays, and needs no restart.`,
    });
  }
}
