// Which room stands on which: computed from the imports alone. No file, no folder and no direction is known here.

import type { SourceFile } from "./sources.ts";

/** Imports from one room into another. */
export interface Arrow {
  readonly from: string;
  readonly to: string;
  /** How many imports it stands for: pairs of files. */
  readonly count: number;
  /** Whether it closes a circle of rooms, so that it cannot run downward. */
  readonly up: boolean;
}

export interface Floors {
  /** From the top to the ground. */
  readonly rooms: readonly string[];
  /** Sorted by the rooms they join. */
  readonly arrows: readonly Arrow[];
}

/**
 * Stacks rooms so that imports run downward: a room stands one floor above the highest of those that it imports.
 * Where rooms import in a circle, the arrow of the fewest imports is the one that runs upward.
 *
 * @param roomOf the room of a file; `undefined` for one that is in none
 */
export function stackRooms(
  files: readonly SourceFile[],
  roomOf: (path: string) => string | undefined,
): Floors {
  const rooms = new Set<string>();
  const counts = new Map<string, { from: string; to: string; count: number }>();
  for (const { path, imports } of files) {
    const from = roomOf(path);
    if (from === undefined) continue;
    rooms.add(from);
    for (const to of imports.map(roomOf)) {
      if (to === undefined || to === from) continue;
      const key = `${from} ${to}`;
      counts.set(key, { from, to, count: (counts.get(key)?.count ?? 0) + 1 });
    }
  }

  const heaviestFirst = [...counts.values()].toSorted((a, b) => b.count - a.count || byEnds(a, b));
  const below = new Map<string, string[]>([...rooms].map((room) => [room, []]));
  const leadsTo = (from: string, to: string): boolean =>
    from === to || (below.get(from) ?? []).some((next) => leadsTo(next, to));
  const arrows = heaviestFirst.map((arrow): Arrow => {
    const up = leadsTo(arrow.to, arrow.from);
    if (!up) below.get(arrow.from)?.push(arrow.to);
    return { ...arrow, up };
  });

  const level = (room: string): number =>
    Math.max(0, ...(below.get(room) ?? []).map((next) => level(next) + 1));
  const wanted = (room: string): number =>
    arrows.reduce((sum, { to, count }) => sum + (to === room ? count : 0), 0);
  return {
    // On one floor, what others import more stands nearer to the ground.
    rooms: [...rooms].toSorted(
      (a, b) => level(b) - level(a) || wanted(a) - wanted(b) || byText(a, b),
    ),
    arrows: arrows.toSorted(byEnds),
  };
}

/** The circles in which files import each other, each as the way from its first file back to it. */
export function findCircles(files: readonly SourceFile[]): string[][] {
  const imports = new Map(files.map((file) => [file.path, file.imports]));
  return files.flatMap(({ path }) => {
    const way = shortestWayBack(path, imports);
    // Each is met once from every file of it.
    return way === undefined || way.some((other) => other < path) ? [] : [way];
  });
}

function shortestWayBack(
  start: string,
  imports: ReadonlyMap<string, readonly string[]>,
): string[] | undefined {
  const seen = new Set<string>();
  for (let ways = [[start]]; ways.length > 0; ) {
    const longer: string[][] = [];
    for (const way of ways) {
      for (const next of imports.get(way.at(-1) ?? start) ?? []) {
        if (next === start) return [...way, next];
        if (seen.has(next)) continue;
        seen.add(next);
        longer.push([...way, next]);
      }
    }
    ways = longer;
  }
  return undefined;
}

function byEnds(a: { from: string; to: string }, b: { from: string; to: string }): number {
  return byText(a.from, b.from) || byText(a.to, b.to);
}

/** By code units: the same everywhere, whatever the locale. */
export function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
