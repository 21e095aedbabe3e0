// tako fetch: brings destinations to the newest image that their configs allow (spec/fetch.md). The
// story of a run; the files beside this one tell its parts.

import { groupsOf } from "../../core/groups.ts";
import { isDry, type Mode, startsUnit } from "../../core/plan.ts";
import { openDestination } from "../../shell/destination.ts";
import { LargeManifests } from "../../shell/origin/manifest-room.ts";
import type { Effects } from "../effects.ts";
import { activate, isReturning } from "./activate.ts";
import { identity, loadConfigs } from "./configs.ts";
import { alreadyInitialised, initialise, refuseOwnUnit, refuseSlots, USE_INIT } from "./init.ts";
import { lock, warnOfDestination } from "./lock.ts";
import { Member } from "./member.ts";
import { noteLook } from "./note-look.ts";
import { createPlaces, type Places } from "./places.ts";
import { asFailure, ended, type FetchResult, failedResult, type Outcome } from "./result.ts";
import { type Run, startRun } from "./run.ts";
import { unitsOf } from "./standing.ts";
import { tellPlan, tellWayBack } from "./tell-plan.ts";
import { carryOut, planTidying } from "./tidy.ts";
import { planUpdate, prepare } from "./update.ts";

export interface FetchOptions {
  /** Config files, or directories of them. */
  readonly paths: readonly string[];
  readonly mode: Mode;
  /** False: images are brought here, and nothing more (FET-104). */
  readonly activates: boolean;
  /** False: an image that is there already is taken by its size alone. */
  readonly verify: boolean;
  /** How many configs are worked on at a time. */
  readonly jobs: number;
}

/** @param place of the config among all that were meant, from 0 */
type Finished = (result: FetchResult, place: number) => void;

/**
 * Fetches for every config, some side by side. Nothing is thrown for what goes wrong with one: it
 * is in its result.
 *
 * @param finished called once for each config, in the order in which they end
 */
export async function fetchAll(
  { paths, mode, activates, verify, jobs }: FetchOptions,
  effects: Effects,
  finished: Finished,
): Promise<void> {
  const places = createPlaces(jobs);
  const largeManifests = new LargeManifests();
  const configs = loadConfigs(paths);
  const order = configs.map(({ file }) => file);
  const end = (result: FetchResult) => finished(result, order.indexOf(result.config));
  const runs: Run[] = [];
  for (const loaded of configs) {
    if ("error" in loaded) {
      end(failedResult(loaded.file, [loaded.error]));
      continue;
    }
    runs.push(startRun(loaded, { mode, activates, verify, largeManifests }, effects));
  }
  if (isDry(mode) || startsUnit(mode)) {
    await Promise.all(runs.map(async (run) => end(await fetchAlone(run, places))));
  } else {
    const groups = groupsOf(runs, (run) => [...unitsOf(run), ...run.config.check]);
    await Promise.all(groups.map((group) => fetchGroup(group, effects, places, end)));
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
  end: (result: FetchResult) => void,
): Promise<void> {
  using locks = new DisposableStack();
  const members: Member[] = [];
  for (const run of group.toSorted(byDestination)) {
    using place = await places.take();
    try {
      if (run.activates) refuseOwnUnit(run, USE_INIT);
      const destination = locks.use(await lock(run, place.aside));
      const member = new Member(run, destination);
      members.push(member);
      await member.attempt(() => bring(member));
    } catch (thrown) {
      end(failedResult(run.config.file, [asFailure(thrown)]));
    }
  }
  // Others get on with their downloads while units start and are watched (ACT-61).
  try {
    await activate(
      members.filter(({ run }) => run.activates),
      effects,
    );
  } catch (thrown) {
    for (const member of members) member.fail(thrown);
  }
  for (const member of members) end(await resultOf(member));
}

/** Nothing of the old images is touched while anything is open, and while somebody may want to look at it (PRU-10). */
async function resultOf(member: Member): Promise<FetchResult> {
  await member.attempt(() => noteLook(member.run, member.destination, member.look));
  const result = await member.result();
  const { keep } = member.run.config;
  const isAtRest = ["updated", "current", "refused", "skipped"].includes(result.outcome);
  if (keep === undefined || !member.run.activates || !isAtRest) return result;
  await member.attempt(async () => {
    const plan = planTidying(member.run, member.destination, keep);
    if (plan.busy === undefined)
      await carryOut(plan, member.destination, member.run.effects.report);
  });
  return await member.result();
}

/** One that does not exist is not locked, so where it stands does not matter. */
function byDestination(a: Run, b: Run): number {
  const [first = "", second = ""] = [a, b].map(({ config }) => identity(config.destination));
  return first < second ? -1 : 1;
}

async function bring(member: Member): Promise<void> {
  const { run, destination } = member;
  warnOfDestination(run, destination);
  // What a run that died has begun is brought to its end first (ACT-54). Where that cannot be told, nothing comes into
  // use, but a damaged image still goes (FET-56).
  const isOnWayBack = run.activates && (await member.attempt(() => isReturning(member)));
  if (isOnWayBack === true) return;
  member.prepared = await prepare(run, destination, (look) => {
    member.look = look;
  });
}

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
  if (!startsUnit(run.mode) && run.activates) refuseOwnUnit(run, USE_INIT);

  const destination = openDestination(run.config.destination);
  destination.requireDirectory();
  warnOfDestination(run, destination);
  const wayBack = await tellWayBack(run, destination);
  if (wayBack !== undefined) return wayBack;
  let isTold = false;
  try {
    const { plan, cost, end } = await planUpdate(run, destination);
    isTold = true;
    const isSomething = tellPlan(run, destination, plan, cost);
    const outcome = end();
    return isSomething && plan !== undefined ? ended("planned", plan.entry) : outcome;
  } finally {
    if (!isTold) tellPlan(run, destination, undefined);
  }
}
