// How the result of `tako list` looks.

import type { ListResult, Row } from "../../commands/list.ts";
import { type Column, tableLines } from "../columns.ts";
import type { Presenter, Said } from "../presenter.ts";
import { bytes, count, moment } from "../text.ts";

const COLUMNS: readonly Column[] = [
  { head: " " },
  { head: "VERSION" },
  { head: "SIZE", align: "right", rank: 1 },
  { head: "HERE", rank: 2 },
  { head: "ALLOWED", rank: 3 },
];

const HERE: Readonly<Record<Row["here"], string>> = {
  present: "yes",
  linked: "yes",
  exposed: "yes",
  absent: "-",
  partial: "partial",
  damaged: "damaged",
};

/** @param width the most characters of a line */
export function listPresenter(width: number): Presenter<ListResult> {
  return {
    text({ rows, leftOut }) {
      const table = tableLines(
        COLUMNS,
        "STATE",
        rows.map((row) => ({ cells: cellsOf(row), notes: notesOf(row) })),
        width,
      );
      return [...table.map((line): Said => ({ on: "stdout", line })), ...sayLeftOut(leftOut)];
    },
    json: ({ config, source, pattern, signedBy, leftOut, rows }) => ({
      config,
      source,
      pattern,
      signed_by: signedBy ?? null,
      left_out: leftOut,
      versions: rows.map(fieldsOf),
    }),
    errors: () => [],
    status: () => 0,
  };
}

function sayLeftOut(leftOut: number): readonly Said[] {
  if (leftOut === 0) return [];
  const line = `tako: ${count(leftOut, "older version")} left out; --all shows every one`;
  return [{ on: "stderr", priority: "info", lines: [line] }];
}

function cellsOf(row: Row): readonly string[] {
  const { entry, here, isAllowed } = row;
  return [markOf(row), entry.version.text, bytes(entry.size), HERE[here], isAllowed ? "yes" : "-"];
}

/** As updatectl marks them, in ASCII (STS-34). */
function markOf({ isInUse, isNext, isHeld, skipped }: Row): string {
  if (isHeld) return "o";
  if (isInUse) return "*";
  if (skipped !== undefined) return "x";
  return isNext ? "u" : "";
}

function notesOf({
  isInUse,
  isNext,
  isHeld,
  skipped,
  youngUntil,
  isWithdrawn,
}: Row): readonly string[] {
  const notes = [
    ...(isInUse ? ["in use"] : []),
    ...(isHeld ? ["held"] : []),
    ...(isNext ? ["next"] : []),
    ...(skipped === undefined ? [] : [`skipped, it did not work here: ${skipped}`]),
    ...(youngUntil === undefined ? [] : [`too young until ${moment(youngUntil)}`]),
    ...(isWithdrawn ? ["withdrawn by the origin"] : []),
  ];
  return notes.length === 0 ? [] : [notes.join(", ")];
}

function fieldsOf(row: Row): object {
  const { entry, here, isAllowed, isInUse, isNext, isHeld, skipped, youngUntil, isWithdrawn } = row;
  return {
    version: entry.version.text,
    sha256: entry.digest,
    size: entry.size,
    here,
    allowed: isAllowed,
    in_use: isInUse,
    next: isNext,
    held: isHeld,
    ...(skipped === undefined ? {} : { skipped }),
    ...(youngUntil === undefined ? {} : { young_until: youngUntil }),
    ...(isWithdrawn ? { withdrawn: true } : {}),
  };
}
