// Proves that fixtures/ can be used without Tako: every table has the shape that its schema says, and the archive for other
// implementations holds the tree, byte for byte, and is the same each time.

import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { Glob } from "bun";
import { stringify } from "smol-toml";
import { parseFixtures } from "../../conformance/black-box/fixture.ts";
import { tablePaths, tomlFixture } from "../support/fixtures.ts";

const repository = join(import.meta.dir, "../..");
const schemas = join(repository, "fixtures/schema");

describe("schemas", () => {
  const ajv = new Ajv2020({ allErrors: true, strict: true, strictRequired: false });
  const names = readdirSync(schemas);
  for (const name of names) ajv.addSchema(JSON.parse(readFileSync(join(schemas, name), "utf8")));

  /** The schema of a table: that of its folder where all tables have one shape, else its own. */
  const schemaOf = (path: string) => {
    const [folder = ""] = path.split("/");
    return names.includes(`${folder}.json`)
      ? `${folder}.json`
      : path.replace("/", "-").replace(".toml", ".json");
  };

  function problemsOf(path: string, table: unknown): readonly string[] {
    const validate = ajv.getSchema(schemaOf(path));
    if (validate === undefined) return [`${path} has no schema`];
    if (validate(table)) return [];
    return (validate.errors ?? []).map((error) => `${error.instancePath} ${error.message}`);
  }

  for (const path of tablePaths) {
    test(`fixtures/${path} has the shape of its schema`, () => {
      expect(problemsOf(path, tomlFixture(path))).toEqual([]);
    });

    test(`the schema of fixtures/${path} knows its members, and no others`, () => {
      const table = tomlFixture<Record<string, unknown>>(path);
      expect(problemsOf(path, { ...table, cases: [] })).not.toEqual([]);
      for (const [key, rows] of Object.entries(table)) {
        expect(problemsOf(path, { ...table, [key]: undefined })).not.toEqual([]);
        if (!Array.isArray(rows)) continue;
        const [first, ...others] = rows as Record<string, unknown>[];
        expect(problemsOf(path, { [key]: [{ ...first, misspelt: 1 }, ...others] })).not.toEqual([]);
      }
    });
  }

  for (const path of tablePaths.filter((each) => each.startsWith("cli/"))) {
    test(`the suite's reader of fixtures/${path} refuses what the schema refuses, and nothing else`, () => {
      const { case: cases } = tomlFixture<{ case: readonly unknown[] }>(path);
      const tried = new Set<string>();
      for (const { place, changed } of cases.flatMap((each) => changesOf(each))) {
        if (tried.has(place)) continue;
        tried.add(place);
        const table = { case: [changed] };
        const isRefused = { place, refused: problemsOf(path, table).length > 0 };
        let refused = false;
        try {
          parseFixtures(stringify(table), path);
        } catch {
          refused = true;
        }
        expect({ place, refused }).toEqual(isRefused);
      }
      expect(tried.size).toBeGreaterThan(15);
    });
  }

  test("no schema is left over", () => {
    const used = new Set([...tablePaths.map(schemaOf), "common.json"]);
    expect(names.filter((name) => !used.has(name))).toEqual([]);
  });
});

/** A value with one thing wrong in it: each leaf of another type, and each table with a key more. */
function changesOf(value: unknown, place = ""): readonly { place: string; changed: unknown }[] {
  if (Array.isArray(value)) {
    return value.flatMap((item, index) =>
      changesOf(item, `${place}[]`).map(({ place, changed }) => ({
        place,
        changed: value.with(index, changed),
      })),
    );
  }
  if (typeof value !== "object" || value === null) {
    return [{ place, changed: typeof value === "string" ? 1 : "x" }];
  }
  const inside = Object.entries(value).flatMap(([key, item]) =>
    changesOf(item, `${place}.${key}`).map(({ place, changed }) => ({
      place,
      changed: { ...value, [key]: changed },
    })),
  );
  return [...inside, { place: `${place} +`, changed: { ...value, misspelt: 1 } }];
}

describe("bun run pack-fixtures", () => {
  const folder = mkdtempSync(join(tmpdir(), "tako-pack-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  const pack = (name: string) => {
    const script = join(repository, "scripts/pack-fixtures.ts");
    const { success, stdout } = Bun.spawnSync([process.execPath, script, join(folder, name)]);
    expect(success).toBe(true);
    const [sum = "", path = ""] = stdout.toString().trimEnd().split("  ");
    return { sum, path };
  };

  const first = pack("first");

  test("the archive's name holds the version of the specification, and its digest is printed", () => {
    const version = /^# Specification, version (\d+)$/m.exec(text("spec/README.md"))?.[1];
    expect(first.path).toBe(join(folder, `first/tako-fixtures-${version}.tar.gz`));
    const { stdout } = Bun.spawnSync(["sha256sum", first.path]);
    expect(stdout.toString()).toStartWith(`${first.sum} `);
    expect(readdirSync(join(folder, "first"))).toHaveLength(1);
  });

  test("a second archive has the same bytes", () => {
    const second = pack("second");
    expect(second.sum).toBe(first.sum);
    expect(readFileSync(second.path).equals(readFileSync(first.path))).toBe(true);
  });

  test("unpacked, it is the tree: nothing is missing, nothing is more, nothing differs", () => {
    expect(Bun.spawnSync(["tar", "-xzf", first.path, "-C", folder]).success).toBe(true);
    const unpacked = join(folder, "tako-fixtures-1");
    const inTree = (pattern: string) => filesOf(repository, pattern);
    const expected = [...inTree("fixtures/**/*"), ...inTree("spec/*.md"), "LICENSE"].toSorted();
    expect(filesOf(unpacked, "**/*")).toEqual(expected);
    for (const path of expected) {
      const [there, here] = [join(unpacked, path), join(repository, path)];
      expect(readFileSync(there).equals(readFileSync(here))).toBe(true);
      expect(statSync(there).mtimeMs).toBe(0);
    }
    for (const path of tablePaths) expect(existsSync(join(unpacked, "fixtures", path))).toBe(true);
  });
});

function filesOf(folder: string, pattern: string): readonly string[] {
  return [...new Glob(pattern).scanSync(folder)]
    .filter((path) => !path.includes("__pycache__"))
    .toSorted();
}

function text(path: string): string {
  return readFileSync(join(repository, path), "utf8");
}
