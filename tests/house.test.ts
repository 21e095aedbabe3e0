// The picture of the house: the floors are where the imports put them, and docs/house.svg shows them as they are now.
// And the pages for those who work on it name what is there.

import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { PICTURE, pictureOf } from "../scripts/draw-house.ts";
import { readCaptions } from "../scripts/house/captions.ts";
import { findCircles } from "../scripts/house/floors.ts";
import { ANNEX, HOUSE, planHouse, upwardArrows } from "../scripts/house/plan.ts";
import { importsOf, readSources } from "../scripts/house/sources.ts";

const root = join(import.meta.dir, "..");
const read = (from: string) => readSources(from, [HOUSE, ANNEX]);

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

/** A small house: a path, and the paths that it imports. */
function build(house: Readonly<Record<string, readonly string[]>>): string {
  const folder = mkdtempSync(join(tmpdir(), "tako-house-"));
  folders.push(folder);
  const sources = Object.entries(house).map(([path, imports]) => ({
    path,
    text: imports.map((to) => `import type { X } from "${to}";\n`).join(""),
  }));
  for (const { path, text } of [...sources, { path: "CONTRIBUTING.md", text: "" }]) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

const SOUND = {
  "src/main.ts": ["./attic/a.ts"],
  "src/attic/a.ts": ["../cellar/a.ts", "./beam/b.ts"],
  "src/attic/beam/b.ts": ["../c.ts"],
  "src/attic/c.ts": ["../../conformance/x.ts"],
  "src/cellar/a.ts": ["./b.ts", "node:fs"],
  "src/cellar/b.ts": [],
  "conformance/x.ts": [],
};

test("every import is seen, of values and of types, and none in a comment or a text", () => {
  const source = `import { type A, b } from "./one.ts";
import type { C } from "./two.ts";
import {
  type D,
  type E,
} from "./three.ts";
export type { F } from "./four.ts";
export { g } from "./five.ts";
import "./six.ts";
import unused from "./seven.ts";
import type * as Eight from "./eight.ts";
export * from "./nine.ts";
import json from "../ten.json";
export const eleven = () => import("./eleven.ts");
// import z from "./comment.ts";
/*
import z from "./comment.ts";
*/
const text = \`
import { z } from "./text.ts";
\`;
`;
  expect(importsOf(source)).toEqual([
    "./one.ts",
    "./two.ts",
    "./three.ts",
    "./four.ts",
    "./five.ts",
    "./six.ts",
    "./seven.ts",
    "./eight.ts",
    "./nine.ts",
    "../ten.json",
    "./eleven.ts",
  ]);
});

test("floors follow the imports", () => {
  const plan = planHouse(read(build(SOUND)));
  expect(plan.house.map(({ path }) => path)).toEqual(["src/main.ts", "src/attic", "src/cellar"]);
  expect(plan.annex?.files.map(({ path }) => path)).toEqual(["conformance/x.ts"]);
  expect(plan.arrows).toEqual([
    { from: "src/attic", to: "conformance", count: 1, up: false },
    { from: "src/attic", to: "src/cellar", count: 1, up: false },
    { from: "src/main.ts", to: "src/attic", count: 1, up: false },
  ]);
  expect(upwardArrows(plan)).toEqual([]);
});

test("an import against most others runs upward, and is red", () => {
  const folder = build({
    ...SOUND,
    "src/attic/d.ts": ["../cellar/b.ts"],
    "src/cellar/c.ts": ["../attic/c.ts"],
  });
  const plan = planHouse(read(folder));
  expect(plan.house.map(({ path }) => path)).toEqual(["src/main.ts", "src/attic", "src/cellar"]);
  expect(upwardArrows(plan)).toEqual([{ from: "src/cellar", to: "src/attic", count: 1, up: true }]);
  expect(pictureOf(folder)).toContain('<g class="up">');
  expect(pictureOf(build(SOUND))).not.toContain('<g class="up">');
});

test("folders of one room have their arrows, too", () => {
  const plan = planHouse(
    read(
      build({
        "src/a/disk/x.ts": [],
        "src/a/disk/y.ts": ["../wire/x.ts"],
        "src/a/wire/x.ts": ["../disk/x.ts"],
        "src/a/wire/z.ts": ["../disk/x.ts"],
      }),
    ),
  );
  expect(plan.house[0]?.parts.map(({ name }) => name)).toEqual(["wire", "disk"]);
  expect(upwardArrows(plan)).toEqual([{ from: "disk", to: "wire", count: 1, up: true }]);
});

test("files that import in a circle are found", () => {
  const folder = build({
    "src/a.ts": ["./b.ts"],
    "src/b.ts": ["./c.ts", "./d.ts"],
    "src/c.ts": ["./b.ts"],
    "src/d.ts": ["./e.ts"],
    "src/e.ts": ["./a.ts"],
  });
  expect(findCircles(read(folder))).toEqual([
    ["src/a.ts", "src/b.ts", "src/d.ts", "src/e.ts", "src/a.ts"],
    ["src/b.ts", "src/c.ts", "src/b.ts"],
  ]);
  expect(findCircles(read(build(SOUND)))).toEqual([]);
});

test("captions are those of the first tree of the page", () => {
  const page = `# Page

    alias x='y z'

    src/
      core/          pure, \`all\` of it
        deep/        down here
      main.ts        the entry
    docs/            for users

    other/           of another tree
`;
  expect([...readCaptions(page)]).toEqual([
    ["src/core", "pure, all of it"],
    ["src/core/deep", "down here"],
    ["src/main.ts", "the entry"],
    ["docs", "for users"],
  ]);
});

test("in this house no import runs upward, and no files import in a circle", () => {
  const files = read(root);
  expect(files.length).toBeGreaterThan(60);
  expect(upwardArrows(planHouse(files))).toEqual([]);
  expect(findCircles(files)).toEqual([]);
});

test(`${PICTURE} shows the house as it is: otherwise \`bun run house\` draws it anew`, () => {
  const picture = readFileSync(join(root, PICTURE), "utf8");
  const isCurrent = picture === pictureOf(root);
  expect(isCurrent ? "" : "The sources have changed. Run: bun run house").toBe("");
  expect(Buffer.byteLength(picture)).toBeLessThan(60 * 1024);
});

for (const page of ["CONTRIBUTING.md", "SECURITY.md"]) {
  test(`what ${page} names and links to is there`, () => {
    const text = readFileSync(join(root, page), "utf8");
    const named = text.matchAll(
      /`((?:src|conformance|spec|tests|scripts|fixtures|docs)\/[\w./-]*)`/g,
    );
    const linked = text.matchAll(/\]\((?!https:)([^)#]+)/g);
    const paths = [...named, ...linked].map(([, path = ""]) => path);
    expect(paths.length).toBeGreaterThan(5);
    expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });
}
