// The one reader of fixtures/: beside the sources, or in the compiled binary. What the tables mean is not
// known here.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "smol-toml";

/** In the binary all of them are one file: each path, and its bytes in base64 (scripts/build/stage.ts). */
const embedded = join(import.meta.dir, "fixtures.json");
const packed: Readonly<Record<string, string>> | undefined = existsSync(embedded)
  ? JSON.parse(readFileSync(embedded, "utf8"))
  : undefined;

interface Coverage {
  readonly unasked: readonly {
    readonly tables: readonly string[];
    readonly requirements?: readonly string[];
  }[];
}

/** Read once. */
let coverage: Coverage | undefined;

/** The bytes of a fixture. @param path relative to fixtures/ */
export function readFixture(path: string): Uint8Array<ArrayBuffer> {
  if (packed === undefined)
    return new Uint8Array(readFileSync(join(import.meta.dir, "../fixtures", path)));
  const bytes = Object.hasOwn(packed, path) ? packed[path] : undefined;
  if (bytes === undefined) throw new Error(`the binary has no fixtures/${path}`);
  return Uint8Array.fromBase64(bytes);
}

/** The requirements that the cases of a table name, and that no answer shows: fixtures/coverage.toml. */
export function unaskedOf(path: string): ReadonlySet<string> {
  coverage ??= tomlFixture<Coverage>("coverage.toml");
  const entries = coverage.unasked.filter(({ tables }) => tables.includes(path));
  return new Set(entries.flatMap(({ requirements = [] }) => requirements));
}

/** A table of fixtures. The caller names the shape that fixtures/README.md gives it. */
export function tomlFixture<Table>(path: string): Table {
  return parse(new TextDecoder("utf-8", { fatal: true }).decode(readFixture(path))) as Table;
}
