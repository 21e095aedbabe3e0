// The metrics of `tako status` in Prometheus' text format, for node_exporter's textfile collector (STS-23). Names and
// units are by https://prometheus.io/docs/practices/naming.

import type { Status, StatusResult } from "../../../commands/status/status.ts";
import { STATES } from "../../../core/status.ts";
import { safe } from "../../text.ts";

type Labels = Readonly<Record<string, string>>;

interface Metric {
  readonly name: string;
  readonly help: string;
  /** One sample for each set of labels besides `config`. */
  readonly samples: (result: StatusResult) => readonly (readonly [Labels, number | undefined])[];
}

const METRICS: readonly Metric[] = [
  {
    name: "tako_image_info",
    help: "The version in use, the newest that the config allows, and the newest of all; always 1.",
    samples: ofSeen(({ inUse, allowed, newest, pattern }) => [
      [
        {
          version: inUse?.version ?? "",
          sha256: inUse?.sha256 ?? "",
          allowed: allowed ?? "",
          newest: newest ?? "",
          pattern,
        },
        1,
      ],
    ]),
  },
  {
    name: "tako_attention",
    help: "Whether something wants a person.",
    samples: ({ severity }) => [[{}, severity === "ok" ? 0 : 1]],
  },
  {
    name: "tako_state",
    help: "Whether a state of tako status holds.",
    samples: (result) => {
      const names: readonly string[] =
        "error" in result ? ["error"] : result.states.map(({ state }) => state);
      return STATES.map((state) => [{ state }, names.includes(state) ? 1 : 0]);
    },
  },
  {
    name: "tako_store_bytes",
    help: "The sizes of all files in the store.",
    samples: ofSeen(({ bytes }) => [[{}, bytes]]),
  },
  {
    name: "tako_store_images",
    help: "The images of the manifest that are here.",
    samples: ofSeen(({ images }) => [[{}, images]]),
  },
  {
    name: "tako_manifest_versions",
    help: "The versions that the local manifest lists.",
    samples: ofSeen(({ versions }) => [[{}, versions]]),
  },
  {
    name: "tako_manifest_change_timestamp_seconds",
    help: "When the local manifest changed last.",
    samples: ofSeen(({ changed }) => [[{}, changed]]),
  },
  {
    name: "tako_check_timestamp_seconds",
    help: "When the last look for news ended.",
    samples: ofSeen(({ checked }) => [[{}, checked?.look.time]]),
  },
  {
    name: "tako_check_success",
    help: "Whether the last look for news went well.",
    samples: ofSeen(({ checked }) => [[{}, checked && (checked.look.outcome === "ok" ? 1 : 0)]]),
  },
  {
    name: "tako_check_since_timestamp_seconds",
    help: "Since when looks for news end as the last one.",
    samples: ofSeen(({ checked }) => [[{}, checked?.look.since]]),
  },
];

function ofSeen(samples: (status: Status) => ReturnType<Metric["samples"]>): Metric["samples"] {
  return (result) => ("error" in result ? [] : samples(result));
}

export function statusMetrics(results: readonly StatusResult[]): readonly string[] {
  return METRICS.flatMap(({ name, help, samples }) => [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} gauge`,
    ...results.flatMap((result) =>
      samples(result).flatMap(([labels, value]) =>
        value === undefined
          ? []
          : [`${name}{${shownLabels({ config: result.config, ...labels })}} ${value}`],
      ),
    ),
  ]);
}

function shownLabels(labels: Labels): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escaped(value)}"`)
    .join(",");
}

function escaped(value: string): string {
  return safe(value).replaceAll("\\", "\\\\").replaceAll('"', '\\"');
}
