// The packed files of an image that is about to be published (PUB-85).

import type { Entry, Manifest } from "../../core/manifest.ts";
import { planPacking } from "../../core/packed/pack-plan.ts";
import { shownPath } from "../../core/text.ts";
import { openDirectoryPublication } from "../../shell/publication/directory.ts";
import type { Effects } from "../effects.ts";
import { type PackOptions, packTargets } from "./pack.ts";

/**
 * @param manifest the one that is to name it
 * @throws TakoError of kind `storage`; an older image that is damaged keeps none from being published, and is a warning
 */
export async function packNew(
  manifest: Manifest,
  { digest, version }: Entry,
  options: Pick<PackOptions, "directory" | "level" | "patches">,
  effects: Effects,
): Promise<void> {
  const here = await openDirectoryPublication(options.directory).images();
  const targets = planPacking(manifest, here, options.patches, [version.text]);
  const isFirst = manifest.entries.every((entry) => entry.digest === digest);
  if (options.patches > 0 && !isFirst && targets.every(({ from }) => from.length === 0)) {
    const message = `no image of an older version is in ${shownPath(options.directory)}: no patch to ${version.text} is made`;
    effects.report({ event: "warning", message });
  }
  const { wrong } = await packTargets(targets, manifest, options, effects);
  for (const [image, error] of wrong) {
    if (image === digest) throw error;
    effects.report({ event: "warning", message: `${error.source}: ${error.message}` });
  }
}
