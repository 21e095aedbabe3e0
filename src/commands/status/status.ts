// tako status: how this host stands with each config, by what is on the disk alone (spec/status.md).

import { basename, dirname } from "node:path";
import type { Checked } from "../../core/checked.ts";
import type { Sha256Hex } from "../../core/digest.ts";
import type { TakoError } from "../../core/error.ts";
import { entryInUse, newestMatch } from "../../core/select.ts";
import {
  type Severity,
  type State,
  severityOf,
  statesOf,
  worstSeverity,
} from "../../core/status.ts";
import type { Effects } from "../effects.ts";
import type { Report } from "../events.ts";
import { CONFIGS, loadConfigs, type Readable } from "../fetch/configs.ts";
import { asFailure } from "../fetch/result.ts";
import { lookAt } from "./look.ts";

export interface StatusOptions {
  /** Configs, or directories of them; those of this host unless there are any. */
  readonly paths: readonly string[];
  /** Whether images are hashed, and the signature of manifests is checked. */
  readonly verify: boolean;
}

/** How a host stands with a config. Times are seconds since the epoch. */
export interface Status {
  readonly config: string;
  readonly name: string;
  readonly severity: Severity;
  readonly pattern: string;
  /** What `latest` names; its version is absent if the manifest does not list it. */
  readonly inUse: { readonly version?: string | undefined; readonly sha256: Sha256Hex } | undefined;
  readonly allowed: string | undefined;
  readonly newest: string | undefined;
  /** The entries of the local manifest. */
  readonly versions: number;
  /** Those whose image is here. */
  readonly images: number;
  /** Of all files in the store. */
  readonly bytes: number;
  readonly checked: Checked | undefined;
  readonly changed: number | undefined;
  /** Worst first. */
  readonly states: readonly State[];
  readonly now: number;
}

/** A config that cannot be looked at. */
export interface Unseen {
  readonly config: string;
  readonly name: string;
  readonly severity: "unknown";
  readonly error: TakoError;
}

export type StatusResult = Status | Unseen;

/** One after the other, so that no more than one manifest is in memory. */
export async function* statusOf(
  { paths, verify }: StatusOptions,
  effects: Effects,
): AsyncGenerator<StatusResult> {
  for (const loaded of loadConfigs(paths.length === 0 ? [CONFIGS] : paths)) {
    try {
      if ("error" in loaded) throw loaded.error;
      yield await statusOfOne(loaded, verify, effects);
    } catch (thrown) {
      const { file: config } = loaded;
      yield { config, name: nameOf(config), severity: "unknown", error: asFailure(thrown) };
    }
  }
}

async function statusOfOne(
  { file, config }: Readable,
  verify: boolean,
  effects: Effects,
): Promise<Status> {
  const report: Report = (event) => effects.report({ config: file, ...event });
  const { sight, stock } = await lookAt({ config, effects: { ...effects, report } }, verify);
  const { manifest, pattern, standing, checked, changed, now } = sight;
  const states = statesOf(sight);
  const { inUse } = standing;
  // A copy: a version is a piece of the manifest's text, all of which it would keep in memory.
  return structuredClone({
    config: file,
    name: nameOf(file),
    severity: worstSeverity(states.map((state) => severityOf(state, now))),
    pattern: pattern.text,
    inUse: inUse && {
      version: manifest && entryInUse(manifest, inUse, pattern)?.version.text,
      sha256: inUse,
    },
    allowed: manifest && newestMatch(manifest, pattern)?.version.text,
    newest: manifest?.entries.at(-1)?.version.text,
    versions: manifest?.entries.length ?? 0,
    images: stock.here.length,
    bytes: stock.bytes,
    checked,
    changed,
    states,
    now,
  });
}

/** As the other commands take it (FET-108). */
function nameOf(file: string): string {
  return dirname(file) === CONFIGS ? basename(file, ".tako") : file;
}
