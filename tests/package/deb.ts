// The Debian package as `bun run deb` makes it, the Debian that it is installed in, and a newer package.

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { programs } from "../support/program.ts";

const root = join(import.meta.dir, "../..");

/** Compressed for speed: what is compressed is the same. */
const QUICK = { DPKG_DEB_COMPRESSOR_TYPE: "gzip", DPKG_DEB_COMPRESSOR_LEVEL: "1" };

/** Makes the package in this folder. Its path. */
export function makeDeb(folder: string, before: readonly string[] = []): string {
  // The binary is built when it is too old.
  if (programs[1]?.name !== "binary") throw new Error("no binary");
  return must([...before, process.execPath, join(root, "scripts/deb.ts"), folder], QUICK).trim();
}

/** The same package with a version one commit later, in which these files are others. Its path. */
export function newerDeb(
  deb: string,
  folder: string,
  changes: Readonly<Record<string, (text: string) => string>>,
): string {
  const tree = join(folder, "newer");
  must(["dpkg-deb", "--raw-extract", deb, tree]);
  const later = (control: string) => control.replace(/^(Version: .*)-1$/m, "$1.1-1");
  for (const [file, change] of Object.entries({ "DEBIAN/control": later, ...changes })) {
    const before = readFileSync(join(tree, file), "utf8");
    const after = change(before);
    if (after === before) throw new Error(`${file} is as before`);
    writeFileSync(join(tree, file), after);
  }
  const newer = join(folder, "newer.deb");
  must(["dpkg-deb", "--root-owner-group", "-Znone", "--build", tree, newer]);
  return newer;
}

/**
 * A Debian to install it in: with TAKO_TEST_DEBOOTSTRAP one that debootstrap makes in this folder, from where apt takes its
 * packages, with no more in it than systemd; else that of the machine that runs the tests.
 */
export function debianRoot(folder: string): string {
  if (process.env["TAKO_TEST_DEBOOTSTRAP"] === undefined) return "/";
  const release = /^VERSION_CODENAME=(\S+)$/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1];
  if (release === undefined) throw new Error("/etc/os-release has no VERSION_CODENAME");
  const indexes = ["Created-By: Packages", "Component: main", `Codename: ${release}`];
  const [mirror] = must(["apt-get", "indextargets", "--format=$(REPO_URI)", ...indexes]).split(
    "\n",
  );
  if (!mirror) throw new Error(`apt has no sources of ${release}`);
  const target = join(folder, "debian");
  mkdirSync(target);
  must(["debootstrap", "--variant=minbase", "--include=systemd", release, target, mirror]);
  if (!readdirSync(target).includes("etc")) throw new Error("debootstrap left nothing");
  return target;
}

/** The standard output of a program that has to go well. */
export function must(words: readonly string[], env: Readonly<Record<string, string>> = {}): string {
  const child = Bun.spawnSync([...words], { env: { ...process.env, ...env } });
  if (child.success) return child.stdout.toString();
  throw new Error(`${words.join(" ")}: ${child.stderr}${child.stdout}`);
}
