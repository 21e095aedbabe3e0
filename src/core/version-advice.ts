// What people write for patterns and versions because other tools read it so. Here it is valid and means something
// else: refused where nobody can have meant it (CFG-50), otherwise a warning that names the effect. Not the order
// of versions nor what matches: version.ts and pattern.ts.

import { TakoError } from "./error.ts";
import { type Pattern, parsePattern } from "./pattern.ts";
import { printable } from "./text.ts";
import { parseVersion, type Version } from "./version.ts";

/** What a word before a version says elsewhere: `^1.2`, `~1.2`, `~>1.2`, `!=1.2`, `==1.2`. */
const OPERATOR = /^([~^!=][>=]*) *v?(\d+(?:\.\d+)*)?/;

/** `1.x`, `1.2.X`, `1.+`, `x`: a part that stands for any. */
const ANY_PART = /(?:^|[ ._-])[xX+](?:$|[ ._-])/;

/** `[1.0,2.0)`: the intervals of Maven and NuGet. */
const INTERVAL = /^[[(](?:(\d[\d.]*),(\d[\d.]*)[\])]$)?/;

/**
 * The pattern of a config, without those that only other tools know.
 *
 * @throws TakoError of kind `config` that shows what was meant, or `pattern`
 */
export function parseHostPattern(text: string): Pattern {
  const meant = meantBy(text);
  if (meant === undefined) return parsePattern(text);
  const message = `invalid version pattern "${printable(text)}": this is the notation of other tools; did you mean "${meant}"?`;
  throw new TakoError("config", message, { rule: "CFG-50" });
}

/**
 * The versions of a list, separated by white space (CFG-67).
 *
 * @throws TakoError of kind `config` for a pattern, or `version`
 */
export function parseSkipped(list: string): readonly Version[] {
  const words = list.split(/[ \t\r]+/).filter((word) => word !== "");
  const pattern = words.find((word) => word.includes("*"));
  if (pattern === undefined) return words.map(parseVersion);
  const message = `"${printable(pattern, 80)}" is a pattern: expected exact versions such as 1.2.0`;
  throw new TakoError("config", message, { rule: "CFG-67" });
}

function meantBy(text: string): string | undefined {
  const [found, operator = "", version = "1"] = OPERATOR.exec(text) ?? [];
  if (found !== undefined) {
    const isFamily = operator.startsWith("=") && text.endsWith("*");
    return isFamily ? `${version}.*` : meantByOperator(operator, version.split("."));
  }
  const [interval, low, high] = INTERVAL.exec(text) ?? [];
  if (interval !== undefined) return high === undefined ? "1.*" : `${low} <= v < ${high}`;
  if (!ANY_PART.test(text)) return undefined;
  const numbers = /^v?\d+(?:[._-]\d+)*/.exec(text)?.[0];
  return numbers === undefined ? "*" : `${numbers}.*`;
}

function meantByOperator(operator: string, parts: readonly string[]): string {
  const family = (count: number) => `${parts.slice(0, Math.max(count, 1)).join(".")}.*`;
  // `~1.2` is 1.2.*, and `~>1.2` and `~=1.2` are 1.*; with three parts all are 1.2.*.
  if (operator === "~") return family(Math.min(parts.length, 2));
  if (operator.startsWith("~")) return family(parts.length - 1);
  if (operator.startsWith("=")) return parts.join(".");
  // `^0.2.3` leaves the first part that is not zero as it is.
  return family(parts.findIndex((part) => Number(part) !== 0) + 1);
}

/** What a run says of a pattern that never leads to an update (CFG-51). */
export function patternWarning(pattern: Pattern): string | undefined {
  if (pattern.form !== "exact" || /\d/.test(pattern.text)) return undefined;
  return `Version=${pattern.text} is one version of that name and no channel: no newer version is ever taken; * takes the newest of all`;
}
