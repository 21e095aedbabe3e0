// The keys of a config file, a row each (spec/config.md). Adding a key is adding a row: what a Config holds, what
// the messages say, and the tables of the documentation (scripts/docs.ts) follow from it.

import { TakoError } from "./error.ts";
import { parsePublicKey } from "./keys.ts";
import { parseOriginUrl } from "./origin-url.ts";
import { parseKeep } from "./prune.ts";
import { parseSlots } from "./slot-name.ts";
import { parseAge, parseTimeout, parseWatch } from "./time-span.ts";
import { parseRestarted, parseServices, parseUnits } from "./unit-name.ts";
import { parseHostPattern, parseSkipped } from "./version-advice.ts";

/** The names of keys. */
export type KeyNames = ReadonlySet<string | undefined>;

/** A row of the table. */
export type ConfigKey = RequiredKey | OptionalKey | ListKey;

interface Row<Value> {
  /** The key as a file has it. */
  readonly name: string;
  /**
   * @param named the keys that the file has
   * @throws TakoError that says what is wrong with the value
   */
  readonly parse: (value: string, named: KeyNames) => Value;
  /** What it means, for the documentation: Markdown without a full stop at the end. */
  readonly meaning: string;
}

/** A key that must be given. */
export interface RequiredKey<Value = unknown> extends Row<Value> {
  readonly times: "once" | "once or more";
  /** What a value is, for messages. */
  readonly expected: string;
}

/** A key that may be given. */
export interface OptionalKey<Value = unknown> extends Row<Value> {
  readonly times: "at most once";
  readonly expected: string;
  /** What holds without it, as it would be written; `undefined` if that is nothing. */
  readonly fallback: string | undefined;
}

/** A key that lists something. Several lists are one; an empty one clears those before it, as in systemd. */
export interface ListKey<List = readonly unknown[]> extends Row<List> {
  readonly times: "any number";
  /** Of units there is none twice. */
  readonly lists: "units" | "versions";
  /** What holds without it, for the documentation. */
  readonly fallback: string;
}

/** By their members of a Config, in the order in which messages and documentation list them. */
export const CONFIG_KEYS = {
  origin: {
    name: "Origin",
    times: "once",
    expected: "a URL such as https://images.example.com/app",
    parse: parseOriginUrl,
    meaning: "The URL of the origin",
  },
  /** At least one; any of them may sign. */
  publicKeys: {
    name: "PublicKey",
    times: "once or more",
    expected: "a public key of 44 characters",
    parse: parsePublicKey,
    meaning: "A key that may sign the manifest. Two, while a key is replaced",
  },
  /** A path; a relative one counts from the working directory. */
  destination: {
    name: "Destination",
    times: "once",
    expected: "a directory",
    parse: parseDestination,
    meaning: "The directory for the images on this host",
  },
  pattern: {
    name: "Version",
    times: "once",
    expected: "a version pattern such as 1.*",
    parse: parseHostPattern,
    meaning: "The pattern of the versions that this host allows",
  },
  /** Versions that are not allowed, whatever the pattern says; `pattern` leaves them out already. */
  skip: {
    name: "Skip",
    times: "any number",
    lists: "versions",
    parse: parseSkipped,
    fallback: "no version",
    meaning: "Exact versions that this host never takes",
  },
  /** systemd units to restart, in the order given, none twice. */
  restart: {
    name: "Restart",
    times: "any number",
    lists: "units",
    parse: (list: string, named: KeyNames) => parseRestarted(list, named.has("Slots")),
    fallback: "no unit",
    meaning: "systemd units to restart when the image has changed",
  },
  /** As `restart` is, and so are all lists. */
  reload: {
    name: "Reload",
    times: "any number",
    lists: "units",
    parse: parseUnits,
    fallback: "no unit",
    meaning: "systemd units to reload, after those to restart, when the image has changed",
  },
  /** Milliseconds. */
  watchMs: {
    name: "WatchSec",
    times: "at most once",
    expected: "a time span such as 30s",
    parse: parseWatch,
    fallback: undefined,
    meaning: "How long the units have to run before the image counts as good",
  },
  check: {
    name: "Check",
    times: "any number",
    lists: "units",
    parse: parseServices,
    fallback: "no unit",
    meaning: "Services to start while the units are watched, each of which has to succeed",
  },
  /** Two names; the unit of `restart` is a template then, whose instances they are. */
  slots: {
    name: "Slots",
    times: "at most once",
    expected: "two names such as a b",
    parse: parseSlots,
    fallback: undefined,
    meaning: "Two instances of the template in `Restart=`, of which one takes over from the other",
  },
  onUpdate: {
    name: "OnUpdate",
    times: "any number",
    lists: "units",
    parse: parseUnits,
    fallback: "no unit",
    meaning: "systemd units to start after an update",
  },
  onRollback: {
    name: "OnRollback",
    times: "any number",
    lists: "units",
    parse: parseUnits,
    fallback: "no unit",
    meaning: "systemd units to start after the way back to an earlier image",
  },
  /** Milliseconds. */
  minAgeMs: {
    name: "MinAge",
    times: "at most once",
    expected: "a time span such as 3d",
    parse: parseAge,
    fallback: "0s",
    meaning: "How long a version has to have been in the manifest before it is taken",
  },
  /** Images; `undefined` stands for all. */
  keep: {
    name: "Keep",
    times: "at most once",
    expected: "a whole number such as 3",
    parse: parseKeep,
    fallback: undefined,
    meaning: "How many old images stay, besides those that are needed; else all do",
  },
  /** Whether packed files of an origin may be taken in the place of an image. */
  packed: {
    name: "Packed",
    times: "at most once",
    expected: "yes or no",
    parse: parsePacked,
    fallback: "yes",
    meaning: "Whether patches and compressed images of the origin are used, to download less",
  },
  /** Milliseconds. */
  timeoutMs: {
    name: "TimeoutSec",
    times: "at most once",
    expected: "a time span such as 30s",
    parse: parseTimeout,
    fallback: "30s",
    meaning: "How long an origin may take until it answers, and until the next byte comes",
  },
} as const satisfies Readonly<Record<string, ConfigKey>>;

/** Any path, as it is written (CFG-13), but for what must be meant as a comment (CFG-41). */
function parseDestination(path: string): string {
  if (!/[ \t\r][#;]/.test(path)) return path;
  const message =
    "white space and a # or ; in a path: comments have lines of their own, and end none";
  throw new TakoError("config", message, { rule: "CFG-41" });
}

function parsePacked(word: string): boolean {
  if (word === "yes" || word === "no") return word === "yes";
  throw new TakoError("config", "expected yes or no", { rule: "CFG-69" });
}

/** What all rows together give. */
export type ConfigValues = {
  readonly [Member in keyof typeof CONFIG_KEYS]: ValueOf<(typeof CONFIG_KEYS)[Member]>;
};

type ValueOf<Key extends ConfigKey> = Key["times"] extends "once or more"
  ? readonly ReturnType<Key["parse"]>[]
  : ReturnType<Key["parse"]> | (Key extends { readonly fallback: undefined } ? undefined : never);
