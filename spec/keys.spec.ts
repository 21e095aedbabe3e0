// Proof of spec/keys.md: the vectors of RFC 8032, the fixtures, then laws.

import { describe, expect, test } from "bun:test";
import {
  createPrivateKey,
  createPublicKey,
  sign as signNatively,
  verify as verifyNatively,
} from "node:crypto";
import { inspect } from "node:util";
import { hashes, Point } from "@noble/ed25519";
import { sha512 } from "@noble/hashes/sha2.js";
import fc from "fast-check";
import { decodeBase64, encodeBase64 } from "../src/core/base64.ts";
import { TakoError } from "../src/core/error.ts";
import {
  parsePublicKey,
  parseSecretKey,
  SecretKey,
  type Verify,
  verify,
} from "../src/core/keys.ts";
import { platformSha512, platformVerify, verifyInPlace } from "../src/shell/platform-crypto.ts";
import { type Case, casesOf, title } from "../tests/support/fixtures.ts";
import { runs } from "../tests/support/properties.ts";
import { KEY, OTHER_KEY, replaceAt, SEED } from "./support/manifests.ts";
import { failureOf } from "./support/refusals.ts";

interface PublicCase extends Case {
  readonly text: string;
  readonly bytes?: string;
  readonly error?: string;
}

interface SecretCase extends Case {
  readonly text: string;
  readonly seed?: string;
  readonly public?: string;
  readonly revealed?: string;
  readonly error?: string;
}

interface RfcCase extends Case {
  readonly seed: string;
  readonly public: string;
  readonly message: string;
  readonly signature: string;
}

interface VerifyCase extends Case {
  readonly public: string;
  readonly message: string;
  readonly signature: string;
  readonly valid: boolean;
}

const publicCases = casesOf<PublicCase>("keys/public.toml");
const secretCases = casesOf<SecretCase>("keys/secret.toml");
const rfcCases = casesOf<RfcCase>("ed25519/rfc8032.toml");
const verifyCases = casesOf<VerifyCase>("ed25519/verify.toml");

const hex = (text: string) => Uint8Array.fromHex(text);

/** The library's verifier, and the program's, which must give the same answers. */
const verifiers: readonly (readonly [name: string, Verify])[] = [
  ["noble's", verify],
  ["the platform's", platformVerify],
  ["the one for large messages", verifyInPlace],
];

/** Whether a verifier that first reads the public key accepts the signature. */
function accepts(
  publicHex: string,
  message: Uint8Array,
  signature: Uint8Array,
  by: Verify,
): boolean {
  let key: ReturnType<typeof parsePublicKey>;
  try {
    key = parsePublicKey(hex(publicHex).toBase64());
  } catch {
    return false;
  }
  return by(signature, message, key);
}

/** Every way in which a value usually reaches a log. */
function shown(value: unknown): string {
  const error = value instanceof Error ? [value.message, value.stack ?? ""] : [];
  const hidden = inspect(value, { showHidden: true, depth: 9, getters: true });
  const texts = [String(value), JSON.stringify(value), Bun.inspect(value), inspect(value), hidden];
  return [...error, ...texts, JSON.stringify({ ...Object(value) })].join("\n");
}

/** Fails if eight characters in a row of a secret are to be seen. */
function expectHidden(secret: string, text: string): void {
  for (let start = 0; start + 8 <= secret.length; start++) {
    expect(text).not.toContain(secret.slice(start, start + 8));
  }
}

/** How far the sides of the equation of RFC 8032, section 5.1.7, are apart; undefined if it has none. */
function sidesOf(publicHex: string, message: Uint8Array, signature: Uint8Array): Point | undefined {
  const [r, s] = [signature.subarray(0, 32), signature.subarray(32)];
  try {
    const [key, point] = [Point.fromBytes(hex(publicHex)), Point.fromBytes(r)];
    const k = numberOf(sha512(new Uint8Array([...r, ...hex(publicHex), ...message])));
    const left = Point.BASE.multiply(numberOf(s) % Point.CURVE().n, false);
    return left.subtract(point.add(key.multiply(k % Point.CURVE().n, false)));
  } catch {
    return undefined;
  }
}

/** Little-endian. */
function numberOf(bytes: Uint8Array): bigint {
  return BigInt(`0x${bytes.toReversed().toHex()}`);
}

describe("fixtures/keys", () => {
  test("KEY-1, KEY-4: there are as many valid keys as there were", () => {
    expect(publicCases.filter(({ bytes }) => bytes !== undefined)).toHaveLength(9);
    expect(secretCases.filter(({ seed }) => seed !== undefined)).toHaveLength(13);
  });

  for (const each of publicCases) {
    test(title(each), () => {
      const { text, bytes, error } = each;
      if (error === undefined) {
        const key = parsePublicKey(text);
        expect(key.text).toBe(text);
        expect<string | undefined>(key.bytes.toHex()).toBe(bytes);
        return;
      }
      const { kind, rule } = failureOf(() => parsePublicKey(text));
      expect({ kind: kind as string, rule }).toEqual({ kind: error, rule: each.requirement[0] });
    });
  }

  for (const { text, ...expected } of secretCases) {
    test(title(expected), () => {
      if (expected.error === undefined) {
        const key = parseSecretKey(text);
        expect<string | undefined>(key.publicKey.text).toBe(expected.public);
        expect<string | undefined>(key.reveal()).toBe(expected.revealed);
        expect(new SecretKey(hex(expected.seed ?? "")).reveal()).toBe(key.reveal());
        return;
      }
      const { kind, rule } = failureOf(() => parseSecretKey(text));
      const [broken] = expected.requirement;
      expect({ kind: kind as string, rule }).toEqual({ kind: expected.error, rule: broken });
    });
  }

  test("KEY-13: no error shows a part of the text that should be a key", () => {
    for (const { text } of secretCases.filter(({ error }) => error !== undefined)) {
      const error = failureOf(() => parseSecretKey(text));
      expectHidden(text.trim().replace(/^secret\W?/i, ""), shown(error));
    }
    for (const { revealed } of secretCases) {
      if (revealed === undefined) continue;
      expectHidden(revealed.slice(7), shown(failureOf(() => parsePublicKey(revealed))));
    }
  });
});

describe("fixtures/ed25519", () => {
  test("KEY-9: there are as many valid signatures as there were", () => {
    expect(verifyCases.filter(({ valid }) => valid)).toHaveLength(19);
  });

  for (const { id, why, seed, public: publicHex, message, signature } of rfcCases) {
    test(`KEY-8: ${id}: ${why}`, () => {
      const key = new SecretKey(hex(seed));
      expect(key.publicKey.bytes.toHex()).toBe(publicHex);
      expect(key.sign(hex(message)).toHex()).toBe(signature);
    });
    for (const [name, by] of verifiers) {
      test(`KEY-9: ${id}, ${name}: ${why}`, () => {
        expect(accepts(publicHex, hex(message), hex(signature), by)).toBe(true);
      });
    }
  }

  for (const each of verifyCases) {
    for (const [name, by] of verifiers) {
      test(`${title(each)}, ${name}`, () => {
        const { message, signature, valid } = each;
        expect(accepts(each.public, hex(message), hex(signature), by)).toBe(valid);
      });
    }
  }

  test("CNF-6: no case tells the equation with the cofactor from the one without", () => {
    const strict = verifyCases.filter(
      ({ valid, requirement }) => valid || requirement[0] === "KEY-9",
    );
    let asked = 0;
    for (const each of [...rfcCases, ...strict]) {
      const difference = sidesOf(each.public, hex(each.message), hex(each.signature));
      if (difference === undefined) continue;
      asked++;
      expect(difference.clearCofactor().is0()).toBe(difference.is0());
    }
    expect(asked).toBeGreaterThan(50);
  });
});

const seeds = fc.uint8Array({ minLength: 32, maxLength: 32 });
const messages = fc.uint8Array({ maxLength: 300 });
const whiteSpace = fc
  .array(fc.constantFrom(" ", "\t", "\r", "\n"), { maxLength: 4 })
  .map((characters) => characters.join(""));

/** DER of RFC 8410: what stands before the raw key. */
const nativeKey = {
  secret: (seed: Uint8Array) =>
    createPrivateKey({
      key: Buffer.concat([hex("302e020100300506032b657004220420"), seed]),
      format: "der",
      type: "pkcs8",
    }),
  public: (bytes: Uint8Array) =>
    createPublicKey({
      key: Buffer.concat([hex("302a300506032b6570032100"), bytes]),
      format: "der",
      type: "spki",
    }),
};

describe("laws of keys", () => {
  test("KEY-1: base64 decodes what it encodes, and only that", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        expect(decodeBase64(encodeBase64(bytes))).toEqual(bytes);
        expect(encodeBase64(bytes)).toBe(Buffer.from(bytes).toString("base64"));
      }),
      runs,
    );
    const letters = fc.constantFrom(..."ABCDwxyz0189+/-_= \n\tÄ".split(""));
    fc.assert(
      fc.property(fc.array(letters, { maxLength: 12 }), (characters) => {
        const text = characters.join("");
        const bytes = decodeBase64(text);
        if (bytes === undefined)
          expect(Buffer.from(text, "base64").toString("base64")).not.toBe(text);
        else expect(encodeBase64(bytes)).toBe(text);
      }),
      runs,
    );
  });

  test("KEY-2, KEY-3: 32 bytes are a public key only with their own spelling", () => {
    fc.assert(
      fc.property(seeds, (bytes) => {
        const text = encodeBase64(bytes);
        let parsed: string;
        try {
          parsed = parsePublicKey(text).text;
        } catch (error) {
          expect(error instanceof TakoError && error.rule).toBe("KEY-2");
          return;
        }
        expect(parsed).toBe(text);
      }),
      runs,
    );
  });

  test("KEY-1, KEY-4, KEY-13: any text gives a key or an error of kind key", () => {
    const texts = fc.oneof(
      fc.string({ unit: "binary", maxLength: 200 }),
      fc.base64String({ minLength: 40, maxLength: 48 }),
      fc.base64String({ minLength: 120, maxLength: 140 }).map((text) => `SECRET+${text}`),
    );
    fc.assert(
      fc.property(texts, (text) => {
        for (const parse of [parsePublicKey, parseSecretKey]) {
          try {
            parse(text);
          } catch (error) {
            expect(error instanceof TakoError && error.kind).toBe("key");
            expect(error instanceof TakoError && error.message).toMatch(/^[\x20-\x7e]+$/);
          }
        }
      }),
      runs,
    );
  });

  test("KEY-5: the public key of a seed is OpenSSL's", () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const jwk = createPublicKey(nativeKey.secret(seed)).export({ format: "jwk" });
        const bytes = Uint8Array.fromBase64(jwk.x ?? "", { alphabet: "base64url" });
        expect(new SecretKey(seed).publicKey.bytes).toEqual(bytes);
      }),
      runs,
    );
  });

  test("KEY-6, KEY-7: the text form parses to the same key, white space around it or not", () => {
    fc.assert(
      fc.property(seeds, whiteSpace, whiteSpace, (seed, before, after) => {
        const key = new SecretKey(seed);
        const parsed = parseSecretKey(`${before}${key.reveal()}${after}`);
        expect(parsed.reveal()).toBe(key.reveal());
        expect(parsed.publicKey.text).toBe(key.publicKey.text);
      }),
      runs,
    );
  });

  test("KEY-5: no byte of a secret key can change", () => {
    const bytes = Uint8Array.fromBase64(KEY.reveal().slice(7));
    const changes = fc.tuple(fc.nat(95), fc.integer({ min: 1, max: 255 }));
    fc.assert(
      fc.property(changes, ([index, mask]) => {
        const text = `SECRET+${encodeBase64(replaceAt(index, mask)(bytes))}`;
        expect(failureOf(() => parseSecretKey(text)).rule).toBe("KEY-5");
      }),
      runs,
    );
  });

  test("KEY-8: signatures are OpenSSL's", () => {
    fc.assert(
      fc.property(messages, (message) => {
        const native = signNatively(null, message, nativeKey.secret(SEED));
        expect(KEY.sign(message).toHex()).toBe(native.toString("hex"));
      }),
      runs,
    );
  });

  test("KEY-9: what OpenSSL signs verifies, under this key alone", () => {
    fc.assert(
      fc.property(messages, fc.boolean(), (message, own) => {
        const signature = signNatively(null, message, nativeKey.secret(SEED));
        const key = own ? KEY : OTHER_KEY;
        expect(verify(signature, message, key.publicKey)).toBe(own);
      }),
      runs,
    );
  });

  test("KEY-9: what is signed here, OpenSSL verifies", () => {
    const native = nativeKey.public(KEY.publicKey.bytes);
    fc.assert(
      fc.property(messages, (message) => {
        expect(verifyNatively(null, message, native, KEY.sign(message))).toBe(true);
      }),
      runs,
    );
  });

  test("KEY-9: a flipped bit anywhere is refused, here as by OpenSSL", () => {
    const message = new TextEncoder().encode("Tako Manifest 1\n\n\n");
    const signature = signNatively(null, message, nativeKey.secret(SEED));
    const all = Uint8Array.of(...signature, ...message);
    const flips = fc.tuple(fc.nat(all.length - 1), fc.nat(7));
    const native = nativeKey.public(KEY.publicKey.bytes);
    fc.assert(
      fc.property(flips, ([index, bit]) => {
        const flipped = replaceAt(index, 1 << bit)(all);
        const [changed, text] = [flipped.subarray(0, 64), flipped.subarray(64)];
        expect(verify(changed, text, KEY.publicKey)).toBe(false);
        expect(verifyNatively(null, text, native, changed)).toBe(false);
      }),
      runs,
    );
  });

  test("KEY-9: random bytes verify nothing and throw nothing", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 60, maxLength: 68 }), messages, (bytes, message) => {
        expect(verify(bytes, message, KEY.publicKey)).toBe(false);
      }),
      runs,
    );
  });

  test("KEY-4: a seed has 32 bytes", () => {
    const lengths = fc.nat(99).filter((length) => length !== 32);
    fc.assert(
      fc.property(lengths, (length) => {
        const { kind, rule } = failureOf(() => new SecretKey(new Uint8Array(length)));
        expect({ kind: kind as string, rule }).toEqual({ kind: "key", rule: "KEY-4" });
      }),
      runs,
    );
  });

  test("KEY-3: what is written into the bytes of a key, or into its seed, changes no key", () => {
    const seed = Uint8Array.from(SEED);
    const key = new SecretKey(seed);
    seed.fill(0);
    key.publicKey.bytes.fill(0);
    expect(key.reveal()).toBe(KEY.reveal());
    expect(key.publicKey.bytes).toEqual(KEY.publicKey.bytes);
  });

  test("KEY-15: a secret key in the place of a public one is told, and counts as exposed", () => {
    for (const text of [KEY.reveal(), "SECRET+", KEY.reveal().slice(0, 40)]) {
      expect(() => parsePublicKey(text)).toThrow(/this is a secret key; .* exposed/);
    }
  });

  test("KEY-14: nothing but reveal() shows a secret key", () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const key = new SecretKey(seed);
        const text = shown(key);
        // The public key may be seen, in any form; the seed in none.
        for (const form of [seed.toBase64(), seed.toHex(), seed.join(","), seed.join(", ")]) {
          expect(text).not.toContain(form);
        }
        expectHidden(key.reveal().slice(7, 7 + 42), text);
        expect(Object.values(key).join()).not.toContain(seed.join());
      }),
      runs,
    );
  });

  test("KEY-8: a SHA-512 that is passed in is used, and gives the same signature", () => {
    // Noble's slot for it is everybody's, and stays as it was.
    const before = hashes.sha512;
    const hashed: Uint8Array[] = [];
    fc.assert(
      fc.property(messages, (message) => {
        const signature = KEY.sign(message, (bytes) => {
          hashed.push(bytes);
          return platformSha512(bytes);
        });
        expect(signature).toEqual(KEY.sign(message));
      }),
      runs,
    );
    expect(hashed.length).toBeGreaterThan(runs.numRuns);
    expect(hashes.sha512).toBe(before);
  });

  test("KEY-8: the platform's SHA-512 is noble's", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1000 }), (message) => {
        expect(platformSha512(message)).toEqual(sha512(message));
      }),
      runs,
    );
  });
});

const bytesOfNumber = (value: bigint) =>
  Uint8Array.fromHex(value.toString(16).padStart(64, "0")).toReversed();

/** Points of order 1, 2, 4 and 8 (RFC 7748 section 7 warns of them), and y that is not below p. */
const oddPoints = verifyCases
  .filter(({ requirement }) => requirement[0] === "KEY-11" || requirement[0] === "KEY-12")
  .flatMap((each) => [hex(each.public), hex(each.signature).subarray(0, 32)]);

describe("the platform's verifier is noble's", () => {
  type Change = (signature: Uint8Array) => Uint8Array;
  const withS = (change: (s: bigint) => bigint): Change => {
    return (signature) => {
      const s = change(numberOf(signature.subarray(32)));
      return Uint8Array.of(...signature.subarray(0, 32), ...bytesOfNumber(s));
    };
  };
  const order = Point.CURVE().n;
  const changes: fc.Arbitrary<Change> = fc.oneof(
    fc.constant<Change>((signature) => signature),
    fc.tuple(fc.nat(63), fc.nat(7)).map(([index, bit]) => replaceAt(index, 1 << bit)),
    fc.bigInt({ min: 1n, max: 14n }).map((count) => withS((s) => s + count * order)),
    fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }).map((s) => withS(() => s)),
    fc.bigInt({ min: -2n, max: 2n }).map((step) => withS(() => order + step)),
    fc.constantFrom(...oddPoints).map(
      (r): Change =>
        (signature) =>
          Uint8Array.of(...r, ...signature.subarray(32)),
    ),
    fc.uint8Array({ maxLength: 70 }).map(
      (bytes): Change =>
        () =>
          bytes,
    ),
  );

  test("KEY-9, KEY-10, KEY-11: on honest signatures, and on those that were changed", () => {
    let accepted = 0;
    fc.assert(
      fc.property(seeds, messages, fc.boolean(), changes, (seed, message, own, change) => {
        const signature = change(
          new Uint8Array(signNatively(null, message, nativeKey.secret(seed))),
        );
        const key = own ? new SecretKey(seed).publicKey : KEY.publicKey;
        const valid = verify(signature, message, key);
        expect(platformVerify(signature, message, key)).toBe(valid);
        expect(verifyInPlace(signature, message, key)).toBe(valid);
        if (valid) accepted++;
      }),
      runs,
    );
    expect(accepted).toBeGreaterThan(0);
    expect(accepted).toBeLessThan(runs.numRuns);
  });

  test("KEY-9: on messages and keys of which a bit was flipped", () => {
    const flips = fc.tuple(messages, fc.nat(), fc.nat(7));
    fc.assert(
      fc.property(flips, ([message, place, bit]) => {
        const signature = KEY.sign(message, platformSha512);
        const all = Uint8Array.of(...KEY.publicKey.bytes, ...message);
        const flipped = replaceAt(place % all.length, 1 << bit)(all);
        const [key, text] = [flipped.subarray(0, 32).toHex(), flipped.subarray(32)];
        for (const [, by] of verifiers) expect(accepts(key, text, signature, by)).toBe(false);
      }),
      runs,
    );
  });

  test("KEY-10: S + nL verifies for no n, although the equation holds", () => {
    const counts = fc.bigInt({ min: 1n, max: 14n });
    fc.assert(
      fc.property(messages, counts, (message, count) => {
        const signature = KEY.sign(message, platformSha512);
        const other = withS((s) => s + count * order)(signature);
        expect(sidesOf(KEY.publicKey.bytes.toHex(), message, other)?.is0()).toBe(true);
        for (const [, by] of verifiers) expect(by(other, message, KEY.publicKey)).toBe(false);
      }),
      runs,
    );
  });
});
