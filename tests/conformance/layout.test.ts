// What may be in a destination: the names of the specification, those that an implementation may add, and no others.
// The judge sees a folder before and after; what happens in it is written here by hand.

import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseFixtures } from "../../conformance/black-box/fixture.ts";
import { judge } from "../../conformance/black-box/judge.ts";
import { standingOf } from "../../conformance/black-box/layout.ts";
import { treeOf } from "../../conformance/black-box/tree.ts";
import { World } from "../../conformance/black-box/world.ts";
import {
  CHECKED,
  HOST_FILES,
  LATEST,
  MANIFEST,
  NEW_SLOT,
  STORE,
  temporaryName,
} from "../../src/core/layout.ts";

const HEX = "0123456789abcdef".repeat(4);

test.each([
  ["manifest", "lasting"],
  ["store", "lasting"],
  ["latest", "lasting"],
  [".etag", "lasting"],
  [".owed", "lasting"],
  [".good", "lasting"],
  [".refused", "lasting"],
  [".hold", "lasting"],
  [".seen", "lasting"],
  [`store/${HEX}`, "lasting"],
  [`store/${HEX}.partial`, "lasting"],
  [".manifest.new", "temporary"],
  [".latest.new", "temporary"],
  [".etag.new", "temporary"],
  [".owed.new", "temporary"],
  [".good.new", "temporary"],
  [".refused.new", "temporary"],
  [".hold.new", "temporary"],
  [".seen.new", "temporary"],
  [".checked.new", "temporary"],
  [".best", "added"],
  [".checked", "added"],
  [".cache/index", "added"],
  [".manifest", "added"],
  [`store/${HEX}.zst`, "added"],
  [`store/${HEX}.part-1`, "added"],
  [`store/${HEX}.partial.old`, "added"],
  [`store/${HEX}.chunks/1`, "added"],
  ["lock", "stray"],
  ["manifest.old", "stray"],
  ["manifest/x", "stray"],
  ["latest.new", "stray"],
  [".", "stray"],
  ["store/.cache", "stray"],
  ["store/x", "stray"],
  [`store/${HEX}.`, "stray"],
  [`store/${HEX}x`, "stray"],
  [`store/${HEX}-old`, "stray"],
  [`store/${HEX}/x`, "stray"],
  [`store/${HEX.slice(1)}.zst`, "stray"],
  [`store/${HEX.toUpperCase()}`, "stray"],
  [`store/old/${HEX}.zst`, "stray"],
  [`old/store/${HEX}`, "stray"],
])("DST-9: %s is %s", (path, standing) => {
  expect(standingOf(path)).toBe(standing as ReturnType<typeof standingOf>);
});

test("DST-23: the table has the names of the page", () => {
  const page = readFileSync(join(import.meta.dir, "../../spec/destination.md"), "utf8");
  const [, sentence = ""] =
    /\*\*DST-23\.\*\* Temporary names are fixed: (.*?`)\. /s.exec(page) ?? [];
  const temporary = Array.from(sentence.matchAll(/`(\S+?)`/g), ([, name = ""]) => name);
  expect(temporary).toHaveLength(11);
  for (const name of temporary) {
    const expected = name.startsWith("store/") ? "lasting" : "temporary";
    expect(standingOf(name.replace("<hex>", HEX))).toBe(expected);
  }
  const lasting = Array.from(page.matchAll(/^ {4}(\S+)/gm), ([, name = ""]) => name);
  expect(lasting).toHaveLength(11);
  for (const name of lasting) {
    // A run makes these also where it changes nothing.
    const expected = [".lock", ".checked"].includes(name) ? "added" : "lasting";
    expect(standingOf(name.replace("<sha256", HEX))).toBe(expected);
  }
});

test("DST-9, DST-23: Tako's own names are those of the table", () => {
  const own = [
    MANIFEST,
    STORE,
    LATEST,
    ...HOST_FILES.filter((name) => name !== CHECKED),
    `${STORE}/${HEX}`,
    `${STORE}/${HEX}.partial`,
  ];
  expect(own.map(standingOf)).toEqual(own.map(() => "lasting"));
  const temporary = [...[LATEST, ...HOST_FILES].map(temporaryName), NEW_SLOT];
  expect(temporary.map(standingOf)).toEqual(temporary.map(() => "temporary"));
});

type Change = (path: (name: string) => string) => void;

/** The problems that the judge has with what a run did, and perhaps one before it. */
async function problemsWith(
  expectation: string,
  run: Change,
  earlierRun: Change = () => {},
): Promise<readonly string[]> {
  const head = '[[case]]\nid = "x"\nprofile = "fetch"\nrequirement = []\nwhy = ""\n';
  const installed = 'installed = [{ manifest = ["1.0.0"], latest = "1.0.0" }]\n';
  const planted = 'plant = [{ path = "app/.mine", text = "mine" }]\n';
  const toml = `${head}[[case.step]]\n${installed}${planted}run = ["fetch"]\n${expectation}\n`;
  const [step] = parseFixtures(toml, "x.toml")[0]!.step;
  const world = await World.create();
  try {
    world.prepare(step!);
    const path = (name: string) => world.path(world.fill(name));
    earlierRun(path);
    const before = treeOf(world.folder);
    run(path);
    const after = treeOf(world.folder);
    const outcomes = [{ status: 0, stdout: "", stderr: "" }];
    const seen = { outcomes, before, after, requests: [], latestSeen: new Set<string>() };
    return judge(world, step!, seen, false).problems;
  } finally {
    await world.remove();
  }
}

function write(path: string, text = "new"): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

const ADDED = ["app/.checked", "app/.cache/index", "app/store/{digest:1.0.0}.zst"];
const STRAY = ["app/lock", "app/store/{digest:1.0.0}-old", "app/store/.cache"];

for (const expectation of [
  'expect.latest = "1.0.0"',
  'expect.store = ["1.0.0"]',
  "expect.unchanged = true",
]) {
  test(`CNF-8: where a case has ${expectation}, names that may be added fail nothing, and others do`, async () => {
    for (const name of ADDED) {
      expect(await problemsWith(expectation, (path) => write(path(name)))).toEqual([]);
    }
    for (const name of STRAY) {
      expect(await problemsWith(expectation, (path) => write(path(name)))).not.toEqual([]);
    }
    expect(await problemsWith(expectation, (path) => write(path("app/.manifest.new")))).not.toEqual(
      [],
    );
  });
}

test("CNF-8: a case judges what it puts at such a name itself, or names", async () => {
  const unchanged = "expect.unchanged = true";
  const mine = (path: (name: string) => string) => path("app/.mine");
  expect(await problemsWith(unchanged, (path) => write(mine(path)))).toEqual([
    expect.stringContaining("expected app/.mine to stay"),
  ]);
  expect(await problemsWith(unchanged, (path) => rmSync(mine(path)))).toEqual([
    expect.stringContaining("expected app/.mine to stay"),
  ]);
  const named = async (expectation: string) =>
    await problemsWith(expectation, (path) => write(path("app/.checked")));
  expect(await named('expect.files."app/.checked" = { kind = "absent" }')).toHaveLength(1);
  expect(await named('expect.untouched = ["app/.checked"]')).toHaveLength(1);
  expect(await named('expect.files."app/.checked" = { text = "new" }')).toEqual([]);
});

test("CNF-8: what a run added, another may change or remove", async () => {
  const add: Change = (path) => write(path("app/.checked"), "old");
  const unchanged = "expect.unchanged = true";
  expect(await problemsWith(unchanged, (path) => write(path("app/.checked")), add)).toEqual([]);
  expect(await problemsWith(unchanged, (path) => rmSync(path("app/.checked")), add)).toEqual([]);
  const strayed: Change = (path) => write(path("app/lock"), "old");
  expect(await problemsWith(unchanged, (path) => write(path("app/lock")), strayed)).toHaveLength(1);
});
