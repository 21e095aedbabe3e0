// What the download of an image costs at most, as far as that is known without asking anybody (PCK-58).

import type { Config } from "../../core/config.ts";
import type { Entry } from "../../core/manifest.ts";
import { isWorthList, missingBytes } from "../../core/packed/cheapest-way.ts";
import type { ImageStore } from "../../shell/disk/image-store.ts";
import type { Carrier } from "../events.ts";

export interface Cost {
  /** Of the image, in bytes. */
  readonly size: number;
  /** The bytes that travel at most. */
  readonly missing: number;
  /** What they are. */
  readonly by: Carrier;
  /** Whether packed files are asked for, so that fewer may travel. */
  readonly mayBeLess: boolean;
}

export function costOf(
  { config }: { readonly config: Pick<Config, "packed"> },
  { images }: { readonly images: ImageStore },
  { digest, size }: Pick<Entry, "digest" | "size">,
): Cost {
  const missing = missingBytes(size, images.partialSize(digest));
  return { size, missing, by: "image", mayBeLess: config.packed && isWorthList(missing) };
}
