// The library: what another program may import. Tako's formats and the rules on them, as pure
// functions that run anywhere; nothing here touches the network or the disk.
//
// Whatever is parsed is checked once: the types of this page come from their functions alone, so that
// neither a literal nor a spread of another value passes for one. Every function that parses throws a
// TakoError, which says by its `kind` what is wrong, and by its `rule` which requirement of spec/ is broken;
// `parseSha256Hex` and `decodeBase64` give `undefined` instead. tests/consumer.test.ts runs the examples.

/**
 * The base64 of keys and signatures (KEY-1), of which each sequence of bytes has one.
 *
 * @example
 * encodeBase64(Uint8Array.of(1, 2)); // "AQI="
 * decodeBase64("AQJ="); // undefined
 */
export { decodeBase64, encodeBase64 } from "./core/base64.ts";

/**
 * Config files (spec/config.md). An error has all `problems` of the file.
 *
 * @example
 * const config = parseConfig(
 *   new TextEncoder().encode(`
 *     Origin=https://images.example.com/app
 *     PublicKey=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
 *     Destination=/var/lib/images/app
 *     Version=1.*
 *   `),
 *   "app.tako",
 * );
 * config.destination; // "/var/lib/images/app"
 */
export { type Config, MAX_CONFIG_BYTES, parseConfig } from "./core/config.ts";

/**
 * The SHA-256 of an image (MAN-7).
 *
 * @example
 * parseSha256Hex("not a digest"); // undefined
 */
export { parseSha256Hex, type Sha256Hex } from "./core/digest.ts";

/**
 * The one kind of error.
 *
 * @example
 * try {
 *   parseVersion("1 0");
 * } catch (error) {
 *   error instanceof TakoError && [error.kind, error.rule]; // ["version", "VER-1"]
 * }
 */
export { type ErrorKind, type Problem, TakoError } from "./core/error.ts";

/**
 * The append-only rule: what a manifest lacks of the one that a host accepted before (MAN-21, MAN-25).
 *
 * @example
 * const digest = parseSha256Hex("9087802e6aacb8fa4e7c85ea10a8ec01ad0ec323f57a38bea1fba083108ade6e");
 * if (digest === undefined) throw new Error("sha256sum gives a digest");
 * const entry = { version: parseVersion("2.0.0"), size: parseSize(12), digest };
 * const history = insertEntry(EMPTY_MANIFEST, entry);
 * firstLost(history, EMPTY_MANIFEST)?.entry.digest === digest; // true
 * isOlder(EMPTY_MANIFEST, history); // true
 */
export { firstLost, isOlder, type LostEntry } from "./core/history.ts";

/**
 * Keys and signatures, Ed25519 (spec/keys.md). `Verify` and `Sha512` are for who has faster ones.
 *
 * @example
 * const key = new SecretKey(crypto.getRandomValues(new Uint8Array(32)));
 * const message = new TextEncoder().encode("Tako");
 * verify(key.sign(message), message, parsePublicKey(key.publicKey.text)); // true
 * parseSecretKey(key.reveal()).publicKey.text === key.publicKey.text; // true
 */
export {
  type PublicKey,
  parsePublicKey,
  parseSecretKey,
  SecretKey,
  type Sha512,
  type Verify,
  verify,
} from "./core/keys.ts";

/**
 * The signed manifest (spec/manifest.md): a publisher encodes it, and a host decodes it.
 *
 * @example
 * const digest = parseSha256Hex("9087802e6aacb8fa4e7c85ea10a8ec01ad0ec323f57a38bea1fba083108ade6e");
 * if (digest === undefined) throw new Error("sha256sum gives a digest");
 * const entry = { version: parseVersion("2.0.0"), size: parseSize(12), digest };
 * const key = new SecretKey(crypto.getRandomValues(new Uint8Array(32)));
 * const bytes = encodeManifest(insertEntry(EMPTY_MANIFEST, entry), key);
 *
 * const manifest = decodeManifest(bytes, [key.publicKey]);
 * manifest.entries.map(({ version, size }) => [version.text, size]); // [["2.0.0", 12]]
 * decodeUnverified(bytes).entries[0]?.digest === digest; // true
 * bytes.length <= MAX_MANIFEST_BYTES; // true
 */
export {
  decodeManifest,
  decodeUnverified,
  EMPTY_MANIFEST,
  type Entry,
  encodeManifest,
  insertEntry,
  MAX_MANIFEST_BYTES,
  type Manifest,
} from "./core/manifest.ts";

/**
 * Where an origin is, and the URLs below it (spec/config.md).
 *
 * @example
 * const origin = parseOriginUrl("https://me:secret@images.example.com/app/");
 * manifestLocation(origin).href; // "https://images.example.com/app/manifest"
 * origin.shown; // "https://***@images.example.com/app"
 */
export {
  type Credentials,
  imageLocation,
  type Location,
  manifestLocation,
  type OriginUrl,
  parseOriginUrl,
  type Scheme,
} from "./core/origin-url.ts";

/**
 * Patterns: which versions a host allows (spec/patterns.md).
 *
 * @example
 * const pattern = parsePattern("1.2 <= v < 2.0");
 * matches(pattern, parseVersion("1.9.4")); // true
 * matches(pattern, parseVersion("2.0-beta")); // false
 */
export { matches, type Pattern, parsePattern } from "./core/pattern.ts";

/**
 * Which version a host takes (FET-40).
 *
 * @example
 * newestMatch(EMPTY_MANIFEST, parsePattern("*")); // undefined
 */
export { newestMatch } from "./core/select.ts";

/**
 * The size of an image in bytes (MAN-6).
 *
 * @example
 * parseSize(137); // 137
 */
export { parseSize, type Size } from "./core/size.ts";

/**
 * Foreign text made safe to show: printable ASCII, without secrets.
 *
 * @example
 * printable("\u001b[2J"); // "\\u{1b}[2J"
 */
export { printable } from "./core/text.ts";

/**
 * Versions and their order (spec/versions.md).
 *
 * @example
 * compareVersions(parseVersion("1.10"), parseVersion("1.9")) > 0; // true
 * compareVersions(parseVersion("1.0-rc1"), parseVersion("1.0")) < 0; // true
 * parseVersion("1.0-rc1").parts; // [1, 0, "rc1"]
 */
export { compareVersions, type Part, parseVersion, type Version } from "./core/version.ts";
