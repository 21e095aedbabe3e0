// Ed25519 keys and signatures in Tako's text forms (spec/keys.md). Strict RFC 8032: canonical
// encodings, S < L, no small-order public keys.

import {
  getPublicKey,
  hashes,
  Point,
  sign as signEd25519,
  verify as verifyEd25519,
} from "@noble/ed25519";
import { sha512 } from "@noble/hashes/sha2.js";
import { decodeBase64, encodeBase64 } from "./base64.ts";
import { TakoError } from "./error.ts";

/** SHA-512 of a message, 64 bytes (FIPS 180-4). */
export type Sha512 = (message: Uint8Array) => Uint8Array<ArrayBuffer>;

/** Whether the key's owner signed the message; `signature` may have any length. */
export type Verify = (signature: Uint8Array, message: Uint8Array, key: PublicKey) => boolean;

/** A valid Ed25519 public key: canonical, and not of small order (KEY-2). */
class PublicKey {
  /** The 44 characters of its base64 form. */
  readonly text: string;
  readonly #bytes: Uint8Array;

  constructor(text: string, bytes: Uint8Array) {
    this.text = text;
    this.#bytes = bytes;
  }

  /** Its 32 bytes, each time a copy. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return Uint8Array.from(this.#bytes);
  }
}

export type { PublicKey };

const SECRET_PREFIX = "SECRET+";

/** A secret key, which shows itself only to those who ask by name. */
export class SecretKey {
  readonly publicKey: PublicKey;
  readonly #seed: Uint8Array;

  /**
   * @param seed the 32 bytes of RFC 8032's private key
   * @throws TakoError of kind `key` for any other number of bytes
   */
  constructor(seed: Uint8Array) {
    if (seed.length !== 32) throw invalid("secret key", "expected a seed of 32 bytes", "KEY-4");
    this.#seed = Uint8Array.from(seed);
    const bytes = hashedBy(sha512, () => getPublicKey(this.#seed));
    this.publicKey = new PublicKey(encodeBase64(bytes), bytes);
  }

  /** The text form, `SECRET+...`, for a key file and nothing else (KEY-7). */
  reveal(): string {
    const { bytes } = this.publicKey;
    return SECRET_PREFIX + encodeBase64(Uint8Array.of(...this.#seed, ...bytes, ...bytes));
  }

  /**
   * The 64 bytes of the signature of a message (RFC 8032 section 5.1.6).
   *
   * @param hash a faster SHA-512 than the one in JavaScript, for long messages. Any other function
   *   could give the key away
   */
  sign(message: Uint8Array, hash: Sha512 = sha512): Uint8Array {
    return hashedBy(hash, () => signEd25519(message, this.#seed));
  }

  toString(): string {
    return `SECRET+(not shown) of ${this.publicKey.text}`;
  }

  toJSON(): string {
    return this.toString();
  }
}

/**
 * Parses a public key: canonical padded base64 of 32 bytes that encode a point of the curve (KEY-1,
 * KEY-2).
 *
 * @throws TakoError of kind `key`
 */
export function parsePublicKey(text: string): PublicKey {
  if (text.startsWith(SECRET_PREFIX)) {
    throw invalid(
      "public key",
      "this is a secret key; hosts get the public one. Treat it as exposed and replace it",
      "KEY-1",
    );
  }
  const bytes = decodeBase64(text);
  if (bytes?.length !== 32) {
    throw invalid(
      "public key",
      "expected the base64 of 32 bytes, 44 characters with the final =",
      "KEY-1",
    );
  }
  if (!isUsablePoint(bytes)) {
    throw invalid(
      "public key",
      "expected a canonical Ed25519 point that is not of small order",
      "KEY-2",
    );
  }
  return new PublicKey(text, bytes);
}

/** Keys that were found usable: many configs have the same one, and its point is the costly part of a config. */
const usable = new Set<string>();
const MAX_REMEMBERED = 100;

function isUsablePoint(bytes: Uint8Array): boolean {
  const text = encodeBase64(bytes);
  if (usable.has(text)) return true;
  try {
    if (Point.fromBytes(bytes).isSmallOrder()) return false;
  } catch {
    return false;
  }
  if (usable.size < MAX_REMEMBERED) usable.add(text);
  return true;
}

/**
 * Parses a secret key: `SECRET+` and the base64 of seed, public key and public key again. White
 * space around it is ignored (KEY-4 to KEY-6).
 *
 * @throws TakoError of kind `key`, which shows nothing of the text
 */
export function parseSecretKey(text: string): SecretKey {
  const word = text.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, "");
  if (!word.startsWith(SECRET_PREFIX)) {
    throw invalid("secret key", "expected it to begin with SECRET+", "KEY-4");
  }
  const bytes = decodeBase64(word.slice(SECRET_PREFIX.length));
  if (bytes?.length !== 96) {
    throw invalid(
      "secret key",
      "expected SECRET+ and the base64 of 96 bytes, 128 characters",
      "KEY-4",
    );
  }
  const key = new SecretKey(bytes.subarray(0, 32));
  if (
    !equal(bytes.subarray(32, 64), key.publicKey.bytes) ||
    !equal(bytes.subarray(64), key.publicKey.bytes)
  ) {
    throw invalid("secret key", "its public key is not the one of its seed", "KEY-5");
  }
  return key;
}

/** {@link Verify} as RFC 8032, section 5.1.7, has it, strictly (KEY-9 to KEY-12). */
export function verify(signature: Uint8Array, message: Uint8Array, key: PublicKey): boolean {
  // Noble throws for another length.
  if (signature.length !== 64) return false;
  return hashedBy(sha512, () => verifyEd25519(signature, message, key.bytes, { zip215: false }));
}

/** Noble takes its hash from this slot, which it shares with all other users of noble. */
function hashedBy<Result>(hash: Sha512, use: () => Result): Result {
  const before = hashes.sha512;
  hashes.sha512 = hash;
  try {
    return use();
  } finally {
    hashes.sha512 = before;
  }
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return encodeBase64(a) === encodeBase64(b);
}

function invalid(what: string, expected: string, rule: string): TakoError {
  return new TakoError("key", `invalid ${what}: ${expected}`, { rule });
}
