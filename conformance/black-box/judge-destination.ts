// Compares a destination with what a step expects of it, and the store that an origin has, too.

import type { DestinationExpected, Expected } from "./fixture.ts";
import { ABSENT, holds, type Trees, unchanged } from "./judge-files.ts";
import { differs } from "./judge-output.ts";
import { standingOf } from "./layout.ts";
import { describe, type Tree } from "./tree.ts";
import type { World } from "./world.ts";

export function destination(
  world: World,
  name: string,
  expected: DestinationExpected,
  expect: Expected,
  trees: Trees,
): string[] {
  const { before, after } = trees;
  const at = (path: string) => after.get(`${name}/${path}`) ?? ABSENT;
  const problems: string[] = [];
  const { latest, store, manifest } = expected;
  if (latest !== undefined) problems.push(...latestNames(world, name, latest, after));
  if (store !== undefined) problems.push(...storeHolds(world, name, store, expect, after));
  if (manifest !== undefined) {
    const wanted = manifest === "before" ? before.get(`${name}/manifest`) : undefined;
    const node = manifest === "origin" ? after.get("origin/manifest") : wanted;
    const content = manifest === "none" ? undefined : node?.content;
    problems.push(...holds(`${name}/manifest`, content, at("manifest")));
    if (manifest === "origin")
      problems.push(...differs(`mode of ${name}/manifest`, "0444", at("manifest").mode));
  }
  problems.push(...leftovers(world, name, expected, expect, trees));
  if (!expect.unchanged) return problems;
  const named = namedBy(world, expect);
  // What an implementation adds is its own business, unless the case put it there or asks for it (CNF-8).
  const isJudged = (path: string) =>
    named.has(path) || standingOf(path.slice(name.length + 1)) !== "added";
  return [...problems, ...unchanged(name, trees, isJudged)];
}

/** The paths that the case itself names. */
function namedBy(world: World, { files, untouched }: Expected): ReadonlySet<string> {
  const named = [...Object.keys(files), ...untouched].map((path) => world.fill(path));
  return new Set([...named, ...world.planted]);
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

/** Exactly these images, whole and read-only, what `files` names besides, and what may be added (DST-9). */
export function storeHolds(
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
    if (!path.startsWith(`${place}/`) || named.has(path)) return false;
    const file = path.slice(place.length + 1);
    return !images.has(file) && standingOf(`store/${file}`) !== "added";
  });
  return [
    ...problems,
    ...strays.map(
      ([path, node]) => `expected nothing more in ${place}, got ${path}: ${describe(node)}`,
    ),
  ];
}

/** What the command made under a name that is not its to use, or did not take away again. */
function leftovers(
  world: World,
  name: string,
  { store }: DestinationExpected,
  { files }: Expected,
  { before, after }: Trees,
): string[] {
  const named = new Set(Object.keys(files).map((path) => world.fill(path)));
  return [...after].flatMap(([path, node]) => {
    if (!path.startsWith(`${name}/`) || before.has(path) || named.has(path)) return [];
    const inside = path.slice(name.length + 1);
    // What `store` lists is compared in full.
    if (store !== undefined && inside.startsWith("store/")) return [];
    const standing = standingOf(inside);
    const isExpected = standing === "lasting" || standing === "added";
    return isExpected ? [] : [`expected nothing left over, got ${path}: ${describe(node)}`];
  });
}

/** @param seen where `latest` led at any time during the run */
export function latestDuring(
  world: World,
  { latest_during }: Expected,
  seen: ReadonlySet<string>,
): string[] {
  if (latest_during === undefined) return [];
  const allowed = new Map(
    latest_during.map((version) =>
      version === "none" ? ["none", version] : [`store/${world.image(version).digest}`, version],
    ),
  );
  return [...seen]
    .filter((target) => !allowed.has(target))
    .map((target) => {
      const got = target === "none" ? "it was absent for a moment" : `it led to ${target}`;
      return `expected latest to name only ${latest_during.join(", ")} during the run; ${got}`;
    });
}
