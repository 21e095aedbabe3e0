// Proof that the specification and fixtures/ fit together: each requirement has a case of the conformance
// suite, or fixtures/coverage.toml says why it has none. What the cases find is not looked at here.

import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Glob } from "bun";
import { adapterCases } from "../conformance/adapter/cases.ts";
import { blackBoxCases } from "../conformance/black-box/cases.ts";
import { casesOf, tablePaths, tomlFixture } from "../tests/support/fixtures.ts";
import { linesOfTree, listPath, readList, requirementLines } from "../tests/support/ids.ts";

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

const requirements = requirementLines.map((line) => line.split(" ")[1] ?? "");
/** The beginnings of their ids: other standards have numbers of this form, too. */
const pages = new Set(requirements.map((id) => id.slice(0, 3)));

const tables = tablePaths.map((path) => ({ path, cases: casesOf(path) }));
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
    expect(repeated(requirements)).toEqual([]);
  });

  test("each that the sources cite is defined", () => {
    const sources = [...new Glob("{src,conformance}/**/*.ts").scanSync(repository)];
    // Of a range its ends: there may be gaps between them.
    const unknown = sources.flatMap((path) =>
      (textOf(path).match(/\b[A-Z]{3}-\d+\b/g) ?? [])
        .filter((id) => pages.has(id.slice(0, 3)) && !requirements.includes(id))
        .map((id) => `${path} cites ${id}`),
    );
    expect(unknown).toEqual([]);
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

describe("fixtures/ids.txt", () => {
  const { lines, entries } = readList(readFileSync(listPath, "utf8"));
  const kept = entries.filter(({ reason }) => reason === undefined).map(({ line }) => line);
  const dropped = entries.filter(({ reason }) => reason !== undefined);
  const tree = linesOfTree();

  test("all that was ever given is there, or its line says why it was dropped", () => {
    expect(missing(kept, tree)).toEqual([]);
  });

  test("all that is there is in the list; if not, `bun run list-ids` adds it", () => {
    expect(
      missing(
        tree,
        entries.map(({ line }) => line),
      ),
    ).toEqual([]);
  });

  test("a dropped id is never given again", () => {
    const ids = new Set(tree.map(idOf));
    expect(dropped.filter(({ line }) => ids.has(idOf(line)))).toEqual([]);
    expect(dropped.filter(({ reason = "" }) => !/^[A-Z].{20,}\.$/.test(reason))).toEqual([]);
  });

  test("it is sorted, and nothing is in it twice", () => {
    expect(lines).toEqual(lines.toSorted());
    expect(repeated(entries.map(({ line }) => line))).toEqual([]);
  });

  function idOf(line: string): string {
    return line.split(" ")[1] ?? "";
  }

  /** What of these is not among the others. */
  function missing(these: readonly string[], others: readonly string[]): readonly string[] {
    const known = new Set(others);
    return these.filter((each) => !known.has(each));
  }
});
