// What came out of verifying one destination, or one origin.

import type { TakoError } from "../../core/error.ts";
import type { ImageCheck } from "./images.ts";

export interface VerifyResult {
  /** Which it is: a config, or the directory of an origin. */
  readonly of: { readonly config: string } | { readonly directory: string };
  /** Each image that is here, or that is missing from an origin. */
  readonly images: readonly ImageCheck[];
  /** The version in use, or its digest; none at an origin. */
  readonly inUse: string | undefined;
  /** What is not as it should be; nothing, and all is good. */
  readonly errors: readonly TakoError[];
}
