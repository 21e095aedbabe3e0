// Proves that the linter's settings hold what they are there for: imports go one way, the core is pure, nothing ends the process.
// Each case is a file in a copy of the project's layout; Biome sees them all at once.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { copyFile, mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const repository = join(import.meta.dir, "..");

const imports = (path: string) => `import { x } from "${path}";\nexport const y = x;\n`;
const uses = (expression: string) => `export const y = ${expression};\n`;

/** A folder, what a file in it says, and the rule it breaks; "" for none. */
const cases: readonly (readonly [folder: string, source: string, rule: string])[] = [
  ["src/core", imports("./version.ts"), ""],
  ["src/core", imports("@noble/hashes/sha2.js"), ""],
  ["src/core", imports("node:fs"), "noRestrictedImports"],
  ["src/core", imports("bun"), "noRestrictedImports"],
  ["src/core", imports("smol-toml"), "noRestrictedImports"],
  ["src/core", imports("../shell/x.ts"), "noRestrictedImports"],
  ["src/core", imports("./../shell/x.ts"), "noRestrictedImports"],
  ["src/core", 'export { x } from "node:fs";\n', "noRestrictedImports"],
  ["src/core", uses('import("node:fs")'), "noRestrictedImports"],
  ["src/core", uses('require("node:fs")'), "noRestrictedGlobals"],
  ["src/core", uses("Bun.version"), "noRestrictedGlobals"],
  ["src/core", uses("process.pid"), "noRestrictedGlobals"],
  ["src/core", uses('Buffer.from("")'), "noRestrictedGlobals"],
  ["src/core", uses("Date.now()"), "noRestrictedGlobals"],
  ["src/core", uses("performance.now()"), "noRestrictedGlobals"],
  ["src/core", uses("crypto.randomUUID()"), "noRestrictedGlobals"],
  ["src/core", uses('fetch("")'), "noRestrictedGlobals"],
  ["src/core", uses("setTimeout(() => {}, 1)"), "noRestrictedGlobals"],
  ["src/core", uses("globalThis"), "noRestrictedGlobals"],
  ["src/core", uses("Math.max(1, 2)"), ""],
  ["src/core", uses("Math.random()"), "plugin"],
  ["src/core", uses('Math["random"]()'), "plugin"],
  ["src/core", "console.log(1);\n", "noRestrictedGlobals"],

  ["src/shell", imports("node:fs"), ""],
  ["src/shell", imports("../core/x.ts"), ""],
  ["src/shell", imports("../commands/x.ts"), "noRestrictedImports"],
  ["src/shell", imports("../cli/x.ts"), "noRestrictedImports"],
  ["src/shell", imports("../conformance/x.ts"), "noRestrictedImports"],
  ["src/shell", imports("citty"), "noRestrictedImports"],

  ["src/commands", imports("../core/x.ts"), ""],
  ["src/commands", imports("../shell/x.ts"), ""],
  ["src/commands", imports("../cli/x.ts"), "noRestrictedImports"],
  ["src/commands", imports("../conformance/x.ts"), "noRestrictedImports"],
  ["src/commands", imports("citty"), "noRestrictedImports"],

  ["src/cli", imports("citty"), ""],
  ["src/cli", imports("../commands/x.ts"), ""],
  ["src/cli", imports("../main.ts"), "noRestrictedImports"],
  ["src/cli", imports("left-pad"), "noUndeclaredDependencies"],
  ["src/cli", "process.exit(1);\n", "noProcessExit"],
  ["src/cli", "console.log(1);\n", "noConsole"],
  ["src/cli", uses("(x: any) => x"), "noExplicitAny"],
  ["src/cli", uses("(x?: string) => x!"), "noNonNullAssertion"],
  ["src/cli", "async function f() {}\nf();\n", "noFloatingPromises"],
  ["tests", uses("(x?: string) => x!"), ""],
];

let folder: string;
const broken = new Map<string, string[]>();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tako-lint-"));
  for (const [index, [place, source]] of cases.entries()) await write(place, index, source);
  await mkdir(join(folder, "scripts"));
  for (const file of ["biome.json", "package.json", "scripts/no-random.grit"]) {
    await copyFile(join(repository, file), join(folder, file));
  }
  await symlink(join(repository, "node_modules"), join(folder, "node_modules"));

  const biome = join(repository, "node_modules/@biomejs/biome/bin/biome");
  const options = ["--error-on-warnings", "--max-diagnostics=none", "--reporter=json"];
  const { stdout } = Bun.spawnSync([process.execPath, biome, "lint", ...options], { cwd: folder });
  const { diagnostics } = JSON.parse(stdout.toString());
  for (const { category, location } of diagnostics) {
    const path = location.path.file ?? location.path;
    broken.set(path, [...(broken.get(path) ?? []), category.split("/").at(-1)]);
  }
});
afterAll(() => rm(folder, { recursive: true }));

async function write(place: string, index: number, source: string): Promise<void> {
  await Bun.write(join(folder, path(place, index)), source);
}

function path(place: string, index: number): string {
  return `${place}/case-${index}.ts`;
}

for (const [index, [place, source, rule]] of cases.entries()) {
  const shown = source.replace("\nexport const y = x;", "").trim().replaceAll("\n", " ");
  test(`lint: in ${place}, ${shown} ${rule === "" ? "is fine" : `breaks ${rule}`}`, () => {
    const rules = broken.get(path(place, index)) ?? [];
    if (rule === "") expect(rules).toEqual([]);
    else expect(rules).toContain(rule);
  });
}
