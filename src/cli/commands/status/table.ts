// The table of `tako status` (STS-20, STS-21).

import type { StatusResult } from "../../../commands/status/status.ts";
import { type Column, type Row, tableLines } from "../../columns.ts";
import { bytes } from "../../text.ts";
import { span, wordsOf } from "./words.ts";

const COLUMNS: readonly Column[] = [
  { head: "NAME" },
  { head: "IN USE" },
  { head: "ALLOWED", rank: 4 },
  { head: "NEWEST", rank: 2 },
  { head: "PATTERN", rank: 1 },
  { head: "DISK", align: "right", rank: 3 },
  { head: "CHECKED", align: "right", rank: 5 },
];

export function statusTable(results: readonly StatusResult[], width: number): readonly string[] {
  if (results.length === 0) return [];
  return tableLines(COLUMNS, "STATE", results.map(rowOf), width);
}

function rowOf(result: StatusResult): Row {
  const notes = wordsOf(result);
  const { name } = result;
  if ("error" in result) return { cells: [name, "-", "-", "-", "-", "-", "-"], notes };
  const { inUse, allowed, newest, pattern, checked, now } = result;
  return {
    cells: [
      name,
      inUse?.version ?? inUse?.sha256.slice(0, 12) ?? "-",
      allowed ?? "-",
      newest ?? "-",
      pattern,
      bytes(result.bytes),
      checked === undefined ? "never" : `${span(now - checked.look.time)} ago`,
    ],
    notes,
  };
}
