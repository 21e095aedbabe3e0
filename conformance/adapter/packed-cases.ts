// The cases of packed files: lists, frames, patches, and which of them are the cheapest way (spec/packed.md).

import { question, type RightAnswer } from "./questions.ts";
import { base64, type Table, table } from "./table.ts";

/** What stands `times` times after what a row begins with: large inputs, written short. */
interface More {
  readonly more?: string;
  readonly times?: number;
}

const REFUSED: RightAnswer = { error: "origin" };

export const packedTables: readonly Table[] = [
  table<More & { text: string; zst?: string; patches?: readonly Step<string>[] }>(
    "packed/lists.toml",
    "packed",
    ({ text, more = "", times = 0, zst, patches }) => {
      const bytes = new TextEncoder().encode(text + more.repeat(times));
      const expected =
        patches === undefined
          ? REFUSED
          : {
              value: listOf(
                zst,
                patches.map(([old, next, size]) => ({ old, new: next, size: Number(size) })),
              ),
            };
      return [question("parse-packed", { list: bytes.toBase64() }, expected)];
    },
  ),

  table<More & { frame: string; size: number; image?: string; refused?: boolean }>(
    "packed/frames.toml",
    "packed",
    ({ frame, more = "", times = 0, size, image, refused = false }) => {
      const right: readonly RightAnswer[] = [
        ...(image === undefined ? [] : [{ value: base64(image) }]),
        ...(refused ? [REFUSED] : []),
      ];
      return [question("unpack", { frame: base64(frame + more.repeat(times)), size }, ...right)];
    },
  ),

  table<More & { old: string; patch: string; size: number; new?: string }>(
    "packed/patches.toml",
    "packed",
    ({ old, patch, more = "", times = 0, size, new: next }) => {
      const args = { old: base64(old), patch: base64(patch + more.repeat(times)), size };
      const expected = next === undefined ? REFUSED : { value: base64(next) };
      return [question("apply-patch", args, expected)];
    },
  ),

  table<WayRow>("packed/ways.toml", "packed", (row) => [
    question("cheapest-way", waysOf(row), { value: wayOf(row) }),
  ]),
];

/** A patch: the old image, the new one, its size. */
type Step<Size> = readonly [old: string, next: string, size: Size];

/** Images are digits, 64 of which are a digest. */
interface WayRow {
  readonly wanted: string;
  readonly sizes: Readonly<Record<string, number>>;
  readonly zst?: number;
  readonly patches?: readonly Step<number>[];
  readonly no_list?: boolean;
  readonly here?: readonly string[];
  readonly partial?: number;
  readonly zst_part?: number;
  readonly patch_parts?: readonly Step<number>[];
  readonly by: string;
  readonly missing: number;
  readonly path?: readonly string[];
}

function waysOf(row: WayRow) {
  const { wanted, sizes, zst, patches = [], no_list, here = [], partial = 0 } = row;
  const { zst_part, patch_parts = [] } = row;
  const parts = patch_parts.map(([old, next, size]) => [patchName(old, next), size]);
  if (zst_part !== undefined) parts.push([`${digest(wanted)}.zst`, zst_part]);
  return {
    wanted: digest(wanted),
    sizes: Object.fromEntries(Object.entries(sizes).map(([image, size]) => [digest(image), size])),
    list: no_list ? null : listOf(zst, patches.map(lineOf)),
    here: here.map(digest),
    partial,
    parts: Object.fromEntries(parts),
  };
}

function wayOf({ by, missing, path = [], patches = [] }: WayRow) {
  const [from] = path;
  if (from === undefined) return { by, missing };
  const steps = path.slice(1).map((next, at) => {
    const step = patches.find(([old, made]) => old === path[at] && made === next);
    if (step === undefined) throw new Error(`no patch leads to ${next}`);
    return lineOf(step);
  });
  return { by, missing, from: digest(from), patches: steps };
}

function listOf(zst: string | number | undefined, patches: readonly object[]) {
  return { ...(zst === undefined ? {} : { zst: Number(zst) }), patches };
}

function lineOf([old, next, size]: Step<number>) {
  return { old: digest(old), new: digest(next), size };
}

function patchName(old: string, next: string): string {
  return `${digest(next)}.from-${digest(old)}.patch`;
}

function digest(image: string): string {
  return image.repeat(64);
}
