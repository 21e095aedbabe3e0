// SHA-256 digests in the form in which Tako writes them: 64 lowercase hexadecimal digits.

import type { Branded } from "./branded.ts";

/** A SHA-256 digest as 64 lowercase hexadecimal digits; also an image's name in `store/`. */
export type Sha256Hex = Branded<string, "Sha256Hex">;

function isSha256Hex(text: string): text is Sha256Hex {
  return /^[0-9a-f]{64}$/.test(text);
}

/** `undefined` unless the text is 64 lowercase hexadecimal digits (MAN-7). */
export function parseSha256Hex(text: string): Sha256Hex | undefined {
  return isSha256Hex(text) ? text : undefined;
}
