// The names of systemd's units, as a config lists them (spec/config.md, CFG-14, CFG-15, CFG-36, CFG-40, CFG-53,
// CFG-62).

import { TakoError } from "./error.ts";
import { printable } from "./text.ts";

/** As systemd has it, with the type. */
const MAX_LENGTH = 255;

/** The unit types that can be restarted, or reached by name (systemd.unit). */
const UNIT_NAME =
  /^[A-Za-z0-9:_.\\-]+(@[A-Za-z0-9:_.\\@-]+)?\.(service|socket|device|mount|automount|swap|target|path|timer|slice|scope)$/;

/** A service of which there are only instances (CFG-62). */
const TEMPLATE = /^[A-Za-z0-9:_.\\-]+@\.service$/;

/** What systemd's own key of this name takes (systemd.service), and nobody's name of a unit. */
const SERVICE_RESTART: readonly string[] =
  "no always on-success on-failure on-abnormal on-abort on-watchdog".split(" ");

function meantForService(word: string): TakoError {
  const message = `"${word}" belongs to Restart= in the [Service] section of a unit; here are the units that are to be restarted, such as app.service`;
  return new TakoError("config", message, { rule: "CFG-40" });
}

/**
 * The units of a list, separated by white space, each with its type.
 *
 * @throws TakoError of kind `config`
 */
export function parseUnits(list: string): readonly string[] {
  return parseNames(list, isUnit);
}

/**
 * The same of units to restart, where a config with `Slots=` has a template (CFG-62).
 *
 * @throws TakoError of kind `config`
 */
export function parseRestarted(list: string, hasSlots: boolean): readonly string[] {
  return parseNames(list, (name) => isUnit(name) || (hasSlots && isTemplate(name)));
}

export function isUnit(name: string): boolean {
  return name.length <= MAX_LENGTH && UNIT_NAME.test(name);
}

export function isTemplate(name: string): boolean {
  return name.length <= MAX_LENGTH && TEMPLATE.test(name);
}

function parseNames(list: string, isRight: (name: string) => boolean): readonly string[] {
  const words = list.split(/[ \t\r]+/).filter((word) => word !== "");
  return words.map((word) => {
    if (SERVICE_RESTART.includes(word)) throw meantForService(word);
    // As systemctl has it, a name without a type is that of a service (CFG-36).
    const unit = /^[A-Za-z0-9][^.]*$/.test(word) ? `${word}.service` : word;
    if (isRight(unit)) return unit;
    const message = `invalid unit "${printable(word, 80)}": expected a name such as app.service`;
    throw new TakoError("config", message, { rule: "CFG-15" });
  });
}

/**
 * The same of a list that takes services alone (CFG-53).
 *
 * @throws TakoError of kind `config`
 */
export function parseServices(list: string): readonly string[] {
  const units = parseUnits(list);
  const other = units.find((unit) => !unit.endsWith(".service"));
  if (other === undefined) return units;
  const message = `"${printable(other, 80)}" is no service: expected one that ends with 0 when all is well, such as app-check.service`;
  throw new TakoError("config", message, { rule: "CFG-53" });
}
