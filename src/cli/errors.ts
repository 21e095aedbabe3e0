// How errors look, for people and as JSON.

import type { TakoError } from "../core/error.ts";

/**
 * An error in one line or two, with its file or URL and line (CLI-30); the problems of a config file
 * in one line each (CLI-31).
 *
 * @param config the config file whose run failed, if it was one's
 */
export function describeError(error: TakoError, config?: string): readonly string[] {
  if (error.problems.length > 0) {
    const file = error.source ?? config ?? "config";
    return error.problems.map(({ line, message }) => `${place(file, line)}: ${message}`);
  }
  const { message, source, line, hint } = error;
  const parts = [message];
  if (source !== undefined) parts.unshift(place(source, line));
  if (config !== undefined && config !== source) parts.unshift(config);
  const first = `tako: ${parts.join(": ")}`;
  return hint === undefined ? [first] : [first, `  ${hint}`];
}

/** `FILE:LINE`, as compilers say it; a URL is followed by words, since a number would be a part of it. */
export function place(source: string, line: number | undefined): string {
  if (line === undefined) return source;
  return source.includes("://") ? `${source}, line ${line}` : `${source}:${line}`;
}

/** The objects of an error: one for each problem of a config file, else a single one (FET-98). */
export function errorFields(error: TakoError): readonly object[] {
  const { kind, message, rule, line, source, hint, problems } = error;
  if (problems.length > 0) return problems.map((problem) => ({ kind, ...problem, source }));
  return [{ kind, message, rule, line, source, hint }];
}
