// How the result of `tako prune` for one config looks.

import type { PruneResult } from "../../commands/prune/prune.ts";
import type { TakoError } from "../../core/error.ts";
import type { Busy, Pruning, Reason, Shelved } from "../../core/prune.ts";
import { errorFields } from "../errors.ts";
import { exitStatus } from "../exit-status.ts";
import type { Presenter, Said } from "../presenter.ts";
import { bytes, count, shortDigest } from "../text.ts";

const REASONS: Readonly<Record<Reason, string>> = {
  "in-use": "in use",
  good: "the last that proved itself",
  held: "the host is held on it",
  owed: "its restart is on record",
  linked: "a link in the destination names it",
  next: "the next run puts it into use",
  "go-back": "tako rollback leads to it",
  last: "nothing else here could be started",
  newest: "among the newest",
  all: "",
};

const BUSY: Readonly<Record<Busy, string>> = {
  restart: "a restart is owed, and units may still run an old one",
  trial: "the one in use has still to prove itself",
  "way-back": "the way back to an earlier one is not at its end",
};

type Done = Extract<PruneResult, Pruning>;

/** @param isDry whether the reasons are told, as a dry run does (PRU-9) */
export const prunePresenter = (isDry: boolean): Presenter<PruneResult> => ({
  text(result) {
    if (result.outcome === "failed") return [];
    const plan = isDry ? planOf(result) : [];
    return [
      ...[...plan, summary(result)].map(
        (line): Said => ({ on: "stdout", line: `${result.config}: ${line}` }),
      ),
      ...whyAllStay(result),
    ];
  },

  json(result) {
    const { config, outcome } = result;
    if (outcome === "failed") {
      return { config, outcome, errors: result.errors.flatMap(errorFields) };
    }
    const { remove, partials, keep, busy = null, limit = null } = result;
    return {
      config,
      outcome,
      keep: limit,
      removed: remove.map(fieldsOf),
      partials: partials.map(fieldsOf),
      kept: keep.map(({ why, ...image }) => ({ ...fieldsOf(image), why })),
      freed: sizeOf([...remove, ...partials]),
      busy,
    };
  },

  errors: errorsOf,

  status: (result) => exitStatus(errorsOf(result).map(({ kind }) => kind)),
});

function errorsOf(result: PruneResult): readonly TakoError[] {
  return result.outcome === "failed" ? result.errors : [];
}

/** Whether nothing was removed, and nothing keeps more from being removed (PRU-13). */
export function isNoNews(result: PruneResult): boolean {
  return result.outcome === "nothing" && (result.limit === undefined || result.busy === undefined);
}

/** What would go, and what stays for which reason. */
function planOf({ remove, partials, keep }: Done): readonly string[] {
  return [
    ...partials.map((file) => `would remove the partial download of ${shown(file)}`),
    ...remove.map((file) => `would remove ${shown(file)}`),
    ...keep.map(
      (file) => `${shown(file)}, stays${file.why === "all" ? "" : `: ${REASONS[file.why]}`}`,
    ),
  ];
}

function summary({ outcome, remove, partials, keep }: Done): string {
  const stay = `${count(keep.length, "image")} stay${keep.length === 1 ? "s" : ""}`;
  const gone = [
    ...(remove.length === 0 ? [] : [count(remove.length, "image")]),
    ...(partials.length === 0 ? [] : [count(partials.length, "partial download")]),
  ];
  if (gone.length === 0) return `nothing to remove, ${stay}`;
  const did = outcome === "planned" ? "would remove" : "removed";
  return `${did} ${gone.join(" and ")}, ${bytes(sizeOf([...remove, ...partials]))}; ${stay}`;
}

function whyAllStay({ config, limit, busy }: Done): readonly Said[] {
  if (limit === undefined) {
    const hint = "  All images stay: no Keep= in the config, and no --keep, says how many may go.";
    return [{ on: "stderr", priority: "info", lines: [hint] }];
  }
  if (busy === undefined) return [];
  const lines = [
    `tako: ${config}: no image is removed now: ${BUSY[busy]}`,
    `  "tako fetch ${config}" brings that to its end.`,
  ];
  return [{ on: "stderr", priority: "warning", lines }];
}

function shown({ version, digest, size }: Shelved): string {
  const name = version ?? `${shortDigest(digest)} (in no version of the manifest)`;
  return `${name}, ${bytes(size)}`;
}

function fieldsOf({ version, digest, size }: Shelved) {
  return { version, sha256: digest, size };
}

function sizeOf(files: readonly Shelved[]): number {
  return files.reduce((sum, { size }) => sum + size, 0);
}
