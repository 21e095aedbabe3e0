// How the result of `tako fetch` for one config looks.

import { describeNoMatch } from "../../commands/fetch/no-match.ts";
import type { FetchResult } from "../../commands/fetch/result.ts";
import { errorFields } from "../errors.ts";
import { exitStatus } from "../exit-status.ts";
import type { Presenter, Said } from "../presenter.ts";

export const fetchPresenter: Presenter<FetchResult> = {
  text(result) {
    const { config, outcome } = result;
    switch (outcome) {
      case "updated":
        return [{ on: "stdout", line: `${config}: updated to ${result.version}` }];
      case "current":
        return [{ on: "stdout", line: `${config}: ${result.version} is current` }];
      case "no-match":
        return [sayNoMatch(config, result)];
      // What is planned was told event by event.
      case "planned":
      case "failed":
        return [];
    }
  },

  json(result) {
    const { config, outcome } = result;
    switch (outcome) {
      case "updated":
      case "current":
      case "planned":
        return { config, outcome, version: result.version, sha256: result.sha256 };
      case "no-match":
        return { config, outcome, pattern: result.pattern, offered: result.offered };
      case "failed":
        return { config, outcome, errors: result.errors.flatMap(errorFields) };
    }
  },

  errors: (result) => (result.outcome === "failed" ? result.errors : []),

  status(result) {
    return exitStatus(fetchPresenter.errors(result).map(({ kind }) => kind));
  },
};

/** A line, and a hint if there is something to do (FET-41, FET-43). */
function sayNoMatch(
  config: string,
  { pattern, offered }: Extract<FetchResult, { outcome: "no-match" }>,
): Said {
  const line = `tako: ${config}: ${describeNoMatch(pattern, offered)}`;
  const isExact = !/[*<]/.test(pattern);
  const hint = `  "${pattern}" is one exact version; "${pattern}.*" is all that begin with it.`;
  return { on: "stderr", priority: "warning", lines: isExact ? [line, hint] : [line] };
}
