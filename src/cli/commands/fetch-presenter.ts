// How the result of `tako fetch` for one config looks.

import { describeNoMatch } from "../../commands/fetch/no-match.ts";
import type { FetchResult } from "../../commands/fetch/result.ts";
import { errorFields } from "../errors.ts";
import { exitStatus, ROLLED_BACK } from "../exit-status.ts";
import type { Presenter, Said } from "../presenter.ts";
import { shortDigests } from "../text.ts";

export const fetchPresenter: Presenter<FetchResult> = {
  text(result) {
    const { config, outcome } = result;
    switch (outcome) {
      case "updated":
        return [{ on: "stdout", line: `${config}: updated to ${shown(result)}` }];
      case "current":
        return [{ on: "stdout", line: `${config}: ${shown(result)} is current` }];
      case "ready":
        return [{ on: "stdout", line: `${config}: ${shown(result)} is ready, and not in use yet` }];
      case "unconfirmed":
        return [{ on: "stdout", line: `${config}: ${shown(result)} has still to prove itself` }];
      case "released":
        return [{ on: "stdout", line: `${config}: ${describeRelease(result)}` }];
      case "held":
        return [
          {
            on: "stdout",
            line: `${config}: ${result.isAlready === true ? "already " : ""}held on ${shown(result)}`,
          },
        ];
      case "refused":
        return [sayRefused(config, result)];
      case "skipped":
        return [{ on: "stdout", line: `${config}: ${saySkipped(result)}` }];
      case "rolled-back":
        return [sayRolledBack(config, result)];
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
      case "ready":
      case "planned":
      case "unconfirmed":
        return { config, outcome, version: result.version, sha256: result.sha256 };
      case "held": {
        const { version, sha256, isAlready } = result;
        return { config, outcome, version, sha256, already: isAlready === true ? true : undefined };
      }
      case "released":
        return {
          ...{ config, outcome, version: result.version, sha256: result.sha256 },
          ...{ held: result.held ?? null, forgotten: result.forgotten },
        };
      case "refused":
      case "skipped":
      case "rolled-back": {
        const { version, sha256, refused, reason } = result;
        return { config, outcome, version, sha256, refused, reason };
      }
      case "no-match":
        return { config, outcome, pattern: result.pattern, offered: result.offered };
      case "failed":
        return { config, outcome, errors: result.errors.flatMap(errorFields) };
    }
  },

  errors: (result) => (result.outcome === "failed" ? result.errors : []),

  status(result) {
    if (result.outcome === "rolled-back") return ROLLED_BACK;
    return exitStatus(fetchPresenter.errors(result).map(({ kind }) => kind));
  },
};

type Withdrawn = Extract<FetchResult, { refused: string }>;

/** The version in use; its digest where the manifest does not list it. */
function shown({ version, sha256 }: { version?: string | undefined; sha256: string }): string {
  return version ?? shortDigests(sha256);
}

function sayRolledBack(config: string, result: Withdrawn): Said {
  const line = `tako: ${config}: went back to ${shown(result)}, for ${result.refused} does not work here: ${result.reason}`;
  return { on: "stderr", priority: "error", lines: [line, hintOfRelease(config)] };
}

/** Once the run that went back has told, it is no error any more. */
function sayRefused(config: string, result: Withdrawn): Said {
  const line = `tako: ${config}: stays on ${shown(result)}, for ${result.refused} did not work here: ${result.reason}`;
  return { on: "stderr", priority: "warning", lines: [line, hintOfRelease(config)] };
}

/** It is as the config has it: nothing to warn of. */
function saySkipped(result: Withdrawn): string {
  return `stays on ${shown(result)}, for Skip= names ${result.refused}`;
}

function hintOfRelease(config: string): string {
  return `  A newer version is taken by itself, unless on hold. "tako release ${config}" lets this one be tried again.`;
}

function describeRelease({
  held,
  forgotten,
}: Extract<FetchResult, { outcome: "released" }>): string {
  const said = [
    ...(held === undefined ? [] : [`no longer held on ${shortDigests(held)}`]),
    ...(forgotten.length === 0
      ? []
      : [`${forgotten.map(shortDigests).join(", ")} may be tried again`]),
  ];
  return said.length === 0 ? "was not on hold, and no version was refused here" : said.join("; ");
}

/** A line, and a hint if there is something to do (FET-41, FET-43). */
function sayNoMatch(
  config: string,
  { pattern, skips, offered }: Extract<FetchResult, { outcome: "no-match" }>,
): Said {
  const line = `tako: ${config}: ${describeNoMatch(pattern, skips, offered)}`;
  const isExact = !/[*<]/.test(pattern);
  const hint = `  "${pattern}" is one exact version; "${pattern}.*" is all that begin with it.`;
  return { on: "stderr", priority: "warning", lines: isExact ? [line, hint] : [line] };
}
