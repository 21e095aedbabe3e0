// Proves that the linter's settings hold what they are there for: imports go one way, the core is pure, nothing ends the process.
// Each case is a file in a copy of the project's layout; Biome sees them all at once.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { copyFile, mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const repository = join(import.meta.dir, "..");

const imports = (path: string) => `import { x } from "${path}";\nexport const y = x;\n`;
const uses = (expression: string) => `export const y = ${expression};\n`;

/** A folder or a file, what is in it, and the rule it breaks; "" for none. */
const cases: readonly (readonly [place: string, source: string, rule: string])[] = [
  ["src/core", imports("./version.ts"), ""],
  ["src/core", imports("@noble/hashes/sha2.js"), ""],
  ["src/core", imports("node:fs"), "noRestrictedImports"],
  ["src/core", imports("bun"), "noRestrictedImports"],
  ["src/core", imports("smol-toml"), "noRestrictedImports"],
  ["src/core", imports("../shell/x.ts"), "noRestrictedImports"],
  ["src/core", imports("./../shell/x.ts"), "noRestrictedImports"],
  ["src/core", imports("../../conformance/x.ts"), "noRestrictedImports"],
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

  ["src/core/packed", imports("./varint.ts"), ""],
  ["src/core/packed", imports("../version.ts"), ""],
  ["src/core/packed", imports("../../shell/x.ts"), "noRestrictedImports"],
  ["src/core/packed", imports("./../../shell/x.ts"), "noRestrictedImports"],
  ["src/core/packed", imports("node:fs"), "noRestrictedImports"],
  ["src/core/packed", uses("Bun.version"), "noRestrictedGlobals"],

  ["src/shell", imports("node:fs"), ""],
  ["src/shell", imports("../core/x.ts"), ""],
  ["src/shell", imports("../commands/x.ts"), "noRestrictedImports"],
  ["src/shell", imports("../cli/x.ts"), "noRestrictedImports"],
  ["src/shell", imports("../../conformance/x.ts"), "noRestrictedImports"],
  ["src/shell", imports("citty"), "noRestrictedImports"],

  ["src/commands", imports("../core/x.ts"), ""],
  ["src/commands", imports("../shell/x.ts"), ""],
  ["src/commands", imports("../cli/x.ts"), "noRestrictedImports"],
  ["src/commands", imports("../../conformance/x.ts"), "noRestrictedImports"],
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
  ["src/cli", imports("../../conformance/case.ts"), "noRestrictedImports"],
  ["src/cli", uses('import("../../conformance/case.ts")'), "noRestrictedImports"],
  ["src/cli/commands", imports("../../../conformance/case.ts"), "noRestrictedImports"],
  ["src/cli/commands/conformance.ts", imports("../../../conformance/case.ts"), ""],
  ["src/cli/commands/conformance.ts", imports("../../main.ts"), "noRestrictedImports"],

  ["src/main.ts", imports("./cli/run.ts"), ""],
  ["src/main.ts", imports("../conformance/case.ts"), "noRestrictedImports"],
  ["src/index.ts", imports("./core/version.ts"), ""],
  ["src/index.ts", imports("./shell/x.ts"), "noRestrictedImports"],
  ["src/index.ts", imports("../conformance/case.ts"), "noRestrictedImports"],
  ["src/index.ts", imports("node:fs"), "noRestrictedImports"],
  ["src/adapter.ts", imports("./index.ts"), ""],
  ["src/adapter.ts", 'export { version } from "../package.json";\n', ""],
  ["src/adapter.ts", imports("./core/version.ts"), "noRestrictedImports"],
  ["src/adapter.ts", imports("../conformance/case.ts"), "noRestrictedImports"],
  ["src/adapter.ts", imports("node:fs"), "noRestrictedImports"],

  ["conformance", imports("./case.ts"), ""],
  ["conformance", imports("node:fs"), ""],
  ["conformance", 'export { printable } from "../src/index.ts";\n', ""],
  ["conformance", imports("../src/index.ts"), "noRestrictedImports"],
  ["conformance", 'export type { Manifest } from "../src/index.ts";\n', "noRestrictedImports"],
  ["conformance", imports("../src/core/version.ts"), "noRestrictedImports"],
  ["conformance", imports("../src/adapter.ts"), "noRestrictedImports"],
  ["conformance", uses('import("../src/shell/files.ts")'), "noRestrictedImports"],
  ["conformance", "console.log(1);\n", "noConsole"],
  ["conformance/black-box", imports("../case.ts"), ""],
  ["conformance/black-box", imports("../../src/core/version.ts"), "noRestrictedImports"],
  ["conformance/black-box", imports("../../src/cli/io.ts"), "noRestrictedImports"],
  ["conformance/black-box", 'export { printable } from "../../src/index.ts";\n', ""],
  ["tests", uses("(x?: string) => x!"), ""],
];

/** Where each case is written. A file has one content, so cases of the same file are in copies of their own. */
const paths = cases.map(([place], index) => {
  if (!place.endsWith(".ts")) return `0/${place}/case-${index}.ts`;
  const copy = cases.slice(0, index).filter(([other]) => other === place).length;
  return `${copy}/${place}`;
});

let folder: string;
const broken = new Map<string, string[]>();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tako-lint-"));
  for (const [index, [, source]] of cases.entries()) {
    await Bun.write(join(folder, paths[index]!), source);
  }
  for (const copy of new Set(paths.map((path) => path.split("/")[0]!))) await lint(copy);
});
afterAll(() => rm(folder, { recursive: true }));

/** Notes which rules the files of a copy break. */
async function lint(copy: string): Promise<void> {
  const cwd = join(folder, copy);
  await mkdir(join(cwd, "scripts"));
  for (const file of ["biome.json", "package.json", "scripts/no-random.grit"]) {
    await copyFile(join(repository, file), join(cwd, file));
  }
  await symlink(join(repository, "node_modules"), join(cwd, "node_modules"));

  const biome = join(repository, "node_modules/@biomejs/biome/bin/biome");
  const options = ["--error-on-warnings", "--max-diagnostics=none", "--reporter=json"];
  const { stdout } = Bun.spawnSync([process.execPath, biome, "lint", ...options], { cwd });
  const { diagnostics } = JSON.parse(stdout.toString());
  for (const { category, location } of diagnostics) {
    const path = `${copy}/${location.path.file ?? location.path}`;
    broken.set(path, [...(broken.get(path) ?? []), category.split("/").at(-1)]);
  }
}

for (const [index, [place, source, rule]] of cases.entries()) {
  const shown = source.replace("\nexport const y = x;", "").trim().replaceAll("\n", " ");
  test(`lint: in ${place}, ${shown} ${rule === "" ? "is fine" : `breaks ${rule}`}`, () => {
    const rules = broken.get(paths[index]!) ?? [];
    if (rule === "") expect(rules).toEqual([]);
    else expect(rules).toContain(rule);
  });
}
