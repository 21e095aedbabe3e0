// The mutants that do not matter, each with its reason (scripts/mutants.toml), and how a mutant is told.

import { join } from "node:path";
import { parse } from "smol-toml";
import type { Mutant } from "./operators.ts";

/** A mutant in words that hold as long as its line stays as it is. */
export interface Description {
  readonly file: string;
  readonly in: string;
  readonly was: string;
  readonly becomes: string;
}

const PLACE = join(import.meta.dir, "../mutants.toml");

export function describe({ file, start, end, text }: Mutant, source: string): Description {
  const line = source.slice(source.lastIndexOf("\n", start - 1) + 1).split("\n", 1)[0] ?? "";
  return {
    file,
    in: line.trim(),
    was: shortened(source.slice(start, end)),
    becomes: shortened(text),
  };
}

function shortened(text: string): string {
  const line = text.replaceAll(/\s+/g, " ");
  return line.length <= 100 ? line : `${line.slice(0, 60)} ... ${line.slice(-35)}`;
}

export function sameMutant(a: Description, b: Description): boolean {
  return (["file", "in", "was", "becomes"] as const).every((key) => a[key] === b[key]);
}

/** @throws Error - an entry without all of its keys */
export async function readExcused(): Promise<readonly Description[]> {
  const { mutant = [] } = parse(await Bun.file(PLACE).text());
  if (!Array.isArray(mutant)) throw new Error("mutants.toml: expected [[mutant]]");
  return mutant.map((entry, index) => {
    const value = (key: string): string => {
      const text: unknown = Object(entry)[key];
      if (typeof text === "string" && (text !== "" || key === "becomes")) return text;
      throw new Error(`mutants.toml: mutant ${index + 1} has no ${key}`);
    };
    value("why");
    return {
      file: value("file"),
      in: value("in"),
      was: value("was"),
      becomes: value("becomes"),
    };
  });
}

/** As an entry of mutants.toml, to which the reason is to be added. */
export function asEntry(mutant: Description): string {
  const lines = (["file", "in", "was", "becomes"] as const).map(
    (key) => `${key} = ${quoted(mutant[key])}`,
  );
  return ["[[mutant]]", ...lines].join("\n");
}

function quoted(text: string): string {
  return text.includes("'") ? JSON.stringify(text) : `'${text}'`;
}
