// What `systemctl show` says of units, as values. What follows from it is verdict.ts's business; which facts of
// systemd 252 stand behind the words, spec/activation.md says.

import { parseTimeSpan } from "./time-span.ts";

/** One unit at one moment. A property that its type does not have is as if it were at rest. */
export interface UnitState {
  readonly unit: string;
  /** LoadState: `loaded`, `not-found`, `bad-setting`, `error`, `masked`. */
  readonly load: string;
  /** ActiveState: `active`, `reloading`, `inactive`, `failed`, `activating`, `deactivating`. */
  readonly active: string;
  /** SubState, whose values depend on the unit's type. */
  readonly sub: string;
  /** Why it ended: `success`, `exit-code`, `signal`, `timeout`, `start-limit-hit`. */
  readonly result: string;
  /** The exit status or signal of its main process. */
  readonly status: string;
  /** How often it was restarted by itself since somebody started it. */
  readonly restarts: number;
  /** Of its present or last run; empty once a unit that ended was unloaded. */
  readonly invocation: string;
  /** A oneshot that is to be inactive once it has done its work. */
  readonly isJob: boolean;
  /** Sockets, timers and paths that start it. */
  readonly triggeredBy: readonly string[];
  /** What it starts: the service of a socket, timer or path. */
  readonly triggers: readonly string[];
  /** The units that it is ordered after. */
  readonly after: readonly string[];
  /** The time within which too many starts keep it from any other, in milliseconds; 0 if nothing does. */
  readonly startLimitMs: number;
  /** How long a start and a stop of it may take, in milliseconds; Infinity for no limit. */
  readonly longestMs: number;
}

/** What to ask for: `systemctl show --property=...`. */
export const UNIT_PROPERTIES =
  "LoadState,ActiveState,SubState,Result,ExecMainStatus,NRestarts,InvocationID,Type,RemainAfterExit,TriggeredBy,Triggers,After,TimeoutStartUSec,TimeoutStopUSec,StartLimitIntervalUSec";

/**
 * Reads the answer of `systemctl show` to a question for several units, a block for each in the order of the
 * question (systemctl(1)).
 *
 * @returns a state for each unit; `undefined` if it is no such answer, which is no news of any of them
 */
export function parseUnitStates(
  answer: string,
  units: readonly string[],
): readonly UnitState[] | undefined {
  const blocks = answer.trim().split(/\n\n+/);
  const states = units.flatMap((unit, index) => stateOf(unit, blocks[index]) ?? []);
  return blocks.length === units.length && states.length === units.length ? states : undefined;
}

/** The properties of one unit, by their names. */
export function readProperties(block: string): ReadonlyMap<string, string> {
  return new Map(
    block.split("\n").map((line) => {
      const at = line.indexOf("=");
      return [line.slice(0, Math.max(at, 0)), line.slice(at + 1)] as const;
    }),
  );
}

function stateOf(unit: string, block = ""): UnitState | undefined {
  const values = readProperties(block);
  const value = (name: string) => values.get(name) ?? "";
  const list = (name: string) => value(name).split(" ").filter(Boolean);
  const active = value("ActiveState");
  if (active === "") return undefined;
  return {
    unit,
    load: value("LoadState"),
    active,
    sub: value("SubState"),
    result: value("Result") || "success",
    status: value("ExecMainStatus"),
    restarts: Number(value("NRestarts")) || 0,
    invocation: value("InvocationID"),
    isJob: value("Type") === "oneshot" && value("RemainAfterExit") !== "yes",
    triggeredBy: list("TriggeredBy"),
    triggers: list("Triggers"),
    after: list("After"),
    startLimitMs: milliseconds(value("StartLimitIntervalUSec")),
    longestMs: milliseconds(value("TimeoutStartUSec")) + milliseconds(value("TimeoutStopUSec")),
  };
}

/** A limit as `systemctl show` writes it; none is taken where it says nothing that can be read. */
function milliseconds(span: string): number {
  if (span === "" || span === "infinity") return span === "" ? 0 : Number.POSITIVE_INFINITY;
  try {
    return parseTimeSpan(span);
  } catch {
    return 0;
  }
}

/** Whether its process runs, or what stands for one is there. */
export function isRunning({ active }: UnitState): boolean {
  return active !== "inactive" && active !== "failed";
}

/** Whether it is down, and systemd no longer tries, or tries again and again. */
export function isDown({ active, sub }: UnitState): boolean {
  return active === "failed" || sub === "auto-restart";
}

/** How a unit is, in words for people: `failed (exit-code), status 1`. */
export function describeState({ active, sub, result, status, restarts }: UnitState): string {
  const state = sub === "auto-restart" ? "waits for its restart" : active;
  const reason = active === "inactive" ? ", it ended by itself" : "";
  const why = result === "success" ? "" : ` (${result})`;
  // A socket has no process, and no status.
  const exit = why === "" || status === "" ? why : `${why}, status ${status}`;
  const times = restarts === 1 ? "once" : `${restarts} times`;
  const again = restarts > 0 ? `, restarted itself ${times}` : "";
  return `${state}${reason}${exit}${again}`;
}
