// On which line of a config a key stands, or a unit that it lists: for what is said of a config that is valid.

import { decodeText, readUnitFile } from "./unit-file.ts";
import { parseRestarted } from "./unit-name.ts";

/**
 * Finds lines in the bytes of a valid config.
 *
 * @returns a function that gives the line of a key, or the first line of that key which names a unit
 */
export function linesOf(source: Uint8Array): (key: string, unit?: string) => number | undefined {
  const { assignments } = readUnitFile(decodeText(source) ?? "");
  return (key, unit) =>
    assignments.find(
      (each) =>
        each.key === key && (unit === undefined || parseRestarted(each.value, true).includes(unit)),
    )?.line;
}
