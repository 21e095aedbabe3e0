// What is in the binaries, as a CycloneDX document: the packages and the runtimes of the registry with the digests of their
// lock files, and what the runtime links. It names no time and has no serial number: one commit gives the same bytes.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Enums, Models, Serialize, Spec } from "@cyclonedx/cyclonedx-library";
import { dependencies, description, license, version } from "../../package.json";
import { runtimeComponents } from "../notice.ts";
import { dependencies as runtimes } from "./runtimes/package.json";

const repository = join(import.meta.dir, "../..");

interface Release {
  readonly commit: string;
  /** The SHA-256 of each binary by its name, in hex. */
  readonly binaries: Readonly<Record<string, string>>;
  /** The node_modules with the bundled packages. */
  readonly packages: string;
}

export function sbom({ commit, binaries, packages }: Release): string {
  const bundled = Object.entries(dependencies).map(([name, its]) => {
    const { license: theirs } = JSON.parse(
      readFileSync(join(packages, name, "package.json"), "utf8"),
    );
    return registered(name, its, theirs, integrityIn("bun.lock", name));
  });
  const [bun, ...linked] = runtimeComponents();
  const carried = Object.entries(runtimes).map(([name, its]) =>
    registered(name, its, bun?.license ?? "", integrityIn("scripts/build/runtimes/bun.lock", name)),
  );
  const parts = linked.map(({ name, note, version: key, license: its, copyright, url }) => {
    const part = new Models.Component(Enums.ComponentType.Library, name, {
      bomRef: `runtime/${name}`,
      ...(note === undefined ? {} : { description: note.replaceAll("\n", " ") }),
      copyright: copyright.map((holder) => `Copyright (c) ${holder}`).join("\n"),
      ...(key === undefined ? {} : { version: process.versions[key] ?? "" }),
    });
    part.licenses.add(new Models.LicenseExpression(its));
    part.externalReferences.add(
      new Models.ExternalReference(url, Enums.ExternalReferenceType.Website),
    );
    return part;
  });
  for (const runtime of carried) for (const part of parts) runtime.dependencies.add(part.bomRef);

  const program = new Models.Component(Enums.ComponentType.Application, "tako", {
    bomRef: "tako",
    version,
    description,
  });
  program.licenses.add(new Models.LicenseExpression(license));
  program.properties.add(new Models.Property("commit", commit));
  for (const [name, digest] of Object.entries(binaries)) {
    const file = new Models.Component(Enums.ComponentType.File, name, { bomRef: name });
    file.hashes.set(Enums.HashAlgorithm["SHA-256"], digest);
    program.components.add(file);
  }
  for (const { bomRef } of [...bundled, ...carried]) program.dependencies.add(bomRef);

  const bom = new Models.Bom();
  bom.metadata.component = program;
  for (const component of [...bundled, ...carried, ...parts]) bom.components.add(component);
  const factory = new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6);
  const text = new Serialize.JsonSerializer(factory).serialize(bom, { sortLists: true, space: 2 });
  return `${text}\n`;
}

/** A package of the registry. @param integrity its SHA-512 in base64 */
function registered(name: string, its: string, expression: string, integrity: string) {
  const component = new Models.Component(Enums.ComponentType.Library, name, {
    bomRef: `${name}@${its}`,
    version: its,
    purl: `pkg:npm/${name.replace("@", "%40")}@${its}`,
  });
  component.licenses.add(new Models.LicenseExpression(expression));
  component.hashes.set(
    Enums.HashAlgorithm["SHA-512"],
    Buffer.from(integrity, "base64").toString("hex"),
  );
  return component;
}

/** What a lock file says of a package's archive. */
function integrityIn(lock: string, name: string): string {
  const text = readFileSync(join(repository, lock), "utf8");
  const line = text.split("\n").find((each) => each.includes(`"${name}": ["${name}@`));
  const [, integrity] = /"sha512-([^"]+)"/.exec(line ?? "") ?? [];
  if (integrity === undefined) throw new Error(`${lock} has no digest of ${name}`);
  return integrity;
}
