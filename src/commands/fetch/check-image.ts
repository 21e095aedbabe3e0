// Whether the image of a version is here and whole, as every run asks. It may take long, and then it is told.

import type { Entry } from "../../core/manifest.ts";
import type { ImageState } from "../../core/plan.ts";
import type { ImageStore } from "../../shell/disk/image-store.ts";
import type { Effects } from "../effects.ts";

const SAY_SO_AFTER_MS = 2000;

/** @param verify false: an image is taken by its size (FET-54) */
export async function checkImage(
  images: ImageStore,
  entry: Entry,
  verify: boolean,
  effects: Effects,
): Promise<ImageState> {
  using _silence = tellVerifying(entry, effects);
  return await images.check(entry, verify);
}

/** Says once that an image is being verified, if that goes on for two seconds (FET-110). */
export function tellVerifying({ version, size }: Entry, { clock, report }: Effects): Disposable {
  const limit = clock.every(SAY_SO_AFTER_MS, () => {
    limit[Symbol.dispose]();
    report({ event: "verifying", version: version.text, size });
  });
  return limit;
}
