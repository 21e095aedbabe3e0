// tako prune --output: removes images of a publisher's directory that no host is to ask for any more (spec/prune.md, PRU-20
// and following). The manifest stays as it is: its entries are history.

import type { Sha256Hex } from "../../core/digest.ts";
import { matches, parsePattern } from "../../core/pattern.ts";
import { planWithdrawal, type Withdrawal } from "../../core/withdrawal.ts";
import {
  type LockedPublication,
  lockPublication,
  openPublication,
  type Publication,
} from "../../shell/publication.ts";
import type { Effects } from "../effects.ts";
import { readPublished } from "../own-manifest.ts";

export interface PruneOriginOptions {
  readonly directory: string;
  /** Of the versions that the pattern matches, how many of the newest stay. */
  readonly keep: number;
  readonly pattern: string;
  readonly dryRun: boolean;
}

export interface PruneOriginResult extends Withdrawal {
  readonly outcome: "pruned" | "planned" | "nothing";
}

/** @throws TakoError of kind `pattern` or `storage` */
export async function pruneOrigin(
  { directory, keep, pattern, dryRun }: PruneOriginOptions,
  { clock, report }: Effects,
): Promise<PruneOriginResult> {
  const parsed = parsePattern(pattern);
  const planFor = (publication: Publication) => {
    const manifest = readPublished(publication, {
      rule: "PRU-21",
      hint: "--output is a directory that tako store has made; without it, tako prune is for hosts.",
    });
    if (!manifest.entries.some(({ version }) => matches(parsed, version))) {
      const message = `no version of the manifest matches ${parsed.text}`;
      report({ event: "warning", message });
    } else if (keep === 0) {
      const message =
        "--keep=0 is as --keep=1: hosts are to find the newest version of the pattern";
      report({ event: "warning", message });
    }
    return planWithdrawal(manifest, parsed, keep, publication.images());
  };
  if (dryRun) {
    const plan = planFor(openPublication(directory));
    return { outcome: plan.remove.length === 0 ? "nothing" : "planned", ...plan };
  }
  const onWait = () => report({ event: "waiting", directory });
  using publication = await lockPublication(directory, { clock, onWait });
  const plan = planFor(publication);
  for (const { digest, size, version } of plan.remove) {
    await publication.retire(digest);
    report({ event: "removed", what: "image", version, sha256: digest, size });
  }
  await removePacked(publication);
  // A run that did it already may have been killed before its own sync.
  if (plan.remove.length === 0) await publication.syncImages();
  return { outcome: plan.remove.length === 0 ? "nothing" : "pruned", ...plan };
}

/** What belongs to images that were removed, by this run or by one that was killed (PRU-28): first the lists forget it. */
async function removePacked(publication: LockedPublication): Promise<void> {
  const { packed } = publication;
  const images = publication.images();
  const isGone = (digest: Sha256Hex) => !images.has(digest) && publication.isMarked(digest);
  const going = packed.namesOf(isGone);
  if (going.length === 0) return;
  await packed.writeLists(new Map(), new Set(going));
  await packed.remove(going);
}
