// The SBOM of a release: CycloneDX by its own schema, and of what is really in the binaries.

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv } from "ajv";
import { dependencies, packageManager, version } from "../../package.json";
import { sbom } from "../../scripts/build/sbom.ts";
import { runtimeComponents } from "../../scripts/notice.ts";

const root = join(import.meta.dir, "../..");
const schemas = join(root, "node_modules/@cyclonedx/cyclonedx-library/res/schema");
const schema = (name: string) =>
  JSON.parse(readFileSync(join(schemas, `${name}.SNAPSHOT.schema.json`), "utf8"));

const release = {
  commit: "0123456789ab",
  packages: join(root, "node_modules"),
  binaries: { "tako-linux-x64": "ab".repeat(32), "tako-linux-arm64": "cd".repeat(32) },
};
const document = JSON.parse(sbom(release));

interface Component {
  readonly name: string;
  readonly version?: string;
  readonly purl?: string;
  readonly hashes?: readonly { readonly alg: string; readonly content: string }[];
  readonly licenses: readonly { readonly expression: string }[];
}
const components: readonly Component[] = document.components;
const named = (name: string) => components.find((each) => each.name === name);

test("is valid CycloneDX 1.6", () => {
  const ajv = new Ajv({ strict: false, validateFormats: false });
  for (const name of ["spdx", "jsf-0.82"])
    ajv.addSchema(schema(name), `http://cyclonedx.org/schema/${name}.SNAPSHOT.schema.json`);
  const isValid = ajv.compile(schema("bom-1.6"));
  isValid(document);
  expect(isValid.errors).toBeNull();
  expect(document.specVersion).toBe("1.6");
});

test("is of this version and commit, and has the digests of the binaries", () => {
  const program = document.metadata.component;
  expect([program.name, program.version]).toEqual(["tako", version]);
  expect(program.properties).toEqual([{ name: "commit", value: release.commit }]);
  expect(program.components.map(({ name, hashes }: Component) => [name, hashes])).toEqual([
    ["tako-linux-arm64", [{ alg: "SHA-256", content: "cd".repeat(32) }]],
    ["tako-linux-x64", [{ alg: "SHA-256", content: "ab".repeat(32) }]],
  ]);
});

test("is the same each time: no time, no number of its own", () => {
  expect(sbom(release)).toBe(sbom(release));
  expect(document.metadata.timestamp).toBeUndefined();
  expect(document.serialNumber).toBeUndefined();
});

test.each(Object.entries(dependencies))("has %s with the digest of bun.lock", (name, its) => {
  const lock = readFileSync(join(root, "bun.lock"), "utf8");
  const [, base64 = ""] =
    new RegExp(`^ *"${name}": .*"sha512-([A-Za-z0-9+/=]+)"`, "m").exec(lock) ?? [];
  const decoded = Bun.spawnSync(["base64", "--decode"], { stdin: Buffer.from(base64) });
  const hex = Bun.spawnSync(["od", "-An", "-v", "-tx1"], { stdin: decoded.stdout });
  expect(named(name)).toMatchObject({
    version: its,
    purl: `pkg:npm/${name.replace("@", "%40")}@${its}`,
    hashes: [{ alg: "SHA-512", content: hex.stdout.toString().replace(/\s/g, "") }],
  });
});

test("has the runtime of each kind of machine, and what it links, by its own word", () => {
  const its = packageManager.replace("bun@", "");
  for (const name of ["x64", "x64-baseline", "x64-musl", "aarch64", "aarch64-musl"])
    expect(named(`@oven/bun-linux-${name}`)?.version).toBe(its);
  expect(named("BoringSSL")?.version).toBe(process.versions["boringssl"] ?? "?");
  for (const { name } of runtimeComponents().slice(1)) expect(named(name)).toBeDefined();
});

test("has licenses that SPDX knows", () => {
  const known: readonly string[] = schema("spdx").enum;
  for (const { licenses } of components)
    for (const { expression } of licenses)
      for (const id of expression.split(/ (?:AND|WITH) /)) expect(known).toContain(id);
});
