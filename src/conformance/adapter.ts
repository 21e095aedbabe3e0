// Our own adapter: answers the operations of spec/adapter.md with what src/core makes of them. It is
// what `tako conformance --answer` runs, and knows nothing of cases.

import { version } from "../../package.json";
import { decodeBase64, encodeBase64 } from "../core/base64.ts";
import { parseConfig } from "../core/config.ts";
import { parseSha256Hex } from "../core/digest.ts";
import { asTakoError, TakoError } from "../core/error.ts";
import { parsePublicKey, parseSecretKey, verify } from "../core/keys.ts";
import {
  decodeManifest,
  decodeUnverified,
  EMPTY_MANIFEST,
  type Entry,
  encodeManifest,
  firstLost,
  insertEntry,
  type Manifest,
} from "../core/manifest.ts";
import { matches, parsePattern } from "../core/pattern.ts";
import { newestMatch } from "../core/select.ts";
import { parseSize } from "../core/size.ts";
import { compareVersions, parseVersion } from "../core/version.ts";
import { LineReader } from "./lines.ts";

export type Arguments = Readonly<Record<string, unknown>>;

/** Gives the value of an answer. @throws TakoError for an answer with an error */
export type Operation = (args: Arguments) => unknown;

/** The operations of the protocol by their names (ADP-13). */
export const operations: Readonly<Record<string, Operation>> = {
  hello: () => ({ name: "tako", version, protocol: 1 }),

  compare: (args) =>
    Math.sign(compareVersions(parseVersion(text(args, "a")), parseVersion(text(args, "b")))),

  "parse-version"(args) {
    const { parts } = parseVersion(text(args, "text"));
    return {
      parts: parts.map((part) =>
        typeof part === "string" ? { string: part } : { number: String(part) },
      ),
    };
  },

  "parse-pattern": (args) => ({ canonical: parsePattern(text(args, "text")).text }),

  match: (args) =>
    matches(parsePattern(text(args, "pattern")), parseVersion(text(args, "version"))),

  select(args) {
    const digest = "0".repeat(64);
    const entries = texts(args, "versions").map((version) => ({ version, size: 0, digest }));
    const entry = newestMatch(manifestOf(entries), parsePattern(text(args, "pattern")));
    return entry?.version.text ?? null;
  },

  decode: (args) => plainEntries(decodeManifest(bytes(args, "manifest"), publicKeys(args))),

  superset(args) {
    const next = decodeManifest(bytes(args, "next"), publicKeys(args));
    return firstLost(decodeUnverified(bytes(args, "history")), next) === undefined;
  },

  encode(args) {
    const key = parseSecretKey(text(args, "secretKey"));
    return encodeBase64(encodeManifest(manifestOf(list(args, "entries")), key));
  },

  insert(args) {
    const entry = entryOf(args["entry"]);
    return plainEntries(insertEntry(manifestOf(list(args, "entries")), entry));
  },

  "parse-public-key": (args) => encodeBase64(parsePublicKey(text(args, "text")).bytes),

  "parse-secret-key"(args) {
    const key = parseSecretKey(text(args, "text"));
    return { publicKey: key.publicKey.text, text: key.reveal() };
  },

  sign: (args) =>
    encodeBase64(parseSecretKey(text(args, "secretKey")).sign(bytes(args, "message"))),

  verify: (args) =>
    verify(
      bytes(args, "signature"),
      bytes(args, "message"),
      parsePublicKey(text(args, "publicKey")),
    ),

  "parse-config"(args) {
    const config = parseConfig(bytes(args, "config"), "config");
    const { href, credentials } = config.origin;
    return {
      origin: href,
      ...(credentials === undefined ? {} : { credentials }),
      publicKeys: config.publicKeys.map((key) => key.text),
      destination: config.destination,
      pattern: config.pattern.text,
      ...(config.restart.length === 0 ? {} : { restart: config.restart }), // (ADP-17)
    };
  },
};

/** Answers one request, whatever it is. */
export function answer(
  offered: Readonly<Record<string, Operation>>,
  request: unknown,
): Readonly<Record<string, unknown>> {
  const args: Arguments = isObject(request) ? request : {};
  const { id = null, op } = args;
  try {
    if (args !== request) throw badRequest("expected an object");
    const operation =
      typeof op === "string" && Object.hasOwn(offered, op) ? offered[op] : undefined;
    return operation === undefined ? { id, unsupported: true } : { id, value: operation(args) };
  } catch (caught) {
    const { kind, message, line, problems } = asTakoError(caught);
    return { id, error: kind, line: line ?? problems[0]?.line, message };
  }
}

/** Answers requests, one a line, until they end. */
export async function answerLines(
  offered: Readonly<Record<string, Operation>>,
  requests: ReadableStream<Uint8Array>,
  write: (line: string) => void,
): Promise<void> {
  const lines = new LineReader(requests);
  for (let line = await lines.read(); line !== undefined; line = await lines.read()) {
    write(`${JSON.stringify(answer(offered, parseJson(line)))}\n`);
  }
}

/** `undefined`, which is no JSON value, for what is no JSON. */
function parseJson(line: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(line));
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Arguments {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function badRequest(message: string): TakoError {
  return new TakoError("usage", message);
}

function text(args: Arguments, name: string): string {
  const value = args[name];
  if (typeof value === "string") return value;
  throw badRequest(`expected a text as ${name}`);
}

function list(args: Arguments, name: string): readonly unknown[] {
  const value = args[name];
  if (Array.isArray(value)) return value;
  throw badRequest(`expected a list as ${name}`);
}

function texts(args: Arguments, name: string): readonly string[] {
  return list(args, name).map((value) => text({ [name]: value }, name));
}

function bytes(args: Arguments, name: string): Uint8Array {
  const decoded = decodeBase64(text(args, name));
  if (decoded !== undefined) return decoded;
  throw badRequest(`expected canonical base64 as ${name}`);
}

function publicKeys(args: Arguments) {
  return texts(args, "keys").map(parsePublicKey);
}

function entryOf(value: unknown): Entry {
  if (!isObject(value)) throw badRequest("expected an entry");
  const { size } = value;
  const digest = parseSha256Hex(text(value, "digest"));
  if (typeof size !== "number") throw badRequest("expected a size");
  if (digest === undefined) throw badRequest("expected a digest");
  return { version: parseVersion(text(value, "version")), size: parseSize(size), digest };
}

function manifestOf(entries: readonly unknown[]): Manifest {
  return entries.map(entryOf).reduce(insertEntry, EMPTY_MANIFEST);
}

function plainEntries({ entries }: Manifest) {
  return {
    entries: entries.map(({ version, size, digest }) => ({ version: version.text, size, digest })),
  };
}
