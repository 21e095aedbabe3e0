// The library: what another program may import. Tako's formats and the rules on them, as pure
// functions that run anywhere; nothing here touches the network or the disk.
//
//   import { decodeManifest, newestMatch, parsePattern, parsePublicKey } from "tako";
//
//   const manifest = decodeManifest(bytes, [parsePublicKey("8+r5DKNN/cwI+h0oHxMtgdyND3S/5xDLHQu0hFUmq+g=")]);
//   const entry = newestMatch(manifest, parsePattern("1.*"));
//
// Every function that parses throws a TakoError, which says by its `kind` what is wrong, and by its
// `rule` which requirement of spec/ is broken.

export { type Config, MAX_CONFIG_BYTES, parseConfig } from "./core/config.ts";
export { parseSha256Hex, type Sha256Hex } from "./core/digest.ts";
export { type ErrorKind, type Problem, TakoError } from "./core/error.ts";
export { type PublicKey, parsePublicKey, parseSecretKey, SecretKey, verify } from "./core/keys.ts";
export {
  decodeManifest,
  decodeUnverified,
  EMPTY_MANIFEST,
  type Entry,
  encodeManifest,
  firstLost,
  insertEntry,
  type LostEntry,
  MAX_MANIFEST_BYTES,
  type Manifest,
} from "./core/manifest.ts";
export {
  type Credentials,
  imageUrl,
  manifestUrl,
  type OriginUrl,
  parseOriginUrl,
  type Scheme,
} from "./core/origin-url.ts";
export { matches, type Pattern, parsePattern } from "./core/pattern.ts";
export { newestMatch } from "./core/select.ts";
export { printable } from "./core/text.ts";
export { compareVersions, type Part, parseVersion, type Version } from "./core/version.ts";
