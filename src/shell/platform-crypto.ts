// What the platform does of Ed25519, faster than @noble/ed25519, whose answers it gives: keys.spec.ts
// proves it. Nothing here parses a key or signs.

import { verify } from "node:crypto";
import type { Sha512, Verify } from "../core/keys.ts";

/** What stands before the 32 bytes of a public key in DER (RFC 8410 section 4). */
const SPKI = Uint8Array.fromHex("302a300506032b6570032100");

/** The group's order (RFC 8032 section 5.1), as many hexadecimal digits as S has. */
const L = (2n ** 252n + 27742317777372353535851937790883648493n).toString(16).padStart(64, "0");

/**
 * BoringSSL's verification. It compares R by its bytes, so that no other encoding of the point passes
 * (KEY-11), and takes any public key; a `PublicKey` has been parsed strictly (KEY-12).
 */
export const platformVerify: Verify = (signature, message, key) => {
  // KEY-10. BoringSSL sees to it as well; other builds of the platform have not always.
  if (signature.slice(32).toReversed().toHex() >= L) return false;
  const der = Buffer.concat([SPKI, key.bytes]);
  return verify(null, message, { key: der, format: "der", type: "spki" }, signature);
};

/** SHA-512 at eight times the speed of JavaScript. */
export const platformSha512: Sha512 = (message) =>
  Uint8Array.from(new Bun.CryptoHasher("sha512").update(message).digest());
