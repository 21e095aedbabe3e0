// What the platform does of Ed25519, faster than @noble/ed25519, whose answers it gives: keys.spec.ts
// proves it. Nothing here parses a key or signs.

import { verify } from "node:crypto";
import { Point } from "@noble/ed25519";
import type { Sha512, Verify } from "../core/keys.ts";

/** What stands before the 32 bytes of a public key in DER (RFC 8410 section 4). */
const SPKI = Uint8Array.fromHex("302a300506032b6570032100");

/** The group's order (RFC 8032 section 5.1). */
const L = 2n ** 252n + 27742317777372353535851937790883648493n;

/** From here on a message is not copied for its check. */
const LARGE_BYTES = 1024 * 1024;

/**
 * Verification by BoringSSL, which compares R by its bytes, so that no other encoding of the point passes
 * (KEY-11), and takes any public key; a `PublicKey` has been parsed strictly (KEY-12).
 */
export const platformVerify: Verify = (signature, message, key) => {
  if (message.length >= LARGE_BYTES) return verifyInPlace(signature, message, key);
  if (signature.length !== 64) return false;
  // KEY-10. BoringSSL sees to it as well; other builds of the platform have not always.
  if (littleEndian(signature.subarray(32)) >= L) return false;
  const der = Buffer.concat([SPKI, key.bytes]);
  return verify(null, message, { key: der, format: "der", type: "spki" }, signature);
};

/**
 * The same without a second copy of the message, which BoringSSL's call makes: R = [S]B - [k]A, by its
 * bytes, with k = SHA-512(R, A, message) (RFC 8032 section 5.1.7, without the cofactor). All of it is public, so
 * the time that it takes may tell anything.
 */
export const verifyInPlace: Verify = (signature, message, key) => {
  if (signature.length !== 64) return false;
  const [r, s] = [signature.subarray(0, 32), littleEndian(signature.subarray(32))];
  if (s >= L) return false;
  const hasher = new Bun.CryptoHasher("sha512").update(r).update(key.bytes).update(message);
  const k = littleEndian(Uint8Array.from(hasher.digest())) % L;
  const expected = Point.BASE.multiply(s, false).subtract(
    Point.fromBytes(key.bytes).multiply(k, false),
  );
  return Buffer.compare(expected.toBytes(), r) === 0;
};

/** SHA-512 at eight times the speed of JavaScript. */
export const platformSha512: Sha512 = (message) =>
  Uint8Array.from(new Bun.CryptoHasher("sha512").update(message).digest());

function littleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${bytes.toReversed().toHex()}`);
}
