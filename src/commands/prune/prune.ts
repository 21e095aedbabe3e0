// tako prune on a host: removes old images that nothing needs, and what is left of downloads (spec/prune.md). It asks
// nobody but the disk.

import type { TakoError } from "../../core/error.ts";
import type { Pruning } from "../../core/prune.ts";
import { openDestination } from "../../shell/destination.ts";
import { LargeManifests } from "../../shell/origin/manifest-room.ts";
import type { Effects } from "../effects.ts";
import { CONFIGS, loadConfigs } from "../fetch/configs.ts";
import { lock, warnOfDestination } from "../fetch/lock.ts";
import { asFailure } from "../fetch/result.ts";
import { type Run, startRun } from "../fetch/run.ts";
import { carryOut, planTidying } from "../fetch/tidy.ts";

export interface PruneOptions {
  /** Configs, or directories of them; /etc/tako if there is none. */
  readonly paths: readonly string[];
  /** In the place of each `Keep=`. */
  readonly keep: number | undefined;
  readonly dryRun: boolean;
}

/** How one config ended. */
export type PruneResult = { readonly config: string } & (
  | ({
      /** Something was removed, would be, or there was nothing to remove. */
      readonly outcome: "pruned" | "planned" | "nothing";
      /** How many images may stay that nothing needs; all if it is undefined. */
      readonly limit: number | undefined;
    } & Pruning)
  | { readonly outcome: "failed"; readonly errors: readonly TakoError[] }
);

/** Nothing is thrown for what goes wrong with one config: it is in its result. */
export async function prune(
  { paths, keep, dryRun }: PruneOptions,
  effects: Effects,
  finished: (result: PruneResult) => void,
): Promise<void> {
  const how = {
    mode: dryRun ? "dry-run" : "run",
    activates: false,
    verify: false,
    largeManifests: new LargeManifests(),
  } as const;
  for (const loaded of loadConfigs(paths.length === 0 ? [CONFIGS] : paths)) {
    if ("error" in loaded) {
      finished({ config: loaded.file, outcome: "failed", errors: [loaded.error] });
      continue;
    }
    try {
      finished(await pruneOne(startRun(loaded, how, effects), keep, dryRun));
    } catch (thrown) {
      finished({ config: loaded.file, outcome: "failed", errors: [asFailure(thrown)] });
    }
  }
}

async function pruneOne(run: Run, keep: number | undefined, dryRun: boolean): Promise<PruneResult> {
  const config = run.config.file;
  const limit = keep ?? run.config.keep;
  if (dryRun) {
    const destination = openDestination(run.config.destination);
    destination.requireDirectory();
    warnOfDestination(run, destination);
    const plan = planTidying(run, destination, limit);
    return { config, outcome: isSomething(plan) ? "planned" : "nothing", limit, ...plan };
  }
  using destination = await lock(run);
  warnOfDestination(run, destination);
  const plan = planTidying(run, destination, limit);
  await carryOut(plan, destination, run.effects.report);
  // A run that did it already may have been killed before its own sync.
  if (!isSomething(plan)) await destination.images.sync();
  return { config, outcome: isSomething(plan) ? "pruned" : "nothing", limit, ...plan };
}

function isSomething({ remove, partials }: Pruning): boolean {
  return remove.length + partials.length > 0;
}
