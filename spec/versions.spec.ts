// Proof of spec/versions.md: its fixtures, then its laws.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { compareVersions, parseVersion, type Version } from "../src/core/version.ts";
import { type Case, casesOf, title } from "../tests/support/fixtures.ts";
import { runs } from "../tests/support/properties.ts";
import { refusalOf } from "./support/refusals.ts";
import {
  equivalentSpelled,
  isNumeric,
  isVersion,
  near,
  order,
  type Parts,
  partsOf,
  relatives,
  roughTexts,
  samePartsSpelled,
  versionParts,
} from "./support/versions.ts";

interface Chain extends Case {
  readonly classes: readonly (readonly string[])[];
}

interface PartsCase extends Case {
  readonly text: string;
  readonly parts: readonly ({ readonly number: string } | { readonly string: string })[];
}

interface InvalidCase extends Case {
  readonly text: string;
}

const chains = casesOf<Chain>("versions/order.toml");
const partsCases = casesOf<PartsCase>("versions/parts.toml");
const invalidCases = casesOf<InvalidCase>("versions/invalid.toml");

/** -1, 0 or 1 for any two texts. */
function compare(a: string, b: string): number {
  return Math.sign(compareVersions(parseVersion(a), parseVersion(b)));
}

/** How a text is refused; undefined if it is a version. */
const refusal = (text: string) => refusalOf(() => parseVersion(text));

function plain(parts: Parts): string {
  return parts.join(".");
}

/** Every two versions of a chain, with how the first compares to the second. */
function* pairsOf(chain: Chain): Generator<readonly [string, string, number]> {
  const places = chain.classes.flatMap((equivalents, at) =>
    equivalents.map((text) => [text, at] as const),
  );
  for (const [index, [a, at]] of places.entries()) {
    for (const [b, place] of places.slice(index + 1)) yield [a, b, Math.sign(at - place)];
  }
}

describe("fixtures of the order", () => {
  for (const chain of chains) {
    test(title(chain), () => {
      for (const [a, b, expected] of pairsOf(chain)) {
        expect({ a, b, order: compare(a, b) }).toEqual({ a, b, order: expected });
        expect({ a: b, b: a, order: compare(b, a) }).toEqual({ a: b, b: a, order: 0 - expected });
      }
    });
  }

  test("VER-18: every version compares equal to itself", () => {
    for (const text of chains.flatMap((chain) => chain.classes.flat())) {
      expect({ text, order: compare(text, text) }).toEqual({ text, order: 0 });
    }
  });
});

describe("fixtures of parts", () => {
  for (const each of partsCases) {
    test(title(each), () => {
      const version = parseVersion(each.text);
      const parts = version.parts.map((part) =>
        typeof part === "string" ? { string: part } : { number: BigInt(part).toString() },
      );
      expect(parts).toEqual([...each.parts]);
      expect(version.text).toBe(each.text);
    });
  }
});

describe("fixtures of invalid versions", () => {
  for (const each of invalidCases) {
    test(title(each), () => {
      const error = refusal(each.text);
      expect(error?.kind).toBe("version");
      expect(each.requirement).toContain(error?.rule ?? "no requirement");
      expect(error?.message).toMatch(/^[\x20-\x7e]+$/);
    });
  }
});

describe("laws", () => {
  test("VER-1, VER-2, VER-5, VER-10: exactly the versions are accepted, others give an error of kind version", () => {
    let accepted = 0;
    fc.assert(
      fc.property(roughTexts, (text) => {
        const error = refusal(text);
        expect(error === undefined).toBe(isVersion(text));
        if (error === undefined) accepted++;
        else {
          expect(error.kind).toBe("version");
          expect(["VER-1", "VER-2", "VER-5"]).toContain(error.rule ?? "no requirement");
          expect(error.message).toMatch(/^[\x20-\x7e]+$/);
        }
      }),
      runs,
    );
    expect(accepted).toBeGreaterThan(runs.numRuns / 50);
  });

  test("VER-1: of the first 1,024 characters, exactly 90 may stand in a version", () => {
    const allowed = Array.from({ length: 0x400 }, (_, code) => String.fromCharCode(code)).filter(
      (character) => refusal(`1${character}`) === undefined,
    );
    expect(allowed.join("")).toBe(
      "!\"#$%&'()+,-./0123456789:;?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~",
    );
  });

  test("VER-3, VER-4, VER-6, VER-7, VER-9: text and parts are kept in any spelling", () => {
    const spelled = versionParts.chain((parts) =>
      fc.tuple(fc.constant(parts), samePartsSpelled(parts)),
    );
    fc.assert(
      fc.property(spelled, ([parts, text]) => {
        const version = parseVersion(text);
        expect(version.text).toBe(text);
        expect(version.parts.map(String)).toEqual(
          parts.map((part) => (isNumeric(part) ? BigInt(part).toString() : part)),
        );
        expect(version.parts.map((part) => typeof part !== "string")).toEqual(parts.map(isNumeric));
        expect(partsOf(text).length).toBe(parts.length);
      }),
      runs,
    );
  });

  test("VER-8, VER-14: numbers compare as integers of any size", () => {
    const numbers = fc.bigInt({ min: 0n, max: 10n ** 250n });
    const neighbours = fc.oneof(
      fc.tuple(numbers, numbers),
      fc
        .tuple(numbers, fc.bigInt({ min: -2n, max: 2n }))
        .map(([a, step]) => [a, a + step] as const),
      fc
        .tuple(fc.nat(800), fc.bigInt({ min: -2n, max: 2n }), fc.bigInt({ min: -2n, max: 2n }))
        .map(([bits, a, b]) => [2n ** BigInt(bits) + a, 2n ** BigInt(bits) + b] as const),
    );
    fc.assert(
      fc.property(neighbours, ([a, b]) => {
        fc.pre(a >= 0n && b >= 0n);
        expect(compare(`${a}`, `${b}`)).toBe(a === b ? 0 : a < b ? -1 : 1);
      }),
      runs,
    );
  });

  test("VER-15: string parts compare as their bytes do", () => {
    const words = fc
      .array(fc.constantFrom(..."!+,/09:;?@AZ[\\]^`az{|}~"), { minLength: 1, maxLength: 4 })
      .map((characters) => characters.join(""))
      .filter((word) => !isNumeric(word));
    fc.assert(
      fc.property(words, words, (a, b) => {
        const bytes = Buffer.compare(Buffer.from(a), Buffer.from(b));
        expect(compare(a, b)).toBe(bytes);
        expect(compare(`1.0-${a}`, `1.0-${b}`)).toBe(bytes);
      }),
      runs,
    );
  });

  test("VER-11 to VER-18: the order is that of a second reading of this page", () => {
    const seen = { "-1": 0, "0": 0, "1": 0 };
    fc.assert(
      fc.property(relatives, ([a, b]) => {
        const expected = order(a, b);
        expect(compare(plain(a), plain(b))).toBe(expected);
        seen[`${expected as -1 | 0 | 1}`]++;
      }),
      runs,
    );
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(runs.numRuns / 20);
  });

  test("VER-11: what two versions begin with, both, does not count", () => {
    fc.assert(
      fc.property(versionParts, relatives, (beginning, [a, b]) => {
        const [left, right] = [
          [...beginning, ...a],
          [...beginning, ...b],
        ];
        expect(compare(left.join("."), right.join("."))).toBe(compare(plain(a), plain(b)));
      }),
      runs,
    );
  });

  test("VER-11: what follows the first difference does not count", () => {
    fc.assert(
      fc.property(relatives, versionParts, versionParts, ([a, b], more, other) => {
        const length = Math.max(a.length, b.length);
        const padded = (parts: Parts) => [
          ...parts,
          ...Array<string>(length - parts.length).fill("0"),
        ];
        const plainOrder = compare(plain(a), plain(b));
        fc.pre(plainOrder !== 0);
        expect(compare([...padded(a), ...more].join("-"), [...padded(b), ...other].join("-"))).toBe(
          plainOrder,
        );
      }),
      runs,
    );
  });

  test("VER-13: a word anywhere makes a version less than zeros or any number there", () => {
    const word = fc.constantFrom("a", "~", "!", "9a", "0a", "rc", "ZZ");
    fc.assert(
      fc.property(
        versionParts,
        word,
        fc.bigInt({ min: 0n, max: 2n ** 70n }),
        (parts, text, number) => {
          expect(compare(`${plain(parts)}.${text}`, plain(parts))).toBe(-1);
          expect(compare(`${plain(parts)}.${text}`, `${plain(parts)}.${number}`)).toBe(-1);
        },
      ),
      runs,
    );
  });

  test("VER-12, VER-16, VER-17: spelling does not count, against itself and against others", () => {
    const spelled = relatives.chain(([a, b]) =>
      fc.tuple(fc.constant(a), fc.constant(b), equivalentSpelled(a), equivalentSpelled(b)),
    );
    fc.assert(
      fc.property(spelled, ([a, b, aText, bText]) => {
        expect(compare(aText, plain(a))).toBe(0);
        expect(compare(aText, bText)).toBe(compare(plain(a), plain(b)));
      }),
      runs,
    );
  });

  test("VER-17: equivalent versions differ in separators, leading zeros and trailing zero parts only", () => {
    let equivalent = 0;
    fc.assert(
      fc.property(relatives, ([a, b]) => {
        if (compare(plain(a), plain(b)) !== 0) return;
        equivalent++;
        const bare = (parts: Parts) =>
          parts
            .map((part) => (isNumeric(part) ? String(BigInt(part)) : part))
            .join(".")
            .replace(/(\.0)+$/, "");
        expect(bare(a)).toBe(bare(b));
      }),
      runs,
    );
    expect(equivalent).toBeGreaterThan(runs.numRuns / 20);
  });

  test("VER-18: no version is less than itself", () => {
    fc.assert(
      fc.property(versionParts, (parts) => {
        const version = parseVersion(plain(parts));
        expect(compareVersions(version, version)).toBe(0);
        expect(compareVersions(version, parseVersion(plain(parts)))).toBe(0);
      }),
      runs,
    );
  });

  test("VER-18: of two versions, one is less or they are equivalent, whichever is asked first", () => {
    fc.assert(
      fc.property(relatives, ([a, b]) => {
        const [there, back] = [compare(plain(a), plain(b)), compare(plain(b), plain(a))];
        expect([-1, 0, 1]).toContain(there);
        expect(back).toBe(0 - there);
      }),
      runs,
    );
  });

  test("VER-18: if a <= b and b <= c, then a <= c, and a < c if one of the two is <", () => {
    let steps = 0;
    fc.assert(
      fc.property(relatives, ([a, b, c]) => {
        const [ab, bc] = [compare(plain(a), plain(b)), compare(plain(b), plain(c))];
        if (ab > 0 || bc > 0) return;
        expect(compare(plain(a), plain(c))).toBe(Math.min(ab, bc));
        if (ab < 0 && bc < 0) steps++;
      }),
      runs,
    );
    expect(steps).toBeGreaterThan(runs.numRuns / 20);
  });

  test("VER-18: sorting gives the same classes whatever the order before", () => {
    const texts = versionParts.chain((parts) =>
      fc.array(near(parts).map(plain), { maxLength: 12 }),
    );
    const shuffled = texts.chain((list) =>
      fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })),
    );
    fc.assert(
      fc.property(shuffled, ([list, other]) => {
        const sorted = (each: readonly string[]): Version[] =>
          each.map(parseVersion).toSorted(compareVersions);
        const [first, second] = [sorted(list), sorted(other)];
        for (const [index, version] of first.entries()) {
          const counterpart = second[index];
          expect(counterpart && compareVersions(version, counterpart)).toBe(0);
        }
      }),
      runs,
    );
  });
});
