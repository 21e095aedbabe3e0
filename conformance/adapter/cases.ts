// The cases of fixtures/ as questions to an adapter (spec/adapter.md). What is right comes from the
// fixtures alone, never from Tako.

import type { Case, Profile } from "../case.ts";
import { readFixture } from "../fixtures.ts";
import { packedTables } from "./packed-cases.ts";
import { type Ask, question, type RightAnswer } from "./questions.ts";
import { base64, type Document, type Table, table } from "./table.ts";

/** Every case that an adapter can be asked. */
export function adapterCases(ask: Ask): readonly Case[] {
  return [...tables, ...packedTables].flatMap((each) => each(ask));
}

interface EntryRow {
  readonly version: string;
  readonly size: number;
  readonly digest: string;
}

interface Refusal {
  readonly error?: string;
  readonly line?: number;
}

interface KeyNames {
  readonly keys: readonly string[];
}

/** Several public keys are more than the first Tako has. */
const byKeys = ({ keys }: KeyNames): Profile => (keys.length > 1 ? "extensions" : "formats");

const tables: readonly Table[] = [
  table<{ text: string; parts: readonly object[] }>(
    "versions/parts.toml",
    "formats",
    ({ text, parts }) => [question("parse-version", { text }, { value: { parts } })],
  ),

  table<{ text: string }>("versions/invalid.toml", "formats", ({ text }) => [
    question("compare", { a: text, b: "1" }, { error: "version" }),
    question("compare", { a: "1", b: text }, { error: "version" }),
    question("parse-version", { text }, { error: "version" }),
  ]),

  table<{ classes: readonly (readonly string[])[] }>(
    "versions/order.toml",
    "formats",
    ({ classes }) => {
      const ranked = classes.flatMap((texts, rank) => texts.map((text) => ({ text, rank })));
      return ranked.flatMap((a) =>
        ranked.map((b) => {
          const value = Math.sign(a.rank - b.rank);
          return question("compare", { a: a.text, b: b.text }, { value });
        }),
      );
    },
  ),

  table<{ pattern: string; text: string }>(
    "patterns/canonical.toml",
    "formats",
    ({ pattern, text }) => [
      question("parse-pattern", { text: pattern }, { value: { canonical: text } }),
      // Read again, it stays as it is.
      question("parse-pattern", { text }, { value: { canonical: text } }),
    ],
  ),

  table<{ pattern: string }>("patterns/invalid.toml", "formats", ({ pattern }) => [
    question("match", { pattern, version: "1" }, { error: "pattern" }),
    question("parse-pattern", { text: pattern }, { error: "pattern" }),
  ]),

  table<{ pattern: string; matches: readonly string[]; differs: readonly string[] }>(
    "patterns/match.toml",
    "formats",
    ({ pattern, matches, differs }) => {
      const asked = (value: boolean) => (version: string) =>
        question("match", { pattern, version }, { value });
      return [...matches.map(asked(true)), ...differs.map(asked(false))];
    },
  ),

  table<KeyNames & Refusal & { file: string; entries?: readonly EntryRow[] }>(
    "manifests/cases.toml",
    byKeys,
    ({ file, keys, entries, error, line }, document) => {
      const args = { manifest: manifest(file), keys: keysOf(document, keys) };
      return [
        question("decode", args, error === undefined ? { value: { entries } } : { error, line }),
      ];
    },
  ),

  table<KeyNames & { history: string; next: string; lost?: EntryRow }>(
    "manifests/history.toml",
    byKeys,
    ({ history, next, keys, lost }, document) => {
      const given = { history: manifest(history), next: manifest(next) };
      const args = { ...given, keys: keysOf(document, keys) };
      return [question("superset", args, { value: lost === undefined })];
    },
  ),

  table<{ file: string; key: string; entries: readonly EntryRow[] }>(
    "manifests/encode.toml",
    "publish",
    ({ file, key, entries }, { secret_keys }) => {
      const args = { entries, secretKey: secret_keys[key] };
      return [question("encode", args, { value: manifest(file) })];
    },
  ),

  table<Refusal & { entries: readonly EntryRow[]; entry: EntryRow; result: readonly EntryRow[] }>(
    "manifests/insert.toml",
    "publish",
    ({ entries, entry, result, error }) => {
      const expected = error === undefined ? { value: { entries: result } } : { error };
      return [question("insert", { entries, entry }, expected)];
    },
  ),

  table<Refusal & { text: string; bytes: string }>(
    "keys/public.toml",
    "formats",
    ({ text, bytes, error }) => {
      const expected = error === undefined ? { value: base64(bytes) } : { error };
      return [question("parse-public-key", { text }, expected)];
    },
  ),

  table<Refusal & { text: string; public: string; revealed: string }>(
    "keys/secret.toml",
    "publish",
    ({ text, public: publicKey, revealed, error }) => {
      const expected: readonly RightAnswer[] =
        error === undefined
          ? [{ value: { publicKey } }, { value: { publicKey, text: revealed } }]
          : [{ error }];
      return [question("parse-secret-key", { text }, ...expected)];
    },
  ),

  table<{ public: string; message: string; signature: string }>(
    "ed25519/rfc8032.toml",
    "formats",
    (row) => [question("verify", signatureOf(row), { value: true })],
  ),

  table<{ seed: string; public: string; message: string; signature: string }>(
    "ed25519/rfc8032.toml",
    "publish",
    ({ seed, public: publicKey, message, signature }) => {
      const secretKey = `SECRET+${base64(seed + publicKey + publicKey)}`;
      const args = { secretKey, message: base64(message) };
      return [question("sign", args, { value: base64(signature) })];
    },
    (id) => `${id}-sign`,
  ),

  table<{ public: string; message: string; signature: string; valid: boolean }>(
    "ed25519/verify.toml",
    "formats",
    ({ valid, ...row }) => {
      // Whether a bad key is refused or verifies nothing is the case of another table.
      const wrong: readonly RightAnswer[] = [{ value: false }, { error: "key" }];
      return [question("verify", signatureOf(row), ...(valid ? [{ value: true }] : wrong))];
    },
  ),

  table<{ file: string; config?: ConfigRow; problems?: readonly { line?: number }[] }>(
    "config/cases.toml",
    ({ config }) => byKeys(config ?? { keys: [] }),
    ({ file, config, problems = [] }) => {
      const expected =
        config === undefined
          ? { error: "config", line: problems[0]?.line }
          : { value: configOf(config) };
      return [
        question("parse-config", { config: readFixture(`config/${file}`).toBase64() }, expected),
      ];
    },
  ),

  table<{ versions: readonly string[]; pattern: string; picks?: string }>(
    "fetch/pick.toml",
    "fetch",
    ({ versions, pattern, picks = null }) => [
      question("select", { versions, pattern }, { value: picks }),
    ],
  ),
];

interface ConfigRow extends KeyNames {
  readonly origin: string;
  readonly user?: string;
  readonly password?: string;
  readonly destination: string;
  readonly pattern: string;
  readonly restart: readonly string[];
  readonly reload?: readonly string[];
  readonly check?: readonly string[];
  readonly on_update?: readonly string[];
  readonly on_rollback?: readonly string[];
  readonly slots?: readonly string[];
  readonly watch_ms?: number;
  readonly min_age_ms?: number;
  readonly skip?: readonly string[];
  readonly keep?: number;
}

function configOf(row: ConfigRow) {
  const { origin, user, password, keys, destination, pattern, restart } = row;
  const optional = {
    restart: restart.length === 0 ? undefined : restart,
    reload: row.reload,
    check: row.check,
    onUpdate: row.on_update,
    onRollback: row.on_rollback,
    slots: row.slots,
    watchMs: row.watch_ms,
    minAgeMs: row.min_age_ms,
    skip: row.skip,
    keep: row.keep,
  };
  return {
    origin,
    ...(user === undefined ? {} : { credentials: { user, password } }),
    publicKeys: keys,
    destination,
    pattern,
    // (ADP-17)
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)),
  };
}

function manifest(file: string): string {
  return readFixture(`manifests/${file}`).toBase64();
}

function keysOf({ keys }: Document, names: readonly string[]) {
  return names.map((name) => keys[name]);
}

function signatureOf(row: { public: string; message: string; signature: string }) {
  return {
    publicKey: base64(row.public),
    message: base64(row.message),
    signature: base64(row.signature),
  };
}
