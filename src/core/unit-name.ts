// The names of systemd's units, as a config lists them (spec/config.md, CFG-14, CFG-15, CFG-36).

import { TakoError } from "./error.ts";
import { printable } from "./text.ts";

/** The unit types that can be restarted, or reached by name (systemd.unit). */
const UNIT_NAME =
  /^[A-Za-z0-9:_.\\-]+(@[A-Za-z0-9:_.\\@-]+)?\.(service|socket|device|mount|automount|swap|target|path|timer|slice|scope)$/;

/**
 * The units of a list, separated by white space, each with its type.
 *
 * @throws TakoError of kind `config`
 */
export function parseUnits(list: string): readonly string[] {
  const words = list.split(/[ \t\r]+/).filter((word) => word !== "");
  return words.map((word) => {
    // As systemctl has it, a name without a type is that of a service (CFG-36).
    const unit = /^[A-Za-z0-9][^.]*$/.test(word) ? `${word}.service` : word;
    if (unit.length <= 255 && UNIT_NAME.test(unit)) return unit;
    const message = `invalid unit "${printable(word, 80)}": expected a name such as app.service`;
    throw new TakoError("config", message, { rule: "CFG-15" });
  });
}
