// tako verify: whether what is here is what it should be (spec/verify.md). The story of it.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { TakoError } from "../../core/error.ts";
import type { PublicKey } from "../../core/keys.ts";
import { MANIFEST } from "../../core/layout.ts";
import { HashLanes } from "../../shell/disk/hash-lanes.ts";
import { refuseDestination } from "../../shell/publication/directory.ts";
import type { Effects } from "../effects.ts";
import type { Report } from "../events.ts";
import { CONFIGS, type LoadedConfig, loadConfigs } from "../fetch/configs.ts";
import { verifyHost } from "./host.ts";
import { verifyOrigin } from "./origin.ts";
import type { VerifyResult } from "./result.ts";

export interface VerifyOptions {
  /** Configs, or the directory of one origin; those of the host if there are none. */
  readonly paths: readonly string[];
  /** Of an origin. */
  readonly publicKey: PublicKey | undefined;
}

/** How many destinations are looked at at a time: enough for their images to keep all cores busy. */
const AT_A_TIME = 8;

/** @param onResult is told each result, in the order of the configs */
export async function verifyAll(
  { paths, publicKey }: VerifyOptions,
  { report }: Pick<Effects, "report">,
  onResult: (result: VerifyResult) => void,
): Promise<void> {
  using lanes = new HashLanes();
  const [first] = paths;
  if (first !== undefined && paths.length === 1 && isOrigin(first)) {
    refuseDestination(first);
    return onResult(await verifyOrigin(first, publicKey, lanes, report));
  }
  if (publicKey !== undefined) {
    throw new TakoError("usage", "option --public-key is for the directory of an origin");
  }
  const running: Promise<VerifyResult>[] = [];
  const tellNext = async () => {
    const first = running.shift();
    if (first !== undefined) onResult(await first);
  };
  for (const loaded of loadConfigs(paths.length === 0 ? [CONFIGS] : paths)) {
    const result = verifyConfig(loaded, lanes, report);
    // One that breaks off is told when it is its turn.
    result.catch(() => {});
    running.push(result);
    if (running.length >= AT_A_TIME) await tellNext();
  }
  while (running.length > 0) await tellNext();
}

async function verifyConfig(
  loaded: LoadedConfig,
  lanes: HashLanes,
  report: Report,
): Promise<VerifyResult> {
  const config = loaded.file;
  if ("error" in loaded) {
    return { of: { config }, images: [], inUse: undefined, errors: [loaded.error] };
  }
  return verifyHost(loaded, lanes, (event) => report({ config, ...event }));
}

/** Whether a path is a directory with a manifest in it. */
function isOrigin(path: string): boolean {
  return existsSync(join(path, MANIFEST));
}
