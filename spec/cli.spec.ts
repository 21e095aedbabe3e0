// Proof of what spec/cli.md says about near misses, which is pure: CLI-7 as laws. The command line itself
// is proved in tests/cli.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { nearest } from "../src/core/near-miss.ts";
import { runs } from "../tests/support/properties.ts";

/** Words of few letters, so that they are often near to each other. */
const words = fc
  .array(fc.constantFrom(..."abAB-"), { maxLength: 7 })
  .map((letters) => letters.join(""));

/** The edits between two words, straight from the definition: the last letters are replaced, or one is left out. */
function edits(a: string, b: string): number {
  if (a === "" || b === "") return a.length + b.length;
  const [restA, restB] = [a.slice(0, -1), b.slice(0, -1)];
  if (a.at(-1) === b.at(-1)) return edits(restA, restB);
  return 1 + Math.min(edits(restA, restB), edits(restA, b), edits(a, restB));
}

test("CLI-7: a near miss is at most two edits away, and at most half its letters, case aside", () => {
  fc.assert(
    fc.property(words, words, (word, known) => {
      const distance = edits(word.toLowerCase(), known.toLowerCase());
      const isNear = distance <= 2 && distance <= word.length / 2;
      expect(nearest(word, [known])).toBe(isNear ? known : undefined);
    }),
    runs,
  );
});

test("CLI-7: of several known words, the nearest is meant", () => {
  fc.assert(
    fc.property(words, fc.array(words, { maxLength: 5 }), (word, known) => {
      const meant = nearest(word, known);
      const distances = known.map((each) => edits(word.toLowerCase(), each.toLowerCase()));
      const least = Math.min(...distances);
      if (meant === undefined) expect(least > 2 || least > word.length / 2).toBe(true);
      else expect(meant).toBe(known[distances.indexOf(least)] ?? "");
    }),
    runs,
  );
});
