// The plan of the house: which rooms stand in it, what is in each, and which arrows join them. No measures yet.

import { dirname } from "node:path/posix";
import { type Arrow, stackRooms } from "./floors.ts";
import type { SourceFile } from "./sources.ts";

/** Each folder in it is a floor of its own, and so is each file that stands in it directly. */
export const HOUSE = "src";
/** Beside the house, a single room. */
export const ANNEX = "conformance";

export interface Room {
  readonly path: string;
  /** The files that stand in the folder directly, or the one file that is a room by itself. */
  readonly files: readonly SourceFile[];
  /** The folders in it, stacked like floors. */
  readonly parts: readonly Part[];
}

export interface Part {
  readonly name: string;
  readonly files: readonly SourceFile[];
  /** To other parts of the same room. */
  readonly arrows: readonly Arrow[];
}

export interface Plan {
  /** From the top to the ground. */
  readonly house: readonly Room[];
  readonly annex: Room | undefined;
  /** Between rooms, those of the annex among them. */
  readonly arrows: readonly Arrow[];
}

export function planHouse(files: readonly SourceFile[]): Plan {
  const { rooms, arrows } = stackRooms(files, roomOf);
  const planned = rooms.map((path) =>
    planRoom(
      path,
      files.filter((file) => roomOf(file.path) === path),
    ),
  );
  return {
    house: planned.filter(({ path }) => path !== ANNEX),
    annex: planned.find(({ path }) => path === ANNEX),
    arrows,
  };
}

/** All arrows that run upward, between rooms or between the parts of one. */
export function upwardArrows({ house, annex, arrows }: Plan): Arrow[] {
  const rooms = annex === undefined ? house : [...house, annex];
  const inner = rooms.flatMap(({ parts }) => parts.flatMap((part) => part.arrows));
  return [...arrows, ...inner].filter(({ up }) => up);
}

function roomOf(path: string): string {
  return path.startsWith(`${HOUSE}/`) ? path.split("/").slice(0, 2).join("/") : ANNEX;
}

function planRoom(room: string, files: readonly SourceFile[]): Room {
  const isOwn = ({ path }: SourceFile) => path === room || dirname(path) === room;
  const partOf = (path: string) =>
    path.startsWith(`${room}/`) && dirname(path) !== room
      ? dirname(path).slice(room.length + 1)
      : undefined;
  // What stands in the folder itself belongs to all of its parts, and may import them and be imported by them.
  const inner = stackRooms(files, partOf);
  return {
    path: room,
    files: files.filter(isOwn),
    parts: inner.rooms.map((name) => ({
      name,
      files: files.filter(({ path }) => partOf(path) === name),
      arrows: inner.arrows.filter(({ from }) => from === name),
    })),
  };
}
