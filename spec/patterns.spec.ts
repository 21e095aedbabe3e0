// Proof of spec/patterns.md: its fixtures, then its laws.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { matches, type Pattern, parsePattern } from "../src/core/pattern.ts";
import { parseVersion } from "../src/core/version.ts";
import { type Case, casesOf, title } from "../tests/support/fixtures.ts";
import { runs } from "../tests/support/properties.ts";
import { refusalOf } from "./support/refusals.ts";
import {
  allows,
  around,
  equivalentSpelled,
  formSpelled,
  forms,
  isNumeric,
  isRange,
  near,
  next,
  order,
  type Parts,
  roughTexts,
  validForms,
  versionParts,
  written,
} from "./support/versions.ts";

interface PatternCase extends Case {
  readonly pattern: string;
}

interface MatchCase extends PatternCase {
  readonly matches: readonly string[];
  readonly differs: readonly string[];
}

interface CanonicalCase extends PatternCase {
  readonly text: string;
}

const matchCases = casesOf<MatchCase>("patterns/match.toml");
const invalidCases = casesOf<PatternCase>("patterns/invalid.toml");
const canonicalCases = casesOf<CanonicalCase>("patterns/canonical.toml");

function allowed(pattern: Pattern | string, version: string): boolean {
  return matches(
    typeof pattern === "string" ? parsePattern(pattern) : pattern,
    parseVersion(version),
  );
}

/** How a text is refused; undefined if it is a pattern. */
const refusal = (text: string) => refusalOf(() => parsePattern(text));

function plain(parts: Parts): string {
  return parts.join(".");
}

describe("fixtures of matching", () => {
  for (const each of matchCases) {
    test(title(each), () => {
      const pattern = parsePattern(each.pattern);
      for (const version of each.matches) {
        expect({ version, allowed: allowed(pattern, version) }).toEqual({ version, allowed: true });
      }
      for (const version of each.differs) {
        expect({ version, allowed: allowed(pattern, version) }).toEqual({
          version,
          allowed: false,
        });
      }
    });
  }
});

describe("fixtures of invalid patterns", () => {
  for (const each of invalidCases) {
    test(title(each), () => {
      const error = refusal(each.pattern);
      expect(error?.kind).toBe("pattern");
      expect(each.requirement).toContain(error?.rule ?? "no requirement");
      expect(error?.message).toMatch(/^[\x20-\x7e]+$/);
    });
  }

  test("PAT-11: the error shows the three forms", () => {
    for (const each of invalidCases) {
      if (each.requirement.includes("PAT-9")) continue;
      const error = refusal(each.pattern);
      // The text itself may hold anything, and does not count.
      const shown = `${error?.message} ${error?.hint ?? ""}`.replace(/"[^"]*"/, "");
      expect(shown).toMatch(/[A-Z0-9.]+\.\*/);
      expect(shown).toMatch(/[A-Z0-9]\.[A-Z0-9]\.[A-Z0-9](?![.*])/);
      expect(shown).toMatch(/[A-Z0-9.]+ <= v < [A-Z0-9.]+/);
    }
  });
});

describe("fixtures of the canonical form", () => {
  for (const each of canonicalCases) {
    test(title(each), () => {
      expect(parsePattern(each.pattern).text).toBe(each.text);
      expect(parsePattern(each.text).text).toBe(each.text);
    });
  }
});

describe("laws", () => {
  test("PAT-1 to PAT-8: a pattern matches what a second reading of this page allows", () => {
    const seen = new Map<string, number>();
    const questions = validForms.chain((form) => fc.tuple(fc.constant(form), around(form)));
    fc.assert(
      fc.property(questions, ([form, version]) => {
        const answer = allowed(written(form), plain(version));
        expect(answer).toBe(allows(form, version));
        const key = `${form.kind} ${answer}`;
        seen.set(key, (seen.get(key) ?? 0) + 1);
      }),
      runs,
    );
    // Both answers of every form are among the questions, often.
    expect([...seen.keys()].sort()).toEqual([
      "any true",
      "exact false",
      "exact true",
      "family false",
      "family true",
      "range false",
      "range true",
    ]);
    for (const count of seen.values()) expect(count).toBeGreaterThan(runs.numRuns / 50);
  });

  test("PAT-4: a version as a pattern matches exactly what is equivalent to it", () => {
    const pairs = versionParts.chain((parts) =>
      fc.tuple(equivalentSpelled(parts), near(parts), fc.constant(parts)),
    );
    fc.assert(
      fc.property(pairs, ([text, other, parts]) => {
        expect(allowed(text, plain(parts))).toBe(true);
        expect(allowed(text, plain(other))).toBe(order(parts, other) === 0);
      }),
      runs,
    );
  });

  test("PAT-2: a longer family is part of the shorter one, and holds its own beginning", () => {
    const families = versionParts.chain((parts) =>
      fc.tuple(fc.constant(parts), versionParts, near(parts)),
    );
    fc.assert(
      fc.property(families, ([parts, more, version]) => {
        const narrow: Parts = [...parts, ...more];
        expect(allowed(`${plain(parts)}.*`, plain(narrow))).toBe(true);
        expect(allowed(`${plain(narrow)}.*`, plain(narrow))).toBe(true);
        if (allowed(`${plain(narrow)}.*`, plain(version))) {
          expect(allowed(`${plain(parts)}.*`, plain(version))).toBe(true);
        }
      }),
      runs,
    );
  });

  test("PAT-6, PAT-8, PAT-9: a range is accepted exactly if its LOW is in it", () => {
    const count = { accepted: 0, refused: 0 };
    const questions = forms.chain((form) => fc.tuple(fc.constant(form), around(form)));
    fc.assert(
      fc.property(questions, ([form, version]) => {
        if (form.kind !== "range") return;
        const error = refusal(written(form));
        expect(error === undefined).toBe(isRange(form.low, form.high));
        if (error === undefined) {
          count.accepted++;
          expect(allowed(written(form), plain(form.low))).toBe(true);
        } else {
          count.refused++;
          expect([error.kind, error.rule]).toEqual(["pattern", "PAT-9"]);
          expect(allows(form, version)).toBe(false);
        }
      }),
      runs,
    );
    expect(Math.min(count.accepted, count.refused)).toBeGreaterThan(runs.numRuns / 20);
  });

  test("PAT-8: a range matches nothing that begins with HIGH", () => {
    const ranges = validForms.chain((form) =>
      fc.tuple(fc.constant(form), fc.array(versionParts, { maxLength: 1 })),
    );
    fc.assert(
      fc.property(ranges, ([form, more]) => {
        if (form.kind !== "range") return;
        const start = plain(form.high).replace(/(\.0+)+$/, "");
        expect(allowed(written(form), [start, ...more.flat()].join("."))).toBe(false);
        expect(allowed(written(form), [plain(form.high), ...more.flat()].join("."))).toBe(false);
      }),
      runs,
    );
  });

  test("PAT-17: A <= v < next(A) is A.* without what is less than A", () => {
    const seen = { true: 0, false: 0 };
    const questions = versionParts
      .filter((parts) => isNumeric(parts.at(-1) ?? ""))
      .chain((parts) => {
        const after = next(parts) ?? parts;
        return fc.tuple(fc.constant(parts), fc.constant(after), fc.oneof(near(parts), near(after)));
      });
    fc.assert(
      fc.property(questions, ([parts, after, version]) => {
        const inRange = allowed(`${plain(parts)} <= v < ${plain(after)}`, plain(version));
        const inFamily = allowed(`${plain(parts)}.*`, plain(version));
        const expected = order(version, parts) >= 0 && allows({ kind: "family", parts }, version);
        expect(inFamily && order(version, parts) >= 0).toBe(expected);
        expect(inRange).toBe(expected);
        seen[`${expected}`]++;
      }),
      runs,
    );
    expect(Math.min(seen.true, seen.false)).toBeGreaterThan(runs.numRuns / 20);
  });

  test("PAT-16: what lies between two versions that match matches too", () => {
    let between = 0;
    const questions = validForms.chain((form) =>
      fc.tuple(fc.constant(form), around(form), around(form), around(form)),
    );
    fc.assert(
      fc.property(questions, ([form, ...versions]) => {
        const [a, b, c] = versions.toSorted(order);
        if (a === undefined || b === undefined || c === undefined) return;
        const pattern = parsePattern(written(form));
        if (!allowed(pattern, plain(a)) || !allowed(pattern, plain(c))) return;
        expect(allowed(pattern, plain(b))).toBe(true);
        between++;
      }),
      runs,
    );
    expect(between).toBeGreaterThan(runs.numRuns / 20);
  });

  test("PAT-14, PAT-15: the spelling of versions and patterns does not count", () => {
    const questions = validForms.chain((form) =>
      around(form).chain((version) =>
        fc.tuple(
          fc.constant(written(form)),
          formSpelled(form),
          fc.constant(plain(version)),
          equivalentSpelled(version),
        ),
      ),
    );
    fc.assert(
      fc.property(questions, ([pattern, patternText, version, versionText]) => {
        const answer = allowed(pattern, version);
        expect(allowed(pattern, versionText)).toBe(answer);
        expect(allowed(patternText, version)).toBe(answer);
        expect(allowed(patternText, versionText)).toBe(answer);
      }),
      runs,
    );
  });

  test("PAT-5, PAT-13: the canonical form differs in spaces only, is its own, and matches the same", () => {
    const spelled = validForms.chain((form) => fc.tuple(formSpelled(form), around(form)));
    fc.assert(
      fc.property(spelled, ([text, version]) => {
        const pattern = parsePattern(text);
        expect(pattern.text).toBe(text.replace(/ +/g, " "));
        const again = parsePattern(pattern.text);
        expect(again).toEqual(pattern);
        expect(allowed(again, plain(version))).toBe(allowed(pattern, plain(version)));
      }),
      runs,
    );
  });

  test("PAT-10, PAT-12: whatever the text, it is a pattern or an error of kind pattern", () => {
    const seen = { accepted: 0, refused: 0 };
    fc.assert(
      fc.property(roughTexts, (text) => {
        const error = refusal(text);
        if (error === undefined) {
          seen.accepted++;
          expect(parsePattern(text).text).toBe(text.replace(/ +/g, " "));
          expect(text).toMatch(/^[\x20-\x7e]+$/);
          expect(text).not.toMatch(/^ | $|>/);
        } else {
          seen.refused++;
          expect(error.kind).toBe("pattern");
          expect(error.rule).toMatch(/^PAT-(3|5|9|10)$/);
          expect(error.message).toMatch(/^[\x20-\x7e]+$/);
        }
      }),
      runs,
    );
    expect(Math.min(seen.accepted, seen.refused)).toBeGreaterThan(runs.numRuns / 20);
  });

  test("PAT-5, PAT-10: one operator character, white space or foreign character more spoils any pattern", () => {
    const junk = fc.constantFrom(
      "<",
      "=",
      ">",
      "\t",
      "\n",
      "\r",
      "\0",
      "\u00a0",
      "\u2003",
      "é",
      "٢",
    );
    const spoiled = validForms
      .chain(formSpelled)
      .chain((text) =>
        fc
          .tuple(fc.nat(text.length), junk)
          .map(([at, piece]) => text.slice(0, at) + piece + text.slice(at)),
      );
    fc.assert(
      fc.property(spoiled, (text) => {
        expect(refusal(text)?.kind).toBe("pattern");
      }),
      runs,
    );
  });

  test("PAT-5, PAT-10: a space at an end, or a space fewer, spoils any pattern", () => {
    fc.assert(
      fc.property(validForms, fc.nat(3), (form, gap) => {
        const text = written(form);
        expect(refusal(` ${text}`)?.kind).toBe("pattern");
        expect(refusal(`${text} `)?.kind).toBe("pattern");
        let index = 0;
        const squeezed = text.replace(/ /g, (space) => (index++ === gap ? "" : space));
        if (form.kind === "range") expect(refusal(squeezed)?.kind).toBe("pattern");
      }),
      runs,
    );
  });
});
