// What the download of an image costs at most, as far as that is known without asking anybody (PCK-58).

import type { Config } from "../../core/config.ts";
import type { Entry } from "../../core/manifest.ts";
import { LEAST_MISSING, missingBytes } from "../../core/packed/cheapest-way.ts";
import type { ImageStore } from "../../shell/disk/image-store.ts";

export interface Cost {
  /** Of the image, in bytes. */
  readonly size: number;
  /** The bytes of it that are not here: no more travel. */
  readonly missing: number;
  /** Whether packed files are asked for, so that fewer may travel. */
  readonly mayBeLess: boolean;
}

export function costOf(
  { config }: { readonly config: Pick<Config, "packed"> },
  { images }: { readonly images: ImageStore },
  { digest, size }: Pick<Entry, "digest" | "size">,
): Cost {
  const missing = missingBytes(size, images.partialSize(digest));
  return { size, missing, mayBeLess: config.packed && missing >= LEAST_MISSING };
}
