// tako fetch: brings destinations to the newest image that their configs allow (spec/fetch.md). The
// story of a run; the files beside this one tell its parts.

import { phaseOf } from "../../core/activation.ts";
import { groupsOf } from "../../core/groups.ts";
import { isDry, type Mode, type Plan, standingAfterPlan, startsUnit } from "../../core/plan.ts";
import { patternWarning } from "../../core/version-advice.ts";
import { type Destination, lockDestination, openDestination } from "../../shell/destination.ts";
import { LargeManifests } from "../../shell/origin/manifest-room.ts";
import type { Effects } from "../effects.ts";
import type { Report } from "../events.ts";
import { activate, isReturning } from "./activate.ts";
import { loadConfigs, type Readable } from "./configs.ts";
import { alreadyInitialised, initialise, refuseOwnUnit, refuseSlots } from "./init.ts";
import { Member } from "./member.ts";
import { createPlaces, type Places } from "./places.ts";
import { asFailure, ended, type FetchResult, failedResult, type Outcome } from "./result.ts";
import type { Run } from "./run.ts";
import { slotToStart } from "./slots.ts";
import { readStanding, unitsOf } from "./standing.ts";
import { planUpdate, prepare } from "./update.ts";

export interface FetchOptions {
  /** Config files, or directories of them. */
  readonly paths: readonly string[];
  readonly mode: Mode;
  /** False: an image that is there already is taken by its size alone. */
  readonly verify: boolean;
  /** How many configs are worked on at a time. */
  readonly jobs: number;
}

type Finished = (result: FetchResult) => void;

/**
 * Fetches for every config, some side by side. Nothing is thrown for what goes wrong with one: it
 * is in its result.
 *
 * @param finished called once for each config, in the order in which they end
 */
export async function fetchAll(
  { paths, mode, verify, jobs }: FetchOptions,
  effects: Effects,
  finished: Finished,
): Promise<void> {
  const places = createPlaces(jobs);
  const largeManifests = new LargeManifests();
  const runs: Run[] = [];
  for (const loaded of loadConfigs(paths)) {
    if ("error" in loaded) {
      finished(failedResult(loaded.file, [loaded.error]));
      continue;
    }
    const { config } = loaded;
    const report: Report = (event) => effects.report({ config: config.file, ...event });
    warnOfConfig(loaded, report);
    runs.push({ config, mode, verify, largeManifests, effects: { ...effects, report } });
  }
  if (isDry(mode) || startsUnit(mode)) {
    await Promise.all(runs.map(async (run) => finished(await fetchAlone(run, places))));
  } else {
    const groups = groupsOf(runs, (run) => [...unitsOf(run), ...run.config.check]);
    await Promise.all(groups.map((group) => fetchGroup(group, effects, places, finished)));
  }
}

function warnOfConfig({ config, warnings }: Readable, report: Report): void {
  const doubt = patternWarning(config.pattern);
  for (const message of doubt === undefined ? warnings : [...warnings, doubt]) {
    report({ event: "warning", message });
  }
}

/**
 * A run for configs that share units, mostly for one alone: each brings its image here, then all come into use
 * together (ACT-60). They are locked in one order, so that two runs never wait for each other.
 */
async function fetchGroup(
  group: readonly Run[],
  effects: Effects,
  places: Places,
  finished: Finished,
): Promise<void> {
  using locks = new DisposableStack();
  const members: Member[] = [];
  for (const run of group.toSorted(byDestination)) {
    using place = await places.take();
    try {
      refuseOwnUnit(run);
      const destination = locks.use(await lock(run, place.aside));
      const member = new Member(run, destination);
      members.push(member);
      await member.attempt(() => bring(member));
    } catch (thrown) {
      finished(failedResult(run.config.file, [asFailure(thrown)]));
    }
  }
  // Others get on with their downloads while units start and are watched (ACT-61).
  try {
    await activate(members, effects);
  } catch (thrown) {
    for (const member of members) member.fail(thrown);
  }
  for (const member of members) finished(await member.result());
}

function byDestination(a: Run, b: Run): number {
  return a.config.destination < b.config.destination ? -1 : 1;
}

async function bring(member: Member): Promise<void> {
  const { run, destination } = member;
  warnOfDestination(run, destination);
  // What a run that died has begun is brought to its end first (ACT-54).
  if (!isReturning(member)) member.prepared = await prepare(run, destination);
}

function lock({ config, effects: { clock, report } }: Run, aside: Aside) {
  const directory = config.destination;
  const onWait = () => report({ event: "waiting", directory });
  return lockDestination(directory, { clock, onWait, aside });
}

type Aside = <T>(wait: () => Promise<T>) => Promise<T>;

/** A run that restarts nothing: a part of a unit's start, or a plan. */
async function fetchAlone(run: Run, places: Places): Promise<FetchResult> {
  const config = run.config.file;
  using place = await places.take();
  try {
    if (startsUnit(run.mode)) refuseSlots(run);
    const outcome = isDry(run.mode)
      ? await planOnly(run)
      : await initialise(run, place, (destination) => warnOfDestination(run, destination));
    return { config, ...outcome };
  } catch (thrown) {
    return failedResult(config, [asFailure(thrown)]);
  }
}

/** What a run would do: every check, and nothing written (FET-90). */
async function planOnly(run: Run): Promise<Outcome> {
  const ready = startsUnit(run.mode) ? await alreadyInitialised(run) : undefined;
  if (ready !== undefined) return ready;
  if (!startsUnit(run.mode)) refuseOwnUnit(run);

  const destination = openDestination(run.config.destination);
  destination.requireDirectory();
  warnOfDestination(run, destination);
  let isTold = false;
  try {
    const { plan, end } = await planUpdate(run, destination);
    isTold = true;
    const isSomething = tell(run, destination, plan);
    const outcome = end();
    return isSomething && plan !== undefined ? ended("planned", plan.entry) : outcome;
  } finally {
    if (!isTold) tell(run, destination, undefined);
  }
}

/** Tells a plan, and the restart that follows it (FET-91). @returns whether there is something to do */
function tell(run: Run, destination: Destination, plan: Plan | undefined): boolean {
  const { mode } = run;
  let isSomething = false;
  const would = (action: "download" | "activate" | "restart", what: string) => {
    isSomething = true;
    run.effects.report({ event: "would", action, what });
  };
  const version = plan?.entry.version.text ?? "";
  if (plan !== undefined && plan.obtain.step !== "rely") would("download", version);
  if (plan?.swaps) would("activate", version);
  if (run.config.slots !== undefined) {
    const unit = plan?.swaps ? undefined : slotToStart(run, destination);
    if (unit !== undefined) would("restart", unit);
    return isSomething;
  }
  const standing = readStanding(run, destination);
  const phase = phaseOf(plan === undefined ? standing : standingAfterPlan(standing, plan, mode));
  const owed = "units" in phase ? phase.units : [];
  if (!startsUnit(mode) && owed.length > 0) would("restart", owed.join(" "));
  return isSomething;
}

/** What could go wrong here later: who else can change images, and records that say nothing any more (DST-33, DST-77). */
function warnOfDestination({ effects: { report } }: Run, destination: Destination): void {
  const warnings = [...destination.permissionWarnings(), ...destination.recordWarnings()];
  for (const message of warnings) report({ event: "warning", message });
}
