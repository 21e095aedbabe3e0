// What fuzzing found, kept as a file each in fixtures/fuzz/: an input, its decoder, and why it is
// there. JSON, since an input may hold half of a surrogate pair.

import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const FOLDER = join(import.meta.dir, "../../fixtures/fuzz");

export interface Finding {
  /** Its key in the table of decoders. */
  readonly decoder: string;
  /** What the input once broke, or nearly does. */
  readonly why: string;
  /** Of bytes: one character each. */
  readonly input: string;
}

/** All of them, by the names of their files. */
export function readCorpus(): readonly (Finding & { readonly name: string })[] {
  const names = readdirSync(FOLDER).filter((name) => name.endsWith(".json"));
  return names.sort().map((name) => ({
    name,
    ...(JSON.parse(readFileSync(join(FOLDER, name), "utf8")) as Finding),
  }));
}

/** Writes a finding down, under a name that the same input always gets. @returns its path */
export function keep({ decoder, why, input }: Finding): string {
  const digest = createHash("sha256")
    .update(JSON.stringify([decoder, input]))
    .digest("hex");
  mkdirSync(FOLDER, { recursive: true });
  const path = join(FOLDER, `${decoder}-${digest.slice(0, 12)}.json`);
  // Control characters and what is no ASCII as escapes, so that any editor shows the same.
  const text = JSON.stringify({ decoder, why, input }, undefined, 2).replace(
    /[^\n\x20-\x7e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  writeFileSync(path, `${text}\n`);
  return path;
}
