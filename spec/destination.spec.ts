// Proof of what spec/destination.md says about names and records, which needs no disk: the fixtures,
// then their laws. How files are written is proved in tests/fetch.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { phaseOf } from "../src/core/activation.ts";
import type { Sha256Hex } from "../src/core/digest.ts";
import {
  imageOfLink,
  linkTarget,
  partialName,
  stalePartials,
  temporaryName,
} from "../src/core/layout.ts";
import {
  decodeEtag,
  decodeImageRecord,
  decodeOwed,
  encodeEtag,
  encodeImageRecord,
  encodeOwed,
  isFreshEtag,
  isKeepableEtag,
  type Owed,
} from "../src/core/records.ts";
import {
  decodeRefusals,
  encodeRefusals,
  type Refusal,
  type Refusals,
  refusalOf,
  withoutRefusal,
  withRefusal,
} from "../src/core/refusals.ts";
import { printable } from "../src/core/text.ts";
import { type Case, casesOf, title } from "../tests/support/fixtures.ts";
import { runs } from "../tests/support/properties.ts";
import { digestOf, digests, garbage, nearly } from "./support/manifests.ts";

interface EtagCase extends Case {
  readonly text: string;
  readonly url?: string;
  readonly etag?: string;
  readonly digest?: string;
}

interface OwedCase extends Case {
  readonly text: string;
  readonly latest?: string;
  readonly restart: readonly string[];
  readonly damaged?: boolean;
  readonly units: readonly string[];
}

interface LatestCase extends Case {
  readonly target: string;
  readonly digest?: string;
}

interface PartialsCase extends Case {
  readonly names: readonly string[];
  readonly wanted: string;
  readonly stale: readonly string[];
}

interface GoodCase extends Case {
  readonly text: string;
  readonly digest?: string;
}

interface RefusedCase extends Case {
  readonly text: string;
  readonly refusals?: readonly {
    readonly digest: string;
    readonly instead: string;
    readonly time: number;
    readonly reason: string;
  }[];
}

/** The units whose restart is owed, in the config's order. */
function unitsOwed(
  owed: Owed,
  inUse: Sha256Hex | undefined,
  units: readonly string[],
): readonly string[] {
  const records = { watches: false, good: undefined, canGoBack: false, refusals: [] };
  const phase = phaseOf({ inUse, owed, units, ...records });
  return phase.phase === "restart-owed" ? phase.units : [];
}

describe("fixtures of .etag", () => {
  for (const each of casesOf<EtagCase>("fetch/etag.toml")) {
    test(title(each), () => {
      const { text, url, etag, digest } = each;
      const record = decodeEtag(text);
      if (url === undefined || etag === undefined || digest === undefined) {
        expect(record).toBeUndefined();
      } else {
        expect(record).toEqual({ url, etag, digest: digestOf(digest) });
        expect(encodeEtag({ url, etag, digest: digestOf(digest) })).toBe(text);
      }
    });
  }
});

describe("fixtures of .owed", () => {
  for (const each of casesOf<OwedCase>("fetch/owed.toml")) {
    test(title(each), () => {
      const latest = each.latest === undefined ? undefined : digestOf(each.latest);
      const owed = decodeOwed(each.text);
      expect(owed === undefined).toBe(each.damaged ?? false);
      if (owed !== undefined) expect(encodeOwed(owed)).toBe(each.text);

      const everything: Owed = latest === undefined ? [] : [{ digest: latest, done: [] }];
      expect(unitsOwed(owed ?? everything, latest, each.restart)).toEqual([...each.units]);
    });
  }
});

describe("fixtures of latest", () => {
  for (const each of casesOf<LatestCase>("fetch/latest.toml")) {
    test(title(each), () => {
      expect(imageOfLink(each.target) as string | undefined).toBe(each.digest);
    });
  }
});

describe("fixtures of partial downloads", () => {
  for (const each of casesOf<PartialsCase>("fetch/partials.toml")) {
    test(title(each), () => {
      expect(stalePartials(each.names, digestOf(each.wanted))).toEqual([...each.stale]);
    });
  }
});

describe("laws", () => {
  const printableAscii = fc
    .integer({ min: 0x21, max: 0x7e })
    .map((code) => String.fromCharCode(code));
  const etags = fc
    .tuple(
      fc.constantFrom("", "W/"),
      fc.array(
        printableAscii.filter((character) => character !== '"'),
        { maxLength: 1020 },
      ),
    )
    .map(([weak, characters]) => `${weak}"${characters.join("")}"`);
  const urls = fc.constantFrom(
    "https://images.example.com/app/manifest",
    "http://127.0.0.1:8080/manifest",
    "http://[::1]/manifest",
  );
  const unit = fc.constantFrom("app.service", "web.service", "db@1.service", "a.timer", "b.mount");
  const units = fc.uniqueArray(unit, { maxLength: 5 });
  const records: fc.Arbitrary<Owed> = fc.uniqueArray(fc.record({ digest: digests, done: units }), {
    minLength: 1,
    maxLength: 2,
    selector: ({ digest }) => digest,
  });
  /** Texts of which some are records, and most nearly so. */
  const roughTexts = fc
    .tuple(
      fc.oneof(
        records.map(encodeOwed),
        fc.record({ url: urls, etag: etags, digest: digests }).map(encodeEtag),
        fc.string({ unit: "binary", maxLength: 200 }),
      ),
      fc.nat(),
      fc.nat(2),
      fc.constantFrom("", "\n", "\0", "a", " "),
    )
    .map(([text, at, cut, piece]) => {
      const start = at % (text.length + 1);
      return text.slice(0, start) + piece + text.slice(start + cut);
    });

  test("DST-50: decoding is the inverse of encoding", () => {
    fc.assert(
      fc.property(urls, etags, digests, (url, etag, digest) => {
        expect(decodeEtag(encodeEtag({ url, etag, digest }))).toEqual({ url, etag, digest });
      }),
      runs,
    );
  });

  test("DST-52: any text is one that Tako writes, or counts as absent", () => {
    fc.assert(
      fc.property(roughTexts, (text) => {
        const record = decodeEtag(text);
        if (record !== undefined) expect(encodeEtag(record)).toBe(text);
      }),
      runs,
    );
  });

  test("DST-54, DST-55: an ETag is kept exactly when it is one entity-tag of at most 1,024 bytes of 0x21 to 0x7E", () => {
    const characters = fc.oneof(
      printableAscii,
      fc.constantFrom('"', "*", ",", "W/", 'W/"', '"W', " ", '", "'),
      fc.nat(0xffff).map((code) => String.fromCharCode(code)),
    );
    const texts = fc.oneof(
      fc.array(characters, { maxLength: 6 }).map((all) => all.join("")),
      fc.array(characters, { maxLength: 3 }).map((all) => `"${all.join("")}"`),
      fc.array(characters, { maxLength: 3 }).map((all) => `W/"${all.join("")}"`),
      fc.integer({ min: 1018, max: 1028 }).map((length) => `"${"x".repeat(length)}"`),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const codes = [...Array(text.length).keys()].map((index) => text.charCodeAt(index));
        const isPrintable = codes.every((code) => code >= 0x21 && code <= 0x7e);
        const opaque = text.startsWith("W/") ? text.slice(2) : text;
        const [before, , after, ...more] = opaque.split('"');
        const isOneTag = before === "" && after === "" && more.length === 0;
        expect(isKeepableEtag(text)).toBe(isPrintable && isOneTag && codes.length <= 1024);
      }),
      runs,
    );
  });

  test("DST-56: an ETag counts for 24 hours, and not in the future", () => {
    const day = 86_400_000;
    for (const ageMs of [0, 1, day - 1, day]) expect(isFreshEtag(ageMs)).toBe(true);
    for (const ageMs of [-1, day + 1, 1e15, -1e15, Number.NaN])
      expect(isFreshEtag(ageMs)).toBe(false);
  });

  test("DST-60: decoding is the inverse of encoding", () => {
    fc.assert(
      fc.property(records, (owed) => {
        expect(decodeOwed(encodeOwed(owed))).toEqual(owed);
      }),
      runs,
    );
  });

  test("DST-62: any text is one that Tako writes, or counts as damaged", () => {
    fc.assert(
      fc.property(roughTexts, (text) => {
        const owed = decodeOwed(text);
        if (owed === undefined) return;
        expect(owed.length).toBeGreaterThan(0);
        expect(encodeOwed(owed)).toBe(text);
      }),
      runs,
    );
  });

  test("DST-62: a record that is cut anywhere is damaged, or owes no less than before", () => {
    fc.assert(
      fc.property(records, fc.nat(), units, (owed, at, restart) => {
        const text = encodeOwed(owed);
        const cut = decodeOwed(text.slice(0, at % text.length));
        for (const { digest } of cut ?? []) {
          const before = unitsOwed(owed, digest, restart);
          expect(unitsOwed(cut ?? [], digest, restart)).toEqual(
            expect.arrayContaining([...before]),
          );
        }
      }),
      runs,
    );
  });

  test("DST-61, DST-63, DST-64: owed are the units that the group of latest does not note", () => {
    fc.assert(
      fc.property(
        records,
        fc.option(digests, { nil: undefined }),
        units,
        (owed, other, restart) => {
          for (const latest of [other, ...owed.map(({ digest }) => digest)]) {
            const group = owed.find(({ digest }) => digest === latest);
            const expected = group === undefined ? [] : restart;
            expect(unitsOwed(owed, latest, restart)).toEqual(
              expected.filter((name) => !group?.done.includes(name)),
            );
          }
        },
      ),
      runs,
    );
  });

  test("DST-2: a link names an image exactly when its text is store/ and the digest", () => {
    const targets = fc.oneof(
      digests.map((digest) => `store/${digest}`),
      fc
        .tuple(fc.constantFrom("store/", "store", "/store/", "./store/", ""), digests)
        .map(([prefix, digest]) => `${prefix}${digest}`),
      fc.string(),
    );
    fc.assert(
      fc.property(targets, (target) => {
        const digest = imageOfLink(target);
        const isImage = /^store\/[0-9a-f]{64}$/.test(target) && !target.includes("\n");
        expect(digest === undefined).toBe(!isImage);
        if (digest !== undefined) expect(`store/${digest}`).toBe(target);
      }),
      runs,
    );
  });

  test("DST-7, FET-65: of what is in the store, the partials of other digests are stale", () => {
    const names = digests.chain((digest) =>
      fc.constantFrom<string>(digest, partialName(digest), `${digest}.part`, `x${digest}.partial`),
    );
    fc.assert(
      fc.property(fc.array(names), digests, (all, wanted) => {
        const stale = stalePartials(all, wanted);
        const expected = all.filter(
          (name) => /^[0-9a-f]{64}\.partial$/.test(name) && !name.startsWith(wanted),
        );
        expect(stale).toEqual(expected);
      }),
      runs,
    );
  });

  test("DST-2: the text of a link is that of the image which it names", () => {
    fc.assert(
      fc.property(digests, (digest) => {
        expect(linkTarget(digest)).toBe(`store/${digest}`);
        expect(imageOfLink(linkTarget(digest))).toBe(digest);
      }),
      runs,
    );
  });

  test.each([
    ["manifest", ".manifest.new"],
    ["latest", ".latest.new"],
    [".etag", ".etag.new"],
    [".owed", ".owed.new"],
    [".good", ".good.new"],
    [".refused", ".refused.new"],
    [".hold", ".hold.new"],
    [".seen", ".seen.new"],
    [".checked", ".checked.new"],
  ])("DST-23: the temporary name of %s is %s", (name, temporary) => {
    expect(temporaryName(name)).toBe(temporary);
  });

  test("DST-23: the name of a partial is the digest's with a suffix", () => {
    fc.assert(
      fc.property(digests, (digest) => {
        expect(partialName(digest)).toBe(`${digest}.partial`);
      }),
      runs,
    );
  });
});

describe("fixtures of .good and .hold", () => {
  for (const each of casesOf<GoodCase>("fetch/good.toml")) {
    test(title(each), () => {
      expect(decodeImageRecord(each.text) as string | undefined).toBe(each.digest);
      if (each.digest !== undefined) {
        expect(encodeImageRecord(digestOf(each.digest))).toBe(each.text);
      }
    });
  }
});

describe("fixtures of .refused", () => {
  for (const each of casesOf<RefusedCase>("fetch/refused.toml")) {
    test(title(each), () => {
      const read = decodeRefusals(each.text) as RefusedCase["refusals"];
      expect(read).toEqual(each.refusals && [...each.refusals]);
      if (each.refusals !== undefined) {
        const refusals = each.refusals.map((row) => {
          return { ...row, digest: digestOf(row.digest), instead: digestOf(row.instead) };
        });
        expect(encodeRefusals(refusals)).toBe(each.text);
      }
    });
  }
});

describe(".good and .hold", () => {
  test("DST-70, DST-71, DST-80, DST-82: any text is one that Tako writes, or damaged", () => {
    const texts = fc.oneof(
      digests.chain((digest) => nearly(`${digest}\n`)),
      garbage,
    );
    fc.assert(
      fc.property(digests, texts, (digest, text) => {
        expect(decodeImageRecord(encodeImageRecord(digest))).toBe(digest);
        const read = decodeImageRecord(text);
        if (read !== undefined) expect(encodeImageRecord(read)).toBe(text);
        expect(read !== undefined).toBe(/^[0-9a-f]{64}\n$/.test(text));
      }),
      runs,
    );
  });
});

describe(".refused", () => {
  const [a, b] = [digestOf("a".repeat(64)), digestOf("b".repeat(64))];
  const refusal: Refusal = { digest: a, instead: b, time: 1_795_657_579, reason: "app: failed" };
  const line = `${a} ${b} 1795657579 app: failed\n`;

  test("DST-75: a reason is one to 200 printable characters, whatever was wrong", () => {
    const long = encodeRefusals([{ ...refusal, reason: `\n\u{e9}${"x".repeat(300)}` }]);
    expect(long).toMatch(/^[!-~]+ [!-~]+ \d+ [ -~]{200}\n$/);
    expect(decodeRefusals(long)).toHaveLength(1);
    const empty = encodeRefusals([{ ...refusal, reason: "" }]);
    expect(decodeRefusals(empty)?.[0]?.reason).toHaveLength(1);
  });

  test("DST-77: a digest that is there twice is damage", () => {
    expect(decodeRefusals(line + line)).toBeUndefined();
  });

  test("DST-76, DST-77: 100 lines are read, and 101 are damaged", () => {
    const lines = Array.from({ length: 101 }, (_, index) =>
      line.replace(a, index.toString(16).padStart(64, "0")),
    );
    expect(decodeRefusals(lines.slice(1).join(""))).toHaveLength(100);
    expect(decodeRefusals(lines.join(""))).toBeUndefined();
  });

  const refusals: fc.Arbitrary<Refusals> = fc
    .array(
      fc.record({
        digest: digests,
        instead: digests,
        time: fc.nat(2 ** 31),
        reason: fc.stringMatching(/^[!-~][ -~]{0,198}$/),
      }),
      { maxLength: 120 },
    )
    .map((all) => all.reduce<Refusals>(withRefusal, []));

  test("DST-74 to DST-76: what is written is read again", () => {
    fc.assert(
      fc.property(refusals, (all) => {
        const safe = all.map((each) => ({ ...each, reason: printable(each.reason) }));
        expect(decodeRefusals(encodeRefusals(safe))).toEqual(safe);
      }),
      { numRuns: 100 },
    );
  });

  test("DST-76: a digest is there once, where it was refused last, and the oldest of more than 100 gives way", () => {
    fc.assert(
      fc.property(refusals, digests, (all, digest) => {
        const next = withRefusal(all, { ...refusal, digest });
        expect(next.length).toBeLessThanOrEqual(100);
        expect(next.at(-1)).toEqual({ ...refusal, digest });
        expect(next.filter((each) => each.digest === digest)).toHaveLength(1);
        expect(refusalOf(next, digest)).toEqual({ ...refusal, digest });
        expect(refusalOf(withoutRefusal(next, digest), digest)).toBeUndefined();
      }),
      { numRuns: 100 },
    );
    const many = Array.from({ length: 101 }, (_, index) =>
      digestOf(index.toString(16).padStart(64, "0")),
    ).reduce<Refusals>((all, digest) => withRefusal(all, { ...refusal, digest }), []);
    expect(many.map(({ digest }) => Number.parseInt(digest, 16))).toEqual(
      Array.from({ length: 100 }, (_, index) => index + 1),
    );
  });
});
