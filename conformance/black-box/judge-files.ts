// Compares what was in the case's folder before and after a run, path by path. What a destination or an origin is, is
// not known here.

import type { FileExpected } from "./fixture.ts";
import { differs } from "./judge-output.ts";
import { describe, describeContent, type Node, type Tree } from "./tree.ts";
import type { World } from "./world.ts";

/** The folder of a case, before and after a run. */
export interface Trees {
  readonly before: Tree;
  readonly after: Tree;
}

/** Stands for what is not there. */
export const ABSENT: Node = { kind: "absent", mode: "", identity: "", names: 0 };

export function holds(
  place: string,
  wanted: Uint8Array | undefined,
  node: Node = ABSENT,
): string[] {
  if (wanted === undefined) {
    return node.kind === "absent" ? [] : [`expected no ${place}, got ${describe(node)}`];
  }
  const isSame = node.content !== undefined && Buffer.compare(wanted, node.content) === 0;
  return isSame
    ? []
    : [`expected ${place} to hold ${describeContent(wanted)}, got ${describe(node)}`];
}

export function fileAt(world: World, path: string, expected: FileExpected, after: Tree): string[] {
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

/** What is below a directory is not even written anew, where it is judged. */
export function unchanged(
  directory: string,
  trees: Trees,
  isJudged: (path: string) => boolean = () => true,
): string[] {
  const isMeant = (path: string) => path.startsWith(`${directory}/`) && isJudged(path);
  return untouched(pathsOf(trees).filter(isMeant), trees);
}

/** Nor is what is at these paths. */
export function untouched(paths: readonly string[], { before, after }: Trees): string[] {
  return paths.flatMap((path) => same(path, before.get(path) ?? ABSENT, after.get(path) ?? ABSENT));
}

export function pathsOf({ before, after }: Trees): readonly string[] {
  return [...new Set([...before.keys(), ...after.keys()])];
}

function same(path: string, before: Node, after: Node): string[] {
  if (describe(before) !== describe(after)) {
    return [`expected ${path} to stay ${describe(before)}, got ${describe(after)}`];
  }
  return before.identity === after.identity
    ? []
    : [`expected ${path} to stay as it was, but it was written anew`];
}
