// Hands the platform's SHA-512 to noble's Ed25519: for a manifest of megabytes it is the hash that
// takes the time. keys.spec.ts proves the two equal.

import { hashes } from "@noble/ed25519";

hashes.sha512 = (message) => Bun.CryptoHasher.hash("sha512", message) as Uint8Array<ArrayBuffer>;
