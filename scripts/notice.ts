// NOTICE, and with it what `tako --licenses` prints: what is in the binary beside Tako, by whom, and the text of each license.
// It follows from the bundled packages and licenses/; `bun run docs` writes it, tests/build/licenses.test.ts holds it current.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "smol-toml";
import { dependencies } from "../package.json";

const repository = join(import.meta.dir, "..");

/** A part of the runtime. */
export interface Component {
  readonly name: string;
  /** Of what, or what its license wants said. */
  readonly note?: string;
  /** A key of `process.versions`. */
  readonly version?: string;
  /** An SPDX expression. */
  readonly license: string;
  readonly copyright: readonly string[];
  readonly url: string;
}

/** The runtime first, then what it links or embeds. */
export function runtimeComponents(): readonly Component[] {
  const { component } = parse(read("licenses/runtime.toml")) as unknown as {
    component: Component[];
  };
  return component;
}

export function noticeText(): string {
  const packages = Object.entries(dependencies).map(([name, version]) =>
    section(`${name} ${version}`, read(`node_modules/${name}/LICENSE`)),
  );
  const runtime = runtimeComponents().map(({ name, note, version, license, copyright, url }) =>
    [
      version === "bun" ? `${name} ${Bun.version}` : name,
      ...(note === undefined ? [] : note.split("\n").map((line) => `  ${line}`)),
      `  ${url}`,
      `  License: ${license}`,
      ...copyright.map((holder) => `  Copyright (c) ${holder}`),
    ].join("\n"),
  );
  const texts = readdirSync(join(repository, "licenses"))
    .filter((name) => name.endsWith(".txt"))
    .toSorted()
    .map((name) => section(name.replace(/\.txt$/, ""), read(`licenses/${name}`)));
  return [
    "Tako\n\nLicensed under the Apache License, Version 2.0: see LICENSE.",
    ABOUT,
    ...packages,
    section("Bun, the runtime in the binary", RELINK),
    ...runtime,
    ...texts,
  ]
    .join("\n\n")
    .concat("\n");
}

const ABOUT = `The following is in the binary, too: four packages, with their licenses as they come, and the runtime with
what it links and embeds, whose licenses are at the end, each once.`;

const RELINK = `Bun links JavaScriptCore and other parts of WebKit, and TinyCC, which are under the GNU Library (Lesser) General
Public License. Its sources, and theirs as Bun uses them, are at the addresses below; Bun's LICENSE.md says how to
build it with a changed WebKit. Tako's sources are open. A build of them by another Bun, \`YOUR-BUN scripts/build.ts\`,
carries that Bun.`;

function section(title: string, text: string): string {
  const rule = "-".repeat(78);
  return `${rule}\n${title}\n${rule}\n\n${text.trimEnd()}`;
}

function read(path: string): string {
  return readFileSync(join(repository, path), "utf8");
}
