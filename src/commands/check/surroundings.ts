// What of a host a config depends on, as it is now: the destination, systemd's units, and what the unit that runs tako
// may write to (CHK-11, CHK-13 to CHK-18). Nothing is changed.

import { realpathSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import type { Config } from "../../core/config.ts";
import { type Doubt, doubtsAboutUnit, doubtsAboutVersions } from "../../core/config-doubts.ts";
import { CONFIG_KEYS } from "../../core/config-keys.ts";
import { STORE } from "../../core/layout.ts";
import { keepsFrom, parseSandbox, SANDBOX_PROPERTIES, type Sandbox } from "../../core/sandbox.ts";
import { slotUnit } from "../../core/slot-name.ts";
import { shownPath } from "../../core/text.ts";
import { isUnit } from "../../core/unit-name.ts";
import { isRunning } from "../../core/unit-state.ts";
import { readManifestFile } from "../../shell/disk/manifest-file.ts";
import type { Systemd } from "../../shell/systemd.ts";
import { CONFIGS } from "../fetch/configs.ts";
import { show, type UnitStates } from "../fetch/units.ts";

const { destination: DESTINATION, restart, reload, check, onUpdate, onRollback } = CONFIG_KEYS;

/** A unit of a config: under which key, and by which name there, which differs for the instances of slots. */
export interface NamedUnit {
  readonly key: string;
  readonly listed: string;
  readonly unit: string;
}

/** All that a config names. */
export function unitsIn(config: Config): readonly NamedUnit[] {
  const lists = [
    [restart, config.restart],
    [reload, config.reload],
    [check, config.check],
    [onUpdate, config.onUpdate],
    [onRollback, config.onRollback],
  ] as const;
  return lists.flatMap(([{ name: key }, units]) =>
    units.flatMap((listed) => {
      const isTemplate = config.slots !== undefined && key === restart.name;
      const named = isTemplate ? config.slots.map((slot) => slotUnit(listed, slot)) : [listed];
      return named.map((unit) => ({ key, listed, unit }));
    }),
  );
}

export function doubtsAboutUnits(config: Config, states: UnitStates): readonly Doubt[] {
  return unitsIn(config).flatMap(({ key, listed, unit }) => {
    const state = states.get(unit);
    return state === undefined ? [] : doubtsAboutUnit(key, listed, state);
  });
}

/** The units that ship and would fetch a config of the host: all of /etc/tako, and it alone. */
export function shippedUnits(file: string): readonly string[] {
  if (dirname(resolve(file)) !== CONFIGS) return [];
  const alone = `tako-fetch@${basename(file, ".tako")}.service`;
  return ["tako-fetch.service", ...(file.endsWith(".tako") && isUnit(alone) ? [alone] : [])];
}

/** The units that run tako for a config, as far as can be told: this process's own, and of those that ship the ones in use. */
export function runningUnits(
  file: string,
  systemd: Systemd,
  states: UnitStates,
): readonly string[] {
  const own = systemd.ownUnits().findLast((unit) => unit.endsWith(".service"));
  const shipped = shippedUnits(file);
  const used = shipped.filter((unit) => {
    const state = states.get(unit);
    return state !== undefined && (isRunning(state) || state.triggeredBy.length > 0);
  });
  // Without a timer yet, it will likely be the one for all.
  const likely = used.length > 0 ? used : shipped.slice(0, 1);
  return [...new Set([...(own === undefined ? [] : [own]), ...likely])];
}

/**
 * What units let their processes write to, of those that there are, by one call.
 *
 * @returns `undefined` if systemd does not answer
 */
export async function readSandboxes(
  systemd: Systemd,
  units: readonly string[],
): Promise<ReadonlyMap<string, Sandbox> | undefined> {
  if (units.length === 0) return new Map();
  const blocks = (await show(systemd, SANDBOX_PROPERTIES, units))?.trim().split(/\n\n+/);
  if (blocks?.length !== units.length) return undefined;
  const sandboxes = units.map((unit, index) => [unit, parseSandbox(blocks[index] ?? "")] as const);
  return new Map(sandboxes.flatMap(([unit, sandbox]) => (sandbox ? [[unit, sandbox]] : [])));
}

/**
 * Of the directory that a config names, and of what is in it.
 *
 * @param running the units that run tako for it
 */
export function doubtsAboutDestination(
  config: Config,
  running: readonly string[],
  sandboxes: ReadonlyMap<string, Sandbox>,
): readonly Doubt[] {
  const say = (message: string, rule: string): Doubt => ({ key: DESTINATION.name, message, rule });
  const path = config.destination;
  const stats = statOf(path);
  if (stats === undefined) {
    return [say(`there is no ${shownPath(resolve(path))}, and tako makes none`, "CHK-14")];
  }
  if (!stats.isDirectory()) return [say(`${shownPath(path)} is not a directory`, "CHK-14")];
  const store = statOf(join(path, STORE));
  const isElsewhere = store !== undefined && store.dev !== stats.dev;
  const elsewhere = `${STORE}/ is on another file system: where that is not mounted, latest leads nowhere`;
  const real = realpathSync(path);
  return [
    ...(isElsewhere ? [say(elsewhere, "CHK-15")] : []),
    ...running.flatMap((unit) => {
      const setting = keepsFrom(sandboxes.get(unit) ?? [], real);
      if (setting === undefined) return [];
      const message = `${unit} cannot write to ${shownPath(real)} (${setting}): add ReadWritePaths= to it`;
      return [say(message, "CHK-16")];
    }),
    ...versionsHere(config),
  ];
}

function statOf(path: string) {
  try {
    return statSync(path);
  } catch {
    // What is missing, or may not be looked at, is not there for a run either.
    return undefined;
  }
}

/** What is wrong with a manifest is for tako verify. */
function versionsHere(config: Config): readonly Doubt[] {
  try {
    const file = readManifestFile(config.destination, config.publicKeys);
    return "manifest" in file ? doubtsAboutVersions(config, file.manifest) : [];
  } catch {
    return [];
  }
}
