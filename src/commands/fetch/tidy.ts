// What a host's store may do without, and its removal: by tako prune, and by Keep= at the end of a fetch (spec/prune.md).

import type { Sha256Hex } from "../../core/digest.ts";
import { choose } from "../../core/plan.ts";
import { type Pruning, planPruning } from "../../core/prune.ts";
import type { Destination, LockedDestination } from "../../shell/destination.ts";
import type { Report } from "../events.ts";
import { viewOf } from "./news.ts";
import type { Run } from "./run.ts";
import { readStanding } from "./standing.ts";

/** What may go, by the local manifest and records. @throws TakoError of kind `storage` */
export function planTidying(run: Run, destination: Destination, keep: number | undefined): Pruning {
  const { pattern, publicKeys } = run.config;
  const manifest = destination.readManifest(publicKeys)?.manifest;
  let wanted: readonly Sha256Hex[] = [];
  if (manifest !== undefined) {
    const choice = choose(manifest, pattern, viewOf(run, destination, manifest, manifest).host);
    if (choice.choice === "take") wanted = choice.candidates.map(({ digest }) => digest);
  }
  const shelf = {
    manifest,
    pattern,
    standing: readStanding(run, destination),
    hold: destination.records().hold,
    linked: destination.linkedImages(),
    wanted,
    ...destination.images.sizes(),
  };
  return planPruning(shelf, keep);
}

/** Takes away what a plan names: what is worth least goes first, so that a run which dies has kept the best. */
export async function carryOut(
  { remove, partials }: Pruning,
  destination: LockedDestination,
  report: Report,
): Promise<void> {
  if (remove.length + partials.length === 0) return;
  await destination.sync();
  const all = [
    ...partials.map((file) => ({ file, what: "partial" as const })),
    ...remove.map((file) => ({ file, what: "image" as const })),
  ];
  try {
    for (const { file, what } of all) {
      const { digest, size, version } = file;
      destination.images.drop(digest, what);
      report({ event: "removed", what, version, sha256: digest, size });
    }
  } finally {
    await destination.images.sync();
  }
}
