// Our own program behind the adapter protocol (spec/adapter.md): answers its operations with what the
// library makes of them. It is what `tako conformance --answer` runs, and knows nothing of cases.

import { version } from "../package.json";
import {
  type Arguments,
  badRequest,
  bytes,
  isObject,
  list,
  type Operation,
  text,
  texts,
} from "./adapter/arguments.ts";
import { packedOperations } from "./adapter/packed.ts";
import {
  type Config,
  compareVersions,
  decodeManifest,
  decodeUnverified,
  EMPTY_MANIFEST,
  type Entry,
  encodeManifest,
  firstLost,
  insertEntry,
  type Manifest,
  matches,
  newestMatch,
  parseConfig,
  parsePattern,
  parsePublicKey,
  parseSecretKey,
  parseSha256Hex,
  parseSize,
  parseVersion,
  TakoError,
  verify,
} from "./index.ts";

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
    return encodeManifest(manifestOf(list(args, "entries")), key).toBase64();
  },

  insert(args) {
    const entry = entryOf(args["entry"]);
    return plainEntries(insertEntry(manifestOf(list(args, "entries")), entry));
  },

  "parse-public-key": (args) => parsePublicKey(text(args, "text")).bytes.toBase64(),

  "parse-secret-key"(args) {
    const key = parseSecretKey(text(args, "text"));
    return { publicKey: key.publicKey.text, text: key.reveal() };
  },

  sign: (args) => parseSecretKey(text(args, "secretKey")).sign(bytes(args, "message")).toBase64(),

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
      ...givenOf(config),
    };
  },

  ...packedOperations,
};

/** Answers one request, whatever it is. */
export async function answer(
  offered: Readonly<Record<string, Operation>>,
  request: unknown,
): Promise<Readonly<Record<string, unknown>>> {
  const args: Arguments = isObject(request) ? request : {};
  const { id = null, op } = args;
  try {
    if (args !== request) throw badRequest("expected an object");
    const operation =
      typeof op === "string" && Object.hasOwn(offered, op) ? offered[op] : undefined;
    return operation === undefined
      ? { id, unsupported: true }
      : { id, value: await operation(args) };
  } catch (caught) {
    // Anything else is a fault of the program, and goes on its way.
    if (!(caught instanceof TakoError)) throw caught;
    const { kind, message, line, problems } = caught;
    return { id, error: kind, line: line ?? problems[0]?.line, message };
  }
}

/** Answers requests, one a line, until they end. */
export async function answerLines(
  offered: Readonly<Record<string, Operation>>,
  requests: ReadableStream<Uint8Array>,
  write: (line: string) => void,
): Promise<void> {
  for await (const line of linesOf(requests)) {
    write(`${JSON.stringify(await answer(offered, parseJson(line)))}\n`);
  }
}

const LF = 0x0a;
/** The most bytes of a line with its LF (ADP-8). */
const MAX_LINE_BYTES = 16 * 1024 * 1024;

/**
 * The lines of a stream, without their LF, which alone ends one (ADP-1): no library that splits lines
 * leaves U+2028 and CR in them. Bytes without LF at the end are no line.
 */
async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  /** The pieces of the line that has not ended yet. */
  let begun: readonly Uint8Array[] = [];
  for await (const chunk of stream) {
    let start = 0;
    for (let end = chunk.indexOf(LF); end !== -1; end = chunk.indexOf(LF, start)) {
      const line = shortEnough([...begun, chunk.subarray(start, end + 1)]);
      yield Buffer.concat(line).subarray(0, -1);
      [begun, start] = [[], end + 1];
    }
    begun = shortEnough([...begun, chunk.subarray(start)]);
  }
}

function shortEnough(pieces: readonly Uint8Array[]): readonly Uint8Array[] {
  if (pieces.reduce((sum, { length }) => sum + length, 0) <= MAX_LINE_BYTES) return pieces;
  throw new TakoError("failed", `a request is a line of more than ${MAX_LINE_BYTES} bytes`);
}

/** `undefined`, which is no JSON value, for what is no JSON. */
function parseJson(line: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(line));
  } catch {
    return undefined;
  }
}

/** The members of a config that it has only if its file says something of them (ADP-17). */
function givenOf(config: Config) {
  const { restart, reload, check, onUpdate, onRollback, slots, watchMs, minAgeMs } = config;
  const skip = config.skip.map(({ text }) => text);
  const lists = Object.entries({ restart, reload, check, onUpdate, onRollback });
  return {
    ...Object.fromEntries(lists.filter(([, units]) => units.length > 0)),
    ...(slots === undefined ? {} : { slots }),
    ...(watchMs === undefined ? {} : { watchMs }),
    ...(minAgeMs === 0 ? {} : { minAgeMs }),
    ...(skip.length === 0 ? {} : { skip }),
    ...(config.keep === undefined ? {} : { keep: config.keep }),
  };
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
