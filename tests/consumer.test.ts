// The library from outside: a project of its own, with settings of its own, that has nothing of Tako but
// the package. What it may write compiles, what would forge a value does not, and a browser can run it.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createContext, runInContext } from "node:vm";
import * as tako from "tako";
import { tomlFixture } from "./support/fixtures.ts";

const repository = join(import.meta.dir, "..");
const project = mkdtempSync(join(tmpdir(), "tako-consumer-"));

/** Nothing of a platform: the language, and what browsers add to it. */
const SETTINGS = { strict: true, target: "esnext", lib: ["esnext", "dom"], types: [] };

beforeAll(() => {
  mkdirSync(join(project, "node_modules"));
  symlinkSync(repository, join(project, "node_modules/tako"));
  // Tako's sources want settings that a consumer need not have, so it gets declarations.
  const built = compile("declarations", [join(repository, "src/index.ts")], {
    module: "preserve",
    allowImportingTsExtensions: true,
    rewriteRelativeImportExtensions: true,
    declaration: true,
    emitDeclarationOnly: true,
    rootDir: join(repository, "src"),
    outDir: join(project, "types"),
  });
  if (built !== "") throw new Error(built);
});

afterAll(() => rmSync(project, { recursive: true }));

/** What the compiler says of these files; nothing when all is well. */
function compile(name: string, files: readonly string[], settings: object): string {
  const path = join(project, `${name}.json`);
  writeFileSync(path, JSON.stringify({ compilerOptions: { ...SETTINGS, ...settings }, files }));
  const tsc = join(repository, "node_modules/typescript/bin/tsc");
  const command = [process.execPath, tsc, "--pretty", "false", "-p", path];
  const { stdout, stderr } = Bun.spawnSync(command, { cwd: project });
  return `${stdout}${stderr}`;
}

/** The same of a module that imports Tako by its name. */
function check(name: string, lines: readonly string[]): string {
  writeFileSync(join(project, `${name}.ts`), lines.join("\n"));
  return compile(name, [`${name}.ts`], {
    noEmit: true,
    skipLibCheck: false,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    module: "nodenext",
    paths: { tako: ["./types/index.d.ts"] },
  });
}

describe("the examples of src/index.ts", () => {
  const source = readFileSync(join(repository, "src/index.ts"), "utf8");
  const groups = source.split("\nexport ").slice(0, -1);
  const imports = `import { ${Object.keys(tako).join(", ")} } from "tako";`;

  test("each group of exports has one", () => {
    expect(groups.length).toBeGreaterThan(9);
    expect(groups.filter((group) => !group.includes(" * @example\n"))).toEqual([]);
  });

  test("they compile, and give what they say", async () => {
    const blocks = groups.map((group) => {
      const example = (group.split("@example\n")[1] ?? "").replace(/^ \*[ /]?/gm, "");
      return `{\n${example.replace(/^( *)(.+); \/\/ (.+)$/gm, "$1results.push([$2, $3]);")}\n}`;
    });
    const lines = [imports, "export const results: [unknown, unknown][] = [];", ...blocks];
    expect(check("examples", lines)).toBe("");
    const { results } = await import(join(project, "examples.ts"));
    expect(results.length).toBeGreaterThan(15);
    for (const [value, expected] of results) expect(value).toEqual(expected);
  });
});

describe("types", () => {
  const given = [
    'import * as tako from "tako";',
    "declare const version: tako.Version, digest: tako.Sha256Hex, size: tako.Size, entry: tako.Entry;",
    "declare const manifest: tako.Manifest, pattern: tako.Pattern, origin: tako.OriginUrl;",
    "declare const config: tako.Config;",
    "declare const key: tako.PublicKey, secret: tako.SecretKey;",
  ];

  test("what a program has parsed, it may use", () => {
    const uses = [
      "tako.insertEntry(manifest, { version, size, digest });",
      "tako.insertEntry(manifest, { ...entry, size: tako.parseSize(entry.size + 1) });",
      "const byVersion: tako.Version[] = [version].toSorted(tako.compareVersions);",
      "const text: string = digest, bytes: number = size, raw: Uint8Array = key.bytes;",
      "const verify: tako.Verify = (signature, message, by) => tako.verify(signature, message, by);",
      "tako.decodeManifest(raw, [key], verify).entries.filter((each) => each.size > 0);",
      "tako.encodeManifest(manifest, secret, (message) => new Uint8Array(message));",
    ];
    expect(check("uses", [...given, ...uses])).toBe("");
  });

  test("nothing passes for parsed that is not", () => {
    const forgeries = [
      // Literals
      "tako.insertEntry(manifest, { version, size: -1, digest });",
      "tako.insertEntry(manifest, { version, size: 5, digest });",
      'tako.insertEntry(manifest, { version, size, digest: "0".repeat(64) });',
      'tako.insertEntry(manifest, { version: { text: "*", parts: [] }, size, digest });',
      "tako.insertEntry({ entries: [] }, entry);",
      'tako.matches({ text: "*", form: "any" }, version);',
      'tako.manifestLocation({ scheme: "https", href: "https://x", shown: "https://x" });',
      'tako.decodeManifest(key.bytes, [{ text: "", bytes: key.bytes }]);',
      "const made: tako.Config = { file: '', origin, publicKeys: [key], destination: '/', pattern, restart: [] };",
      // Spreads of what is valid
      "tako.insertEntry(manifest, { ...entry, size: 1.5 });",
      'tako.compareVersions({ ...version, text: "*" }, version);',
      "tako.insertEntry({ ...manifest, entries: [entry, entry] }, entry);",
      'tako.matches({ ...pattern, text: "2.*" }, version);',
      'tako.manifestLocation({ ...origin, href: "http://x" });',
      'tako.decodeManifest(key.bytes, [{ ...key, text: "" }]);',
      "tako.encodeManifest(manifest, { ...secret });",
      "const moved: tako.Config = { ...config, destination: '/elsewhere' };",
      // What is left of a value after a calculation, and one in the place of another
      "const sum: tako.Size = size + 1;",
      "const upper: tako.Sha256Hex = digest.toUpperCase();",
      "const other: tako.Size = digest;",
      "tako.matches(manifest, version);",
      // Constructors that are not for everybody
      'new version.constructor("*");',
      'new key.constructor("", key.bytes);',
      'new tako.PublicKey("", key.bytes);',
      // Changes
      "manifest.entries.push(entry);",
      "manifest.entries = [];",
      "entry.size = size;",
      'version.text = "*";',
      "version.parts.push(1);",
      'key.text = "";',
      "key.bytes = new Uint8Array(32);",
    ];
    const errors = check("forgeries", [...given, ...forgeries]).matchAll(/^forgeries\.ts\((\d+)/gm);
    const refused = new Set([...errors].map(([, line]) => Number(line) - given.length - 1));
    expect(forgeries.filter((_, index) => !refused.has(index))).toEqual([]);
    expect(Math.min(...refused)).toBe(0);
  });
});

test("a bundle for browsers has nothing of a platform, and reads and signs manifests", async () => {
  interface RfcCase {
    readonly seed: string;
    readonly message: string;
    readonly signature: string;
  }
  const manifest = readFileSync(join(repository, "fixtures/manifests/one.manifest"), "latin1");
  const [rfc] = tomlFixture<{ case: readonly RfcCase[] }>("ed25519/rfc8032.toml").case.slice(1);
  const lines = [
    'import * as tako from "tako";',
    'const key = tako.parsePublicKey("11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");',
    "const decode = (text) => tako.decodeManifest(new TextEncoder().encode(text), [key]);",
    "const secret = new tako.SecretKey(Uint8Array.fromHex(seed));",
    "let kind;",
    'try { decode(manifest.replace("1.0.0", "1.0.1")); } catch (error) { kind = error.kind; }',
    'const { version, size } = tako.newestMatch(decode(manifest), tako.parsePattern("1.*"));',
    "const signature = secret.sign(Uint8Array.fromHex(message)).toHex();",
    'const origin = tako.parseOriginUrl("https://example.com/").href;',
    "globalThis.answer = JSON.stringify([version.text, size, kind, signature, origin]);",
  ];
  writeFileSync(join(project, "browser.js"), lines.join("\n"));
  const { outputs } = await Bun.build({
    entrypoints: [join(project, "browser.js")],
    target: "browser",
    // Else Bun puts versions for browsers in their place.
    external: ["node:*"],
  });
  const code = (await outputs[0]?.text()) ?? "";
  expect(code.match(/Tako Manifest/)).not.toBeNull();
  expect(code.match(/.*(node:|process\.|\b(Bun|Buffer|require|import)\b).*/g)).toBeNull();

  const page = createContext({ TextEncoder, TextDecoder, URL, manifest, ...rfc });
  expect(runInContext("typeof Bun + typeof process + typeof require", page)).toBe(
    "undefinedundefinedundefined",
  );
  runInContext(code, page);
  expect(JSON.parse(page["answer"])).toEqual([
    "1.0.0",
    12,
    "signature",
    rfc?.signature,
    "https://example.com",
  ]);
});
