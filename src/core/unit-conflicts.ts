// What the unit lists of a config forbid each other, though each alone is right (spec/config.md, CFG-56 to CFG-60).

import type { Problem } from "./error.ts";

/** A unit in one of the lists. */
export interface ListedUnit {
  /** The key that lists it. */
  readonly key: string;
  readonly unit: string;
  /** The line that names it first. */
  readonly line: number;
}

/**
 * All conflicts, each with key and line of the unit that is one too many (CFG-60).
 *
 * @param isWatched whether the config says for how long
 */
export function unitConflicts(
  units: readonly ListedUnit[],
  isWatched: boolean,
): readonly Problem[] {
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
