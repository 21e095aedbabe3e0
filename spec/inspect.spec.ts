// Proof of what spec/inspect.md says of bytes, without a disk or an origin.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { TakoError } from "../src/core/error.ts";
import { contentOf, imagesOf, requireContinuation } from "../src/core/inspect.ts";
import { decodeUnverified, type Manifest } from "../src/core/manifest.ts";
import { runs } from "../tests/support/properties.ts";
import { key, manifestOf, type Published } from "../tests/support/publishing.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);
/** Entries are valid, the signature has only to look like one. */
const manifest = (...entries: (Published | string)[]): Manifest =>
  decodeUnverified(bytesOf(manifestOf(entries)));

describe("INS-1: what a file is", () => {
  test.each([
    [manifestOf([]), "manifest"],
    ["Tako Manifest 2\n", "manifest"],
    [`${key.secret}\n`, "key"],
    [`Secret key\n${key.secret}\n\nPublic key\n${key.public}\n`, "key"],
    [` ${key.public}\r\n`, "key"],
    ["-----BEGIN PRIVATE KEY-----\n", "key"],
    ["secret+abc", "key"],
    ["SECRETabc", "key"],
    ["\ufeffSECRET abc", "key"],
    ["# of the Secret project\nOrigin=https://example.com\n", "config"],
    ["", "config"],
    ["Origin=https://example.com\n", "config"],
    [`${key.public}\nOrigin=x\n`, "config"],
  ])("%j", (text, content) => expect<string>(contentOf(bytesOf(text))).toBe(content));
});

test("INS-7: the newest come first, each image once", () => {
  const all = manifest(["1", "a"], ["2", "b"], ["3", "a"], ["4", "c"]);
  const versions = (count: number) => imagesOf(all, count).map(({ version }) => version.text);
  expect(versions(0)).toEqual([]);
  expect(versions(2)).toEqual(["4", "3"]);
  // One image has two versions; either names it.
  expect(imagesOf(all, 9).map(({ digest }) => digest)).toEqual([
    ...new Set(all.entries.toReversed().map(({ digest }) => digest)),
  ]);
});

describe("INS-11: a manifest after another", () => {
  const failure = (next: Manifest, old: Manifest) => {
    try {
      return requireContinuation(next, old, "OLD");
    } catch (error) {
      return error instanceof TakoError ? `${error.kind}: ${error.message}` : error;
    }
  };

  test("a lost and a changed entry are named, and an older manifest is none that lost some", () => {
    const old = manifest(["1", "a"], ["2", "b"]);
    expect(failure(manifest(["1", "a"], ["2", "b"], ["3", "c"]), old)).toBe(1);
    expect(failure(manifest(["1", "a"]), old)).toMatch(/^stale: it is older than OLD: "2 1 /);
    expect(failure(manifest(["1", "a"], ["3", "b"]), old)).toMatch(
      /^history: it does not continue OLD: "2 1 [0-9a-f]{64}" is missing$/,
    );
    expect(failure(manifest(["1", "a"], ["2", "xy"]), old)).toMatch(
      /^history: it does not continue OLD: "2 1 .*" became "2 2 /,
    );
  });

  test("whatever is added, it continues, and never the other way round", () => {
    const digest = "0".repeat(64);
    const line = (version: number) => `${version} 1 ${digest}`;
    const numbers = fc.uniqueArray(fc.nat({ max: 50 }), { minLength: 1, maxLength: 8 });
    const of = (values: readonly number[]) => {
      const lines = values.toSorted((a, b) => a - b).map((value) => `${line(value)}\n`);
      const signature = `${"A".repeat(86)}==`;
      return decodeUnverified(bytesOf(`Tako Manifest 1\n\n${lines.join("")}\n${signature}\n`));
    };
    fc.assert(
      fc.property(numbers, fc.nat({ max: 8 }), (values, kept) => {
        const old = values.slice(0, kept);
        expect(failure(of(values), of(old))).toBe(values.length - old.length);
        if (old.length < values.length) expect(failure(of(old), of(values))).toStartWith("stale");
      }),
      runs,
    );
  });
});
