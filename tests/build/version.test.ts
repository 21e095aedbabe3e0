// What the binary says of itself that the sources do not.

import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { version } from "../../package.json";
import { programs, sources } from "../support/program.ts";

const binary = programs.find(({ name }) => name === "binary");
const isClone = existsSync(join(import.meta.dir, "../../.git"));

test.skipIf(!binary)("CLI-80: the binary names the commit that it was built from", async () => {
  const { stdout } = await binary!.run(["-V"]);
  const named = isClone ? " \\([0-9a-f]{12}(?:, changed)?\\)" : "";
  expect(stdout).toMatch(new RegExp(`^tako ${version.replaceAll(".", "\\.")}${named}\n$`));
});

test("CLI-80: the program from its sources names none", async () => {
  expect((await sources().run(["--version"])).stdout).toBe(`tako ${version}\n`);
});
