// The fast part of `bun run crash-sweep`: an update and a store, killed at every call, and with one
// of the errors at each. The whole sweep has more stories, and every error everywhere.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Site } from "../fetch/site.ts";
import { needs } from "../support/needs.ts";
import { binary } from "./binary.ts";
import { fetchStories, packStories, type Story, storeStories } from "./stories.ts";
import {
  countsFor,
  disturb,
  ERRORS,
  type Fault,
  pointsFor,
  sideBySide,
  undisturbed,
} from "./sweep.ts";

const tools = needs("nginx", "strace", "openssl", "zstd");
const JOBS = 3;

let site: Site;
let folder: string;
let stories: readonly Story[] = [];
beforeAll(async () => {
  if (tools.missing) return;
  site = await Site.start();
  folder = mkdtempSync(join(tmpdir(), "tako-sweep-"));
  stories = [
    ...(await fetchStories(site)),
    ...storeStories(folder),
    ...packStories(folder, binary),
  ];
});
afterAll(async () => {
  if (tools.missing) return;
  await site.stop();
  rmSync(folder, { recursive: true });
});

/** What was wrong at each point at which a fault came. */
async function sweep(name: string, faultsOf: (index: number) => Fault) {
  const story = stories.find((each) => each.name === name);
  if (story === undefined) throw new Error(`no story ${name}`);
  const reference = await undisturbed(story, binary);
  expect(reference.problems).toEqual([]);
  const aimed = pointsFor(reference, faultsOf(0));
  const hit = new Set<string>();
  const wrong: string[] = [];
  await sideBySide(aimed.entries(), JOBS, async ([index, point]) => {
    const fault = faultsOf(index);
    // Which of several calls on a path is hit is left to chance.
    for (const count of countsFor(reference, point, 1)) {
      const tried = await disturb(reference, binary, fault, point, count);
      const where = tried.hit ?? point;
      const told = `${where.name} ${where.path} ${where.nth}`;
      for (const problem of tried.problems) wrong.push(`${fault} at ${told}: ${problem}`);
      if (tried.hit === undefined) continue;
      hit.add(told);
      break;
    }
  });
  expect(wrong).toEqual([]);
  // A call that comes first on its path is always hit.
  const first = aimed.filter(({ nth }) => nth === 1);
  const missed = first.filter(({ name, path }) => !hit.has(`${name} ${path} 1`));
  expect(missed).toEqual([]);
  expect(first.length).toBeGreaterThan(5);
}

const errors = Object.keys(ERRORS) as (keyof typeof ERRORS)[];

describe.skipIf(tools.missing)("the fast part of the sweep", () => {
  for (const name of ["update", "update by a patch", "store to an existing origin"]) {
    test(`DST-10 to DST-16, DST-20 to DST-22, DST-29, PUB-13: ${name}, killed at every call, leaves all whole, and the next run does the rest`, async () => {
      await sweep(name, () => "KILL");
    });
  }

  test("PCK-66, PCK-67, PRU-28: packed files, killed at every call, leave all whole, and the next run does the rest", async () => {
    for (const name of ["pack of an origin", "prune of packed files"])
      await sweep(name, () => "KILL");
  });

  for (const [shift, name] of ["update", "store to an existing origin"].entries()) {
    test(`DST-28, FET-68, CLI-33: ${name}, with an error of every call, says so, loses nothing, and the next run does the rest`, async () => {
      await sweep(name, (index) => errors[(index + shift) % errors.length] ?? "EIO");
    });
  }
});
