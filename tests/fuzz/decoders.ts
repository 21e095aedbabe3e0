// Every decoder of what comes from outside, with what it is fuzzed with: valid texts, the grammar of
// its input, and changes of both. The laws are those of laws.ts.

import fc from "fast-check";
import { files, meanings } from "../../spec/support/config.ts";
import { bodies, bodyOf, garbage, KEY, manifests, signed } from "../../spec/support/manifests.ts";
import {
  formSpelled,
  forms,
  roughTexts,
  samePartsSpelled,
  versionParts,
} from "../../spec/support/versions.ts";
import { encodeBase64 } from "../../src/core/base64.ts";
import { SecretKey } from "../../src/core/keys.ts";
import type { Decoder } from "./decoder.ts";
import { fixtureTexts, mutated } from "./inputs.ts";
import {
  checkArguments,
  checkBase64,
  checkCgroup,
  checkCheckedRecord,
  checkConfig,
  checkContentRange,
  checkEtag,
  checkEtagRecord,
  checkImageRecord,
  checkLink,
  checkLocation,
  checkManifestFile,
  checkNearMiss,
  checkOrigin,
  checkOwedRecord,
  checkPattern,
  checkPrintable,
  checkPublicKey,
  checkRefusedRecord,
  checkRetryAfter,
  checkSecretKey,
  checkSeenRecord,
  checkSignedBody,
  checkUnitStates,
  checkVersion,
  NAMES,
} from "./laws.ts";
import { packedDecoders } from "./packed-decoders.ts";

const HEX = "0123456789abcdef".repeat(4);
const PUBLIC_KEY = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
const URLS = [
  "https://images.example.com/app",
  "http://user:pass%40word@127.0.0.1:8080/a/b/",
  "file:///srv/images",
  "sftp://user@host.example:22/path",
  "ftps://[::1]/x",
] as const;
const urlWords = [
  "://",
  "@",
  "user:password@",
  "//",
  "..",
  "%2e",
  "file:",
  "[::1]",
  ":0",
  ":65536",
  "xn--",
  "\\",
];
const secretKeys = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((seed) => new SecretKey(seed).reveal());
const publicKeys = fc.constantFrom(PUBLIC_KEY, KEY.publicKey.text, `${"A".repeat(43)}=`);
const configs = fc.oneof(
  meanings.chain(files).map((text) => Buffer.from(text).toString("latin1")),
  fixtureTexts("config", ".tako"),
);
const configWords = [...NAMES.map((name) => `${name}=`), "[Image]", "\\\n", "SECRET+AAAA", ...URLS];

export const decoders: Readonly<Record<string, Decoder>> = {
  "manifest-body": {
    inputs: fc.oneof(
      mutated(fc.oneof(bodies, manifests.map(bodyOf)), [
        "Tako Manifest 1\n",
        "\n\n",
        ` 1 ${HEX}\n`,
      ]),
      mutated(
        fixtureTexts("manifests", ".manifest").map((text) => text.slice(0, -89)),
        ["\n", " "],
      ),
    ),
    check: checkSignedBody,
  },
  "manifest-file": {
    inputs: fc.oneof(
      mutated(
        manifests.map((manifest) => Buffer.from(signed(bodyOf(manifest))).toString("latin1")),
        ["\n"],
      ),
      mutated(fixtureTexts("manifests", ".manifest"), ["Tako Manifest 2\n", "==\n", "\n\n"]),
    ),
    check: checkManifestFile,
  },
  config: { inputs: mutated(configs, configWords), check: checkConfig },
  "origin-url": { inputs: mutated(fc.constantFrom(...URLS), urlWords), check: checkOrigin },
  "public-key": {
    inputs: mutated(
      fc.oneof(publicKeys, fc.uint8Array({ minLength: 31, maxLength: 33 }).map(encodeBase64)),
      ["="],
    ),
    check: checkPublicKey,
  },
  "secret-key": { inputs: mutated(secretKeys, ["SECRET+", "=", "\r\n"]), check: checkSecretKey },
  base64: {
    inputs: mutated(fc.uint8Array({ maxLength: 100 }).map(encodeBase64), ["=", "==", "-", "_"]),
    check: checkBase64,
  },
  version: {
    inputs: fc.oneof(
      roughTexts,
      mutated(versionParts.chain(samePartsSpelled), [".", "-", "_", "0"]),
    ),
    check: checkVersion,
  },
  pattern: {
    inputs: fc.oneof(roughTexts, mutated(forms.chain(formSpelled), [" <= v < ", ".*", "*", " "])),
    check: checkPattern,
  },
  "etag-record": {
    inputs: mutated(
      fc.constantFrom(...URLS).map((url) => `${url}/manifest\n"tag"\n${HEX}\n`),
      ["\n", "W/", HEX],
    ),
    check: checkEtagRecord,
  },
  "owed-record": {
    inputs: mutated(fc.constantFrom(`${HEX}\n`, `${HEX}\napp.service\nweb.service\n${HEX}\n`), [
      "\n",
      `${HEX}\n`,
    ]),
    check: checkOwedRecord,
  },
  "image-record": {
    inputs: mutated(fc.constant(`${HEX}\n`), ["\n", HEX, " "]),
    check: checkImageRecord,
  },
  "refused-record": {
    inputs: mutated(
      fc.constantFrom(
        `${HEX} ${HEX} 1795657579 app.service: failed\n`,
        `${HEX} ${HEX.replace("0", "1")} 0 -\n${HEX.replace("0", "2")} ${HEX} 1 SECRET+x\n`,
      ),
      ["\n", " ", HEX, "999999999999", "://a@b"],
    ),
    check: checkRefusedRecord,
  },
  "checked-record": {
    inputs: mutated(
      fc.constantFrom(
        `1795657579 ok 1795657579\n`,
        `1795657579 origin 0 SECRET+x\n${HEX} 2\n`,
        `0 newer-format 0 ://a@b\n`,
      ),
      ["\n", " ", "ok", "-", `${HEX} 1\n`, "9999999999999"],
    ),
    check: checkCheckedRecord,
  },
  "seen-record": {
    inputs: mutated(fc.constant(`${HEX} 1795657579\n${HEX.replace("0", "1")} 0\n`), [
      "\n",
      " ",
      `${HEX} 1\n`,
      "9999999999999",
    ]),
    check: checkSeenRecord,
  },
  "unit-states": {
    inputs: mutated(
      fc.constantFrom(
        "LoadState=loaded\nActiveState=active\n\nActiveState=failed\nNRestarts=2\n",
        "TimeoutStartUSec=1min 30s\nActiveState=inactive\n\nActiveState=active\nTriggeredBy=a.socket\n",
      ),
      ["\n", "\n\n", "=", "ActiveState=", "infinity", "NRestarts=-1"],
    ),
    check: checkUnitStates,
  },
  "latest-link": {
    inputs: mutated(fc.constant(`store/${HEX}`), ["store/", "../", "\n"]),
    check: checkLink,
  },
  cgroup: {
    inputs: mutated(
      fc.constantFrom("0::/system.slice/app.service\n", "1:name=systemd:/user.slice/_x.scope\n"),
      [".service", "/", ":", "_", "\\x2d"],
    ),
    check: checkCgroup,
  },
  "retry-after": {
    inputs: mutated(
      fc.constantFrom("0", "120", "Fri, 31 Dec 2027 23:59:59 GMT", "Sun Nov  6 08:49:37 1994"),
      [" GMT", ","],
    ),
    check: checkRetryAfter,
  },
  "content-range": {
    inputs: mutated(
      fc.constantFrom(
        "bytes 1-9/10",
        "bytes 100-9007199254740990/9007199254740991",
        "bytes */10",
        "bytes 1099511627776-2199023255551/2199023255552",
      ),
      ["bytes ", "/", "-", "*"],
    ),
    check: checkContentRange,
  },
  location: {
    inputs: mutated(
      fc.constantFrom(...URLS, "/other", "//other.example/x", "?q#f", "gopher://x"),
      urlWords,
    ),
    check: checkLocation,
  },
  etag: {
    inputs: mutated(fc.constantFrom('"abc"', 'W/"1"', "x".repeat(1023)), ['"', "W/"]),
    check: checkEtag,
  },
  arguments: {
    inputs: mutated(
      fc.constantFrom(
        "image\n1.0\n-oDIR",
        "--output=DIR\n--json\n--\n--x",
        "-k\nSECRET+AAAA\n-o\nd\n--no-verify",
      ),
      ["\n", "--", "-", "=", "--no-", "--output", "__proto__", "toString", "--key=SECRET+AAAA"],
    ),
    check: checkArguments,
  },
  printable: {
    inputs: mutated(fc.oneof(garbage, fc.string({ unit: "binary" }), fc.constantFrom(...URLS)), [
      "SECRET+",
      "\x1b[31m",
      "\x9b2J",
      "://a:b@",
      "\ud800",
      "\u202e",
    ]),
    check: checkPrintable,
  },
  ...packedDecoders,
  "near-miss": {
    inputs: mutated(fc.constantFrom(...NAMES), ["__proto__", "e"]),
    check: checkNearMiss,
  },
};
