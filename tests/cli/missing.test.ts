// What is told about words that are missing, and that help says something of every word there can be.

import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { commands } from "../../src/cli/commands/index.ts";
import { sources } from "../support/program.ts";

const program = sources();

test.each([
  [["store"], "missing option -o DIR, --output=DIR"],
  [["store", "--output", "origin"], "IMAGE is missing"],
  [["store", "--output", "origin", "app.img"], "VERSION is missing"],
])("CLI-5: %j: %s", async (words, message) => {
  // Where a key is looked for first.
  const { status, stderr } = await program.run(words, { env: { TAKO_SECRET_KEY: "SECRET+" } });
  expect([status, stderr.split("\n")[0]]).toEqual([2, `tako: ${message}`]);
});

test("STS-34: help of list says what its marks mean", async () => {
  const { stdout } = await program.run(["list", "--help"]);
  expect(stdout).toMatch(/^Marks: \* in use, u next, x skipped.*, o held\.$/m);
});

test("CLI-11: help says something of every option", async () => {
  for (const name of Object.keys(commands)) {
    const { stdout } = await program.run([name, "--help"]);
    const options = stdout.split("\n").filter((line) => /^ *(-\w, )?--/.test(line));
    expect(options.length).toBeGreaterThan(0);
    for (const line of options) expect(line).toMatch(/--[\w-]+(=<[^>]*>)?( \(required\))? {2,}\S/i);
  }
});

test.each(Object.keys(commands))(
  "CLI-11: help of %s names it, and a page that is there",
  async (name) => {
    const { status, stdout } = await program.run([name, "--help"]);
    expect([status, stdout]).toEqual([0, expect.stringContaining(`\nUSAGE tako ${name} `)]);
    const [page = ""] = /docs\/reference\/[\w-]+\.md/.exec(stdout) ?? [];
    expect(page).toBe(`docs/reference/${name}.md`);
    expect(existsSync(join(import.meta.dir, "../..", page))).toBe(true);
  },
);

test.each([
  ["fetch", ["--jobs=<n>"]],
  ["gen-key", ["--output=<file>"]],
  [
    "store",
    [
      "-k, --key=<key>",
      "-f, --key-file=<file>",
      "-o, --output=<dir>",
      "--rotate-key=<old>",
      "--sha256=<hex>",
      "--size=<bytes>",
    ],
  ],
])(
  "CLI-11: help of %s shows which options take a value, and their short forms",
  async (name, options) => {
    const { stdout } = await program.run([name, "--help"]);
    const shown = stdout.match(/^ *(-\w, )?--[\w-]+=<\w+>/gm)?.map((text) => text.trim());
    expect(shown?.toSorted()).toEqual(options.toSorted());
  },
);

test.each(["store", "gen-key", "public-key", "inspect"])(
  "CLI-11: help of %s fits 80 columns",
  async (name) => {
    const { stdout } = await program.run([name, "--help"]);
    expect(stdout.split("\n").filter((line) => line.length > 80)).toEqual([]);
  },
);
