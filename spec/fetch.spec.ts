// Proof of the decisions of spec/fetch.md that need no disk: their fixtures, then their laws. What a
// run does with them is proved in tests/fetch.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Sha256Hex } from "../src/core/digest.ts";
import type { Entry, Manifest } from "../src/core/manifest.ts";
import { matches, type Pattern, parsePattern } from "../src/core/pattern.ts";
import { chooseHere, type HostChoice } from "../src/core/plan.ts";
import {
  allowedEntries,
  entryInUse,
  fallbacks,
  newestMatch,
  newestVersions,
} from "../src/core/select.ts";
import { parseSize } from "../src/core/size.ts";
import { compareVersions, parseVersion, type Version } from "../src/core/version.ts";
import { type Case, casesOf, title } from "../tests/support/fixtures.ts";
import { runs } from "../tests/support/properties.ts";
import { digestOf, digests, manifestOf, manifests, versions } from "./support/manifests.ts";
import { formSpelled, validForms } from "./support/versions.ts";

interface PickCase extends Case {
  readonly versions: readonly string[];
  readonly pattern: string;
  readonly picks?: string;
}

interface FallbacksCase extends Case {
  readonly versions: readonly string[];
  readonly pattern: string;
  readonly picked: string;
  readonly "in-use"?: string;
  readonly tried: readonly string[];
}

interface InUseCase extends Case {
  readonly entries: readonly (readonly [version: string, image: string])[];
  readonly image: string;
  readonly pattern: string;
  readonly version?: string;
}

interface OfferedCase extends Case {
  readonly versions: readonly string[];
  readonly count: number;
  readonly offered: readonly string[];
}

/** A host that has made up its mind about nothing. */
const unbound: HostChoice = { inUse: undefined, hold: undefined, refusals: [], young: new Map() };

/** A letter as the digest of an image. */
function imageOf(letter: string): Sha256Hex {
  return digestOf(letter.charCodeAt(0).toString(16).repeat(32));
}

/** A manifest with the versions of a case, which must be in their order. */
function manifestWith(rows: readonly (readonly [version: string, image: string])[]): Manifest {
  const manifest = manifestOf(
    rows.map(([version, image]) => ({
      version: parseVersion(version),
      size: parseSize(1),
      digest: imageOf(image),
    })),
  );
  expect(textsOf(manifest.entries)).toEqual(rows.map(([version]) => version));
  return manifest;
}

function manifestOfVersions(texts: readonly string[]): Manifest {
  return manifestWith(texts.map((version) => [version, "a"]));
}

function textsOf(entries: readonly Entry[]): string[] {
  return entries.map(({ version }) => version.text);
}

describe("fixtures of what is picked", () => {
  for (const each of casesOf<PickCase>("fetch/pick.toml")) {
    test(title(each), () => {
      const picked = newestMatch(manifestOfVersions(each.versions), parsePattern(each.pattern));
      expect(picked?.version.text).toBe(each.picks);
    });
  }
});

describe("fixtures of what is tried when an image is gone", () => {
  for (const each of casesOf<FallbacksCase>("fetch/fallbacks.toml")) {
    test(title(each), () => {
      const manifest = manifestOfVersions(each.versions);
      const picked = manifest.entries.find(({ version }) => version.text === each.picked);
      if (picked === undefined) throw new Error("the picked version is not in the manifest");
      const inUse = each["in-use"] === undefined ? undefined : parseVersion(each["in-use"]);
      const tried = fallbacks(manifest, parsePattern(each.pattern), picked, inUse);
      expect(textsOf(tried)).toEqual([...each.tried]);
    });
  }
});

describe("fixtures of which version is in use", () => {
  for (const each of casesOf<InUseCase>("fetch/in-use.toml")) {
    test(title(each), () => {
      const manifest = manifestWith(each.entries);
      const entry = entryInUse(manifest, imageOf(each.image), parsePattern(each.pattern));
      expect(entry?.version.text).toBe(each.version);
    });
  }
});

describe("fixtures of what is on offer", () => {
  for (const each of casesOf<OfferedCase>("fetch/offered.toml")) {
    test(title(each), () => {
      const offered = newestVersions(manifestOfVersions(each.versions), each.count);
      expect(offered).toEqual([...each.offered]);
    });
  }
});

describe("laws", () => {
  const patterns: fc.Arbitrary<Pattern> = validForms.chain(formSpelled).map(parsePattern);

  /** A pattern that often matches some of the manifest: many are made of one of its versions. */
  const patternsFor = ({ entries }: Manifest): fc.Arbitrary<Pattern> => {
    const texts = entries.map(({ version }) => version.text);
    if (texts.length === 0) return patterns;
    const own = fc.constantFrom(...texts);
    return fc.oneof(
      patterns,
      own.map(parsePattern),
      own.map((text) => parsePattern(`${text.replace(/[._-].*/, "") || "0"}.*`)),
      fc.constant(parsePattern("*")),
    );
  };

  const situations = manifests.chain((manifest) =>
    fc.record({
      manifest: fc.constant(manifest),
      pattern: patternsFor(manifest),
      inUse: fc.option(
        manifest.entries.length === 0
          ? versions
          : fc.oneof(fc.constantFrom(...manifest.entries.map(({ version }) => version)), versions),
        { nil: undefined },
      ),
    }),
  );

  /** Every pair of what is picked and what is tried after it, where something is picked. */
  function assertOfFallbacks(
    check: (facts: {
      manifest: Manifest;
      pattern: Pattern;
      inUse: Version | undefined;
      picked: Entry;
      tried: readonly Entry[];
    }) => void,
  ): void {
    fc.assert(
      fc.property(situations, ({ manifest, pattern, inUse }) => {
        const picked = newestMatch(manifest, pattern);
        if (picked === undefined) return;
        const tried = fallbacks(manifest, pattern, picked, inUse);
        check({ manifest, pattern, inUse, picked, tried });
      }),
      runs,
    );
  }

  test("FET-40, PAT-1: what a pattern allows are neighbours in the order of versions", () => {
    fc.assert(
      fc.property(situations, ({ manifest, pattern }) => {
        const each = manifest.entries.filter(({ version }) => matches(pattern, version));
        expect(allowedEntries(manifest, pattern)).toEqual(each);
      }),
      runs,
    );
  });

  test("FET-40: what is picked matches, and nothing that matches is newer", () => {
    fc.assert(
      fc.property(situations, ({ manifest, pattern }) => {
        const picked = newestMatch(manifest, pattern);
        const allowed = manifest.entries.filter(({ version }) => matches(pattern, version));
        expect(picked === undefined).toBe(allowed.length === 0);
        if (picked === undefined) return;
        expect(allowed).toContain(picked);
        for (const { version } of allowed)
          expect(compareVersions(version, picked.version)).toBeLessThanOrEqual(0);
      }),
      runs,
    );
  });

  test("FET-50, FET-52: what is tried matches, is older and older, and is at most eight", () => {
    assertOfFallbacks(({ manifest, pattern, picked, tried }) => {
      expect(tried.length).toBeLessThanOrEqual(8);
      let newer = picked;
      for (const entry of tried) {
        expect(manifest.entries).toContain(entry);
        expect(matches(pattern, entry.version)).toBe(true);
        expect(compareVersions(entry.version, newer.version)).toBeLessThan(0);
        newer = entry;
      }
    });
  });

  test("FET-50: nothing that may be tried is left out before something that is tried", () => {
    assertOfFallbacks(({ manifest, pattern, picked, tried }) => {
      const oldest = tried.at(-1);
      if (oldest === undefined) return;
      const between = manifest.entries.filter(
        ({ version }) =>
          matches(pattern, version) &&
          compareVersions(version, picked.version) < 0 &&
          compareVersions(version, oldest.version) >= 0,
      );
      expect(tried.length).toBe(between.length);
    });
  });

  test("FET-51: whatever the origin says is gone, the version in use never gets older", () => {
    assertOfFallbacks(({ pattern, inUse, picked, tried }) => {
      if (inUse === undefined || !matches(pattern, inUse)) return;
      for (const { version } of tried)
        expect(compareVersions(version, inUse)).toBeGreaterThanOrEqual(0);
      if (compareVersions(picked.version, inUse) <= 0) expect(tried).toEqual([]);
    });
  });

  test("FET-51: a version in use that the pattern does not allow changes nothing", () => {
    assertOfFallbacks(({ manifest, pattern, inUse, picked, tried }) => {
      if (inUse === undefined || matches(pattern, inUse)) return;
      expect(tried).toEqual(fallbacks(manifest, pattern, picked, undefined));
    });
  });

  test("FET-26: without the origin, what is in use and allowed stays, whatever else is here", () => {
    fc.assert(
      fc.property(situations, fc.nat(), ({ manifest, pattern }, at) => {
        const inUse = manifest.entries[at % Math.max(manifest.entries.length, 1)];
        if (inUse === undefined) return;
        const sharing = manifest.entries.filter(({ digest }) => digest === inUse.digest);
        const chosen = chooseHere(manifest, pattern, { ...unbound, inUse: inUse.digest });
        if (!sharing.some(({ version }) => matches(pattern, version))) return;
        expect(chosen.map(({ digest }) => digest)).toEqual([inUse.digest]);
      }),
      runs,
    );
  });

  test("FET-26: without one that is in use and allowed, all that is allowed may be, newest first", () => {
    fc.assert(
      fc.property(situations, fc.option(digests, { nil: undefined }), (situation, inUse) => {
        const { manifest, pattern } = situation;
        const isAllowed = ({ version }: Entry) => matches(pattern, version);
        if (manifest.entries.some((entry) => entry.digest === inUse && isAllowed(entry))) return;
        const chosen = chooseHere(manifest, pattern, { ...unbound, inUse });
        expect(new Set(chosen)).toEqual(new Set(manifest.entries.filter(isAllowed)));
        for (const [index, { version }] of chosen.entries()) {
          const newer = chosen[index - 1];
          if (newer !== undefined) expect(compareVersions(version, newer.version)).toBeLessThan(0);
        }
      }),
      runs,
    );
  });

  test("FET-80: the entry in use has the image, and is allowed if any that has it is", () => {
    fc.assert(
      fc.property(situations, digests, ({ manifest, pattern }, digest) => {
        const entry = entryInUse(manifest, digest, pattern);
        const sharing = manifest.entries.filter((each) => each.digest === digest);
        expect(entry === undefined).toBe(sharing.length === 0);
        if (entry === undefined) return;
        expect(sharing).toContain(entry);
        const isAllowed = sharing.some(({ version }) => matches(pattern, version));
        expect(matches(pattern, entry.version)).toBe(isAllowed);
      }),
      runs,
    );
  });

  test("FET-41: what is on offer is the end of the manifest, backwards", () => {
    fc.assert(
      fc.property(manifests, fc.integer({ min: 1, max: 10 }), (manifest, count) => {
        const offered = newestVersions(manifest, count);
        expect(offered.length).toBe(Math.min(count, manifest.entries.length));
        for (const [index, text] of offered.entries())
          expect(text).toBe(manifest.entries.at(-1 - index)?.version.text ?? "");
      }),
      runs,
    );
  });
});
