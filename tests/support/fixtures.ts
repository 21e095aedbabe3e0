// fixtures/ as specs and tests read it: bytes, tables, and the cases that every table has in common. The
// files themselves are read where the suite reads them. What else a case holds is named by who runs it.

import { join } from "node:path";
import { Glob } from "bun";
import { readFixture, tomlFixture } from "../../conformance/fixtures.ts";

export { readFixture, tomlFixture };

export interface Case {
  readonly id: string;
  /** Where something is refused, the first one is the one that is broken. */
  readonly requirement: readonly string[];
  readonly why: string;
}

interface Table<Row> {
  readonly case?: readonly Row[];
  /** Of fixtures/versions/order.toml, where a case is a chain of versions. */
  readonly chain?: readonly Row[];
}

/** The paths of all tables, relative to fixtures/. */
export const tablePaths: readonly string[] = [
  ...new Glob("**/*.toml").scanSync(join(import.meta.dir, "../../fixtures")),
].toSorted();

/** The cases of one table. The caller names the shape that it expects. @param path relative to fixtures/ */
export function casesOf<Row extends Case>(path: string): readonly Row[] {
  const table = tomlFixture<Table<Row>>(path);
  return [...(table.case ?? []), ...(table.chain ?? [])];
}

export function title({ requirement, why, id }: Case): string {
  return `${requirement.join(", ")}: ${why} (${id})`;
}
