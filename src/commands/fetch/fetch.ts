// tako fetch: brings destinations to the newest image that their configs allow (spec/fetch.md). The
// story of a run; the files beside this one tell its parts.

import { phaseOf } from "../../core/activation.ts";
import { TakoError } from "../../core/error.ts";
import { isDry, type Mode, type Plan, standingAfterPlan, startsUnit } from "../../core/plan.ts";
import { patternWarning } from "../../core/version-advice.ts";
import { type Destination, lockDestination, openDestination } from "../../shell/destination.ts";
import { LargeManifests } from "../../shell/origin/manifest-room.ts";
import type { Effects } from "../effects.ts";
import type { Report } from "../events.ts";
import { type LoadedConfig, loadConfigs, type Readable } from "./configs.ts";
import { withoutLock } from "./init.ts";
import { createPlaces, type Place } from "./places.ts";
import { settle } from "./restart.ts";
import type { FetchResult, Outcome } from "./result.ts";
import type { Run } from "./run.ts";
import { planUpdate, update } from "./update.ts";

export interface FetchOptions {
  /** Config files, or directories of them. */
  readonly paths: readonly string[];
  readonly mode: Mode;
  /** False: an image that is there already is taken by its size alone. */
  readonly verify: boolean;
  /** How many configs are worked on at a time. */
  readonly jobs: number;
}

/**
 * Fetches for every config, some side by side. Nothing is thrown for what goes wrong with one: it
 * is in its result.
 *
 * @param finished called once for each config, in the order in which they end
 */
export async function fetchAll(
  options: FetchOptions,
  effects: Effects,
  finished: (result: FetchResult) => void,
): Promise<void> {
  const places = createPlaces(options.jobs);
  const largeManifests = new LargeManifests();
  const work = async (loaded: LoadedConfig) => {
    using place = await places.take();
    finished(
      "error" in loaded
        ? { config: loaded.file, outcome: "failed", errors: [loaded.error] }
        : await fetchOne(loaded, largeManifests, options, effects, place),
    );
  };
  await Promise.all(loadConfigs(options.paths).map(work));
}

async function fetchOne(
  { config, warnings }: Readable,
  largeManifests: LargeManifests,
  { mode, verify }: FetchOptions,
  effects: Effects,
  place: Place,
): Promise<FetchResult> {
  const report: Report = (event) => effects.report({ config: config.file, ...event });
  const run: Run = { config, mode, verify, place, largeManifests, effects: { ...effects, report } };
  const doubt = patternWarning(config.pattern);
  for (const message of doubt === undefined ? warnings : [...warnings, doubt]) {
    report({ event: "warning", message });
  }
  const errors: TakoError[] = [];
  const attempt: Attempt = async (step) => {
    try {
      return await step();
    } catch (thrown) {
      addError(errors, thrown);
      return undefined;
    }
  };
  const story = isDry(mode) ? planOnly : fetchLocked;
  const outcome = await attempt(() => story(run, attempt));
  return errors.length === 0 && outcome !== undefined
    ? { config: config.file, ...outcome }
    : { config: config.file, outcome: "failed", errors };
}

/** Makes a step whose failure is noted, and keeps no other step from its work. */
type Attempt = <T>(step: () => Promise<T>) => Promise<T | undefined>;

function addError(errors: TakoError[], thrown: unknown): void {
  const error = thrown instanceof TakoError ? thrown : internalError(thrown);
  const { message, source } = error;
  // What stops the update may stop the restart as well, and is told once.
  if (errors.some((other) => other.message === message && other.source === source)) return;
  errors.push(error);
}

/** What nobody foresaw is an error of this config, so that the others still run (FET-4). */
function internalError(cause: unknown): TakoError {
  return new TakoError("failed", "internal error; please report it", {
    hint: "TAKO_DEBUG=1 shows where.",
    cause,
  });
}

async function fetchLocked(run: Run, attempt: Attempt): Promise<Outcome | undefined> {
  const ready = await withoutLock(run);
  if (ready !== undefined) return ready;

  const { clock, report } = run.effects;
  const directory = run.config.destination;
  const onWait = () => report({ event: "waiting", directory });
  using destination = await lockDestination(directory, { clock, onWait, aside: run.place.aside });
  warnOfPermissions(run, destination);
  const outcome = await attempt(() => update(run, destination));
  // A restart that is owed is done also when there was no way to get further (FET-75).
  if (!startsUnit(run.mode)) await attempt(() => settle(run, destination));
  return outcome;
}

/** What {@link fetchLocked} would do: every check, and nothing written (FET-90). */
async function planOnly(run: Run, attempt: Attempt): Promise<Outcome | undefined> {
  const ready = await withoutLock(run);
  if (ready !== undefined) return ready;

  const destination = openDestination(run.config.destination);
  destination.requireDirectory();
  warnOfPermissions(run, destination);
  const planned = await attempt(() => planUpdate(run, destination));
  if (planned === undefined || "outcome" in planned) {
    tell(run, destination, undefined);
    return planned;
  }
  const isSomething = tell(run, destination, planned.plan);
  const outcome = planned.end();
  return isSomething ? { ...outcome, outcome: "planned" } : outcome;
}

/** Tells a plan, and the restart that follows it (FET-91). @returns whether there is something to do */
function tell(
  { config, mode, effects: { report } }: Run,
  destination: Destination,
  plan: Plan | undefined,
): boolean {
  let isSomething = false;
  const version = plan?.entry.version.text ?? "";
  const would = (action: "download" | "activate" | "restart", what: string) => {
    isSomething = true;
    report({ event: "would", action, what });
  };
  for (const { step } of plan?.steps ?? []) {
    if (step === "download" || step === "repair") would("download", version);
    if (step === "swap") would("activate", version);
  }
  const standing = destination.readStanding(config.restart);
  const phase = phaseOf(plan === undefined ? standing : standingAfterPlan(standing, plan));
  if (!startsUnit(mode) && phase.phase === "restart-owed") would("restart", phase.units.join(" "));
  return isSomething;
}

function warnOfPermissions({ effects: { report } }: Run, destination: Destination): void {
  for (const message of destination.permissionWarnings()) report({ event: "warning", message });
}
