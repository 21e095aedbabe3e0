// Which files others could change, by the modes and owners that the system has for them.

import { afterAll, expect, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { changeableByOthers } from "../../src/shell/disk/loose-files.ts";

const directory = mkdtempSync(join(tmpdir(), "tako-loose-"));
afterAll(() => rmSync(directory, { recursive: true }));
const at = (name: string) => join(directory, name);

test("VFY-21: who may read or run a file cannot change it, who may write it can", () => {
  for (const mode of ["444", "644", "755", "664", "646", "622"]) {
    writeFileSync(at(mode), "");
    chmodSync(at(mode), Number.parseInt(mode, 8));
  }
  mkdirSync(at("folder"), { mode: 0o777 });
  const names = ["444", "644", "755", "664", "646", "622", "folder", "missing"];
  expect(changeableByOthers(directory, names)).toEqual(["664", "646", "622"].map(at));
});

test.skipIf(process.getuid?.() !== 0)("VFY-21: so can who owns it", () => {
  writeFileSync(at("foreign"), "");
  chownSync(at("foreign"), 61234, 61234);
  expect(changeableByOthers(directory, ["foreign"])).toEqual([at("foreign")]);
});
