// `tako status` as a plugin of Nagios and its like (STS-24): https://nagios-plugins.org/doc/guidelines.html.

import type { StatusResult } from "../../../commands/status/status.ts";
import { type Severity, WORST_FIRST, worstSeverity } from "../../../core/status.ts";
import { count } from "../../text.ts";
import { wordsOf } from "./words.ts";

const STATUS: Readonly<Record<Severity, number>> = { ok: 0, warning: 1, critical: 2, unknown: 3 };

export function nagiosStatus(results: readonly StatusResult[]): number {
  return STATUS[worst(results)];
}

function worst(results: readonly StatusResult[]): Severity {
  return worstSeverity(results.map(({ severity }) => severity));
}

export function nagiosLines(results: readonly StatusResult[]): readonly string[] {
  const wanting = worstFirst(results.filter(({ severity }) => severity !== "ok"));
  const said = wanting.map((result) => plain(`${result.name}: ${wordsOf(result)[0]}`));
  const [first = `${count(results.length, "config")} in order`] = said;
  const more = said.length > 1 ? ` (and ${said.length - 1} more)` : "";
  const data = performance(results, wanting.length);
  return [`TAKO ${worst(results).toUpperCase()} - ${first}${more} | ${data}`, ...said];
}

function worstFirst(results: readonly StatusResult[]): readonly StatusResult[] {
  const rank = ({ severity }: StatusResult) => WORST_FIRST.indexOf(severity);
  return results.toSorted((a, b) => rank(a) - rank(b));
}

/** `label=value[unit];warn;crit;min;max`. */
function performance(results: readonly StatusResult[], attention: number): string {
  const seen = results.flatMap((result) => ("error" in result ? [] : [result]));
  const having = (name: string) =>
    seen.filter(({ states }) => states.some(({ state }) => state === name)).length;
  const ages = seen.flatMap(({ checked, now }) =>
    checked === undefined ? [] : [Math.max(now - checked.look.time, 0)],
  );
  return [
    `configs=${results.length};;;0`,
    `attention=${attention};;;0;${results.length}`,
    `behind=${having("behind")};;;0;${results.length}`,
    `held=${having("held")};;;0;${results.length}`,
    `damaged=${having("damaged")};;;0;${results.length}`,
    `disk=${seen.reduce((sum, { bytes }) => sum + bytes, 0)}B;;;0`,
    ...(ages.length === 0 ? [] : [`check_age=${Math.max(...ages)}s;;;0`]),
  ].join(" ");
}

/** What follows a `|` is data, in whichever line it is. */
function plain(text: string): string {
  return text.replaceAll("|", "/");
}
