// Proof of spec/manifest.md: its fixtures, every one-byte change of one manifest, then laws.

import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { sha256 } from "@noble/hashes/sha2.js";
import fc from "fast-check";
import { TakoError } from "../src/core/error.ts";
import { firstLost, isOlder } from "../src/core/history.ts";
import { parsePublicKey, parseSecretKey } from "../src/core/keys.ts";
import {
  beginsAsManifest,
  decodeManifest,
  decodeUnverified,
  type Entry,
  encodeManifest,
  insertEntry,
  isCutOff,
  MAX_MANIFEST_BYTES,
  type Manifest,
} from "../src/core/manifest.ts";
import { parseSize } from "../src/core/size.ts";
import { compareVersions, parseVersion } from "../src/core/version.ts";
import { type Case, casesOf, readFixture, title, tomlFixture } from "../tests/support/fixtures.ts";
import { runs } from "../tests/support/properties.ts";
import {
  bodies,
  bodyOf,
  bytesOf,
  closeRows,
  digestOf,
  edits,
  entries,
  garbage,
  grown,
  insertAt,
  isValidBody,
  KEY,
  lineOf,
  manifestOf,
  manifests,
  OTHER_KEY,
  related,
  removeAt,
  replaceAt,
  signed,
} from "./support/manifests.ts";
import { failureOf } from "./support/refusals.ts";

/** An entry as the fixtures have it, and as `plain` makes it of a decoded one. */
interface PlainEntry {
  readonly version: string;
  readonly size: number;
  readonly digest: string;
}

interface Refusal {
  readonly error: string;
  readonly requirement: string;
  readonly line: number;
}

interface DecodeCase extends Case {
  readonly file: string;
  readonly keys: readonly string[];
  readonly entries?: readonly PlainEntry[];
  readonly error?: string;
  readonly line?: number;
  readonly unverified?: Refusal;
}

interface HistoryCase extends Case {
  readonly history: string;
  readonly next: string;
  readonly keys: readonly string[];
  readonly lost?: PlainEntry;
  readonly changed_to?: PlainEntry;
}

interface EncodeCase extends Case {
  readonly file: string;
  readonly key: string;
  readonly entries: readonly PlainEntry[];
}

interface InsertCase extends Case {
  readonly entries: readonly PlainEntry[];
  readonly entry: PlainEntry;
  readonly result?: readonly PlainEntry[];
  readonly error?: string;
}

const cases = casesOf<DecodeCase>("manifests/cases.toml");
const historyCases = casesOf<HistoryCase>("manifests/history.toml");
const encodeCases = casesOf<EncodeCase>("manifests/encode.toml");
const insertCases = casesOf<InsertCase>("manifests/insert.toml");
const { keys: publicKeys } = tomlFixture<{ keys: Readonly<Record<string, string>> }>(
  "manifests/cases.toml",
);
const { secret_keys: secretKeys } = tomlFixture<{ secret_keys: Readonly<Record<string, string>> }>(
  "manifests/encode.toml",
);

const PRINTABLE_LINE = /^[\x20-\x7e]+$/;

const keyNamed = (name: string) => parsePublicKey(publicKeys[name] ?? "");
const manifestFile = (file: string) => readFixture(`manifests/${file}`);
const decode = (bytes: Uint8Array) => decodeManifest(bytes, [KEY.publicKey]);

function plain({ version, size, digest }: Entry): PlainEntry {
  return { version: version.text, size, digest };
}

function entryOf({ version, size, digest }: PlainEntry): Entry {
  return { version: parseVersion(version), size: parseSize(size), digest: digestOf(digest) };
}

function refusal(decodeIt: () => Manifest): Partial<Refusal> {
  const { kind, rule, line } = failureOf(decodeIt);
  return { error: kind, requirement: rule ?? "none", line: line ?? 0 };
}

describe("fixtures/manifests", () => {
  test("MAN-1: every case is here, each with its own file", () => {
    const counts = Object.groupBy(cases, ({ error }) => error ?? "valid");
    expect(counts["valid"]).toHaveLength(51);
    expect(counts["manifest"]).toHaveLength(183);
    expect(counts["newer-format"]).toHaveLength(14);
    expect(counts["signature"]).toHaveLength(32);
    const folder = join(import.meta.dir, "../fixtures/manifests");
    const files = readdirSync(folder).filter((name) => name.endsWith(".manifest"));
    expect(cases.map(({ file }) => file).toSorted()).toEqual(files.toSorted());
  });

  for (const { file, keys, error, line, ...expected } of cases) {
    const { id, why } = expected;
    const requirement = expected.requirement[0] ?? "none";
    const bytes = () => manifestFile(file);
    test(title(expected), () => {
      const decodeIt = () => decodeManifest(bytes(), keys.map(keyNamed));
      if (error === undefined)
        expect(decodeIt().entries.map(plain)).toEqual([...(expected.entries ?? [])]);
      else expect(refusal(decodeIt)).toEqual({ error, requirement, line: line ?? 0 });
    });

    test(`MAN-23: ${id}, without its signature: ${why}`, () => {
      const decodeIt = () => decodeUnverified(bytes());
      if (expected.entries !== undefined) {
        expect(decodeIt().entries.map(plain)).toEqual([...expected.entries]);
        return;
      }
      const same = { error: error ?? "none", requirement, line: line ?? 0 };
      expect(refusal(decodeIt)).toEqual(expected.unverified ?? same);
    });
  }

  test("MAN-16: every error is one line of printable ASCII", () => {
    for (const { file, keys } of cases.filter(({ error }) => error !== undefined)) {
      const { message } = failureOf(() => decodeManifest(manifestFile(file), keys.map(keyNamed)));
      expect(message).toMatch(PRINTABLE_LINE);
      expect(message.length).toBeLessThan(500);
    }
  });

  test("MAN-18: what the first key signed is encoded to the same bytes", () => {
    const own = cases.filter(({ error, keys }) => error === undefined && keys.join() === "test-1");
    expect(own.length).toBeGreaterThan(40);
    for (const { file } of own) {
      const bytes = manifestFile(file);
      expect(encodeManifest(decode(bytes), KEY)).toEqual(new Uint8Array(bytes));
    }
  });
});

describe("fixtures/manifests/history.toml", () => {
  test("MAN-22: there are as many losses as there were", () => {
    expect(historyCases.filter(({ lost }) => lost !== undefined)).toHaveLength(19);
  });

  for (const { history, next, keys, lost, changed_to, ...each } of historyCases) {
    test(title(each), () => {
      const found = firstLost(
        decodeUnverified(manifestFile(history)),
        decodeManifest(manifestFile(next), keys.map(keyNamed)),
      );
      expect(found && plain(found.entry)).toEqual(lost);
      expect(found?.changedTo && plain(found.changedTo)).toEqual(changed_to);
    });
  }
});

describe("fixtures/manifests/encode.toml", () => {
  for (const { file, key, entries, ...each } of encodeCases) {
    test(title(each), () => {
      const manifest = manifestOf(entries.map(entryOf));
      const bytes = encodeManifest(manifest, parseSecretKey(secretKeys[key] ?? ""));
      expect(bytes).toEqual(manifestFile(file));
    });
  }
});

describe("fixtures/manifests/insert.toml", () => {
  for (const { entries: before, entry, result, error, ...each } of insertCases) {
    test(title(each), () => {
      const insert = () => insertEntry(manifestOf(before.map(entryOf)), entryOf(entry));
      if (result === undefined) expect(refusal(insert)).toMatchObject({ error });
      else expect(insert().entries.map(plain)).toEqual([...result]);
    });
  }
});

/** Whether the bytes that are not the manifest are refused as they must be. */
function expectRefused(bytes: Uint8Array): void {
  const { kind, rule, line, message } = failureOf(() => decode(bytes));
  expect(["manifest", "newer-format", "signature"]).toContain(kind);
  expect(message).toMatch(PRINTABLE_LINE);
  expect(rule).toMatch(/^MAN-\d+$/);
  expect(line).toBeGreaterThan(0);
}

/** One entry, as MAN-5 has it. */
const ENTRY = `1.0.0 12 ${"ef94".repeat(16)}`;

describe("what comes in the place of a manifest", () => {
  const text = (words: string) => new TextEncoder().encode(words);
  const whole = text(`Tako Manifest 1\n\n${ENTRY}\n\n${"A".repeat(86)}==\n`);

  test("ORG-31: a manifest of any format begins as one, and nothing else does", () => {
    for (const words of ["Tako Manifest 1\n", "Tako Manifest 2\r\n", "Tako Manifest "]) {
      expect(beginsAsManifest(text(words))).toBe(true);
    }
    for (const words of [
      "",
      "Tako Manifest",
      "tako manifest 1\n",
      "\ufeffTako Manifest 1\n",
      "<html>",
    ]) {
      expect(beginsAsManifest(text(words))).toBe(false);
    }
  });

  test("ORG-33: every beginning of a manifest is one that was cut, and no whole one is", () => {
    const empty = text(`Tako Manifest 1\n\n\n${"A".repeat(86)}==\n`);
    for (const manifest of [whole, empty]) {
      for (let end = 0; end < manifest.length; end++) {
        expect([end, isCutOff(manifest.subarray(0, end))]).toEqual([end, true]);
      }
      expect(isCutOff(manifest)).toBe(false);
    }
  });

  test("ORG-33: what goes on behind the end, or is in another format, was not cut", () => {
    for (const words of ["\n", "x", "\n\n", `\n\n${"A".repeat(86)}==\n`]) {
      expect(isCutOff(new Uint8Array([...whole, ...text(words)]))).toBe(false);
    }
    expect(isCutOff(text("Tako Manifest 2\n\nsigned elsewhere"))).toBe(false);
    expect(isCutOff(text("Tako Manifest 1\r\n\r\n"))).toBe(false);
  });
});

describe("MAN-12: no byte of a signed manifest can change", () => {
  const bytes = manifestFile("one.manifest");
  const everyPosition = (change: (index: number) => void) => {
    for (let index = 0; index < bytes.length; index++) change(index);
  };

  test("MAN-12: the manifest itself is accepted", () => {
    expect(decode(bytes).entries).toHaveLength(1);
  });

  for (const mask of [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80]) {
    test(`MAN-12: every byte with the bits ${mask.toString(2)} flipped`, () => {
      everyPosition((index) => expectRefused(replaceAt(index, mask)(bytes)));
    });
  }

  test("MAN-12: every byte removed", () => {
    everyPosition((index) => expectRefused(removeAt(index)(bytes)));
  });

  for (const byte of bytesOf("\n\r 0a=\0\xff")) {
    test(`MAN-12: a byte 0x${byte.toString(16)} put before every byte, and at the end`, () => {
      everyPosition((index) => expectRefused(insertAt(index, byte)(bytes)));
      expectRefused(insertAt(bytes.length, byte)(bytes));
    });
  }

  test("MAN-11, MAN-12: every beginning of it", () => {
    everyPosition((length) => expectRefused(bytes.subarray(0, length)));
  });

  test("MAN-2: every end of it", () => {
    everyPosition((start) => {
      if (start > 0) expect(failureOf(() => decode(bytes.subarray(start))).rule).toBe("MAN-2");
    });
  });
});

describe("laws of decoding", () => {
  test("MAN-15, MAN-16: the publisher can sign valid manifests only", () => {
    fc.assert(
      fc.property(bodies, (body) => {
        const bytes = signed(body);
        if (isValidBody(body)) expect(bodyOf(decode(bytes))).toBe(body);
        else expectRefused(bytes);
      }),
      runs,
    );
  });

  test("MAN-15, MAN-16: any bytes give an error of the three kinds", () => {
    const header = fc.constantFrom(
      "",
      "Tako Manifest 1\n",
      "Tako Manifest 1\n\n",
      "Tako Manifest ",
    );
    const texts = fc.tuple(header, garbage).map((parts) => parts.join(""));
    fc.assert(
      fc.property(texts, (text) => {
        expectRefused(bytesOf(text));
        const { kind, message } = failureOf(() => decodeUnverified(bytesOf(text)));
        expect(["manifest", "newer-format"]).toContain(kind);
        expect(message).toMatch(PRINTABLE_LINE);
      }),
      runs,
    );
  });

  test("MAN-12, MAN-15: a manifest with one byte changed is refused", () => {
    const changed = manifests.chain((manifest) => {
      const bytes = signed(bodyOf(manifest));
      return edits(bytes.length).map((change) => change(bytes));
    });
    fc.assert(fc.property(changed, expectRefused), runs);
  });

  test("MAN-12: only the key that signed opens a manifest", () => {
    fc.assert(
      fc.property(manifests, (manifest) => {
        const decodeIt = () => decodeManifest(signed(bodyOf(manifest)), [OTHER_KEY.publicKey]);
        expect(failureOf(decodeIt).kind).toBe("signature");
      }),
      runs,
    );
  });

  test("MAN-13: nothing but the last two lines decides before the signature", () => {
    const wrong = signed("");
    fc.assert(
      fc.property(garbage, (text) => {
        const body = bytesOf(`Tako Manifest 1\n${text}\n\n`);
        const { kind, rule } = failureOf(() => decode(Uint8Array.of(...body, ...wrong)));
        expect({ kind: kind as string, rule }).toEqual({ kind: "signature", rule: "MAN-12" });
      }),
      runs,
    );
  });

  test("MAN-8: the entries of a decoded manifest ascend strictly", () => {
    fc.assert(
      fc.property(closeRows, (lines) => {
        const bytes = signed(`Tako Manifest 1\n\n${lines.map(lineOf).join("")}\n`);
        let decoded: readonly Entry[] = [];
        try {
          decoded = decode(bytes).entries;
        } catch (error) {
          expect(error instanceof TakoError && error.rule).toBe("MAN-8");
        }
        for (const [index, { version }] of decoded.entries()) {
          for (const later of decoded.slice(index + 1)) {
            expect(compareVersions(version, later.version)).toBeLessThan(0);
            expect(compareVersions(later.version, version)).toBeGreaterThan(0);
          }
        }
      }),
      runs,
    );
  });

  test("MAN-17: the limit is 64 MiB", () => {
    expect(MAX_MANIFEST_BYTES).toBe(67_108_864);
  });

  test("MAN-17: thousands of entries decode and encode", () => {
    const lines = Array.from({ length: 5_000 }, (_, n) => `1.${n} ${n} ${"ab".repeat(32)}\n`);
    const bytes = signed(`Tako Manifest 1\n\n${lines.join("")}\n`);
    const manifest = decode(bytes);
    expect(manifest.entries).toHaveLength(5_000);
    expect(Bun.SHA256.hash(encodeManifest(manifest, KEY), "hex")).toBe(
      Bun.SHA256.hash(bytes, "hex"),
    );
    expect(firstLost(manifest, manifest)).toBeUndefined();
  });
});

describe("laws of encoding", () => {
  test("MAN-18: a manifest that is encoded decodes to the same entries", () => {
    fc.assert(
      fc.property(manifests, (manifest) => {
        expect(decode(encodeManifest(manifest, KEY)).entries).toEqual([...manifest.entries]);
      }),
      runs,
    );
  });

  test("MAN-18: what decodes is encoded to the same bytes", () => {
    fc.assert(
      fc.property(manifests, (manifest) => {
        const bytes = signed(bodyOf(manifest));
        expect(encodeManifest(decode(bytes), KEY)).toEqual(bytes);
      }),
      runs,
    );
  });

  test("MAN-7: the SHA-256 of the platform and of @noble/hashes agree", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 5 }), (chunks) => {
        const hasher = new Bun.CryptoHasher("sha256");
        for (const chunk of chunks) hasher.update(chunk);
        const whole = Uint8Array.from(chunks.flatMap((chunk) => [...chunk]));
        expect(hasher.digest("hex")).toBe(sha256(whole).toHex());
      }),
      runs,
    );
  });
});

describe("laws of publishing", () => {
  test("MAN-6: a size is a whole number of bytes from 0 to 2^53 - 1", () => {
    const numbers = fc.oneof(
      fc.double(),
      fc.maxSafeInteger(),
      fc.constantFrom(-1, 0, 1.5, NaN, Infinity, 1e21, 2 ** 53 - 1, 2 ** 53),
    );
    fc.assert(
      fc.property(numbers, (bytes) => {
        const isDecimal = /^[0-9]+$/.test(String(bytes)) && BigInt(bytes) < 2n ** 53n;
        if (isDecimal) expect<number>(parseSize(bytes)).toBe(bytes);
        else expect(() => parseSize(bytes)).toThrow(`invalid size ${bytes}: expected whole bytes`);
      }),
      runs,
    );
  });

  test("MAN-19: an entry comes to its place, and the others stay", () => {
    fc.assert(
      fc.property(manifests, entries, (manifest, entry) => {
        fc.pre(!manifest.entries.some((e) => compareVersions(e.version, entry.version) === 0));
        const next = insertEntry(manifest, entry);
        const ordered = next.entries.every((one, index) => {
          const later = next.entries[index + 1];
          return later === undefined || compareVersions(one.version, later.version) < 0;
        });
        expect(ordered).toBe(true);
        expect(next.entries).toContain(entry);
        expect(next.entries.filter((e) => e !== entry)).toEqual([...manifest.entries]);
        expect(firstLost(manifest, next)).toBeUndefined();
      }),
      runs,
    );
  });

  test("MAN-19: the order in which entries are added does not matter", () => {
    const shuffled = manifests.chain((manifest) =>
      fc.tuple(
        fc.constant(manifest),
        fc.shuffledSubarray([...manifest.entries], { minLength: manifest.entries.length }),
      ),
    );
    fc.assert(
      fc.property(shuffled, ([manifest, shuffle]) => {
        expect(manifestOf(shuffle).entries).toEqual([...manifest.entries]);
      }),
      runs,
    );
  });

  test("MAN-20: an identical entry changes nothing", () => {
    fc.assert(
      fc.property(manifests, fc.nat(), (manifest, choice) => {
        fc.pre(manifest.entries.length > 0);
        const entry = manifest.entries[choice % manifest.entries.length] as Entry;
        const again = { ...entry, version: parseVersion(entry.version.text) };
        expect(insertEntry(manifest, again)).toBe(manifest);
      }),
      runs,
    );
  });

  test("MAN-20: an entry with an equal or equivalent version but other bytes is refused", () => {
    const change = fc.constantFrom("spelling", "size", "digest");
    fc.assert(
      fc.property(manifests, fc.nat(), change, (manifest, choice, what) => {
        fc.pre(manifest.entries.length > 0);
        const entry = manifest.entries[choice % manifest.entries.length] as Entry;
        const digest = entry.digest.replaceAll(/./g, (d) => (d === "0" ? "1" : "0"));
        const other = {
          spelling: { ...entry, version: parseVersion(`${entry.version.text}.0`) },
          size: { ...entry, size: parseSize(entry.size === 0 ? 1 : entry.size - 1) },
          digest: { ...entry, digest: digest as Entry["digest"] },
        }[what];
        const error = failureOf(() => insertEntry(manifest, other));
        expect(error.kind).toBe("failed");
        expect(error.rule).toBe("MAN-20");
        expect(error.message).toContain(lineOf(entry).trimEnd());
      }),
      runs,
    );
  });
});

describe("laws of history", () => {
  const holds = (next: Manifest, history: Manifest) => firstLost(history, next) === undefined;
  const textOf = (manifest: Manifest) => manifest.entries.map(lineOf).join("");

  test("MAN-21: a manifest is accepted exactly if every line of the local one is in it", () => {
    fc.assert(
      fc.property(related, related, (history, next) => {
        const lines = new Set(next.entries.map(lineOf));
        expect(holds(next, history)).toBe(history.entries.every((e) => lines.has(lineOf(e))));
      }),
      runs,
    );
  });

  test("MAN-25: older is exactly what holds nothing but lines of the local one, and fewer", () => {
    fc.assert(
      fc.property(related, related, (history, next) => {
        const lines = new Set(history.entries.map(lineOf));
        const isContained = next.entries.every((entry) => lines.has(lineOf(entry)));
        const isLess = next.entries.length < history.entries.length;
        expect(isOlder(next, history)).toBe(isContained && isLess);
      }),
      runs,
    );
  });

  test("MAN-25: whatever is left out of a manifest, the rest is older, and is never a continuation", () => {
    fc.assert(
      fc.property(related, fc.infiniteStream(fc.boolean()), (history, isKept) => {
        const entries = history.entries.filter(() => isKept.next().value);
        const rest = manifestOf(entries);
        const isLess = entries.length < history.entries.length;
        expect(isOlder(rest, history)).toBe(isLess);
        expect(holds(rest, history)).toBe(!isLess);
      }),
      runs,
    );
  });

  test("MAN-25: beside an entry that the local manifest does not have, nothing is older", () => {
    fc.assert(
      fc.property(related, related, (history, next) => {
        const lines = new Set(history.entries.map(lineOf));
        if (next.entries.every((entry) => lines.has(lineOf(entry)))) return;
        expect(isOlder(next, history)).toBe(false);
      }),
      runs,
    );
  });

  test("MAN-22: the first entry that is missing or changed is named", () => {
    fc.assert(
      fc.property(related, related, (history, next) => {
        const lines = new Set(next.entries.map(lineOf));
        const first = history.entries.find((entry) => !lines.has(lineOf(entry)));
        const became = next.entries.find(
          ({ version }) => first && compareVersions(version, first.version) === 0,
        );
        const found = firstLost(history, next);
        expect(found?.entry).toBe(first);
        expect(found?.changedTo).toBe(became);
      }),
      runs,
    );
  });

  test("MAN-21: every manifest holds itself, also when decoded anew", () => {
    fc.assert(
      fc.property(manifests, (manifest) => {
        expect(holds(manifest, manifest)).toBe(true);
        const anew = decodeUnverified(signed(bodyOf(manifest)));
        expect(holds(anew, manifest) && holds(manifest, anew)).toBe(true);
      }),
      runs,
    );
  });

  test("MAN-21: two manifests that hold each other are the same", () => {
    const pairs = related.chain((one) => fc.tuple(fc.constant(one), fc.oneof(related, grown(one))));
    fc.assert(
      fc.property(pairs, ([one, other]) => {
        const mutual = holds(one, other) && holds(other, one);
        expect(mutual).toBe(textOf(one) === textOf(other));
      }),
      runs,
    );
  });

  test("MAN-21: what holds a manifest that holds the history holds the history", () => {
    const chains = related.chain((first) =>
      grown(first).chain((second) =>
        fc.tuple(fc.constant(first), fc.oneof(fc.constant(second), related), grown(second)),
      ),
    );
    fc.assert(
      fc.property(chains, ([first, second, third]) => {
        if (holds(second, first) && holds(third, second)) expect(holds(third, first)).toBe(true);
        else expect(holds(second, first) && holds(third, second)).toBe(false);
      }),
      runs,
    );
  });

  test("MAN-21: publishing only ever appends", () => {
    fc.assert(
      fc.property(manifests, fc.array(entries, { maxLength: 4 }), (history, more) => {
        const next = manifestOf([...history.entries, ...more]);
        expect(holds(next, history)).toBe(true);
        if (next.entries.length > history.entries.length) expect(holds(history, next)).toBe(false);
      }),
      runs,
    );
  });
});
