// The shape of fixtures/cli/*.toml, which fixtures/cli/README.md describes, and its reading. A key that
// is not known is an error: a misspelt expectation would else never be checked.

import { parse } from "smol-toml";
import { PROFILES, type Profile } from "../case.ts";

/** An image, named by its version: what it holds, and what the origin gives instead. */
export interface ImageSpec {
  readonly version: string;
  readonly text?: string | undefined;
  readonly size?: number | undefined;
  readonly served?: (typeof SERVED)[number] | undefined;
  /** The size that the manifest states, if it is a wrong one. */
  readonly listed_size?: number | undefined;
}

/** How the origin's manifest differs from the one that lists the published images. */
export interface ManifestSpec {
  /** Of entries, in place of those of `publish`. */
  readonly lines?: readonly string[] | undefined;
  /** All that is signed. */
  readonly body?: string | undefined;
  /** All, without a signature. */
  readonly text?: string | undefined;
  /** After signing: the first of these texts becomes the second. */
  readonly replace?: readonly string[] | undefined;
  readonly append?: string | undefined;
  /** As many bytes of the end are left out. */
  readonly cut?: number | undefined;
}

/** What an earlier run left in a destination. */
export interface Installed {
  readonly at: string;
  readonly manifest?: readonly ImageSpec[] | undefined;
  readonly key: string;
  readonly store?: readonly ImageSpec[] | undefined;
  readonly latest?: string | undefined;
}

/** A thing put at a path of the case's folder, in place of what is there. */
export interface Plant {
  readonly path: string;
  readonly text?: string | undefined;
  /** A version, whose image is the content. */
  readonly image?: string | undefined;
  readonly link?: string | undefined;
  readonly hard_link?: string | undefined;
  readonly kind?: "directory" | "fifo" | undefined;
  readonly mode?: string | undefined;
  /** Only for `image`: as many bytes of its beginning. */
  readonly first?: number | undefined;
  /** Only for `image`: its first byte is another. */
  readonly damaged?: boolean | undefined;
  /** Only for `image`: what follows it. */
  readonly extra?: string | undefined;
}

export type ConfigKeys = Readonly<Record<string, string | readonly string[]>>;

export interface DestinationExpected {
  readonly latest?: string | undefined;
  readonly store?: readonly string[] | undefined;
  readonly manifest?: (typeof MANIFESTS)[number] | undefined;
}

/** What is expected at a path of the case's folder. */
export interface FileExpected {
  readonly kind?: "absent" | "file" | "directory" | "link" | "fifo" | undefined;
  readonly text?: string | undefined;
  readonly image?: string | undefined;
  readonly link?: string | undefined;
  readonly mode?: string | undefined;
}

export interface Expected extends DestinationExpected {
  readonly status?: "zero" | "nonzero" | undefined;
  readonly strict?: number | undefined;
  readonly unchanged: boolean;
  readonly destinations: Readonly<Record<string, DestinationExpected>>;
  readonly untouched: readonly string[];
  readonly latest_during?: readonly string[] | undefined;
  readonly files: Readonly<Record<string, FileExpected>>;
  readonly requests?: readonly string[] | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly sent_at_most?: number | undefined;
  readonly stdout?: string | undefined;
  readonly output_has: readonly string[];
  readonly output_lacks: readonly string[];
  readonly json?: readonly Readonly<Record<string, string | number | boolean>>[] | undefined;
  /** The name under which the pair that `gen-key` printed is known from now on. */
  readonly keys?: string | undefined;
  readonly origin_manifest?: readonly string[] | undefined;
  readonly origin_key: string;
  readonly origin_store?: readonly string[] | undefined;
  readonly origin_unchanged: boolean;
}

/** What is prepared, one run of the command, and what is expected after it. */
export interface Step {
  readonly publish?: readonly ImageSpec[] | undefined;
  readonly images: readonly ImageSpec[];
  readonly key: string;
  readonly manifest?: ManifestSpec | undefined;
  readonly serve?: string | undefined;
  readonly config?: ConfigKeys | string | undefined;
  readonly configs: Readonly<Record<string, ConfigKeys | string>>;
  readonly installed: readonly Installed[];
  readonly remove: readonly string[];
  readonly plant: readonly Plant[];
  readonly run: readonly string[];
  readonly also_run: readonly (readonly string[])[];
  readonly stdin?: string | undefined;
  readonly umask?: string | undefined;
  readonly env: Readonly<Record<string, string>>;
  readonly in_folder: boolean;
  readonly expect: Expected;
}

export interface Fixture {
  readonly id: string;
  readonly requirement: readonly string[];
  readonly why: string;
  readonly profile: Profile;
  /** It has to wait for seconds. */
  readonly slow: boolean;
  readonly step: readonly Step[];
}

const SERVED = ["damaged", "short", "long", "empty", "missing"] as const;
const MANIFESTS = ["origin", "before", "none"] as const;

/** @throws Error that names the place of what is wrong */
export function parseFixtures(toml: string, file: string): readonly Fixture[] {
  const { case: cases, ...rest } = parse(toml);
  if (Object.keys(rest).length > 0) throw new Error(`${file}: unknown key ${Object.keys(rest)[0]}`);
  return list(fixture)(cases, file);
}

type Reader<T> = (value: unknown, place: string) => T;

const fixture: Reader<Fixture> = table({
  id: text,
  requirement: list(text),
  why: text,
  profile: oneOf(PROFILES),
  slow: or(false, flag),
  step: list(
    table<Step>({
      publish: optional(list(imageSpec)),
      images: or([], list(imageSpec)),
      key: or("test-1", text),
      manifest: optional(
        table<ManifestSpec>({
          lines: optional(list(text)),
          body: optional(text),
          text: optional(text),
          replace: optional(list(text)),
          append: optional(text),
          cut: optional(number),
        }),
      ),
      serve: optional(text),
      config: optional(config),
      configs: or({}, mapOf(config)),
      installed: or(
        [],
        list(
          table<Installed>({
            at: or("app", text),
            manifest: optional(list(imageSpec)),
            key: or("test-1", text),
            store: optional(list(imageSpec)),
            latest: optional(text),
          }),
        ),
      ),
      remove: or([], list(text)),
      plant: or(
        [],
        list(
          table<Plant>({
            path: text,
            text: optional(text),
            image: optional(text),
            link: optional(text),
            hard_link: optional(text),
            kind: optional(oneOf(["directory", "fifo"])),
            mode: optional(text),
            first: optional(number),
            damaged: optional(flag),
            extra: optional(text),
          }),
        ),
      ),
      run: list(text),
      also_run: or([], list(list(text))),
      stdin: optional(text),
      umask: optional(text),
      env: or({}, mapOf(text)),
      in_folder: or(false, flag),
      expect: table<Expected>({
        status: optional(oneOf(["zero", "nonzero"])),
        strict: optional(number),
        ...destinationKeys(),
        unchanged: or(false, flag),
        destinations: or({}, mapOf(table<DestinationExpected>(destinationKeys()))),
        untouched: or([], list(text)),
        latest_during: optional(list(text)),
        files: or(
          {},
          mapOf(
            table<FileExpected>({
              kind: optional(oneOf(["absent", "file", "directory", "link", "fifo"])),
              text: optional(text),
              image: optional(text),
              link: optional(text),
              mode: optional(text),
            }),
          ),
        ),
        requests: optional(list(text)),
        headers: or({}, mapOf(text)),
        sent_at_most: optional(number),
        stdout: optional(text),
        output_has: or([], list(text)),
        output_lacks: or([], list(text)),
        json: optional(list(mapOf(scalar))),
        keys: optional(text),
        origin_manifest: optional(list(text)),
        origin_key: or("test-1", text),
        origin_store: optional(list(text)),
        origin_unchanged: or(false, flag),
      }),
    }),
  ),
});

function destinationKeys() {
  return {
    latest: optional(text),
    store: optional(list(text)),
    manifest: optional(oneOf(MANIFESTS)),
  };
}

function imageSpec(value: unknown, place: string): ImageSpec {
  if (typeof value === "string") return { version: value };
  return table<ImageSpec>({
    version: text,
    text: optional(text),
    size: optional(number),
    served: optional(oneOf(SERVED)),
    listed_size: optional(number),
  })(value, place);
}

function config(value: unknown, place: string): ConfigKeys | string {
  return typeof value === "string"
    ? value
    : mapOf((each, at) => (typeof each === "string" ? each : list(text)(each, at)))(value, place);
}

function text(value: unknown, place: string): string {
  return typeof value === "string" ? value : wrong(place, "a text");
}

function number(value: unknown, place: string): number {
  return typeof value === "number" ? value : wrong(place, "a number");
}

function flag(value: unknown, place: string): boolean {
  return typeof value === "boolean" ? value : wrong(place, "true or false");
}

function scalar(value: unknown, place: string): string | number | boolean {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean")
    return value;
  return wrong(place, "a text, a number, true or false");
}

function oneOf<const T extends string>(choices: readonly T[]): Reader<T> {
  return (value, place) =>
    choices.find((choice) => choice === value) ?? wrong(place, choices.join(", "));
}

function list<T>(each: Reader<T>): Reader<readonly T[]> {
  return (value, place) =>
    Array.isArray(value)
      ? value.map((item: unknown, index) => each(item, `${place}[${index}]`))
      : wrong(place, "a list");
}

function mapOf<T>(each: Reader<T>): Reader<Readonly<Record<string, T>>> {
  return (value, place) =>
    Object.fromEntries(
      entriesOf(value, place).map(([key, item]) => [key, each(item, `${place}.${key}`)]),
    );
}

function table<T>(readers: { readonly [K in keyof T]-?: Reader<T[K]> }): Reader<T> {
  return (value, place) => {
    const entries = entriesOf(value, place);
    const unknown = entries.find(([key]) => !Object.hasOwn(readers, key));
    if (unknown !== undefined) throw new Error(`${place}: unknown key ${unknown[0]}`);
    const given = Object.fromEntries(entries);
    const read = Object.entries<Reader<unknown>>(readers).map(([key, reader]) => [
      key,
      reader(given[key], `${place}.${key}`),
    ]);
    return Object.fromEntries(read) as T;
  };
}

function entriesOf(value: unknown, place: string): [string, unknown][] {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.entries(value)
    : wrong(place, "a table");
}

function optional<T>(reader: Reader<T>): Reader<T | undefined> {
  return (value, place) => (value === undefined ? undefined : reader(value, place));
}

function or<T>(otherwise: T, reader: Reader<T>): Reader<T> {
  return (value, place) => (value === undefined ? otherwise : reader(value, place));
}

function wrong(place: string, expected: string): never {
  throw new Error(`${place}: expected ${expected}`);
}
