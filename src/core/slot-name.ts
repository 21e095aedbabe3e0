// The names of slots, as a config has them (spec/config.md, CFG-61), and the units that they stand for: each is an instance
// of the config's template, and a link beside `latest`.

import { TakoError } from "./error.ts";
import { LATEST, MANIFEST, STORE } from "./layout.ts";
import { printable } from "./text.ts";

/** Short enough for an instance and a file name, and neither a record nor an option to any program. */
const SLOT_NAME = /^\w([\w.-]{0,62}\w)?$/;

const TAKEN: readonly string[] = [MANIFEST, STORE, LATEST];

/**
 * The two names of `Slots=`, separated by white space.
 *
 * @throws TakoError of kind `config`
 */
export function parseSlots(list: string): readonly [string, string] {
  const [first, second, ...more] = list.split(/[ \t\r]+/).filter((word) => word !== "");
  if (first === undefined || second === undefined || more.length > 0) {
    throw wrong(`expected two slots, such as a b, not "${printable(list, 80)}"`);
  }
  const bad = [first, second].find((name) => !SLOT_NAME.test(name));
  if (bad !== undefined) {
    throw wrong(`invalid slot "${printable(bad, 80)}": expected a name such as a or blue`);
  }
  const taken = [first, second].find((name) => TAKEN.includes(name));
  if (taken !== undefined) {
    throw wrong(`the slot "${taken}" would be a link in the place of Tako's own ${taken}`);
  }
  if (first === second) throw wrong(`both slots are "${first}": expected two different names`);
  return [first, second];
}

function wrong(message: string): TakoError {
  return new TakoError("config", message, { rule: "CFG-61" });
}

/** The instance of a template, `app@.service`, that a slot stands for. */
export function slotUnit(template: string, slot: string): string {
  return template.replace("@.", () => `@${slot}.`);
}
