// `bun run pack-fixtures [FOLDER]`: the fixtures and the pages of the specification as one archive, for implementations that
// do not use Tako's suite. The same tree gives the same bytes: names sorted, no time, no owner.

import { mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { Glob } from "bun";
import { SPEC_VERSION } from "../conformance/version.ts";

const root = join(import.meta.dir, "..");
const folder = process.argv[2] ?? join(root, "dist");
const name = `tako-fixtures-${SPEC_VERSION}`;

const paths = ["LICENSE", "fixtures/**/*", "spec/*.md"]
  .flatMap((pattern) => [...new Glob(pattern).scanSync(root)])
  .filter((path) => !path.includes("__pycache__"))
  .toSorted();

const tar = Bun.spawnSync(
  [
    "tar",
    "--create",
    "--format=ustar",
    "--mtime=@0",
    "--owner=0",
    "--group=0",
    "--numeric-owner",
    "--mode=u=rwX,go=rX",
    `--transform=s,^,${name}/,`,
    "--null",
    "--verbatim-files-from",
    "--files-from=-",
  ],
  { cwd: root, stdin: new TextEncoder().encode(paths.map((path) => `${path}\0`).join("")) },
);
if (tar.success) {
  // gzip by Bun, whose version is pinned: no two versions of a gzip need to write the same bytes.
  const archive = Bun.gzipSync(new Uint8Array(tar.stdout), { level: 9 });
  const file = join(folder, `${name}.tar.gz`);
  mkdirSync(folder, { recursive: true });
  await Bun.write(`${file}.new`, archive);
  renameSync(`${file}.new`, file);
  console.log(`${Bun.SHA256.hash(archive, "hex")}  ${file}`);
} else {
  process.stderr.write(tar.stderr);
}
process.exitCode = tar.exitCode;
