// What `tako status` says of a state, in words; and of times.

import type { StatusResult } from "../../../commands/status/status.ts";
import type { State } from "../../../core/status.ts";
import { bytes, moment } from "../../text.ts";

/** All that is to be said of a config, a line each. */
export function wordsOf(result: StatusResult): readonly string[] {
  if (!("error" in result)) return result.states.map((state) => words(state, result.now));
  const { message, source, problems } = result.error;
  if (problems.length > 0) {
    return problems.map(({ line, message }) =>
      line === undefined ? message : `line ${line}: ${message}`,
    );
  }
  const isNamed = source === undefined || source === result.config;
  return [isNamed ? message : `${source}: ${message}`];
}

function words(state: State, now: number): string {
  switch (state.state) {
    case "damaged": {
      const what = state.isInUse ? `${state.version}, in use,` : state.version;
      return state.isMissing
        ? `damaged: the image of ${what} is missing`
        : `damaged: the image of ${what} is not as the manifest has it`;
    }
    case "restart-owed": {
      const { units, tries } = state;
      const tried = tries === 0 ? "" : ` (${tries} ${tries === 1 ? "try" : "tries"})`;
      return `restart owed: ${units.join(" ")}${tried}`;
    }
    case "no-image":
      return "no image is in use";
    case "rejected":
      return `what the origin has is not authentic since ${moment(state.since)}: ${state.message}`;
    case "failed":
      return `the last look failed: ${state.message}`;
    case "outage":
      return `origin not reachable since ${moment(state.since)} (${span(now - state.since)}): ${state.message}`;
    case "unchecked":
      return `nobody has looked for news since ${moment(state.since)} (${span(now - state.since)})`;
    case "skipped":
      return `${state.version} is skipped, it did not work here: ${state.reason}`;
    case "no-match":
      return `no version matches "${state.pattern}"`;
    case "unlisted":
      return "the manifest does not list what is in use";
    case "foreign":
      return "the local manifest is not signed by any key of the config";
    case "record":
      return state.message;
    case "on-trial":
      return `unconfirmed: ${state.version} has still to prove itself`;
    case "going-back":
      return `going back from ${state.version}, which does not work here: ${state.reason}`;
    case "held":
      return `held on ${state.version}`;
    case "behind":
      return state.isHere
        ? `behind: ${state.version} is here, and not in use yet`
        : `behind: ${state.version} is not fetched yet, ${state.mayBeLess ? "up to " : ""}${bytes(state.missing)}`;
    case "withdrawn":
      return `${state.version} was withdrawn by the origin`;
    case "waiting":
      return `${state.version} is too young (MinAge=) until ${moment(state.at)}`;
    case "beyond":
      return `${state.version} is beyond Version=`;
    case "partial":
      return `partial download of ${state.version}: ${bytes(state.bytes)} of ${bytes(state.size)}`;
    case "no-news":
      return `no news: the manifest is unchanged since ${moment(state.since)} (${span(now - state.since)})`;
    case "current":
      return "current";
  }
}

/** A duration in seconds as one number: `40 s`, `12 min`, `5 h`, `3 d`. One of a clock that was set back is none. */
export function span(seconds: number): string {
  const whole = Math.max(Math.floor(seconds), 0);
  if (whole < 120) return `${whole} s`;
  if (whole < 120 * 60) return `${Math.floor(whole / 60)} min`;
  if (whole < 48 * 3600) return `${Math.floor(whole / 3600)} h`;
  return `${Math.floor(whole / 86_400)} d`;
}
