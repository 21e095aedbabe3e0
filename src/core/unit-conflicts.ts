// What the unit lists of a config forbid each other, though each alone is right (spec/config.md, CFG-56 to CFG-66).

import type { Problem } from "./error.ts";
import { slotUnit } from "./slot-name.ts";
import { isTemplate, isUnit } from "./unit-name.ts";

/** A unit in one of the lists. */
export interface ListedUnit {
  /** The key that lists it. */
  readonly key: string;
  readonly unit: string;
  /** The line that names it first. */
  readonly line: number;
}

/** A `Slots=` that is right by itself. */
export interface ListedSlots {
  readonly names: readonly [string, string];
  readonly line: number;
  /** Whether a template that is not there is a problem of its own; not if `Restart=` has one already. */
  readonly lacksUnit: boolean;
}

export interface Lists {
  readonly units: readonly ListedUnit[];
  /** Whether the config says for how long. */
  readonly isWatched: boolean;
  readonly slots: ListedSlots | undefined;
}

/** All conflicts, each with key and line of the unit that is one too many (CFG-60). */
export function conflictsOf({ units, isWatched, slots }: Lists): readonly Problem[] {
  if (slots === undefined) return unitConflicts(units, isWatched);
  const others = units.filter(({ key }) => key !== "Restart" && key !== "Reload");
  // It is the instances that run, not the template (CFG-66).
  const instances = units
    .filter(({ key, unit }) => key === "Restart" && isTemplate(unit))
    .flatMap((listed) =>
      slots.names.map((name) => ({ ...listed, unit: slotUnit(listed.unit, name) })),
    );
  return [
    ...unitConflicts([...others, ...instances], isWatched),
    ...slotConflicts(units, isWatched, slots),
  ];
}

function unitConflicts(units: readonly ListedUnit[], isWatched: boolean): readonly Problem[] {
  const listedBy = (name: string) => units.filter(({ key }) => key === name);
  const restarted = listedBy("Restart");
  const checked = listedBy("Check");
  const activated = [...restarted, ...listedBy("Reload")];
  const sockets = activated.filter(({ unit }) => unit.endsWith(".socket"));
  return [
    ...conflict("CFG-56", listedBy("Reload"), restarted, itself, reloadedToo),
    ...conflict("CFG-57", sockets, activated, serviceOf, socketToo),
    ...conflict("CFG-59", checked, activated, itself, checkedToo),
    ...checked.slice(0, isWatched ? 0 : 1).map(unwatched),
  ];
}

/** Slots are the instances of one template, and are watched (CFG-63 to CFG-65). */
function slotConflicts(
  units: readonly ListedUnit[],
  isWatched: boolean,
  { names, line, lacksUnit }: ListedSlots,
): readonly Problem[] {
  const restarted = units.filter(({ key }) => key === "Restart");
  const template = restarted.find(({ unit }) => isTemplate(unit));
  const isShort = (unit: string) => names.every((name) => isUnit(slotUnit(unit, name)));
  const beside = restarted.filter((listed) => listed !== template);
  const reloaded = units.filter(({ key }) => key === "Reload");
  return [
    ...(template === undefined || isShort(template.unit) ? [] : [tooLong(template)]),
    ...beside.map((listed) => besideSlots("CFG-63", listed)),
    ...reloaded.map((listed) => besideSlots("CFG-64", listed)),
    ...(restarted.length > 0 || !lacksUnit ? [] : [withoutTemplate(line)]),
    ...(isWatched ? [] : [unwatchedSlots(line)]),
  ];
}

/** What is wrong with each of the units whose counterpart is among the others, too. */
function conflict(
  rule: string,
  units: readonly ListedUnit[],
  others: readonly ListedUnit[],
  counterpart: (unit: string) => string,
  messageFor: (unit: string, other: ListedUnit) => string,
): readonly Problem[] {
  const byName = new Map(others.map((other) => [other.unit, other]));
  return units.flatMap(({ key, line, unit }) => {
    const other = byName.get(counterpart(unit));
    return other === undefined ? [] : [{ line, key, message: messageFor(unit, other), rule }];
  });
}

const itself = (unit: string): string => unit;
const serviceOf = (socket: string): string => socket.replace(/socket$/, "service");

function reloadedToo(unit: string, { line }: ListedUnit): string {
  return `${unit} is in Restart= on line ${line}, too: a restart needs no reload, so leave it out here`;
}

/** systemd starts no socket whose service runs already: one restart of both ends with a dead socket. */
function socketToo(socket: string, { key, line, unit }: ListedUnit): string {
  return `${socket} would be down after one restart of both: keep ${unit} in ${key}= on line ${line}, leave out the socket`;
}

function checkedToo(unit: string, { key, line }: ListedUnit): string {
  return `${unit} is in ${key}= on line ${line}, too: expected another service, one that tests it and ends`;
}

function unwatched({ key, line }: ListedUnit): Problem {
  const message = "Check= needs WatchSec=, the time in which checks run: add one such as 30s";
  return { line, key, message, rule: "CFG-58" };
}

function tooLong({ key, line }: ListedUnit): Problem {
  const message = "the instances of this template would have more than 255 characters";
  return { line, key, message, rule: "CFG-63" };
}

function besideSlots(rule: string, { key, line, unit }: ListedUnit): Problem {
  const message = `${unit} cannot be here with Slots=: expected one template in Restart=, such as app@.service, and nothing else`;
  return { line, key, message, rule };
}

function withoutTemplate(line: number): Problem {
  const message = "Slots= needs Restart= with the template of its instances, such as app@.service";
  return { line, key: "Slots", message, rule: "CFG-63" };
}

function unwatchedSlots(line: number): Problem {
  const message =
    "Slots= needs WatchSec=, after which one takes over from the other: add one such as 30s";
  return { line, key: "Slots", message, rule: "CFG-65" };
}
