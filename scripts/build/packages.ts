// The packages that go into the binary, held against the digests of packages.sha256 before they do. The list has
// the form of sha256sum, so `cd node_modules && sha256sum --check ../scripts/build/packages.sha256` says the same.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Glob } from "bun";
import { dependencies } from "../../package.json";

export const LIST = join(import.meta.dir, "packages.sha256");

/** Their names, in the order of package.json. */
export const BUNDLED: readonly string[] = Object.keys(dependencies);

/**
 * Copies the bundled packages, and nothing else, from one node_modules to another. What is checked is what is copied.
 *
 * @throws Error - with a line for each file that is changed, missing or surplus
 */
export function copyBundled(from: string, to: string): void {
  const listed = new Map(
    Array.from(readFileSync(LIST, "utf8").matchAll(/^([0-9a-f]{64}) {2}(.+)$/gm), (match) => [
      match[2] ?? "",
      match[1],
    ]),
  );
  const problems: string[] = [];
  for (const path of bundledFiles(from)) {
    const bytes = readFileSync(join(from, path));
    const digest = listed.get(path);
    listed.delete(path);
    if (digest === undefined) problems.push(`${path} is not a file of the package`);
    else if (digest !== Bun.SHA256.hash(bytes, "hex")) problems.push(`${path} is changed`);
    const file = join(to, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, bytes);
  }
  problems.push(...Array.from(listed.keys(), (path) => `${path} is missing`));
  if (problems.length === 0) return;
  throw new Error(
    [
      ...problems.map((problem) => `${from}: ${problem}`),
      "Remove node_modules and install again. After an update of a package, `bun run pin-packages`, and look at what is new.",
    ].join("\n"),
  );
}

/** What packages.sha256 has to say of these packages. */
export function listBundled(from: string): string {
  const lines = bundledFiles(from).map(
    (path) => `${Bun.SHA256.hash(readFileSync(join(from, path)), "hex")}  ${path}\n`,
  );
  return lines.join("");
}

function bundledFiles(folder: string): string[] {
  const glob = new Glob("**/*");
  const found = BUNDLED.flatMap((name) =>
    [...glob.scanSync({ cwd: join(folder, name), dot: true })].map((path) => `${name}/${path}`),
  );
  return found.toSorted();
}
