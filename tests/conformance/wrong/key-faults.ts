// Wrong ideas of what a key is, and of which signatures hold.

import { verify as verifyNatively } from "node:crypto";
import { hashes, Point, verify } from "@noble/ed25519";
import { sha512 } from "@noble/hashes/sha2.js";
import type { Arguments, Operation } from "../../../src/adapter/arguments.ts";
import { TakoError } from "../../../src/core/error.ts";
import { SecretKey } from "../../../src/core/keys.ts";
import { type AdapterFault, type AdapterFaults, bytes, text } from "./fault.ts";
import { nativeKey, reduceS } from "./lenient-manifest.ts";

hashes.sha512 = sha512;

/** A fault of `parse-public-key`: more texts are accepted. `undefined` refuses one. */
function readsPublic(
  what: string,
  breaks: readonly string[],
  caught: readonly string[],
  read: (word: string) => Uint8Array | undefined,
): AdapterFault {
  function answer(args: Arguments): string {
    const key = read(text(args, "text"));
    if (key === undefined) throw new TakoError("key", "refused");
    return key.toBase64();
  }
  return { op: "parse-public-key", what, breaks, caught, answer };
}

/** A fault of `parse-public-key` or `parse-secret-key`: a text is taken for another one. */
function takes(
  op: string,
  what: string,
  breaks: readonly string[],
  caught: readonly string[],
  change: (word: string) => string,
): AdapterFault {
  function answer(args: Arguments, right: Operation): unknown {
    return right({ ...args, text: change(text(args, "text")) });
  }
  return { op, what, breaks, caught, answer };
}

/** A fault of `parse-secret-key`: the 96 bytes are not held against each other as they should be. */
function checksSecret(
  what: string,
  breaks: readonly string[],
  caught: readonly string[],
  checked: (bytes: Uint8Array) => Uint8Array,
): AdapterFault {
  function answer(args: Arguments, right: Operation): unknown {
    const word = text(args, "text").replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, "");
    const raw = canonicalBase64(word.replace(/^SECRET\+/, ""));
    if (raw?.length !== 96 || !word.startsWith("SECRET+")) return right(args);
    const key = new SecretKey(raw.subarray(0, 32));
    const { publicKey } = key;
    const expected = Buffer.concat([raw.subarray(0, 32), publicKey.bytes, publicKey.bytes]);
    if (Buffer.compare(checked(raw), checked(expected)) !== 0) return right(args);
    return { publicKey: publicKey.text, text: key.reveal() };
  }
  return { op: "parse-secret-key", what, breaks, caught, answer };
}

/** A fault of `verify`, under a key that is accepted. */
function verifies(
  what: string,
  breaks: readonly string[],
  caught: readonly string[],
  holds: (signature: Uint8Array, message: Uint8Array, key: Uint8Array) => boolean,
): AdapterFault {
  function answer(args: Arguments, right: Operation): boolean {
    // Refuses a key that is none.
    if (right(args) === true) return true;
    const key = Uint8Array.fromBase64(text(args, "publicKey"));
    return holds(bytes(args, "signature"), bytes(args, "message"), key);
  }
  return { op: "verify", what, breaks, caught, answer };
}

/** A fault of `sign`: something else than the message is signed. */
function signs(
  what: string,
  breaks: readonly string[],
  caught: readonly string[],
  message: (message: Uint8Array) => Uint8Array,
): AdapterFault {
  function answer(args: Arguments, right: Operation): unknown {
    return right({ ...args, message: message(bytes(args, "message")).toBase64() });
  }
  return { op: "sign", what, breaks, caught, answer };
}

export const KEY_FAULTS: AdapterFaults = {
  "unpadded-key-accepted": takes(
    "parse-public-key",
    "the final = may be missing",
    ["KEY-1"],
    ["public-unpadded"],
    (word) => (word.length === 43 ? `${word}=` : word),
  ),
  "stray-bits-in-key-accepted": readsPublic(
    "unused bits may be set",
    ["KEY-1"],
    ["public-stray-bits-1", "public-stray-bits-2", "public-stray-bits-3"],
    (word) => {
      if (!/^[A-Za-z0-9+/]{43}=$/.test(word)) return undefined;
      return pointOf(Uint8Array.fromBase64(word, { lastChunkHandling: "loose" }));
    },
  ),
  "url-safe-key-accepted": takes(
    "parse-public-key",
    "the URL-safe alphabet is accepted",
    ["KEY-1"],
    ["public-url-safe"],
    (word) => word.replaceAll("-", "+").replaceAll("_", "/"),
  ),
  "key-trimmed": takes(
    "parse-public-key",
    "white space around it is ignored",
    ["KEY-1"],
    ["public-space-before", "public-lf-after", "public-crlf-after"],
    (word) => word.trim(),
  ),
  "white-space-in-key-ignored": readsPublic(
    "white space inside is ignored",
    ["KEY-1"],
    ["public-space-inside", "public-lf-inside"],
    (word) => {
      const dense = /^\s|\s$/.test(word) ? word : word.replace(/\s/g, "");
      const raw = canonicalBase64(dense);
      return raw?.length === 32 ? pointOf(raw) : undefined;
    },
  ),
  "hex-key-accepted": takes(
    "parse-public-key",
    "hex is accepted, too",
    ["KEY-1"],
    ["public-hex"],
    (word) => (/^[0-9a-f]{64}$/.test(word) ? Uint8Array.fromHex(word).toBase64() : word),
  ),
  "any-32-bytes-are-a-key": readsPublic(
    "no point is looked for",
    ["KEY-2"],
    ["public-no-point-2", "public-order-1-0100", "public-non-canonical-3"],
    (word) => {
      const raw = canonicalBase64(word);
      return raw?.length === 32 ? raw : undefined;
    },
  ),
  "small-order-accepted": readsPublic(
    "a point of small order is a key",
    ["KEY-2"],
    ["public-order-1-0100", "public-order-2-ec7f", "public-order-8-c77a"],
    (word) => {
      const raw = canonicalBase64(word);
      return raw?.length === 32 ? pointOf(raw, { small: true }) : undefined;
    },
  ),
  "non-canonical-point-accepted": readsPublic(
    "y may be p or more",
    ["KEY-2"],
    ["public-non-canonical-3", "public-non-canonical-18"],
    (word) => {
      const raw = canonicalBase64(word);
      return raw?.length === 32 ? pointOf(raw, { nonCanonical: true }) : undefined;
    },
  ),

  "public-halves-unchecked": checksSecret(
    "the public key of a secret key is not checked",
    ["KEY-5"],
    ["secret-both-of-other", "secret-seed-flipped", "secret-public-zero"],
    (raw) => raw.slice(0, 0),
  ),
  "second-half-unchecked": checksSecret(
    "the second public key of a secret key is not checked",
    ["KEY-5"],
    ["secret-second-of-other", "secret-last-bit-flipped"],
    (raw) => raw.slice(0, 64),
  ),
  "first-half-unchecked": checksSecret(
    "the first public key of a secret key is not checked",
    ["KEY-5"],
    ["secret-first-of-other", "secret-first-flipped"],
    (raw) => Uint8Array.of(...raw.subarray(0, 32), ...raw.subarray(64)),
  ),
  "halves-held-against-each-other": {
    op: "parse-secret-key",
    what: "both public keys must be equal, and no more",
    breaks: ["KEY-5"],
    caught: ["secret-both-of-other", "secret-seed-of-other"],
    answer(args, right) {
      const word = text(args, "text");
      const raw = canonicalBase64(word.replace(/^SECRET\+/, ""));
      const [first, second] = [raw?.subarray(32, 64).toBase64(), raw?.subarray(64).toBase64()];
      const isKey = raw?.length === 96 && first === second && word.startsWith("SECRET+");
      return isKey ? { publicKey: new SecretKey(raw.subarray(0, 32)).publicKey.text } : right(args);
    },
  },
  "prefix-optional": takes(
    "parse-secret-key",
    "SECRET+ may be missing",
    ["KEY-4"],
    ["secret-no-prefix"],
    (word) => (/^[A-Za-z0-9+/]{128}$/.test(word) ? `SECRET+${word}` : word),
  ),
  "prefix-in-any-case": takes(
    "parse-secret-key",
    "secret+ is SECRET+",
    ["KEY-4"],
    ["secret-lowercase-prefix"],
    (word) => word.replace(/^secret\+/i, "SECRET+"),
  ),
  "space-in-secret-key-ignored": takes(
    "parse-secret-key",
    "white space within it is ignored",
    ["KEY-4"],
    ["secret-space-inside", "secret-lf-inside"],
    (word) => word.replace(/[ \t\r\n]/g, ""),
  ),
  "secret-key-not-trimmed": {
    op: "parse-secret-key",
    what: "a line feed after it is refused",
    breaks: ["KEY-6"],
    caught: ["secret-lf-after", "secret-crlf-after"],
    answer(args, right) {
      if (!text(args, "text").endsWith("\n")) return right(args);
      throw new TakoError("key", "refused");
    },
  },

  "message-hashed-first": signs(
    "the hash of the message is signed",
    ["KEY-8"],
    ["rfc8032-test-1-sign", "rfc8032-test-sha-abc-sign"],
    (message) => new Bun.CryptoHasher("sha512").update(message).digest(),
  ),
  "signs-hex": signs(
    "the message in hex is signed",
    ["KEY-8"],
    ["rfc8032-test-2-sign", "rfc8032-test-sha-abc-sign"],
    (message) => new TextEncoder().encode(message.toHex()),
  ),

  "s-of-any-size": verifies(
    "S is reduced, not refused",
    ["KEY-10"],
    ["ed25519-s-plus-1l", "ed25519-s-plus-14l"],
    (signature, message, key) =>
      signature.length === 64 && verify(reduceS(signature), message, key, { zip215: false }),
  ),
  "r-not-canonical": verifies(
    "R may be any encoding",
    ["KEY-11"],
    ["ed25519-r-non-canonical-order-1-0180", "ed25519-r-non-canonical-order-4-edff"],
    (signature, message, key) =>
      signature.length === 64 && verify(signature, message, key, { zip215: true }),
  ),
  "signature-cut-to-64": verifies(
    "bytes after the 64th do not count",
    ["KEY-9"],
    ["ed25519-length-65"],
    (signature, message, key) =>
      signature.length > 64 && verify(signature.subarray(0, 64), message, key, { zip215: false }),
  ),
  "hash-of-message-verifies": verifies(
    "a signature of the hash holds, too",
    ["KEY-9"],
    ["ed25519-scheme-hashed"],
    (signature, message, key) => {
      const hash = new Bun.CryptoHasher("sha512").update(message).digest();
      return signature.length === 64 && verify(signature, hash, key, { zip215: false });
    },
  ),
  "verifies-like-openssl": {
    op: "verify",
    what: "the key is not looked at before the equation is",
    breaks: ["KEY-12"],
    caught: ["ed25519-a-order-1-0100", "ed25519-a-order-8-2605"],
    answer(args) {
      const key = nativeKey(text(args, "publicKey"));
      return verifyNatively(null, bytes(args, "message"), key, bytes(args, "signature"));
    },
  },
  "everything-verifies": verifies(
    "the equation is not checked",
    ["KEY-9", "KEY-10", "KEY-11"],
    ["ed25519-flip-r-0", "ed25519-flip-s-0", "ed25519-other-key"],
    () => true,
  ),
};

function canonicalBase64(word: string): Uint8Array | undefined {
  try {
    const raw = Uint8Array.fromBase64(word);
    return raw.toBase64() === word ? raw : undefined;
  } catch {
    return undefined;
  }
}

/** The bytes again if they are a key in this reading (KEY-2). */
function pointOf(
  raw: Uint8Array,
  { small = false, nonCanonical = false } = {},
): Uint8Array | undefined {
  try {
    const point = Point.fromBytes(raw, nonCanonical);
    return point.isSmallOrder() && !small ? undefined : raw;
  } catch {
    return undefined;
  }
}
