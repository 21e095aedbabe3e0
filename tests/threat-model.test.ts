// Holds docs/threat-model.md to its word: every row that claims something names tests, and these are there.

import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dir, "..");
const page = readFileSync(join(root, "docs/threat-model.md"), "utf8");

/** The rows of the tables whose last column is `Proof`: the attack, and what proves the answer to it. */
function rows(): readonly { attack: string; proof: string }[] {
  const found: { attack: string; proof: string }[] = [];
  let isProof = false;
  for (const line of page.split("\n")) {
    if (!line.startsWith("|")) isProof = false;
    else if (line.endsWith("| Proof |")) isProof = true;
    else if (isProof && !line.startsWith("| ---")) {
      const cells = line.slice(2, -2).split(" | ");
      found.push({ attack: cells[0] ?? "", proof: cells.at(-1) ?? "" });
    }
  }
  return found;
}

/** Whether a test of the file has a title that begins with requirements, this one among them. */
function proves(file: string, id: string): boolean {
  const titles = readFileSync(join(root, file), "utf8").match(/["`][^"`\n]*["`]/g) ?? [];
  return titles.some((title) => {
    const [requirements = ""] = /^["`][A-Z]{3}-\d+[^:]*/.exec(title) ?? [];
    return new RegExp(`\\b${id}\\b`).test(requirements);
  });
}

test("every attack has a proof", () => {
  expect(rows().length).toBeGreaterThanOrEqual(47);
  for (const { attack, proof } of rows())
    expect([attack, proof]).toEqual([
      attack,
      expect.stringMatching(/^`[^`]+\.ts`( [A-Z]{3}-\d+,?)+(; `[^`]+\.ts`( [A-Z]{3}-\d+,?)+)*$/),
    ]);
});

for (const { attack, proof } of rows()) {
  test(`the proof is there: ${attack}`, () => {
    for (const reference of proof.split("; ")) {
      const [file = "", ...ids] = reference.replaceAll("`", "").split(/,? /);
      expect([file, existsSync(join(root, file))]).toEqual([file, true]);
      for (const id of ids) expect([file, id, proves(file, id)]).toEqual([file, id, true]);
    }
  });
}

test("the other files and folders that the page names are there", () => {
  const named = page.match(/`(tests|scripts|fixtures|docs)\/[\w./-]*`/g) ?? [];
  expect(named.length).toBeGreaterThan(50);
  for (const each of named) {
    const path = each.slice(1, -1);
    expect([path, existsSync(join(root, path))]).toEqual([path, true]);
  }
});
