// The JSON form of events, errors and results: the documented, stable fields of `--json` (FET-95 to
// FET-98), one object a line.

import type { FetchResult } from "../commands/events.ts";
import type { TakoError } from "../core/error.ts";
import { withoutSecrets } from "../core/text.ts";

/**
 * One line of JSON, in ASCII: characters that could steer a terminal are escaped (CLI-24). Fields
 * that are `undefined` are left out.
 */
export function jsonLine(fields: object): string {
  const text = JSON.stringify(fields, (_, value) =>
    typeof value === "string" ? withoutSecrets(value) : value,
  );
  return `${text.replace(/[\x7f-\uffff]/g, escapeUnit)}\n`;
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** The objects of an error: one for each problem of a config file, else a single one. */
export function errorFields(error: TakoError): readonly object[] {
  const { kind, message, rule, line, source, hint, problems } = error;
  if (problems.length > 0) return problems.map((problem) => ({ kind, ...problem, source }));
  return [{ kind, message, rule, line, source, hint }];
}

export function resultFields({ errors, ...result }: FetchResult): object {
  const failed = errors.length > 0 ? { errors: errors.flatMap(errorFields) } : {};
  return { event: "result", ...result, ...failed };
}
