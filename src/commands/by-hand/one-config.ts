// What `rollback`, `hold` and `release` have in common: they are for one config (ACT-80).

import { statSync } from "node:fs";
import { TakoError } from "../../core/error.ts";
import type { LockedDestination } from "../../shell/destination.ts";
import { LargeManifests } from "../../shell/origin/manifest-room.ts";
import type { Effects } from "../effects.ts";
import { loadConfigs } from "../fetch/configs.ts";
import { lock, warnOfDestination } from "../fetch/lock.ts";
import { asFailure, type FetchResult, failedResult } from "../fetch/result.ts";
import { type Run, startRun } from "../fetch/run.ts";

/** Does something for the one config that a name stands for. What goes wrong is in the result. */
export async function forConfig(
  name: string,
  mode: "run" | "dry-run",
  effects: Effects,
  act: (run: Run) => Promise<FetchResult>,
): Promise<FetchResult> {
  if (isDirectory(name)) return failedResult(name, [severalConfigs(name)]);
  const [loaded] = loadConfigs([name]);
  if (loaded === undefined || "error" in loaded) {
    return failedResult(loaded?.file ?? name, [loaded?.error ?? severalConfigs(name)]);
  }
  const how = { mode, activates: true, verify: true, largeManifests: new LargeManifests() };
  try {
    return await act(startRun(loaded, how, effects));
  } catch (thrown) {
    return failedResult(loaded.file, [asFailure(thrown)]);
  }
}

/** The destination of a run, locked, and what may be wrong with it told. */
export async function lockedFor(run: Run): Promise<LockedDestination> {
  const destination = await lock(run);
  warnOfDestination(run, destination);
  return destination;
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function severalConfigs(file: string): TakoError {
  return new TakoError("config", "it is a directory; expected one config", {
    rule: "ACT-80",
    source: file,
  });
}
