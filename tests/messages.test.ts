// docs/messages.md lists what the sources say, and what it shows of real runs fits (scripts/messages.ts).

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { patternOf, templates } from "../scripts/messages/templates.ts";
import { PAGE } from "../scripts/messages.ts";

interface Entry {
  readonly template: string;
  readonly example: string;
}

/** The entries of the page, by the files that say them. */
function entries(): ReadonlyMap<string, readonly Entry[]> {
  const [, ...sections] = readFileSync(PAGE, "utf8").split(/^## /m);
  return new Map(
    sections.map((section) => {
      const [file = "", ...rest] = section.split("\n");
      const items = rest.join("\n").split(/^\* /m).slice(1);
      const entryOf = (item: string) => {
        const [first = "", ...example] = item.split("\n");
        return { template: first.slice(1, -1), example: example.join("\n") };
      };
      return [file, items.map(entryOf)];
    }),
  );
}

test("docs/messages.md has every message; otherwise `bun run messages` writes it anew", async () => {
  const listed = [...entries()].map(([file, items]) => [file, items.map((each) => each.template)]);
  const said = [...(await templates())].map(([file, texts]) => [
    file,
    texts.map((text) => text.trim()),
  ]);
  expect(Object.fromEntries(listed)).toEqual(Object.fromEntries(said));
});

test("each example is one of its message, and most messages have one", () => {
  const all = [...entries().values()].flat();
  const shown = all.filter(({ example }) => example.trim() !== "");
  const others = shown.filter(({ template, example }) => !patternOf(template).test(example));
  expect(others).toEqual([]);
  expect(shown.length / all.length).toBeGreaterThan(0.6);
});
