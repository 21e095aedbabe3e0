// What parses in a config and will not do what was meant (spec/check.md), decided from the config and from what is
// known of the host. Who else could change the config, and what units there are, is found out elsewhere.

import type { Config } from "./config.ts";
import type { Manifest } from "./manifest.ts";
import { matches } from "./pattern.ts";
import { newestVersions } from "./select.ts";
import { printable } from "./text.ts";
import type { UnitState } from "./unit-state.ts";
import { patternWarning } from "./version-advice.ts";

/** One thing that deserves a look. */
export interface Doubt {
  /** The key of the config that is concerned, and the unit that it lists; none if it is the file itself. */
  readonly key?: string;
  readonly unit?: string;
  readonly message: string;
  /** The requirement, such as `CHK-10`. */
  readonly rule: string;
}

/** Of a config by itself. */
export function doubtsAboutConfig({
  origin,
  pattern,
  destination,
  ...config
}: Config): readonly Doubt[] {
  const doubts: Doubt[] = [];
  const channel = patternWarning(pattern);
  if (channel !== undefined) doubts.push({ key: "Version", message: channel, rule: "CHK-10" });
  const isInClear = origin.scheme === "http" || origin.scheme === "ftp";
  if (isInClear && origin.credentials !== undefined) {
    const message = `user and password go over ${origin.scheme}: without encryption`;
    doubts.push({ key: "Origin", message, rule: "CHK-12" });
  }
  if (!destination.startsWith("/")) {
    const message = "a relative path counts from the directory that tako is started in";
    doubts.push({ key: "Destination", message, rule: "CHK-13" });
  }
  if (config.watchMs === undefined && config.onRollback.length > 0) {
    const message = "without WatchSec= the host never goes back by itself";
    doubts.push({ key: "OnRollback", message, rule: "CHK-20" });
  }
  if (config.watchMs !== undefined && config.restart.length + config.reload.length === 0) {
    const message = "without Restart= and Reload= there is no unit to watch";
    doubts.push({ key: "WatchSec", message, rule: "CHK-20" });
  }
  return doubts;
}

/** How many versions a message names. */
const MAX_NAMED = 5;

/** Of its pattern and the versions that this host knows; a pattern may be for one that is still to come. */
export function doubtsAboutVersions({ pattern }: Config, local: Manifest): readonly Doubt[] {
  if (local.entries.some(({ version }) => matches(pattern, version))) return [];
  const known = newestVersions(local, MAX_NAMED).join(", ") || "none";
  const message = `no version that this host knows matches; the newest of them: ${known}`;
  return [{ key: "Version", message, rule: "CHK-11" }];
}

/** What systemd says of a unit that cannot be used as it is. */
const LOAD_STATES: Readonly<Record<string, string>> = {
  "not-found": "systemd knows no unit of this name",
  masked: "it is masked, so nothing starts it",
  "bad-setting": "systemd refuses its file: systemctl status tells why",
  error: "systemd cannot read its file: systemctl status tells why",
};

/** Of a unit that a key lists, as systemd has it. */
export function doubtsAboutUnit(key: string, listed: string, state: UnitState): readonly Doubt[] {
  const what = LOAD_STATES[state.load];
  if (what === undefined) return [];
  return [{ key, unit: listed, message: `${printable(state.unit)}: ${what}`, rule: "CHK-17" }];
}
