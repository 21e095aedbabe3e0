// Compares what a step expects with what happened, files above all. Each difference is one line that says
// both; nothing is run or written here.

import type { HostileRequest } from "../hostile/origin.ts";
import { isSigned, type KeyPair, readKeyPair } from "../publisher.ts";
import type { DestinationExpected, Expected, FileExpected, Step } from "./fixture.ts";
import type { Outcome } from "./guarded-run.ts";
import { differs, output, requests, status } from "./judge-output.ts";
import { describe, describeContent, type Node, type Tree } from "./tree.ts";
import { latin1, type World } from "./world.ts";

/** What was seen of one step. */
export interface Observed {
  /** Of `run` and of each of `also_run`. */
  readonly outcomes: readonly Outcome[];
  /** The case's folder before and after. */
  readonly before: Tree;
  readonly after: Tree;
  readonly requests: readonly HostileRequest[];
  /** Where `latest` led at any time during the run; `none` while it was absent. */
  readonly latestSeen: ReadonlySet<string>;
}

export interface Verdict {
  /** One line each. None: the step passed. */
  readonly problems: readonly string[];
  /** The pair that `gen-key` printed. */
  readonly keys?: KeyPair;
}

const ABSENT: Node = { kind: "absent", mode: "", identity: "", names: 0 };
/** The names that a destination may have (spec/destination.md). */
const LAYOUT = new Set(["manifest", "store", "latest", ".etag", ".owed"]);
const IMAGE = /^[0-9a-f]{64}(\.partial)?$/;

export function judge(world: World, step: Step, seen: Observed, strict: boolean): Verdict {
  const { expect } = step;
  const [outcome] = seen.outcomes;
  const keys = expect.keys === undefined ? undefined : readKeyPair(outcome?.stdout ?? "");
  const destinations = Object.entries({ app: expect, ...expect.destinations });
  const problems = [
    ...seen.outcomes.flatMap((each) => status(each, expect, strict)),
    ...output(world, expect, outcome),
    ...destinations.flatMap(([name, expected]) => destination(world, name, expected, step, seen)),
    ...origin(world, expect, seen),
    ...Object.entries(expect.files).flatMap(([path, file]) =>
      fileAt(world, world.fill(path), file, seen.after),
    ),
    ...untouched(
      expect.untouched.map((path) => world.fill(path)),
      seen,
    ),
    ...outside(
      world,
      step,
      destinations.map(([name]) => name),
      seen,
    ),
    ...latestDuring(world, expect, seen),
    ...requests(world, expect, seen.requests),
    ...(typeof keys === "string" ? [`expected a key pair; ${keys}`] : []),
  ];
  return typeof keys === "object" ? { problems, keys } : { problems };
}

function destination(
  world: World,
  name: string,
  expected: DestinationExpected,
  step: Step,
  { before, after }: Observed,
): string[] {
  const at = (path: string) => after.get(`${name}/${path}`) ?? ABSENT;
  const problems: string[] = [];
  const { latest, store, manifest } = expected;
  if (latest !== undefined) problems.push(...latestNames(world, name, latest, after));
  if (store !== undefined) problems.push(...storeHolds(world, name, store, step.expect, after));
  if (manifest !== undefined) {
    const wanted = manifest === "before" ? before.get(`${name}/manifest`) : undefined;
    const node = manifest === "origin" ? after.get("origin/manifest") : wanted;
    const content = manifest === "none" ? undefined : node?.content;
    problems.push(...holds(`${name}/manifest`, content, at("manifest")));
    if (manifest === "origin")
      problems.push(...differs(`mode of ${name}/manifest`, "0444", at("manifest").mode));
  }
  problems.push(...leftovers(world, name, expected, step.expect, before, after));
  return step.expect.unchanged ? [...problems, ...unchanged(name, before, after)] : problems;
}

function latestNames(world: World, name: string, version: string, after: Tree): string[] {
  const node = after.get(`${name}/latest`) ?? ABSENT;
  const place = `${name}/latest`;
  if (version === "none") {
    return node.kind === "absent" ? [] : [`expected no ${place}, got ${describe(node)}`];
  }
  const target = `store/${world.image(version).digest}`;
  if (node.target !== target) {
    const other = world.versionOf(node.target?.slice("store/".length) ?? "");
    const got = other === undefined ? describe(node) : `version ${other}`;
    return [`expected ${place} to be a link to ${target} (version ${version}), got ${got}`];
  }
  return holds(`${name}/${target}`, world.image(version).content, after.get(`${name}/${target}`));
}

/** Exactly these images, whole and read-only, and what `files` names besides. */
function storeHolds(
  world: World,
  name: string,
  versions: readonly string[],
  expect: Expected,
  after: Tree,
): string[] {
  const place = `${name}/store`;
  const images = new Map(versions.map((version) => [world.image(version).digest, version]));
  const problems = [...images].flatMap(([digest, version]) => {
    const node = after.get(`${place}/${digest}`) ?? ABSENT;
    const what = `${place}/${digest.slice(0, 8)}... (${version})`;
    const { content } = world.image(version);
    if (node.kind !== "file") return [`expected ${what}, got ${describe(node)}`];
    return [
      ...holds(what, content, node),
      ...differs(`mode of ${what}`, "0444", node.mode),
      ...differs(`number of names of ${what}`, 1, node.names),
    ];
  });
  const named = new Set(Object.keys(expect.files).map((path) => world.fill(path)));
  const strays = [...after].filter(([path]) => {
    const [, file] = path.split(`${place}/`);
    return path.startsWith(`${place}/`) && !images.has(file ?? "") && !named.has(path);
  });
  return [
    ...problems,
    ...strays.map(
      ([path, node]) => `expected nothing more in ${place}, got ${path}: ${describe(node)}`,
    ),
  ];
}

/** What the command made that is no part of the layout. */
function leftovers(
  world: World,
  name: string,
  { store }: DestinationExpected,
  { files }: Expected,
  before: Tree,
  after: Tree,
): string[] {
  const named = new Set(Object.keys(files).map((path) => world.fill(path)));
  return [...after].flatMap(([path, node]) => {
    if (!path.startsWith(`${name}/`) || before.has(path) || named.has(path)) return [];
    const [first = "", second] = path.slice(name.length + 1).split("/");
    // What `store` lists is compared in full.
    const isExpected =
      second === undefined
        ? LAYOUT.has(first)
        : first === "store" && (store !== undefined || IMAGE.test(second));
    return isExpected ? [] : [`expected nothing left over, got ${path}: ${describe(node)}`];
  });
}

/** Not even written anew. */
function unchanged(name: string, before: Tree, after: Tree): string[] {
  const isIn = (path: string) => path.startsWith(`${name}/`);
  const paths = [...new Set([...before.keys(), ...after.keys()])].filter(isIn);
  return paths.flatMap((path) => same(path, before.get(path) ?? ABSENT, after.get(path) ?? ABSENT));
}

function untouched(paths: readonly string[], { before, after }: Observed): string[] {
  return paths.flatMap((path) => same(path, before.get(path) ?? ABSENT, after.get(path) ?? ABSENT));
}

function same(path: string, before: Node, after: Node): string[] {
  if (describe(before) !== describe(after)) {
    return [`expected ${path} to stay ${describe(before)}, got ${describe(after)}`];
  }
  return before.identity === after.identity
    ? []
    : [`expected ${path} to stay as it was, but it was written anew`];
}

/** What lies beside destinations and origin is nobody's to change. */
function outside(
  world: World,
  step: Step,
  destinations: readonly string[],
  { before, after }: Observed,
): string[] {
  const named = new Set(Object.keys(step.expect.files).map((path) => world.fill(path)));
  const inside = [...destinations, ...(step.run[0] === "fetch" ? [] : ["origin"])];
  const paths = [...new Set([...before.keys(), ...after.keys()])].filter(
    (path) =>
      !named.has(path) && !inside.some((name) => path === name || path.startsWith(`${name}/`)),
  );
  return paths.flatMap((path) => same(path, before.get(path) ?? ABSENT, after.get(path) ?? ABSENT));
}

function origin(world: World, expect: Expected, { before, after }: Observed): string[] {
  const problems: string[] = [];
  const { origin_manifest, origin_key, origin_store } = expect;
  if (origin_manifest !== undefined) {
    const place = "origin/manifest";
    const node = after.get(place) ?? ABSENT;
    const key = world.key(origin_key);
    const wanted = latin1(world.manifestOf(origin_manifest, origin_key));
    const isOther = node.content !== undefined && Buffer.compare(wanted, node.content) !== 0;
    problems.push(
      ...holds(place, wanted, node),
      ...(isOther && !isSigned(node.content, key.public)
        ? [`expected ${place} to be signed by ${key.public}, got another signature`]
        : []),
      ...differs(`mode of ${place}`, "0444", node.mode),
    );
  }
  if (origin_store !== undefined)
    problems.push(...storeHolds(world, "origin", origin_store, expect, after));
  return expect.origin_unchanged ? [...problems, ...unchanged("origin", before, after)] : problems;
}

function fileAt(world: World, path: string, expected: FileExpected, after: Tree): string[] {
  const node = after.get(path) ?? ABSENT;
  const { kind, text, image, link, mode } = expected;
  return [
    ...(kind === undefined || kind === node.kind
      ? []
      : [`expected ${path} to be ${kind}, got ${describe(node)}`]),
    ...(text === undefined ? [] : holds(path, Buffer.from(world.fill(text)), node)),
    ...(image === undefined ? [] : holds(path, world.image(image).content, node)),
    ...(link === undefined ? [] : differs(`target of ${path}`, world.fill(link), node.target)),
    ...(mode === undefined ? [] : differs(`mode of ${path}`, mode, node.mode)),
  ];
}

function latestDuring(world: World, { latest_during }: Expected, seen: Observed): string[] {
  if (latest_during === undefined) return [];
  const allowed = new Map(
    latest_during.map((version) =>
      version === "none" ? ["none", version] : [`store/${world.image(version).digest}`, version],
    ),
  );
  return [...seen.latestSeen]
    .filter((target) => !allowed.has(target))
    .map((target) => {
      const got = target === "none" ? "it was absent for a moment" : `it led to ${target}`;
      return `expected latest to name only ${latest_during.join(", ")} during the run; ${got}`;
    });
}

function holds(place: string, wanted: Uint8Array | undefined, node: Node = ABSENT): string[] {
  if (wanted === undefined) {
    return node.kind === "absent" ? [] : [`expected no ${place}, got ${describe(node)}`];
  }
  const isSame = node.content !== undefined && Buffer.compare(wanted, node.content) === 0;
  return isSame
    ? []
    : [`expected ${place} to hold ${describeContent(wanted)}, got ${describe(node)}`];
}
