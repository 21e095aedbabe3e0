// What a publisher says an image has to be, before it becomes a version for ever (PUB-73, PUB-74). Looked at once its
// bytes are known, and before anything names them.

import type { Sha256Hex } from "../core/digest.ts";
import { TakoError } from "../core/error.ts";
import { shownPath } from "../core/text.ts";

export interface ExpectedImage {
  /** `--sha256` */
  readonly digest?: Sha256Hex;
  /** `--size`, in bytes. */
  readonly size?: number;
  /** `--allow-empty` */
  readonly mayBeEmpty?: boolean;
}

/** The first option that was given. */
export function expectation({ digest, size, mayBeEmpty }: ExpectedImage): string | undefined {
  if (digest !== undefined) return "--sha256";
  if (size !== undefined) return "--size";
  return mayBeEmpty === true ? "--allow-empty" : undefined;
}

/**
 * @param name of the image, for messages
 * @throws TakoError of kind `digest` for other bytes, `failed` for none
 */
export function requireExpected(
  image: { readonly digest: Sha256Hex; readonly size: number },
  { digest, size, mayBeEmpty }: ExpectedImage,
  name: string,
): void {
  const source = shownPath(name);
  if (image.size === 0 && mayBeEmpty !== true) {
    const hint = "What makes it may have failed. Store it all the same with --allow-empty.";
    throw new TakoError("failed", "the image is empty", { rule: "PUB-74", source, hint });
  }
  const wrong = (what: string, expected: string | number, found: string | number) =>
    new TakoError("digest", `the image has another ${what}: expected ${expected}, got ${found}`, {
      rule: "PUB-73",
      source,
      hint: "Nothing is published. It may be cut off, or be another file.",
    });
  if (size !== undefined && size !== image.size) throw wrong("size", size, image.size);
  if (digest !== undefined && digest !== image.digest) throw wrong("SHA-256", digest, image.digest);
}
