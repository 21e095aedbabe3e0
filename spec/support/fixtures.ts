// The tables of fixtures/ as every reader sees them: cases with an id, the requirements that they
// check, and a reason. What else a case holds is named by the spec that runs it.

import { expect, test } from "bun:test";
import { join } from "node:path";
import { Glob } from "bun";
import { tomlFixture } from "../../tests/support/fixtures.ts";

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
export function readCases<Row extends Case>(path: string): readonly Row[] {
  const table = tomlFixture<Table<Row>>(path);
  return [...(table.case ?? []), ...(table.chain ?? [])];
}

/** The same, and a test that none of them got lost. */
export function casesOf<Row extends Case>(path: string, atLeast: number): readonly Row[] {
  const cases = readCases<Row>(path);
  test(`fixtures/${path} has as many cases as it had`, () => {
    expect(cases.length).toBeGreaterThanOrEqual(atLeast);
  });
  return cases;
}

export function title({ requirement, why, id }: Case): string {
  return `${requirement.join(", ")}: ${why} (${id})`;
}
