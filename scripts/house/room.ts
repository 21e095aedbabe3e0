// One room of the picture: its name and caption, its files as cells, the parts in it.

import { basename } from "node:path/posix";
import type { Part, Room } from "./plan.ts";
import type { SourceFile } from "./sources.ts";
import { text } from "./svg.ts";

/** A room where it stands. */
export interface Box {
  readonly room: Room;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** Cells side by side. */
  readonly columns: number;
  /** The class of its colour, and of the arrows that leave it. */
  readonly hue: string;
}

/** Coarse, so that not every changed line asks for a new picture. */
export const LINES_PER_BRICK = 50;
const BRICK = 16;

/** Wide enough for the longest names of today; a longer one is squeezed. */
const CELL = { width: 132, height: 26, gap: 4, pad: 7 };
/** Of a letter in a cell, in the widest of the fonts. */
const LETTER = 6.7;
const NAME_LETTER = 8.5;
const PAD = 12;
const HEADER = 30;
const CAPTION_LINE = 16;
const PART_HEADER = 24;

export function roomWidth(columns: number): number {
  return 2 * PAD + columns * (CELL.width + CELL.gap) - CELL.gap;
}

export function roomHeight(room: Room, columns: number, caption = ""): number {
  const header = HEADER + below(room, columns, caption).length * CAPTION_LINE;
  if (isSingleFile(room)) return header + 4;
  const own = room.files.length === 0 ? 0 : gridHeight(room.files.length, columns);
  const parts = room.parts.map(({ files }) => PART_HEADER + gridHeight(files.length, columns));
  return header + [own, ...parts].reduce((sum, height) => sum + height, 0) + PAD - CELL.gap;
}

export function drawRoom(box: Box, caption = ""): string {
  const { room, x, y, width, height, columns, hue } = box;
  const left = x + PAD;
  const right = x + width - PAD;
  const lines = [
    `<g class="${hue}">`,
    `<rect class="room" x="${x}" y="${y}" width="${width}" height="${height}" rx="6"/>`,
    text(left, y + 21, "name", nameOf(room)),
  ];
  const wrapped = below(room, columns, caption);
  if (wrapped.length === 0) lines.push(text(left + nameWidth(room), y + 21, "dim", caption));
  let top = y + HEADER;
  for (const line of wrapped) {
    lines.push(text(left, top + 6, "dim", line));
    top += CAPTION_LINE;
  }
  const [file] = room.files;
  if (isSingleFile(room) && file !== undefined) {
    lines.push(drawBricks(right - brickCount(file) * BRICK + 2, y + 17, file));
  } else if (room.files.length > 0) {
    lines.push(drawCells(room.files, left, top, columns));
    top += gridHeight(room.files.length, columns);
  }
  for (const part of room.parts) {
    lines.push(drawPart(part, left, right, top, columns));
    top += PART_HEADER + gridHeight(part.files.length, columns);
  }
  return [...lines, "</g>"].join("\n");
}

function nameOf(room: Room): string {
  return isSingleFile(room) ? basename(room.path) : `${basename(room.path)}/`;
}

function nameWidth(room: Room): number {
  return Math.ceil(nameOf(room).length * NAME_LETTER) + 12;
}

/** The lines of a caption that is too long to stand beside the name. */
function below(room: Room, columns: number, caption: string): string[] {
  const width = roomWidth(columns) - 2 * PAD;
  const bricks = isSingleFile(room)
    ? room.files.map(brickCount).reduce((a, b) => a + b) * BRICK
    : 0;
  if (caption.length * LETTER <= width - nameWidth(room) - bricks) return [];
  const lines = [""];
  for (const word of caption.split(" ")) {
    const line = lines.at(-1) ?? "";
    if ((line.length + 1 + word.length) * LETTER > width) lines.push(word);
    else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`;
  }
  return lines;
}

function isSingleFile({ path, files }: Room): boolean {
  return files.length === 1 && files[0]?.path === path;
}

function gridHeight(count: number, columns: number): number {
  return Math.ceil(count / columns) * (CELL.height + CELL.gap);
}

function drawPart(part: Part, left: number, right: number, top: number, columns: number): string {
  const baseline = top + PART_HEADER - 8;
  const nameEnd = left + Math.ceil(part.name.length * LETTER) + 16;
  let end = right;
  const uses = part.arrows
    .toReversed()
    .map(({ to, count, up }) => {
      const label = `${up ? "↑" : "→"} ${to} ${count}`;
      const drawn = text(end, baseline, up ? "dim up end" : "dim end", label);
      end -= Math.ceil(label.length * LETTER) + 10;
      return drawn;
    })
    .join("");
  const ruleEnd = uses === "" ? right : end;
  return [
    text(left, baseline, "part", `${part.name}/`),
    ruleEnd > nameEnd ? `<path class="rule" d="M${nameEnd} ${baseline - 4}H${ruleEnd}"/>` : "",
    uses,
    drawCells(part.files, left, top + PART_HEADER, columns),
  ].join("\n");
}

function drawCells(
  files: readonly SourceFile[],
  left: number,
  top: number,
  columns: number,
): string {
  return files
    .map((file, index) => {
      const x = left + (index % columns) * (CELL.width + CELL.gap);
      const y = top + Math.floor(index / columns) * (CELL.height + CELL.gap);
      const name = basename(file.path, ".ts");
      const room = CELL.width - 2 * CELL.pad;
      const squeeze =
        name.length * LETTER > room ? ` textLength="${room}" lengthAdjust="spacingAndGlyphs"` : "";
      return [
        `<rect class="cell" x="${x}" y="${y}" width="${CELL.width}" height="${CELL.height}" rx="3"/>`,
        text(x + CELL.pad, y + 14, "", name, squeeze),
        drawBricks(x + CELL.pad, y + 20, file),
      ].join("");
    })
    .join("\n");
}

function brickCount({ lines }: SourceFile): number {
  return Math.max(1, Math.ceil(lines / LINES_PER_BRICK));
}

function drawBricks(x: number, y: number, file: SourceFile): string {
  return `<path class="bricks" d="M${x} ${y}h${brickCount(file) * BRICK - 2}"/>`;
}
