// tako prune --output: removes images of a publisher's directory that no host is to ask for any more (spec/prune.md, PRU-20
// and following). The manifest stays as it is: its entries are history.

import { isBucketUrl } from "../../core/bucket.ts";
import { matches, parsePattern } from "../../core/pattern.ts";
import { planWithdrawal, type Withdrawal } from "../../core/withdrawal.ts";
import type { Publication } from "../../shell/publication/publication.ts";
import { lockPublication, openPublication } from "../../shell/publication.ts";
import type { Effects } from "../effects.ts";
import { readPublished } from "../own-manifest.ts";
import { publicationEffects } from "../publication-effects.ts";

export interface PruneOriginOptions {
  readonly directory: string;
  /** Of the versions that the pattern matches, how many of the newest stay. */
  readonly keep: number;
  readonly pattern: string;
  readonly dryRun: boolean;
}

export interface PruneOriginResult extends Withdrawal {
  readonly outcome: "pruned" | "planned" | "nothing";
  /** The names of the packed files that go (PRU-28). */
  readonly packed: readonly string[];
  /** Whether it is a directory, which may have to be copied to where hosts look. */
  readonly isToCopy: boolean;
}

/** @throws TakoError of kind `pattern` or `storage` */
export async function pruneOrigin(
  { directory, keep, pattern, dryRun }: PruneOriginOptions,
  effects: Effects,
): Promise<PruneOriginResult> {
  const { report } = effects;
  const parsed = parsePattern(pattern);
  const planFor = async (publication: Publication) => {
    const manifest = await readPublished(publication, {
      rule: "PRU-21",
      hint: "--output is an origin that tako store has made; without it, tako prune is for hosts.",
    });
    if (!manifest.entries.some(({ version }) => matches(parsed, version))) {
      const message = `no version of the manifest matches ${parsed.text}`;
      report({ event: "warning", message });
    } else if (keep === 0) {
      const message =
        "--keep=0 is as --keep=1: hosts are to find the newest version of the pattern";
      report({ event: "warning", message });
    }
    return planWithdrawal(manifest, parsed, keep, await publication.images());
  };
  const way = publicationEffects(directory, effects);
  const isToCopy = !isBucketUrl(directory);
  if (dryRun) {
    const publication = await openPublication(directory, way);
    const plan = await planFor(publication);
    const packed = await publication.packedOf(new Set(plan.remove.map(({ digest }) => digest)));
    const isPlanned = plan.remove.length + packed.length > 0;
    return { outcome: isPlanned ? "planned" : "nothing", isToCopy, ...plan, packed };
  }
  await using publication = await lockPublication(directory, way);
  const plan = await planFor(publication);
  for (const { digest, size, version } of plan.remove) {
    await publication.retire(digest);
    report({ event: "removed", what: "image", version, sha256: digest, size });
  }
  const packed = await publication.packedOf(new Set());
  await publication.removePacked(packed);
  // A run that did it already may have been killed before its own sync.
  if (plan.remove.length === 0) await publication.syncImages();
  const isPruned = plan.remove.length + packed.length > 0;
  return { outcome: isPruned ? "pruned" : "nothing", isToCopy, ...plan, packed };
}
