// Canonical padded base64 (RFC 4648 section 4): one text for each sequence of bytes, nothing else.

/**
 * Decodes base64. `undefined` unless the text is exactly what {@link encodeBase64} gives for
 * those bytes: padded, no white space, no stray bits in the last character.
 */
export function decodeBase64(text: string): Uint8Array | undefined {
  let bytes: Uint8Array;
  try {
    bytes = Uint8Array.fromBase64(text, { lastChunkHandling: "strict" });
  } catch {
    return undefined;
  }
  // The built-in skips white space.
  return encodeBase64(bytes) === text ? bytes : undefined;
}

/** Encodes bytes as padded base64. */
export function encodeBase64(bytes: Uint8Array): string {
  return bytes.toBase64();
}
