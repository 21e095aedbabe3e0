// What `rollback`, `hold` and `release` have in common: they are for one config, which may be named as its file in
// /etc/tako is (ACT-80, ACT-81).

import { statSync } from "node:fs";
import { TakoError } from "../../core/error.ts";
import { shownPath } from "../../core/text.ts";
import type { LockedDestination } from "../../shell/destination.ts";
import { LargeManifests } from "../../shell/origin/manifest-room.ts";
import type { Effects } from "../effects.ts";
import { loadConfigs } from "../fetch/configs.ts";
import { lock, warnOfDestination } from "../fetch/lock.ts";
import { asFailure, type FetchResult, failedResult } from "../fetch/result.ts";
import { type Run, startRun } from "../fetch/run.ts";

/** Where `tako fetch` finds the configs of a host, by custom. */
const CONFIGS = "/etc/tako";

/** Does something for the one config that a name stands for. What goes wrong is in the result. */
export async function forConfig(
  name: string,
  mode: "run" | "dry-run",
  effects: Effects,
  act: (run: Run) => Promise<FetchResult>,
): Promise<FetchResult> {
  const file = fileOf(name);
  if (isThere(file, "directory")) return failedResult(file, [severalConfigs(file)]);
  const [loaded] = loadConfigs([file]);
  if (loaded === undefined || "error" in loaded) {
    const error = loaded?.error ?? severalConfigs(file);
    return failedResult(file, [name.includes("/") ? error : alsoLookedFor(error, name)]);
  }
  const how = { mode, activates: true, verify: true, largeManifests: new LargeManifests() };
  try {
    return await act(startRun(loaded, how, effects));
  } catch (thrown) {
    return failedResult(file, [asFailure(thrown)]);
  }
}

/** The destination of a run, locked, and what may be wrong with it told. */
export async function lockedFor(run: Run): Promise<LockedDestination> {
  const destination = await lock(run);
  warnOfDestination(run, destination);
  return destination;
}

/** `web` is /etc/tako/web.tako, unless there is a file of that name here. */
function fileOf(name: string): string {
  const customary = `${CONFIGS}/${name}.tako`;
  const isName = !name.includes("/") && !isThere(name, "file");
  return isName && isThere(customary, "file") ? customary : name;
}

/** @param what a pipe is a file, too */
function isThere(path: string, what: "file" | "directory"): boolean {
  try {
    return statSync(path).isDirectory() === (what === "directory");
  } catch {
    return false;
  }
}

function severalConfigs(file: string): TakoError {
  return new TakoError("config", "it is a directory; expected one config", {
    rule: "ACT-80",
    source: file,
  });
}

function alsoLookedFor(error: TakoError, name: string): TakoError {
  if (error.rule !== "FET-5") return error;
  const customary = shownPath(`${CONFIGS}/${name}.tako`);
  return error.with({ hint: `${error.hint ?? ""} Nor is there ${customary}.`.trim() });
}
