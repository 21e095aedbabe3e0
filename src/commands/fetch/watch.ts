// Watching units for a while after an image came into use: only time tells whether it works (ACT-20 to ACT-29).

import { describeState, type UnitState } from "../../core/unit-state.ts";
import {
  describeBad,
  judge,
  type Look,
  type Verdict,
  verdictOf,
  type Watched,
} from "../../core/verdict.ts";
import type { Effects } from "../effects.ts";
import { allUnits, type Member } from "./member.ts";
import type { Restarted } from "./restart.ts";
import {
  askStates,
  hasFailed,
  letJournalCatchUp,
  tell,
  type UnitStates,
  wasStopped,
} from "./units.ts";

interface Watch {
  readonly units: readonly Watched[];
  /** The services of `Check=`. */
  readonly checks: readonly string[];
  /** For how long, in milliseconds. */
  readonly ms: number;
}

/** What was seen. */
export interface Seen {
  readonly verdict: Verdict;
  /** The unit, or the check, that is bad. */
  readonly culprit?: Culprit;
}

export interface Culprit {
  readonly unit: string;
  /** What is wrong with it, in words. */
  readonly what: string;
  readonly state: UnitState | undefined;
  /** Of the run that was watched. */
  readonly invocation: string;
}

/** The first looks follow each other quickly: most images that do not work end at once. */
const FIRST_LOOK_MS = 50;
/** Later there is one each second. */
const LOOK_MS = 1000;
/** So often each check is started. */
const CHECK_MS = 3000;
/** A check that takes longer than the watch has at least this long. */
const SHORTEST_CHECK_MS = 10_000;

/**
 * @param ms for how long
 * @returns what was seen of the units, and of the checks of all members
 */
export async function watchAll(
  members: readonly Member[],
  effects: Effects,
  units: readonly Watched[],
  ms: number,
): Promise<Seen> {
  // All of them are stopped: nothing runs the image, and no check says anything about it.
  if (units.length === 0 && allUnits(members).length > 0) return { verdict: "open" };
  const checks = [...new Set(members.flatMap(({ run }) => run.config.check))];
  if (units.length === 0 && checks.length === 0) return { verdict: "good" };
  for (const { run } of members) {
    const names = [...units.map(({ unit }) => unit), ...checks];
    run.effects.report({ event: "watching", units: names, seconds: ms / 1000 });
  }
  return await watch(effects, { units, checks, ms });
}

/** The run of a unit that is to be watched: since its restart, or as it was found. */
export function watchedRun(
  unit: string,
  before: UnitStates | undefined,
  { states }: Restarted,
): Watched {
  const after = states?.get(unit);
  if (after !== undefined) return { unit, hasRun: true, invocation: after.invocation, restarts: 0 };
  const { invocation = "", restarts = 0 } = before?.get(unit) ?? {};
  return { unit, hasRun: invocation !== "", invocation, restarts };
}

/** Watches until the time is over, something is bad, or nothing is left that runs the image. */
async function watch(effects: Effects, { units, checks, ms }: Watch): Promise<Seen> {
  const { clock } = effects;
  const end = clock.elapsed() + ms;
  const checking = new Checks(effects, checks, ms);
  const judging = new Looks(effects, units);
  try {
    for (let pause = FIRST_LOOK_MS; ; pause = Math.min(2 * pause, LOOK_MS)) {
      const left = end - clock.elapsed();
      await clock.sleep(Math.max(0, Math.min(pause, left)));
      checking.goOn();
      const seen = await judging.look();
      if (seen.verdict === "bad" || judging.isForlorn()) return seen;
      if (clock.elapsed() < end || judging.hasNewSuspect()) continue;
      if (seen.verdict !== "good" || checks.length === 0) return seen;
      const culprit = await checking.last();
      if (culprit === undefined) return seen;
      // While it ran, what it checks may have been stopped: then it says nothing (ACT-29).
      const after = await judging.look();
      return after.verdict === "good" ? { verdict: "bad", culprit } : after;
    }
  } finally {
    await checking.end();
  }
}

/** The looks at units, of which the last one of each counts. */
class Looks {
  readonly #effects: Effects;
  readonly #units: readonly Watched[];
  #looks: readonly Look[];
  /** Units that ended, and that nobody stopped as far as the journal knows by now. */
  #suspects = new Set<string>();
  #hasNewSuspect = false;

  constructor(effects: Effects, units: readonly Watched[]) {
    this.#effects = effects;
    this.#units = units;
    this.#looks = units.map(() => "wait");
  }

  /** There is nothing that runs the image, so there is nothing to wait for. */
  isForlorn(): boolean {
    return this.#looks.length > 0 && this.#looks.every((look) => look === "open");
  }

  /** The last look was the first one that found a unit so: another one decides, also when time is over. */
  hasNewSuspect(): boolean {
    return this.#hasNewSuspect;
  }

  async look(): Promise<Seen> {
    this.#hasNewSuspect = false;
    const names = this.#units.map(({ unit }) => unit);
    const states = await askStates(this.#effects.systemd, names);
    // No answer is no news.
    if (states !== undefined) {
      this.#looks = await Promise.all(
        this.#units.map(async (watched, index) => {
          const state = states.get(watched.unit);
          return state === undefined
            ? (this.#looks[index] ?? "wait")
            : await this.#resolve(judge(state, watched), watched);
        }),
      );
    }
    const bad = this.#units[this.#looks.indexOf("bad")];
    const verdict = verdictOf(this.#looks);
    if (bad === undefined) return { verdict };
    const state = states?.get(bad.unit);
    const { unit, invocation } = bad;
    const what = state === undefined ? "down" : describeBad(state, bad);
    return { verdict, culprit: { unit, what, state, invocation } };
  }

  /** Asks the journal where the state alone does not tell. */
  async #resolve(look: Look, { unit, invocation }: Watched): Promise<Look> {
    const { systemd } = this.#effects;
    if (look === "unless-failed" || look === "open-unless-failed") {
      if (await hasFailed(systemd, invocation)) return "bad";
      return look === "unless-failed" ? "good" : "open";
    }
    if (look !== "unless-stopped") {
      this.#suspects.delete(unit);
      return look;
    }
    const isStopped = await wasStopped(systemd, unit);
    if (isStopped) return "open";
    // It may tell at the next look.
    if (isStopped === undefined) return "wait";
    // The journal may be a moment behind: who is to blame is asked twice.
    if (this.#suspects.has(unit)) return "bad";
    this.#suspects.add(unit);
    this.#hasNewSuspect = true;
    await letJournalCatchUp(systemd);
    return "wait";
  }
}

/** The checks, which are started again and again meanwhile. */
class Checks {
  readonly #effects: Effects;
  readonly #checks: readonly string[];
  readonly #limitMs: number;
  readonly #ending = new AbortController();
  #round: Promise<void> | undefined;
  #next = 0;
  #culprit: Culprit | undefined;

  constructor(effects: Effects, checks: readonly string[], watchMs: number) {
    this.#effects = effects;
    this.#checks = checks;
    this.#limitMs = Math.max(watchMs, SHORTEST_CHECK_MS);
  }

  /** Begins a round, if it is time for one. */
  goOn(): void {
    const now = this.#effects.clock.elapsed();
    if (this.#checks.length === 0 || this.#round !== undefined || now < this.#next) return;
    this.#next = now + CHECK_MS;
    void this.#begin();
  }

  /** One last round: each check has to succeed at the end. */
  async last(): Promise<Culprit | undefined> {
    await this.#round;
    await this.#begin();
    return this.#culprit;
  }

  /** Ends a round that is still at work, too: what hangs may well be waiting for the unit that is down (ACT-28). */
  async end(): Promise<void> {
    this.#ending.abort();
    await this.#round;
  }

  #begin(): Promise<void> {
    this.#round = this.#run()
      // A systemctl that cannot be run says nothing about the image.
      .catch(() => {})
      .finally(() => {
        this.#round = undefined;
      });
    return this.#round;
  }

  async #run(): Promise<void> {
    const { systemd } = this.#effects;
    // Else their own start limit stops them (ACT-29).
    await tell(systemd, ["reset-failed"], this.#checks);
    const limits = { timeoutMs: this.#limitMs, signal: this.#ending.signal };
    const { status } = await tell(systemd, ["start"], this.#checks, limits);
    const states = await askStates(systemd, this.#checks);
    // Nobody leaves a check behind that hangs.
    if (status === undefined) await tell(systemd, ["stop", "--no-block"], this.#checks);
    if (states === undefined) return;
    const bad = [...states.values()].find((state) => !hasSucceeded(state));
    this.#culprit = bad && {
      unit: bad.unit,
      what: status === undefined ? "did not end in time" : describeState(bad),
      state: bad,
      invocation: bad.invocation,
    };
  }
}

function hasSucceeded({ load, active, result }: UnitState): boolean {
  const isThere = load === "loaded" && (active === "inactive" || active === "active");
  return isThere && result === "success";
}
