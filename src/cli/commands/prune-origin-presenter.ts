// How the result of `tako prune --output` looks.

import type { PruneOriginResult } from "../../commands/prune/prune-origin.ts";
import type { Effect } from "../../core/withdrawal.ts";
import { DONE } from "../exit-status.ts";
import type { Presenter, Said } from "../presenter.ts";
import { bytes, count } from "../text.ts";

const MARKS: Said = {
  on: "stderr",
  priority: "info",
  lines: [
    "  Upload the .gone files in store/ with the rest: they tell hosts that it was on purpose.",
  ],
};

const LISTS: Said = {
  on: "stderr",
  priority: "info",
  lines: ["  The .packed files in store/ have changed: upload them anew."],
};

export const pruneOriginPresenter: Presenter<PruneOriginResult> = {
  text(result) {
    const { outcome, remove, stay, effects, packed } = result;
    const left = `${count(stay.length, "version")} of the pattern stay${stay.length === 1 ? "s" : ""}`;
    const does = outcome === "planned";
    const gone = [
      ...(remove.length === 0
        ? []
        : [`${count(remove.length, "image")}, ${bytes(freedBy(result))}`]),
      ...(packed.length === 0 ? [] : [count(packed.length, "packed file")]),
    ].join(", and ");
    const lines = {
      planned: [
        ...remove.map(({ version, size }) => `would remove ${version}, ${bytes(size)}`),
        `would remove ${gone}; ${left}`,
      ],
      pruned: [`removed ${gone}; ${left}`],
      nothing: [`nothing to remove, ${left}`],
    }[outcome];
    const said = [...lines, ...describeEffects(effects, does)];
    return [
      ...said.map((line): Said => ({ on: "stdout", line })),
      ...(outcome === "pruned" && result.isToCopy ? [MARKS] : []),
      ...(outcome === "pruned" && result.isToCopy && packed.length > 0 ? [LISTS] : []),
    ];
  },

  json(result) {
    const { outcome, remove, stay, effects, packed } = result;
    return {
      outcome,
      removed: remove.map(({ version, digest, size }) => ({ version, sha256: digest, size })),
      kept: stay,
      patterns: effects.map(({ instead = null, ...effect }) => ({ ...effect, instead })),
      packed,
      freed: freedBy(result),
    };
  },

  errors: () => [],

  status: () => DONE,
};

/** How many patterns are named. */
const NAMED = 10;

function describeEffects(effects: readonly Effect[], isPlanned: boolean): readonly string[] {
  const more = effects.length - NAMED;
  return [
    ...effects.slice(0, NAMED).map((effect) => describeEffect(effect, isPlanned)),
    ...(more > 0 ? [`and so on for ${count(more, "more pattern")}; --json lists them`] : []),
  ];
}

function describeEffect({ pattern, newest, instead }: Effect, isPlanned: boolean): string {
  const would = isPlanned ? "would " : "";
  const find = instead === undefined ? "find nothing" : `take ${instead}`;
  return `new hosts with Version=${pattern} ${would}${find} in place of ${newest}`;
}

function freedBy({ remove }: PruneOriginResult): number {
  return remove.reduce((sum, { size }) => sum + size, 0);
}
