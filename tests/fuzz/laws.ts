// The laws that hold for whatever a decoder is given: nothing is thrown but the documented error, what
// it says can be shown, and what is accepted is what a second reading of the specification accepts, and
// comes back the same. Which inputs there are is the business of decoders.ts.

import { KEY, signature, signed } from "../../spec/support/manifests.ts";
import { isRange, isVersion, order, partsOf } from "../../spec/support/versions.ts";
import { asksForHelp, readArguments, shownWord } from "../../src/cli/arguments.ts";
import { describeError } from "../../src/cli/errors.ts";
import { decodeSeen, encodeSeen } from "../../src/core/ages.ts";
import { decodeBase64, encodeBase64 } from "../../src/core/base64.ts";
import { decodeChecked, encodeChecked } from "../../src/core/checked.ts";
import { type Config, parseConfig } from "../../src/core/config.ts";
import { type ErrorKind, TakoError } from "../../src/core/error.ts";
import { firstLost } from "../../src/core/history.ts";
import { parsePublicKey, parseSecretKey } from "../../src/core/keys.ts";
import { imageOfLink } from "../../src/core/layout.ts";
import {
  decodeManifest,
  decodeUnverified,
  encodeManifest,
  type Manifest,
} from "../../src/core/manifest.ts";
import { nearest } from "../../src/core/near-miss.ts";
import { imageLocation, manifestLocation, parseOriginUrl } from "../../src/core/origin-url.ts";
import { matches, parsePattern } from "../../src/core/pattern.ts";
import {
  decodeEtag,
  decodeImageRecord,
  decodeOwed,
  encodeEtag,
  encodeImageRecord,
  encodeOwed,
  isKeepableEtag,
} from "../../src/core/records.ts";
import { decodeRefusals, encodeRefusals } from "../../src/core/refusals.ts";
import { printable } from "../../src/core/text.ts";
import { describeState, parseUnitStates } from "../../src/core/unit-state.ts";
import { compareVersions, parseVersion } from "../../src/core/version.ts";
import { endOfRest } from "../../src/shell/origin/http.ts";
import { parseRetryAfter } from "../../src/shell/origin/http-status.ts";
import { OriginError } from "../../src/shell/origin/origin-error.ts";
import { redirectTarget } from "../../src/shell/origin/redirects.ts";
import { unitsOfCgroup } from "../../src/shell/systemd.ts";
import { asBytes } from "./inputs.ts";

export function law(holds: boolean, words: string): asserts holds {
  if (!holds) throw new Error(`broken law: ${words}`);
}

/** What `decode` gives, `undefined` if it refuses with an error of one of these kinds. */
export function accepted<T>(kinds: readonly ErrorKind[], decode: () => T): T | undefined {
  try {
    return decode();
  } catch (error) {
    if (!(error instanceof TakoError)) throw error;
    law(kinds.includes(error.kind), `the kind ${error.kind} is none of ${kinds.join(", ")}`);
    for (const line of [error.message, error.hint ?? "", ...describeError(error, "app.tako")])
      law(/^[\x20-\x7e]{0,2600}$/.test(line), `not one printable line: ${JSON.stringify(line)}`);
    for (const { message, key = "" } of [error, ...error.problems] as {
      message: string;
      key?: string;
    }[]) {
      law(/^[\x20-\x7e]{0,2600}$/.test(message + key), `not printable: ${JSON.stringify(message)}`);
      hidesSecrets(message + key);
    }
    return undefined;
  }
}

function hidesSecrets(text: string): void {
  law(!/SECRET\+[\w+/=-]/.test(text), "a message shows a word that begins with SECRET+");
  law(!/:\/\/(?!\*\*\*@)[^\s/]*@/.test(text), "a message shows user and password of a URL");
}

export function same(a: unknown, b: unknown, words: string): void {
  law(Bun.deepEquals(a, b, true), words);
}

// The manifest

const BODY = /^Tako Manifest 1\n\n(?:[!-)+-;?-~]{1,255} (?:0|[1-9][0-9]{0,15}) [0-9a-f]{64}\n)*\n$/;

/** MAN-1 to MAN-10, read a second time with the second reading of versions. */
function isBody(text: string): boolean {
  if (!BODY.test(text)) return false;
  const rows = text
    .split("\n")
    .slice(2, -2)
    .map((line) => line.split(" "));
  return rows.every(([version = "", size = "0"], index) => {
    if (!isVersion(version) || BigInt(size) >= 1n << 53n) return false;
    const before = rows[index - 1]?.[0];
    return before === undefined || order(partsOf(before), partsOf(version)) < 0;
  });
}

const MANIFEST_KINDS = ["manifest", "newer-format", "signature"] as const;

function decode(bytes: Uint8Array): Manifest | undefined {
  return accepted(MANIFEST_KINDS, () => decodeManifest(bytes, [KEY.publicKey]));
}

/** The body is signed, whatever it is: so a publisher's worst reaches the parser. */
export function checkSignedBody(input: string): void {
  const bytes = signed(asLatin1(input));
  const manifest = decode(bytes);
  law((manifest !== undefined) === isBody(asLatin1(input)), "the second reading disagrees");
  if (manifest === undefined) return;
  same(encodeManifest(manifest, KEY), bytes, "it is not encoded to the same bytes");
  same(decodeUnverified(bytes), manifest, "it is another one without its signature");
  law(firstLost(manifest, manifest) === undefined, "it does not hold itself");
}

/** Nobody signs what has been changed on the way: it is refused, or it was not changed. */
export function checkManifestFile(input: string): void {
  const bytes = asBytes(input);
  accepted(["manifest", "newer-format"], () => decodeUnverified(bytes));
  const manifest = decode(bytes);
  if (manifest === undefined) return;
  const body = asLatin1(input).slice(0, -89);
  law(isBody(body), "the second reading disagrees");
  same(encodeBase64(signature(asBytes(body))), input.slice(-89, -1), "OpenSSL signs otherwise");
}

function asLatin1(text: string): string {
  return Buffer.from(text, "latin1").toString("latin1");
}

// The config

export function checkConfig(input: string): void {
  const bytes = asBytes(input);
  const config = accepted(["config"], () => parseConfig(bytes, "app.tako"));
  if (config === undefined) return;
  same(
    parseConfig(new TextEncoder().encode(written(config)), "app.tako"),
    config,
    "not its own parse",
  );
}

function written(config: Config): string {
  const { origin, publicKeys, destination, pattern } = config;
  const { href, credentials } = origin;
  const { user = "", password = "" } = credentials ?? {};
  const pair = [user, password].map(encodeURIComponent).join(":");
  return [
    `Origin=${credentials ? href.replace("://", () => `://${pair}@`) : href}`,
    ...publicKeys.map(({ text }) => `PublicKey=${text}`),
    `Destination=${destination}`,
    `Version=${pattern.text}`,
    `Restart=${config.restart.join(" ")}`,
    `Reload=${config.reload.join(" ")}`,
    `Check=${config.check.join(" ")}`,
    `OnUpdate=${config.onUpdate.join(" ")}`,
    `OnRollback=${config.onRollback.join(" ")}`,
    ...(config.slots === undefined ? [] : [`Slots=${config.slots.join(" ")}`]),
    ...(config.watchMs === undefined ? [] : [`WatchSec=${config.watchMs}ms`]),
    // No number of a time span has an exponent.
    `MinAge=${config.minAgeMs.toFixed(100)}ms`,
    `Skip=${config.skip.map(({ text }) => text).join(" ")}`,
    ...(config.keep === undefined ? [] : [`Keep=${config.keep}`]),
    `TimeoutSec=${config.timeoutMs}ms`,
  ].join("\n");
}

export function checkOrigin(input: string): void {
  const origin = accepted(["config"], () => parseOriginUrl(input));
  if (origin === undefined) return;
  const { href, shown, credentials, ...rest } = origin;
  law(/^[a-z]+:\/\/[\x21-\x7e]*$/.test(shown), "its form to be shown is not printable");
  law(
    !/[?#\s]/.test(href) && (href === "file://" || !href.endsWith("/")),
    "its URL has a query, a fragment or a slash",
  );
  law(manifestLocation(origin).href === `${href}/manifest`, "the manifest is elsewhere");
  law(imageLocation(origin, "0" as never).href === `${href}/store/0`, "an image is elsewhere");
  if (rest.scheme !== "file" || href !== "file://")
    same(parseOriginUrl(href), { ...rest, href, shown: href }, "its URL is not its own parse");
  if (credentials !== undefined) {
    law(!/\p{Cc}/u.test(credentials.user + credentials.password), "a control character");
    law(shown === href.replace("://", () => "://***@"), "credentials are not shown as ***@");
  }
}

// Keys

export function checkPublicKey(input: string): void {
  const key = accepted(["key"], () => parsePublicKey(input));
  if (key === undefined) return;
  law(/^[A-Za-z0-9+/]{43}=$/.test(input), "not 44 characters of base64");
  same(Buffer.from(key.bytes).toString("base64"), input, "another spelling of the key");
}

export function checkSecretKey(input: string): void {
  try {
    parseSecretKey(input);
  } catch (error) {
    const told = error instanceof TakoError ? error.message + (error.hint ?? "") : "";
    for (let start = 7; start + 16 <= input.length && start < 200; start++)
      law(!told.includes(input.slice(start, start + 16)), "the error shows a part of the key");
  }
  const key = accepted(["key"], () => parseSecretKey(input));
  if (key === undefined) return;
  law(
    key.reveal() === input.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, ""),
    "another spelling of the key",
  );
  law(
    !`${key}${JSON.stringify(key)}${Bun.inspect(key)}`.includes(input.slice(9, 40)),
    "it shows itself",
  );
}

export function checkBase64(input: string): void {
  const bytes = decodeBase64(input);
  const canonical = Buffer.from(input, "base64").toString("base64") === input;
  law((bytes !== undefined) === canonical, "the second reading disagrees");
  if (bytes !== undefined) law(encodeBase64(bytes) === input, "not encoded to the same text");
}

// Versions and patterns

export function checkVersion(input: string): void {
  const version = accepted(["version"], () => parseVersion(input));
  law((version !== undefined) === isVersion(input), "the second reading disagrees");
  if (version === undefined) return;
  law(version.text === input, "the text is not kept");
  law(compareVersions(version, parseVersion(input)) === 0, "it is not equivalent to itself");
  const cut = input.slice(0, -1);
  for (const other of ["0", "a", input.slice(1), `${cut}1`, `${cut}2`, cut, `${input}.a`]) {
    if (!isVersion(other)) continue;
    const expected = order(partsOf(input), partsOf(other));
    law(Math.sign(compareVersions(version, parseVersion(other))) === expected, "another order");
  }
}

function isPattern(text: string): boolean {
  if (text === "*" || isVersion(text)) return true;
  if (/[._-]\*$/.test(text)) return isVersion(text.slice(0, -2));
  const words = text.split(" ").filter((word) => word !== "");
  const [low = "", atLeast, v, below, high = ""] = words;
  if (words.length !== 5 || `${atLeast}${v}${below}` !== "<=v<") return false;
  if (text.startsWith(" ") || text.endsWith(" ") || !isVersion(low) || !isVersion(high))
    return false;
  return isRange(partsOf(low), partsOf(high));
}

export function checkPattern(input: string): void {
  const pattern = accepted(["pattern"], () => parsePattern(input));
  law((pattern !== undefined) === isPattern(input), "the second reading disagrees");
  if (pattern === undefined) return;
  const again = parsePattern(pattern.text);
  law(again.text === pattern.text, "the canonical form is not its own");
  for (const version of ["0", "1", "1.0-rc", "2.3", "a", input.slice(0, 20)]) {
    if (!isVersion(version)) continue;
    const parsed = parseVersion(version);
    law(matches(pattern, parsed) === matches(again, parsed), "the canonical form matches others");
  }
}

// Records and links of the destination

export function checkEtagRecord(input: string): void {
  const record = decodeEtag(input);
  if (record !== undefined) law(encodeEtag(record) === input, "not encoded to the same text");
}

export function checkOwedRecord(input: string): void {
  const owed = decodeOwed(input);
  if (owed !== undefined) law(encodeOwed(owed) === input, "not encoded to the same text");
}

export function checkImageRecord(input: string): void {
  const digest = decodeImageRecord(input);
  if (digest !== undefined)
    law(encodeImageRecord(digest) === input, "not encoded to the same text");
}

export function checkRefusedRecord(input: string): void {
  const read = decodeRefusals(input);
  if (read === undefined) return;
  law(read.length <= 100, "more than 100 refusals");
  // A digest that stands there twice is read once, and what is secret in a reason is not written again.
  const again = decodeRefusals(encodeRefusals(read));
  law(again !== undefined, "what was written is not read");
  const text = encodeRefusals(again ?? []);
  law(encodeRefusals(decodeRefusals(text) ?? []) === text, "not encoded to the same text");
}

export function checkCheckedRecord(input: string): void {
  const checked = decodeChecked(input);
  if (checked === undefined) return;
  const again = decodeChecked(encodeChecked(checked));
  law(JSON.stringify(again) === JSON.stringify(checked), "not encoded to the same record");
  law(/^[ -~]*$/.test(checked.look.message), "a message with control characters");
}

export function checkSeenRecord(input: string): void {
  const seen = decodeSeen(input);
  if (seen === undefined) return;
  const text = encodeSeen(seen);
  law(encodeSeen(decodeSeen(text) ?? new Map()) === text, "not encoded to the same text");
}

export function checkUnitStates(input: string): void {
  const units = ["a.service", "b.service"];
  const states = parseUnitStates(input, units);
  if (states === undefined) return;
  law(states.length === 2, "not a state for each unit");
  for (const state of states) {
    law(input.includes(`ActiveState=${state.active}`), "a state that was not told");
    law(state.longestMs >= 0, "a limit below 0");
    law(describeState(state) !== "", "nothing to say");
  }
}

export function checkLink(input: string): void {
  const digest = imageOfLink(input);
  law(
    (digest !== undefined) === /^store\/[0-9a-f]{64}$(?!\n)/.test(input),
    "the second reading disagrees",
  );
}

export function checkCgroup(input: string): void {
  for (const unit of unitsOfCgroup(input))
    law(!/[/\n]/.test(unit) && input.includes(unit), `no unit of this text: ${unit}`);
}

// HTTP headers

/** As a header of a response would have it; `undefined` where no such header can be. */
function header(name: string, value: string): Headers | undefined {
  try {
    return new Headers({ [name]: value });
  } catch {
    return undefined;
  }
}

const NOW = Date.UTC(2026, 0, 1);

export function checkRetryAfter(input: string): void {
  const value = header("Retry-After", input)?.get("Retry-After") ?? input;
  const delay = parseRetryAfter(value, NOW);
  law(delay !== undefined || !/^[0-9]+$/.test(value), "a number is not read");
  if (delay === undefined) return;
  law(delay >= 0, `a delay of ${delay}`);
  if (/^[0-9]{1,12}$/.test(value)) law(BigInt(delay) === BigInt(value) * 1000n, "another delay");
}

export function checkContentRange(input: string): void {
  const headers = header("Content-Range", input);
  if (headers === undefined) return;
  const value = headers.get("Content-Range") ?? "";
  const [unit = "", rest = "", ...surplus] = value.split(" ");
  const [span = "", whole = ""] = rest.split("/");
  const [first = "", last = ""] = span.split("-");
  const isNumber = (text: string) =>
    text !== "" && [...text].every((c) => "0123456789".includes(c));
  const isForm =
    unit.toLowerCase() === "bytes" &&
    surplus.length === 0 &&
    rest === `${first}-${last}/${whole}` &&
    [first, last, whole].every(isNumber);
  for (const [offset, size] of [
    [1, 10],
    [100, 9_007_199_254_740_991],
    [2 ** 40, 2 ** 41],
  ] as const) {
    const expected =
      isForm &&
      BigInt(first) === BigInt(offset) &&
      BigInt(whole) === BigInt(size) &&
      BigInt(last) >= BigInt(first) &&
      BigInt(last) < BigInt(whole);
    law(
      (endOfRest({ status: 206, headers }, offset, size) !== undefined) === expected,
      "the second reading disagrees",
    );
    law(endOfRest({ status: 200, headers }, offset, size) === undefined, "a 200 continues");
  }
}

export function checkLocation(input: string): void {
  const headers = header("Location", input);
  if (headers === undefined) return;
  for (const from of [
    "https://images.example.com/app/manifest",
    "http://127.0.0.1:8000/manifest",
  ]) {
    const fail = (reason: string) => new OriginError(from, reason);
    const show = (to: URL) => printable(to.href);
    const to = accepted(["origin"], () => redirectTarget(new URL(from), { headers, fail }, show));
    if (to === undefined) continue;
    law(to.protocol === "https:" || to.protocol === new URL(from).protocol, `to ${to.protocol}`);
    law(to.username === "" && to.password === "" && to.hash === "", "credentials or a fragment");
    law(to.protocol !== "http:" || from.startsWith("http:"), "from https to http");
  }
}

export function checkEtag(input: string): void {
  const inner = input.replace(/^W\//, "");
  const expected =
    input.length <= 1024 &&
    inner.length >= 2 &&
    inner.startsWith('"') &&
    inner.indexOf('"', 1) === inner.length - 1 &&
    [...inner].every((c) => c >= "!" && c <= "~");
  law(isKeepableEtag(input) === expected, "the second reading disagrees");
  if (!expected) return;
  const record = { url: "https://a/manifest", etag: input, digest: "0".repeat(64) as never };
  same(decodeEtag(encodeEtag(record)), record, "what is kept is not read again");
}

// The command line, and what is shown

const ARGUMENTS = {
  image: { type: "positional", required: false },
  "version...": { type: "positional", required: false },
  key: { type: "string", alias: "k", valueHint: "key" },
  output: { type: "string", alias: "o", required: true },
  verify: { type: "boolean", default: true },
  json: { type: "boolean" },
  jobs: { type: "string", default: "8" },
} as const;

export function checkArguments(input: string): void {
  const words = input.split("\n");
  asksForHelp(words);
  for (const word of words) hidesSecrets(shownWord(word));
  const given = accepted(["usage"], () => readArguments(words, ARGUMENTS));
  if (given === undefined) return;
  law(typeof given.output === "string" && given.output !== "", "a required option is missing");
  law(
    given._.every((word) => words.includes(word)),
    "a word that nobody gave",
  );
  law(typeof given.verify === "boolean", "an option of another type");
}

export function checkPrintable(input: string): void {
  for (const limit of [20, 200]) {
    const shown = printable(input, limit);
    law(/^[\x20-\x7e]*$/.test(shown), "what is shown is not printable ASCII");
    law(shown.length <= (limit + 3) * 10, "what is shown has no bound");
    hidesSecrets(shown);
  }
}

/** What a near miss is looked for among. */
export const NAMES = ["Origin", "PublicKey", "Destination", "Version", "Restart"] as const;

export function checkNearMiss(input: string): void {
  const word = input.slice(0, 60);
  const near = nearest(word, NAMES);
  const limit = Math.min(2, Math.ceil(word.length / 2) - 1);
  const best = Math.min(...NAMES.map((name) => distance(word.toLowerCase(), name.toLowerCase())));
  law((near !== undefined) === best <= limit, "the second reading disagrees");
  if (near !== undefined)
    law(distance(word.toLowerCase(), near.toLowerCase()) === best, "another name is nearer");
}

/** Levenshtein distance, with swaps, as its definition says it, with a memory. */
function distance(a: string, b: string): number {
  const memory = new Map<number, number>();
  const from = (i: number, j: number): number => {
    if (i === 0 || j === 0) return i + j;
    const key = i * 1000 + j;
    const known = memory.get(key);
    if (known !== undefined) return known;
    const replaced = from(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
    const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
    const swapped = isSwapped ? from(i - 2, j - 2) + 1 : Infinity;
    const best = Math.min(replaced, from(i - 1, j) + 1, from(i, j - 1) + 1, swapped);
    memory.set(key, best);
    return best;
  };
  return from(a.length, b.length);
}
