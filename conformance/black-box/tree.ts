// What is in a folder: every path with its kind, mode and content, to be compared and to be shown.

import { type BigIntStats, lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../case.ts";
import { sha256 } from "../publisher.ts";

export type Kind = "absent" | "file" | "directory" | "link" | "fifo";

export interface Node {
  readonly kind: Kind;
  /** In octal, four digits. */
  readonly mode: string;
  /** Of a file: its bytes, unless they are more than any case expects, or can't be read. */
  readonly content?: Uint8Array | undefined;
  /** Of a link: where it leads. */
  readonly target?: string;
  /** Changes when the file is written or replaced; not for a directory, which changes with its files. */
  readonly identity: string;
  /** How many names the file has. */
  readonly names: number;
}

const MAX_READ_BYTES = 64 * 1024 * 1024;
/** More than any case has, side by side or one in the other. */
const MAX_PATHS = 1000;

export type Tree = ReadonlyMap<string, Node>;

/** What is at a path, without following a link. */
export function nodeAt(path: string): Node {
  const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  if (stats === undefined) return { kind: "absent", mode: "", identity: "", names: 0 };
  const kind = kindOf(stats);
  return {
    kind,
    mode: (Number(stats.mode) & 0o7777).toString(8).padStart(4, "0"),
    ...(kind === "file" ? { content: contentOf(path, stats.size) } : {}),
    ...(kind === "link" ? { target: readlinkSync(path) } : {}),
    identity: kind === "directory" ? "" : `${stats.ino} ${stats.size} ${stats.mtimeNs}`,
    names: Number(stats.nlink),
  };
}

/** The command may have made files of any size and mode: none of them stops the suite. */
function contentOf(path: string, size: bigint): Uint8Array | undefined {
  if (size > MAX_READ_BYTES) return undefined;
  try {
    return new Uint8Array(readFileSync(path));
  } catch {
    return undefined;
  }
}

function kindOf(stats: BigIntStats): Kind {
  if (stats.isSymbolicLink()) return "link";
  if (stats.isDirectory()) return "directory";
  return stats.isFile() ? "file" : "fifo";
}

/**
 * Everything below a directory, by its path there; links are not followed.
 *
 * @throws Failure when it is so much that looking at it would take long
 */
export function treeOf(directory: string, below = "", tree = new Map<string, Node>()): Tree {
  for (const name of namesIn(join(directory, below))) {
    if (tree.size === MAX_PATHS) throw new Failure(`it made more than ${MAX_PATHS} files`);
    const path = join(below, name);
    const node = nodeAt(join(directory, path));
    tree.set(path, node);
    if (node.kind === "directory") treeOf(directory, path, tree);
  }
  return tree;
}

/** None, if the directory is not there any more or can't be read. */
function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory).toSorted();
  } catch {
    return [];
  }
}

/** In one line: `0444 file, 24 bytes, "the image of 1.0.0\n"`. */
export function describe({ kind, mode, content, target }: Node): string {
  if (kind === "absent") return "nothing";
  if (target !== undefined) return `a link to ${target}`;
  if (kind !== "file") return `${mode} ${kind}`;
  return `${mode} file, ${content === undefined ? "not read" : describeContent(content)}`;
}

export function describeContent(content: Uint8Array): string {
  const start = Buffer.from(content.subarray(0, 40)).toString("latin1");
  const shown = `${JSON.stringify(start)}${content.length > 40 ? "..." : ""}`;
  return `${content.length} bytes ${sha256(content).slice(0, 12)} ${shown}`;
}

/** A line for each path. */
export function listing(tree: Tree): string {
  return [...tree].map(([path, node]) => `${path}: ${describe(node)}\n`).join("");
}
