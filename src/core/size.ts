// Sizes of images: whole bytes, as many as are counted exactly (MAN-6).

import type { Branded } from "./branded.ts";
import { TakoError } from "./error.ts";

/** The size of an image in bytes: whole, from 0 to 2^53 - 1. */
export type Size = Branded<number, "Size">;

function isSize(bytes: number): bytes is Size {
  return Number.isSafeInteger(bytes) && bytes >= 0;
}

/**
 * Takes a number of bytes for the size of an image (MAN-6).
 *
 * @throws TakoError of kind `failed` unless it is whole and from 0 to 2^53 - 1
 */
export function parseSize(bytes: number): Size {
  if (isSize(bytes)) return bytes;
  const message = `invalid size ${bytes}: expected whole bytes from 0 to 2^53 - 1`;
  throw new TakoError("failed", message, { rule: "MAN-6" });
}
