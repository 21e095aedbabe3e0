// tako fetch: brings destinations to the newest image that their configs allow (spec/fetch.md).
// The story of a run, in order; receive.ts and activate.ts tell its two halves.

import type { Config } from "../core/config.ts";
import { TakoError } from "../core/error.ts";
import type { Entry, Manifest } from "../core/manifest.ts";
import { matches } from "../core/pattern.ts";
import { entryInUse, newestMatch, newestVersions, unitsOwed } from "../core/select.ts";
import { Destination } from "../shell/destination.ts";
import { lockDirectory } from "../shell/disk/lock.ts";
import { type Origin, openOrigin } from "../shell/origin/origin.ts";
import { ownUnits } from "../shell/systemd.ts";
import "../shell/native-hash.ts";
import { activate, restartOwed } from "./activate.ts";
import { loadConfigs } from "./configs.ts";
import type { FetchResult, Report } from "./events.ts";
import { obtainImage, receiveManifest } from "./receive.ts";
import type { Run } from "./run.ts";

export interface FetchOptions {
  /** Config files, or directories of them. */
  readonly paths: readonly string[];
  readonly init: boolean;
  /** False: an image that is there already is taken by its size alone. */
  readonly verify: boolean;
  readonly dryRun: boolean;
  /** How many configs are worked on at a time. */
  readonly jobs: number;
}

/** How many of the newest versions are shown when none matches. */
const OFFERED = 5;

type Outcome = Omit<FetchResult, "config" | "errors">;

/**
 * Fetches for every config, some side by side. Nothing is thrown for what goes wrong with one: it
 * is in its result.
 *
 * @param finished called once for each config, in the order in which they end
 */
export async function fetchAll(
  options: FetchOptions,
  report: Report,
  finished: (result: FetchResult) => void,
): Promise<void> {
  const waiting = loadConfigs(options.paths).values();
  const work = async () => {
    for (const loaded of waiting) {
      finished(
        "error" in loaded
          ? { config: loaded.file, outcome: "failed", errors: [loaded.error] }
          : await fetchOne(loaded.config, options, report),
      );
    }
  };
  await Promise.all(Array.from({ length: options.jobs }, work));
}

async function fetchOne(
  config: Config,
  options: FetchOptions,
  report: Report,
): Promise<FetchResult> {
  const run: Run = {
    config,
    destination: new Destination(config.destination),
    verify: options.verify,
    init: options.init,
    report: (event) => report({ config: config.file, ...event }),
  };
  const errors: TakoError[] = [];
  const collect = (thrown: unknown): undefined => {
    const error = foreseen(thrown);
    // What stops the update may stop the restart as well, and is told once.
    const { message, source } = error;
    if (!errors.some((told) => told.message === message && told.source === source))
      errors.push(error);
  };
  const outcome = await (options.dryRun ? foresee : fetchLocked)(run, collect).catch(collect);
  return errors.length === 0 && outcome
    ? { config: config.file, ...outcome, errors }
    : { config: config.file, outcome: "failed", errors };
}

/** Takes what went wrong with a step that must not keep the next one from its work. */
type Collect = (error: unknown) => undefined;

/** What needs no lock: the short way of `--init`, and the refusal of a run that would kill itself. */
async function beforeLock(run: Run): Promise<Outcome | undefined> {
  if (run.init) return await alreadyInitialised(run);
  refuseOwnUnit(run.config);
  return undefined;
}

async function fetchLocked(run: Run, collect: Collect): Promise<Outcome | undefined> {
  const ready = await beforeLock(run);
  if (ready !== undefined) return ready;

  const directory = run.config.destination;
  const lock = await lockDirectory(directory, () => run.report({ event: "waiting", directory }));
  try {
    run.destination.removeLeftovers();
    warnOfOthers(run);
    // A restart that is owed is done also when there was no way to get further (FET-75).
    const outcome = await update(run).catch(collect);
    if (!run.init) await restartOwed(run).catch(collect);
    return outcome;
  } finally {
    lock.release();
  }
}

function warnOfOthers({ destination, report }: Run): void {
  for (const message of destination.distrust()) report({ event: "warning", message });
}

/** Is there an image that the config allows, verified, without asking anybody (FET-80)? */
async function alreadyInitialised(run: Run): Promise<Outcome | undefined> {
  const { config, destination } = run;
  try {
    const local = destination.readManifest(config.publicKeys);
    const digest = destination.readLatest();
    if (!local?.signed || digest === undefined) return undefined;
    const entry = entryInUse(local.manifest, digest, config.pattern);
    if (entry === undefined || !matches(config.pattern, entry.version)) return undefined;
    return (await destination.images.check(entry, run.verify)) === "present"
      ? inUse(entry)
      : undefined;
  } catch (error) {
    // The locked run that follows meets the same trouble, and tells it.
    if (error instanceof TakoError) return undefined;
    throw error;
  }
}

/** A restart from inside the unit that is restarted would kill this very run (FET-9). */
function refuseOwnUnit({ restart }: Config): void {
  if (restart.length === 0) return;
  const unit = ownUnits().find((own) => restart.includes(own));
  if (unit === undefined) return;
  throw new TakoError("usage", `this run is a part of ${unit}, which it would have to restart`, {
    rule: "FET-9",
    hint: "Use tako fetch --init inside the unit itself.",
  });
}

/** From the manifest to the swap of `latest`. */
async function update(run: Run): Promise<Outcome> {
  const origin = originOf(run);
  const { manifest, store } = await receiveManifest(run, origin);
  await store();
  const picked = newestMatch(manifest, run.config.pattern);
  if (picked === undefined) return noMatch(run, manifest);
  const entry = await obtainImage(run, origin, manifest, picked);
  return { ...inUse(entry), outcome: (await activate(run, entry)) ? "updated" : "current" };
}

/** What {@link fetchLocked} would do: every check, and nothing written (FET-90). */
async function foresee(run: Run, collect: Collect): Promise<Outcome | undefined> {
  const ready = await beforeLock(run);
  if (ready !== undefined) return ready;

  const { config, destination, init, report } = run;
  destination.requireDirectory();
  warnOfOthers(run);
  const outcome = await foreseeUpdate(run).catch(collect);
  const latest = destination.readLatest();
  const owed = unitsOwed(destination.readOwed(latest), latest, config.restart);
  const units = outcome?.outcome === "planned" ? config.restart : owed;
  if (init || units.length === 0) return outcome;
  report({ event: "would", action: "restart", what: units.join(" ") });
  return outcome?.outcome === "current" ? { ...outcome, outcome: "planned" } : outcome;
}

/** What {@link update} would do. */
async function foreseeUpdate(run: Run): Promise<Outcome> {
  const { config, destination, report } = run;
  const { manifest } = await receiveManifest(run, originOf(run));
  const picked = newestMatch(manifest, config.pattern);
  if (picked === undefined) return noMatch(run, manifest);

  const version = picked.version.text;
  const isPresent = (await destination.images.check(picked, run.verify)) === "present";
  const isInUse = destination.readLatest() === picked.digest;
  if (!isPresent) report({ event: "would", action: "download", what: version });
  if (!isInUse) report({ event: "would", action: "activate", what: version });
  return isPresent && isInUse ? inUse(picked) : { ...inUse(picked), outcome: "planned" };
}

function originOf({ config, report }: Run): Origin {
  return openOrigin(config.origin, {
    now: Date.now,
    sleep: Bun.sleep,
    random: Math.random,
    onRetry: (url, reason, delay_ms) => report({ event: "retry", url, reason, delay_ms }),
  });
}

function inUse({ version, digest }: Entry): Outcome {
  return { outcome: "current", version: version.text, sha256: digest };
}

/** Nothing to do, unless a unit needs an image in order to start (FET-41, FET-42). */
function noMatch({ config, init }: Run, manifest: Manifest): Outcome {
  const pattern = config.pattern.text;
  const offered = newestVersions(manifest, OFFERED);
  if (!init) return { outcome: "no-match", pattern, offered };
  const newest =
    offered.length === 0
      ? "the manifest is empty"
      : `the newest on offer are ${offered.join(", ")}`;
  throw new TakoError("failed", `no version matches "${pattern}"; ${newest}`, {
    rule: "FET-42",
    source: config.file,
  });
}

/** Whatever was thrown, as an error of this config, so that the others still run (FET-4). */
function foreseen(error: unknown): TakoError {
  if (error instanceof TakoError) return error;
  return new TakoError("failed", "internal error; please report it", {
    hint: "TAKO_DEBUG=1 shows where.",
    cause: error,
  });
}
