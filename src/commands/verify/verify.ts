// tako verify: whether what is here is what it should be (spec/verify.md). The story of it.

import { existsSync, lstatSync } from "node:fs";
import { join } from "node:path";
import { TakoError } from "../../core/error.ts";
import type { PublicKey } from "../../core/keys.ts";
import { LATEST, MANIFEST } from "../../core/layout.ts";
import { shownPath } from "../../core/text.ts";
import { HashLanes } from "../../shell/disk/hash-lanes.ts";
import type { Effects } from "../effects.ts";
import type { Report } from "../events.ts";
import { CONFIGS, loadConfigs } from "../fetch/configs.ts";
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
    requireNoDestination(first);
    return onResult(await verifyOrigin(first, publicKey, lanes, report));
  }
  if (publicKey !== undefined) {
    throw new TakoError("usage", "option --public-key is for the directory of an origin");
  }
  const running: Promise<VerifyResult>[] = [];
  for (const loaded of loadConfigs(paths.length === 0 ? [CONFIGS] : paths)) {
    if ("error" in loaded) {
      const errors = [loaded.error];
      running.push(
        Promise.resolve({ of: { config: loaded.file }, images: [], inUse: undefined, errors }),
      );
    } else {
      const tell: Report = (event) => report({ config: loaded.file, ...event });
      running.push(verifyHost(loaded, lanes, tell));
    }
    if (running.length >= AT_A_TIME) onResult(await next(running));
  }
  while (running.length > 0) onResult(await next(running));
}

async function next(running: Promise<VerifyResult>[]): Promise<VerifyResult> {
  const [first] = running.splice(0, 1);
  if (first === undefined) throw new Error("nothing is running");
  return first;
}

/** A host has not all the images of its manifest, and which of them it is to have the config says. */
function requireNoDestination(directory: string): void {
  if (lstatSync(join(directory, LATEST), { throwIfNoEntry: false }) === undefined) return;
  throw new TakoError("usage", `${shownPath(directory)} is the destination of a host`, {
    rule: "VFY-1",
    hint: "Name its config instead.",
  });
}

/** Whether a path is a directory with a manifest in it. */
function isOrigin(path: string): boolean {
  return existsSync(join(path, MANIFEST));
}
