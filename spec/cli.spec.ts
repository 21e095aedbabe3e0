// Proof of the pure part of spec/cli.md: near misses, and what foreign text looks like when it is
// shown. The command line itself is proved in tests/cli.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { asTakoError, TakoError } from "../src/core/error.ts";
import { nearest } from "../src/core/near-miss.ts";
import { printable, shownPath, withoutSecrets } from "../src/core/text.ts";
import { runs } from "../tests/support/properties.ts";
import { KEY } from "./support/manifests.ts";

/** Words of few letters, so that they are often near to each other. */
const words = fc
  .array(fc.constantFrom(..."abAB-"), { maxLength: 7 })
  .map((letters) => letters.join(""));

/** The edits between two words, straight from the definition: the last letters are replaced or swapped, or one is left out. */
function edits(a: string, b: string): number {
  if (a === "" || b === "") return a.length + b.length;
  const [restA, restB] = [a.slice(0, -1), b.slice(0, -1)];
  if (a.at(-1) === b.at(-1)) return edits(restA, restB);
  const isSwapped = a.length > 1 && a.at(-1) === b.at(-2) && a.at(-2) === b.at(-1);
  const swapped = isSwapped ? edits(a.slice(0, -2), b.slice(0, -2)) : Infinity;
  return 1 + Math.min(edits(restA, restB), edits(restA, b), edits(a, restB), swapped);
}

test("CLI-7: a near miss is at most two edits away, fewer than half its letters, case aside", () => {
  fc.assert(
    fc.property(words, words, (word, known) => {
      const distance = edits(word.toLowerCase(), known.toLowerCase());
      const isNear = distance <= 2 && distance < word.length / 2;
      expect(nearest(word, [known])).toBe(isNear ? known : undefined);
    }),
    runs,
  );
});

test.each([
  ["keep", "help", false],
  ["hlep", "help", true],
  ["tsore", "store", true],
  ["x", "v", false],
])("CLI-7: %s for %s: %j", (word, known, isNear) => {
  expect(nearest(word, [known]) === known).toBe(isNear);
});

test("CLI-7: of several known words, the nearest is meant", () => {
  fc.assert(
    fc.property(words, fc.array(words, { maxLength: 5 }), (word, known) => {
      const meant = nearest(word, known);
      const distances = known.map((each) => edits(word.toLowerCase(), each.toLowerCase()));
      const least = Math.min(...distances);
      if (meant === undefined) expect(least > 2 || least >= word.length / 2).toBe(true);
      else expect(meant).toBe(known[distances.indexOf(least)] ?? "");
    }),
    runs,
  );
});

describe("foreign text", () => {
  test("CLI-24: escape sequences, controls and other scripts are shown as code points", () => {
    expect(printable("\x1b[2J\u0007\x7f")).toBe("\\u{1b}[2J\\u{7}\\u{7f}");
    expect(printable("ü\u202e\u{1f419}")).toBe("\\u{fc}\\u{202e}\\u{1f419}");
    expect(printable("\ud800")).toBe("\\u{d800}");
  });

  test("CLI-24: whatever the text, what is shown is printable ASCII of a bounded length", () => {
    const text = fc.string({ unit: "binary", maxLength: 300 });
    fc.assert(
      fc.property(text, fc.nat(100), (foreign, limit) => {
        const shown = printable(foreign, limit);
        expect(shown).toMatch(/^[\x20-\x7e]*$/);
        expect(shown.length).toBeLessThanOrEqual(limit * "\\u{10ffff}".length + "...".length);
      }),
      runs,
    );
  });

  test("CLI-24: printable ASCII without secrets is shown as it is", () => {
    const plain = fc
      .stringMatching(/^[\x20-\x7e]{0,200}$/)
      .filter((text) => !/secret|:/i.test(text));
    fc.assert(
      fc.property(plain, (text) => {
        expect(printable(text)).toBe(text);
      }),
      runs,
    );
  });

  test("CLI-14: a secret key never shows, wherever it stands", () => {
    const around = fc.string({ maxLength: 40 });
    fc.assert(
      fc.property(around, around, (before, after) => {
        expect(printable(`${before}${KEY.reveal()}${after}`, 1000)).not.toContain(
          KEY.reveal().slice("SECRET+".length, 30),
        );
      }),
      runs,
    );
  });

  test.each(["secret+", "Secret+", "SECRET", "secret", "SECRET ", "SECRET-", "SECRET: "])(
    "CLI-14: a secret key never shows, begun as %j",
    (beginning) => {
      const body = KEY.reveal().slice("SECRET+".length);
      expect(printable(`"${beginning}${body}`, 1000)).toBe('"SECRET+***');
    },
  );

  test.each([
    "/etc/tako/secret/store/907a4876cc9a5ba1de0a764cdd211a9dfbfb9cea6e9824d3b8434f6d70f249c4 is not here",
    "/home/Alice/secret.key.pub",
    "expected it to begin with SECRET+",
  ])("CLI-14: and %j is shown", (text) => expect(printable(text)).toBe(text));

  test("CLI-25: user and password of a URL become ***, an @ in its path stays", () => {
    expect(withoutSecrets("see https://user:pass@host/a@b and ftp://u@h")).toBe(
      "see https://***@host/a@b and ftp://***@h",
    );
  });
});

test("CLI-24, CLI-33: a path is shown whole where other text is cut, and without foreign characters", () => {
  const path = `/${"x".repeat(4000)}`;
  expect(shownPath(path)).toBe(path);
  expect(shownPath(path.repeat(2))).toBe(`${path.repeat(2).slice(0, 4096)}...`);
  expect(shownPath("/a\x1b[31m")).toBe("/a\\u{1b}[31m");
});

describe("errors", () => {
  test("CLI-30: an error gets facts in place of its own, and keeps the rest and its cause", () => {
    const error = new TakoError("manifest", "no", { rule: "MAN-6", line: 3, source: "a" });
    const named = error.with({ source: "https://example.com/manifest", hint: "Look." });
    expect(named).toMatchObject({
      kind: "manifest",
      message: "no",
      rule: "MAN-6",
      line: 3,
      source: "https://example.com/manifest",
      hint: "Look.",
      problems: [],
    });
    expect(named.cause).toBe(error);
    expect(error.source).toBe("a");
  });

  test("CLI-42: Tako's own error is told from a fault of the program, which goes on its way", () => {
    const own = new TakoError("failed", "x");
    const fault = new RangeError("x");
    expect(asTakoError(own)).toBe(own);
    expect(() => asTakoError(fault)).toThrow(fault);
  });
});
