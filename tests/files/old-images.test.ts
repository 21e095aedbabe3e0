// How much the images that are not in use take.

import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bytesOfOldImages } from "../../src/shell/disk/old-images.ts";

let directory: string;
const at = (name: string) => join(directory, name);
const hex = (digit: string) => digit.repeat(64);

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "tako-old-"));
  mkdirSync(at("store"));
  writeFileSync(at(`store/${hex("a")}`), "x".repeat(100));
  writeFileSync(at(`store/${hex("b")}`), "x".repeat(20));
  writeFileSync(at(`store/${hex("c")}`), "x".repeat(3));
  // None of these is a whole image.
  writeFileSync(at(`store/${hex("d")}.partial`), "x".repeat(1000));
  writeFileSync(at("store/other"), "x".repeat(1000));
});
afterEach(() => rmSync(directory, { recursive: true }));

test("FET-59: all whole images count but the one in use", () => {
  symlinkSync(`store/${hex("b")}`, at("latest"));
  expect(bytesOfOldImages(at("store"))).toBe(103);
});

test("FET-59: all of them where none is in use, or where latest is not a link", () => {
  expect(bytesOfOldImages(at("store"))).toBe(123);
  writeFileSync(at("latest"), "");
  expect(bytesOfOldImages(at("store"))).toBe(123);
});

test("CLI-33: a store that cannot be read is told by its path", () => {
  rmSync(at("store"), { recursive: true });
  expect(() => bytesOfOldImages(at("store"))).toThrow(
    expect.objectContaining({
      ...{ kind: "storage", source: at("store") },
      message: expect.stringContaining("cannot read it: "),
    }),
  );
  writeFileSync(at("file"), "");
  // A destination that is no directory is not one without an image in use.
  expect(() => bytesOfOldImages(join(at("file"), "store"))).toThrow();
});
