// The documentation fits the sources that it follows from.

import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { TABLES, withTable } from "../scripts/docs.ts";
import { CONFIG_KEYS } from "../src/core/config-keys.ts";

const textOf = (page: string) => readFileSync(join(import.meta.dir, "..", page), "utf8");

describe("what the program says", () => {
  const pages = [
    "README.md",
    ...new Bun.Glob("docs/**/*.md").scanSync(join(import.meta.dir, "..")),
  ];

  test.each(pages)(
    "CLI-53: a digest in a message of %s is short, but in a path, a URL and quotes",
    (page) => {
      const messages = textOf(page).match(/^ {4,}tako: .*$/gm) ?? [];
      const bare = messages.map((line) => line.replaceAll(/"[^"]*"|\S*\/\S*/g, ""));
      expect(bare.filter((line) => /[0-9a-f]{64}/.test(line))).toEqual([]);
    },
  );
});

describe("the keys of a config", () => {
  test.each(Object.keys(TABLES))("%s has the table of them; `bun run docs` writes it", (page) => {
    expect(textOf(page)).toBe(withTable(page, textOf(page)));
  });

  test("each has a section of the reference, in the same order", () => {
    const sections = textOf("docs/reference/config.md").matchAll(/^### `(\w+)=`$/gm);
    expect(Array.from(sections, ([, key]) => key)).toEqual(
      Object.values(CONFIG_KEYS).map(({ name }) => name),
    );
  });

  test("a page without the comments that mark the place is refused", () => {
    expect(() => withTable("spec/config.md", "| Key |\n")).toThrow("spec/config.md");
  });
});
