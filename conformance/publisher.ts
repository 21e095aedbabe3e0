// Keys, digests and signed manifests on node:crypto alone: what the suite expects must not come from
// the code that it may be judging, so nothing of src is used here.

import { createHash, createPrivateKey, createPublicKey, sign, verify } from "node:crypto";

/** What stands before a seed in PKCS #8, and before a public key in SPKI (RFC 8410 sections 4 and 7). */
const PRIVATE_DER = Buffer.from("302e020100300506032b657004220420", "hex");
const PUBLIC_DER = Buffer.from("302a300506032b6570032100", "hex");

export interface KeyPair {
  /** `SECRET+...` */
  readonly secret: string;
  /** As in `PublicKey=`. */
  readonly public: string;
  /** The signature in base64. */
  sign(message: string | Uint8Array): string;
}

/** The key pair of a seed of 32 bytes (KEY-4). */
function keyPairOf(seed: Uint8Array): KeyPair {
  const der = Buffer.concat([PRIVATE_DER, seed]);
  const key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  const spki = createPublicKey(key).export({ format: "der", type: "spki" });
  const publicBytes = spki.subarray(PUBLIC_DER.length);
  return {
    secret: `SECRET+${Buffer.concat([seed, publicBytes, publicBytes]).toString("base64")}`,
    public: publicBytes.toString("base64"),
    sign: (message) => sign(null, Buffer.from(message), key).toString("base64"),
  };
}

/** The pairs that cases name: TEST 1, 2 and 3 of RFC 8032 section 7.1. */
export const KEYS: Readonly<Record<string, KeyPair>> = {
  "test-1": rfcPair("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"),
  "test-2": rfcPair("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"),
  "test-3": rfcPair("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7"),
};

function rfcPair(seed: string): KeyPair {
  return keyPairOf(Buffer.from(seed, "hex"));
}

/**
 * The pair in the output of `gen-key` (PUB-60), a text that says what is wrong with it otherwise.
 */
export function readKeyPair(output: string): KeyPair | string {
  const lines = output.split("\n");
  const [secretTitle = "", secret = "", blank, publicTitle = "", publicKey, end, ...more] = lines;
  if (!secretTitle.includes("Secret key")) return 'the first line does not say "Secret key"';
  if (!/^SECRET\+[A-Za-z0-9+/]{128}$/.test(secret)) return "the second line is no secret key";
  if (blank !== "") return "the third line is not empty";
  if (!publicTitle.includes("Public key")) return 'the fourth line does not say "Public key"';
  if (end !== "" || more.length > 0) return "there are not five lines";
  const pair = keyPairOf(Buffer.from(secret.slice("SECRET+".length), "base64").subarray(0, 32));
  if (secret !== pair.secret) return "the secret key does not hold its public key twice";
  if (publicKey !== pair.public) return "the public key is not the one of the secret key's seed";
  return pair;
}

export function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

/** A manifest's text up to its signature (MAN-12). */
export function manifestBody(entries: readonly string[]): string {
  return `Tako Manifest 1\n\n${entries.map((entry) => `${entry}\n`).join("")}\n`;
}

/** A text with its signature in a line of its own. */
export function signed(body: string, key: KeyPair): string {
  return `${body}${key.sign(Buffer.from(body, "latin1"))}\n`;
}

/** Whether the last line of a manifest signs everything before it. */
export function isSigned(manifest: Uint8Array, publicKey: string): boolean {
  const bytes = Buffer.from(manifest);
  const start = bytes.lastIndexOf("\n", -2) + 1;
  const der = Buffer.concat([PUBLIC_DER, Buffer.from(publicKey, "base64")]);
  const key = createPublicKey({ key: der, format: "der", type: "spki" });
  const signature = Buffer.from(bytes.subarray(start).toString("latin1").trimEnd(), "base64");
  return verify(null, bytes.subarray(0, start), key, signature);
}
