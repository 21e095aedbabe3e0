// `bun run deb [FOLDER]`: the Debian package of dist/tako, for the architecture of this machine (docs/packages.md). What is in
// packaging/debian/ is as in a source package; Debian's own tools make the rest of it. The same commit and the same
// binary give the same bytes: the only time in a package is that of its commit, and all in it belongs to root.

import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Glob } from "bun";
import { version } from "../package.json";
import { run } from "./deb/run.ts";
import { commitOf, timeOf } from "./deb/source.ts";
import { installTree } from "./deb/tree.ts";
import { type Commit, debianVersion } from "./deb/version.ts";

const root = join(import.meta.dir, "..");
const debian = join(root, "packaging/debian");

/** Who answers for a package: as all of Debian's tools, by these variables. */
const { DEBFULLNAME = "Tako", DEBEMAIL = "tako@package.invalid" } = process.env;
const maintainer = `${DEBFULLNAME} <${DEBEMAIL}>`;

process.umask(0o022);
const folder = process.argv[2] ?? join(root, "dist");
const scratch = mkdtempSync(join(tmpdir(), "tako-deb-"));
try {
  console.log(build());
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

/** The path of the package. */
function build(): string {
  const commit = commitOf(root, `v${version}`);
  const seconds = timeOf(root, commit);
  const epoch = { SOURCE_DATE_EPOCH: String(seconds) };
  const stage = join(scratch, "stage");
  const changelog = changelogOf(commit, seconds);
  installTree(root, stage, changelog);

  // Where dpkg's tools look for them.
  mkdirSync(join(scratch, "debian"));
  copyFileSync(join(debian, "control"), join(scratch, "debian/control"));
  writeFileSync(join(scratch, "debian/changelog"), changelog);
  const libraries = run(scratch, ["dpkg-shlibdeps", "-O", join(stage, "usr/bin/tako")]);
  writeFileSync(join(scratch, "debian/substvars"), `${libraries}tako:Maintainer=${maintainer}\n`);
  const sums = run(stage, ["md5sum", ...files(stage)]);
  const control = run(scratch, ["dpkg-gencontrol", "-ptako", `-P${stage}`, "-O"], epoch);

  mkdirSync(join(stage, "DEBIAN"));
  writeFileSync(join(stage, "DEBIAN/control"), control);
  writeFileSync(join(stage, "DEBIAN/md5sums"), sums);
  for (const script of ["postinst", "prerm", "postrm"]) {
    copyFileSync(join(debian, script), join(stage, "DEBIAN", script));
    chmodSync(join(stage, "DEBIAN", script), 0o755);
  }
  run(stage, ["find", ".", "-exec", "touch", "--date", `@${seconds}`, "{}", "+"]);

  mkdirSync(folder, { recursive: true });
  const words = ["dpkg-deb", "--root-owner-group", "--build", stage, folder];
  return /'([^']*\.deb)'/.exec(run(scratch, words, epoch))?.[1] ?? "";
}

/** What is installed, by paths below `stage`, in an order that no disk decides. */
function files(stage: string): string[] {
  return Array.from(new Glob("**/*").scanSync({ cwd: stage, dot: true })).toSorted();
}

function changelogOf(commit: Commit | undefined, seconds: number): string {
  const source = commit === undefined ? "an archive of the sources" : `the commit ${commit.id}`;
  const date = run(root, ["date", "--utc", "--rfc-email", "--date", `@${seconds}`]);
  return `tako (${debianVersion(version, commit)}) unstable; urgency=medium

  * Built from ${source}.
    What is new is in changelog.gz.

 -- ${maintainer}  ${date}`;
}
