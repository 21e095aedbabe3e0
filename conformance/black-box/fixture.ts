// The shape of fixtures/cli/*.toml, which fixtures/cli/README.md describes: a reader for each part, from which its
// type follows. Nothing is prepared, run or compared here.

import { parse } from "smol-toml";
import { PROFILES } from "../case.ts";
import {
  flag,
  type Infer,
  list,
  mapOf,
  number,
  oneOf,
  optional,
  or,
  type Reader,
  scalar,
  table,
  text,
  textOr,
} from "./readers.ts";

const imageTable = table({
  version: text,
  text: optional(text),
  size: optional(number),
  served: optional(oneOf(["damaged", "short", "long", "empty", "missing"])),
  /** The size that the manifest states, if it is a wrong one. */
  listed_size: optional(number),
});

/** An image, named by its version: what it holds, and what the origin gives instead. */
export type ImageSpec = Infer<typeof imageTable>;

const image: Reader<ImageSpec> = (value, place) =>
  typeof value === "string" ? { version: value } : imageTable(value, place);

const manifest = table({
  /** Of entries, in place of those of `publish`. */
  lines: optional(list(text)),
  /** All that is signed. */
  body: optional(text),
  /** All, without a signature. */
  text: optional(text),
  /** After signing: the first of these texts becomes the second. */
  replace: optional(list(text)),
  append: optional(text),
  /** As many bytes of the end are left out. */
  cut: optional(number),
});

/** How the origin's manifest differs from the one that lists the published images. */
export type ManifestSpec = Infer<typeof manifest>;

const installed = table({
  at: or("app", text),
  manifest: optional(list(image)),
  key: or("test-1", text),
  store: optional(list(image)),
  latest: optional(text),
});

/** What an earlier run left in a destination. */
export type Installed = Infer<typeof installed>;

const plant = table({
  path: text,
  text: optional(text),
  /** Bytes, and then others, so many times. */
  hex: optional(text),
  more: optional(text),
  times: optional(number),
  /** A version, whose image is the content. */
  image: optional(text),
  link: optional(text),
  hard_link: optional(text),
  kind: optional(oneOf(["directory", "fifo"])),
  mode: optional(text),
  /** Only for `image`: as many bytes of its beginning. */
  first: optional(number),
  /** Only for `image`: its first byte is another. */
  damaged: optional(flag),
  /** Only for `image`: what follows it. */
  extra: optional(text),
});

/** A thing put at a path of the case's folder, in place of what is there. */
export type Plant = Infer<typeof plant>;

const config = textOr(mapOf(textOr(list(text))));

/** The whole text of a config, or the keys that differ from the usual ones. */
export type ConfigSpec = Infer<typeof config>;

const inDestination = {
  latest: optional(text),
  store: optional(list(text)),
  manifest: optional(oneOf(["origin", "before", "none"])),
};

const destination = table(inDestination);

export type DestinationExpected = Infer<typeof destination>;

const file = table({
  kind: optional(oneOf(["absent", "file", "directory", "link", "fifo"])),
  text: optional(text),
  image: optional(text),
  link: optional(text),
  mode: optional(text),
});

/** What is expected at a path of the case's folder. */
export type FileExpected = Infer<typeof file>;

const expected = table({
  status: optional(oneOf(["zero", "nonzero"])),
  strict: optional(number),
  ...inDestination,
  unchanged: or(false, flag),
  destinations: or({}, mapOf(destination)),
  untouched: or([], list(text)),
  latest_during: optional(list(text)),
  files: or({}, mapOf(file)),
  requests: optional(list(text)),
  headers: or({}, mapOf(text)),
  sent_at_most: optional(number),
  stdout: optional(text),
  output_has: or([], list(text)),
  output_lacks: or([], list(text)),
  /** What a warning names, for each of them. */
  warns: optional(list(text)),
  json: optional(list(mapOf(scalar))),
  /** The name under which the pair that `gen-key` printed is known from now on. */
  keys: optional(text),
  origin_manifest: optional(list(text)),
  origin_key: or("test-1", text),
  origin_store: optional(list(text)),
  origin_unchanged: or(false, flag),
});

export type Expected = Infer<typeof expected>;

const step = table({
  publish: optional(list(image)),
  images: or([], list(image)),
  key: or("test-1", text),
  manifest: optional(manifest),
  serve: optional(text),
  config: optional(config),
  configs: or({}, mapOf(config)),
  installed: or([], list(installed)),
  remove: or([], list(text)),
  plant: or([], list(plant)),
  run: list(text),
  also_run: or([], list(list(text))),
  stdin: optional(text),
  umask: optional(text),
  env: or({}, mapOf(text)),
  in_folder: or(false, flag),
  expect: expected,
});

/** What is prepared, one run of the command, and what is expected after it. */
export type Step = Infer<typeof step>;

const fixture = table({
  id: text,
  requirement: list(text),
  why: text,
  profile: oneOf(PROFILES),
  /** It has to wait for seconds. */
  slow: or(false, flag),
  step: list(step),
});

export type Fixture = Infer<typeof fixture>;

/** @throws Error that names the place of what is wrong */
export function parseFixtures(toml: string, file: string): readonly Fixture[] {
  const { case: cases, ...rest } = parse(toml);
  if (Object.keys(rest).length > 0) throw new Error(`${file}: unknown key ${Object.keys(rest)[0]}`);
  return list(fixture)(cases, file);
}
