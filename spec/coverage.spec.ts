// Proof that the specification and fixtures/ fit together: each requirement has a case of the conformance
// suite, or fixtures/coverage.toml says why it has none. What the cases find is not looked at here.

import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { adapterCases } from "../conformance/adapter/cases.ts";
import { blackBoxCases } from "../conformance/black-box/cases.ts";
import { tomlFixture } from "../tests/support/fixtures.ts";
import { readCases, tablePaths } from "./support/fixtures.ts";

/** Cases that the suite does not ask, or requirements of them that no answer shows. */
interface Unasked {
  readonly tables: readonly string[];
  /** All that these tables name, unless given. */
  readonly requirements?: readonly string[];
  readonly reason: string;
}

/** Requirements that no case of the suite judges, and what proves them instead. */
interface Exempt {
  readonly requirements: readonly string[];
  readonly reason: string;
  /** Tests of Tako's own, from the repository's root. Each requirement is named in one of them. */
  readonly proved_by: readonly string[];
}

const repository = join(import.meta.dir, "..");
const { unasked, exempt } = tomlFixture<{ unasked: readonly Unasked[]; exempt: readonly Exempt[] }>(
  "coverage.toml",
);

const requirements = readdirSync(import.meta.dir)
  .filter((name) => name.endsWith(".md"))
  .flatMap((page) => textOf(`spec/${page}`).match(/^\*\*[A-Z]{3}-\d+\.\*\*/gm) ?? [])
  .map((bold) => bold.slice(2, -3));

const tables = tablePaths.map((path) => ({ path, cases: readCases(path) }));
const cases = tables.flatMap(({ cases }) => cases);
const suite = [
  ...adapterCases(() => Promise.reject(new Error("not asked"))),
  ...blackBoxCases(["false"], { strict: true, timeoutMs: 1 }),
];
const judged = new Set(suite.flatMap((each) => each.requirements));
const exempted = exempt.flatMap((each) => each.requirements);

function textOf(path: string): string {
  return readFileSync(join(repository, path), "utf8");
}

/** The requirements that a text names, also as `ADP-5 to ADP-7`. */
function idsIn(text: string): ReadonlySet<string> {
  const named = text.matchAll(/\b([A-Z]{3}-)(\d+)(?: to \1(\d+))?\b/g);
  return new Set(
    named.flatMap(([, page = "", from, to = from]) => {
      const [first, last] = [Number(from), Number(to)];
      return Array.from({ length: last - first + 1 }, (_, index) => `${page}${first + index}`);
    }),
  );
}

/** What is in a list more than once. */
function repeated(list: readonly string[]): readonly string[] {
  return [...new Set(list.filter((each, index) => list.indexOf(each) !== index))];
}

describe("requirements", () => {
  test("each is defined once", () => {
    expect(requirements.length).toBeGreaterThanOrEqual(349);
    expect(repeated(requirements)).toEqual([]);
  });

  test("each is judged by a case, or has a reason why none can", () => {
    expect(requirements.filter((id) => !judged.has(id) && !exempted.includes(id))).toEqual([]);
  });

  test("none has both", () => {
    expect(exempted.filter((id) => judged.has(id))).toEqual([]);
  });

  test("no reason is for one that does not exist, or that has another reason", () => {
    expect(exempted.filter((id) => !requirements.includes(id))).toEqual([]);
    expect(repeated(exempted)).toEqual([]);
  });

  test("a reason is a sentence, and no two are the same", () => {
    const reasons = [...unasked, ...exempt].map(({ reason }) => reason);
    expect(reasons.filter((reason) => !/^[A-Z].{40,}\.$/.test(reason))).toEqual([]);
    expect(repeated(reasons)).toEqual([]);
  });

  for (const { requirements: ids, proved_by: paths } of exempt) {
    test(`${ids.join(", ")}: a test of Tako's own proves what no case judges`, () => {
      expect(paths.filter((path) => !existsSync(join(repository, path)))).toEqual([]);
      const proofs = paths.map((path) => ({ path, named: idsIn(textOf(path)) }));
      expect(ids.filter((id) => !proofs.some(({ named }) => named.has(id)))).toEqual([]);
      const idle = proofs.filter(({ named }) => !ids.some((id) => named.has(id)));
      expect(idle.map(({ path }) => path)).toEqual([]);
    });
  }
});

describe("cases", () => {
  test("there are as many as there were", () => {
    expect(cases.length).toBeGreaterThanOrEqual(1_668);
  });

  test("no id is used twice, by none of all tables", () => {
    expect(repeated(cases.map(({ id }) => id))).toEqual([]);
  });

  test("an id is words of lower-case letters and digits, with hyphens between", () => {
    expect(cases.filter(({ id }) => !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(id))).toEqual([]);
  });

  test("each says why it exists, and what it checks", () => {
    expect(cases.filter(({ why }) => !/\S{2}/.test(why))).toEqual([]);
    expect(cases.filter(({ requirement }) => requirement.length === 0)).toEqual([]);
    expect(cases.filter(({ requirement }) => repeated(requirement).length > 0)).toEqual([]);
  });

  test("each requirement that one names exists", () => {
    const unknown = cases.flatMap(({ id, requirement }) =>
      requirement.filter((each) => !requirements.includes(each)).map((each) => `${id}: ${each}`),
    );
    expect(unknown).toEqual([]);
  });

  test("the suite asks each but those of the tables that coverage.toml names", () => {
    const left = unasked.flatMap((each) => (each.requirements === undefined ? each.tables : []));
    expect(left.filter((path) => !tablePaths.includes(path))).toEqual([]);
    const expected = tables.flatMap(({ path, cases }) => (left.includes(path) ? [] : cases));
    const asked = suite.map(({ id }) => id);
    expect(repeated(asked)).toEqual([]);
    expect(expected.map(({ id }) => id).filter((id) => !asked.includes(id))).toEqual([]);
    // A table may be asked for two operations; the second has an id of its own.
    const known = new Set(expected.map(({ id }) => id));
    const isKnown = (id: string) => known.has(id) || known.has(id.replace(/-sign$/, ""));
    expect(asked.filter((id) => !isKnown(id))).toEqual([]);
  });

  test("none of the suite is left without a requirement", () => {
    expect(suite.filter((each) => each.requirements.length === 0)).toEqual([]);
  });

  test("coverage.toml leaves out only what the cases of a table name", () => {
    const idle = unasked.flatMap(({ tables: paths, requirements: ids = [] }) => {
      const named = tables.flatMap(({ path, cases }) => (paths.includes(path) ? cases : []));
      return ids.filter((id) => !named.some(({ requirement }) => requirement.includes(id)));
    });
    expect(idle).toEqual([]);
  });
});
