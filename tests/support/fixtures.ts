// Where the proofs get their fixtures from: the files of fixtures/, as bytes or as tables.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "smol-toml";

const ROOT = join(import.meta.dir, "../../fixtures");

/** The bytes of a fixture. @param path relative to fixtures/ */
export function readFixture(path: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(join(ROOT, path)));
}

/** A table of cases. The caller names the shape that it expects, and asserts how many there are. */
export function tomlFixture<Table>(path: string): Table {
  return parse(new TextDecoder("utf-8", { fatal: true }).decode(readFixture(path))) as Table;
}
