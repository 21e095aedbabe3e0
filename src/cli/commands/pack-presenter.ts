// How the result of `tako pack` looks: what hosts have to download, by what they have.

import type { PackedImage, PackResult } from "../../commands/pack/pack.ts";
import type { Way } from "../../core/packed/cheapest-way.ts";
import { type Column, tableLines } from "../columns.ts";
import { errorFields } from "../errors.ts";
import { exitStatus } from "../exit-status.ts";
import type { Presenter, Said } from "../presenter.ts";
import { bytes, count } from "../text.ts";

const COLUMNS: readonly Column[] = [
  { head: "VERSION" },
  { head: "SIZE", align: "right", rank: 1 },
  { head: "FROM" },
  { head: "BY", rank: 2 },
  { head: "BYTES", align: "right" },
  { head: "SAVED", align: "right", rank: 3 },
];

/** @param width the most characters of a line */
export function packPresenter(width: number): Presenter<PackResult> {
  return {
    text({ outcome, images, made }) {
      if (outcome === "planned") return planOf(images).map(out);
      const table = tableLines(COLUMNS, "", images.flatMap(rowsOf), width);
      const what = made === 0 ? "nothing was to be made" : `${count(made, "packed file")} made`;
      const note: Said = { on: "stderr", priority: "info", lines: [`tako: ${what}`] };
      return images.length === 0 ? [note] : [note, ...table.map(out)];
    },

    json: ({ outcome, images, made, errors }) => ({
      outcome,
      made,
      images: images.map(fieldsOf),
      errors: errors.flatMap(errorFields),
    }),

    errors: ({ errors }) => errors,

    status: ({ errors }) => exitStatus(errors.map(({ kind }) => kind)),
  };
}

function out(line: string): Said {
  return { on: "stdout", line };
}

function planOf(images: readonly PackedImage[]): readonly string[] {
  return images.flatMap(({ entry: { version }, missing }) => [
    ...(missing.zst ? [`would make ${version.text} as .zst`] : []),
    ...missing.from.map(
      (old) => `would make the patch from ${old.version.text} to ${version.text}`,
    ),
  ]);
}

/** A row for each image that a host may have, the first for one that has none. */
function rowsOf({ entry: { version, size }, ways }: PackedImage) {
  return ways.map(({ from, way }, index) => {
    const saved = size === 0 ? 0 : Math.floor((1 - way.missing / size) * 100);
    const [name, whole] = index === 0 ? [version.text, bytes(size)] : ["", ""];
    const old = from?.version.text ?? "none";
    return {
      cells: [name, whole, old, wordFor(way), bytes(way.missing), `${saved} %`],
      notes: [],
    };
  });
}

function wordFor(way: Way): string {
  switch (way.by) {
    case "plain":
      return "whole";
    case "zst":
      return ".zst";
    case "patches":
      return way.patches.length === 1 ? "patch" : `${way.patches.length} patches`;
  }
}

function fieldsOf({ entry, zst, ways, missing }: PackedImage) {
  return {
    version: entry.version.text,
    sha256: entry.digest,
    size: entry.size,
    zst: zst ?? null,
    ways: ways.map(({ from, way }) => ({
      from: from?.version.text ?? null,
      by: way.by,
      bytes: way.missing,
      ...(way.by === "patches" ? { patches: way.patches.length } : {}),
    })),
    missing: { zst: missing.zst, patches: missing.from.map(({ version }) => version.text) },
  };
}
