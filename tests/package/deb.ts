// The Debian package as `bun run deb` makes it, a newer one, and the machine that it is installed in.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { programs } from "../support/program.ts";
import { startMachine } from "../systemd/machine.ts";

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

/** A machine without Tako, and with these files. @param root of which Debian */
export async function bareMachine(root: string, bind: Readonly<Record<string, string>>) {
  const machine = await startMachine({ root, bind });
  // What the one that runs the tests may have; policy-rc.d keeps packages in a container from what they do on a host.
  await machine.run(["dpkg", "--purge", "tako"]);
  const traces = ["/etc/tako", "/usr/local/bin/tako", "/usr/sbin/policy-rc.d"];
  await machine.must("rm", "-rf", ...traces);
  return machine;
}

/** Whether debootstrap is to make the Debian that the package is tried in. */
export const debootstraps = process.env["TAKO_TEST_DEBOOTSTRAP"] !== undefined;

/**
 * A Debian to install it in: one with no more than systemd, which debootstrap makes in this folder, from where apt takes
 * its packages; else that of the machine that runs the tests.
 */
export function debianRoot(folder: string): string {
  if (!debootstraps) return "/";
  const release = /^VERSION_CODENAME=(\S+)$/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1];
  if (release === undefined) throw new Error("/etc/os-release has no VERSION_CODENAME");
  const indexes = ["Created-By: Packages", "Component: main", `Codename: ${release}`];
  const [mirror] = must(["apt-get", "indextargets", "--format=$(REPO_URI)", ...indexes]).split(
    "\n",
  );
  if (!mirror) throw new Error(`apt knows no packages of ${release}: apt-get update`);
  const target = join(folder, "debian");
  mkdirSync(target);
  must(["debootstrap", "--variant=minbase", "--include=systemd", release, target, mirror]);
  return target;
}

/** The standard output of a program that has to go well. */
export function must(words: readonly string[], env: Readonly<Record<string, string>> = {}): string {
  const child = Bun.spawnSync([...words], { env: { ...process.env, ...env } });
  if (child.success) return child.stdout.toString();
  throw new Error(`${words.join(" ")}: ${child.stderr}${child.stdout}`);
}
