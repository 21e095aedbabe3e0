// The source files as the picture needs them: how long each is, and which others it imports.

import { readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { Glob } from "bun";

export interface SourceFile {
  /** From the root of the repository, as are those in `imports`. */
  readonly path: string;
  readonly lines: number;
  /** The files among those read that this one imports, sorted, each once. */
  readonly imports: readonly string[];
}

/** All files of TypeScript in these folders, sorted by path. A folder that is not there has none. */
export function readSources(root: string, folders: readonly string[]): SourceFile[] {
  const paths = folders
    .flatMap((folder) => [...new Glob(`${folder}/**/*.ts`).scanSync(root)])
    .toSorted();
  const known = new Set(paths);
  return paths.map((path) => {
    const source = readFileSync(join(root, path), "utf8");
    const imports = importsOf(source)
      .map((to) => posix.join(posix.dirname(path), to))
      .filter((to) => known.has(to));
    return {
      path,
      lines: source.split("\n").length - 1,
      imports: [...new Set(imports)].toSorted(),
    };
  });
}

const parser = new Bun.Transpiler({ loader: "ts" });

/**
 * What a source names in `import` and `export ... from`, for values or for types, and in `import()`.
 *
 * Bun's parser forgets imports of types. So each import first becomes one for its effect, which no parser may
 * forget: the names between `import` and `from` go. Whether it is one at all, or stands in a comment or a text,
 * the parser says. Only `import("...").Name` within a type stays unseen.
 */
export function importsOf(source: string): string[] {
  const effects = source.replaceAll(/^(?:import|export) [^"'`;=()]*\bfrom (?=")/gm, "import ");
  return parser.scanImports(effects).map(({ path }) => path);
}
