// tako check: what is wrong with configs, all of it, and what is valid and will not do what was meant (spec/check.md).
// The story of it. No network, no lock, and nothing is changed.

import type { Config } from "../../core/config.ts";
import { type Doubt, doubtsAboutConfig } from "../../core/config-doubts.ts";
import { linesOf } from "../../core/config-lines.ts";
import { type Problem, TakoError } from "../../core/error.ts";
import type { Sandbox } from "../../core/sandbox.ts";
import type { Effects } from "../effects.ts";
import {
  CONFIGS,
  type LoadedConfig,
  type Readable,
  readConfigs,
  sharedDestinations,
} from "../fetch/configs.ts";
import { askStates, type UnitStates } from "../fetch/units.ts";
import {
  doubtsAboutDestination,
  doubtsAboutUnits,
  type NamedUnit,
  readSandboxes,
  runningUnits,
  shippedUnits,
  unitsIn,
} from "./surroundings.ts";

export interface CheckResult {
  readonly config: string;
  /** What a run would refuse. */
  readonly errors: readonly TakoError[];
  /** In the order of their lines, those without one last. */
  readonly warnings: readonly Problem[];
}

/** @param paths configs, and directories of them; those of the host if there are none */
export async function checkAll(
  paths: readonly string[],
  { systemd, report }: Pick<Effects, "systemd" | "report">,
): Promise<readonly CheckResult[]> {
  const loaded = readConfigs(paths.length === 0 ? [CONFIGS] : paths);
  const readable = loaded.filter((each) => "config" in each);
  const units = readable.flatMap(({ file, config }) => [
    ...unitsIn(config).map(({ unit }) => unit),
    ...shippedUnits(file),
  ]);
  const states = await askStates(systemd, [...new Set(units)]);
  const runningFor = ({ file }: Readable) => runningUnits(file, systemd, states ?? new Map());
  const running = new Set(readable.flatMap(runningFor));
  const sandboxes = states && (await readSandboxes(systemd, [...running]));
  if (sandboxes === undefined) {
    const message =
      "systemd does not answer here: units, and what they may write to, were not checked";
    report({ event: "warning", message });
  }
  const host = {
    states: states ?? new Map(),
    sandboxes: sandboxes ?? new Map(),
    readable,
    runningFor,
  };
  const shared = sharedDestinations(loaded);
  return loaded.map((each) => checkOne(each, shared.get(each), host));
}

interface Host {
  readonly states: UnitStates;
  readonly sandboxes: ReadonlyMap<string, Sandbox>;
  readonly readable: readonly Readable[];
  readonly runningFor: (config: Readable) => readonly string[];
}

function checkOne(
  loaded: LoadedConfig,
  shared: TakoError | undefined,
  { states, sandboxes, readable, runningFor }: Host,
): CheckResult {
  if ("error" in loaded) return { config: loaded.file, errors: [loaded.error], warnings: [] };
  const { file, source, config } = loaded;
  const lineOf = linesOf(source);
  const at = ({ key, unit, message, rule }: Doubt): Problem => {
    const line = key === undefined ? undefined : lineOf(key, unit);
    return { ...(line && { line }), ...(key !== undefined && { key }), message, rule };
  };
  const warnings = [
    ...doubtsAboutConfig(config),
    ...doubtsAboutDestination(config, runningFor(loaded), sandboxes),
    ...doubtsAboutUnits(config, states),
    ...sharedUnits(loaded, readable),
    ...loaded.warnings.map((message) => ({ message, rule: "FET-18" })),
  ].map(at);
  const wrong = shared && at({ message: shared.message, key: "Destination", rule: "FET-6" });
  return {
    config: file,
    errors:
      wrong === undefined
        ? []
        : [new TakoError("config", wrong.message, { source: file, problems: [wrong] })],
    warnings: warnings.toSorted((a, b) => (a.line ?? Infinity) - (b.line ?? Infinity)),
  };
}

/** Configs with a unit in common come into use together, and go back together (ACT-60). */
function sharedUnits({ config }: Readable, readable: readonly Readable[]): readonly Doubt[] {
  return unitsToRestart(config).flatMap(({ key, listed, unit }) => {
    const other = readable.find(
      (each) => each.config !== config && unitsToRestart(each.config).some((u) => u.unit === unit),
    );
    if (other === undefined) return [];
    const message = `${unit} is also a unit of ${other.file}: both change together`;
    return [{ key, unit: listed, message, rule: "CHK-19" }];
  });
}

function unitsToRestart(config: Config): readonly NamedUnit[] {
  return unitsIn(config).filter(({ key }) => key === "Restart" || key === "Reload");
}
