// Which external programs a test needs, and what to install when one is missing.
//
//   const nginx = needs("nginx");
//   test.skipIf(nginx.missing)("ORG-2: …", async () => { … });
//
// A test without its program is skipped; `bun run test` prints the one line that installs them all.
// In CI everything must be there: scripts/test.ts counts a skipped test as failed.

import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Each program's Debian package. */
const packages = {
  apache2: "apache2",
  aws: "awscli",
  bindfs: "bindfs",
  ceph: "ceph-common",
  "ceph-mon": "ceph-mon",
  "ceph-osd": "ceph-osd",
  cryptography: "python3-cryptography",
  curl: "curl",
  debootstrap: "debootstrap",
  "dpkg-gencontrol": "dpkg-dev",
  fish: "fish",
  gcc: "gcc",
  git: "git",
  groff: "groff",
  jq: "jq",
  "libc6-arm64-cross": "libc6-arm64-cross",
  lintian: "lintian",
  mandb: "man-db",
  mandoc: "mandoc",
  "mkfs.btrfs": "btrfs-progs",
  "mkfs.ext4": "e2fsprogs",
  "mkfs.xfs": "xfsprogs",
  mksquashfs: "squashfs-tools",
  musl: "musl",
  nginx: "nginx-light",
  openssl: "openssl",
  "prometheus-node-exporter": "prometheus-node-exporter",
  promtool: "prometheus",
  prove: "perl",
  pyftpdlib: "python3-pyftpdlib",
  python3: "python3",
  "qemu-aarch64": "qemu-user",
  "qemu-x86_64": "qemu-user",
  radosgw: "radosgw",
  rclone: "rclone",
  readelf: "binutils",
  squid: "squid",
  sshd: "openssh-server",
  strace: "strace",
  sudo: "sudo",
  systemd: "systemd",
  tinyproxy: "tinyproxy",
  tmux: "tmux",
  xmllint: "libxml2-utils",
  zstandard: "python3-zstandard",
  zsh: "zsh",
  zstd: "zstd",
};

/** Those that are no programs: a file that the package has. */
const files: Partial<Record<keyof typeof packages, string>> = {
  "libc6-arm64-cross": "/usr/aarch64-linux-gnu/lib/ld-linux-aarch64.so.1",
  musl: "/lib/ld-musl-x86_64.so.1",
};

export type Program = keyof typeof packages;

export interface Need {
  readonly missing: boolean;
  /** Why the tests are skipped, when they are. */
  readonly reasons: readonly string[];
}

/** What of these programs can't be used here. The finding is noted for the end of `bun run test`. */
export function needs(...programs: readonly Program[]): Need {
  const reasons: string[] = [];
  for (const program of programs) {
    const reason = whyNot(program);
    if (reason === undefined) continue;
    reasons.push(reason);
    note(program, reason);
  }
  return { missing: reasons.length > 0, reasons };
}

/** The path of a program; /usr/sbin is not in every user's PATH. */
export function programPath(name: string): string | null {
  return Bun.which(name, { PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin` });
}

function whyNot(program: Program): string | undefined {
  if (program === "systemd") return whyNoSystemd();
  if (program === "cryptography" || program === "pyftpdlib" || program === "zstandard")
    return whyNoPythonModule(program);
  const path = files[program] ?? programPath(program);
  return path === null || !existsSync(path) ? `${program} is not installed` : undefined;
}

/** Debian's modules belong to Debian's Python, which need not be the first in PATH. */
function whyNoPythonModule(module: string): string | undefined {
  const python = "/usr/bin/python3";
  const isThere = existsSync(python) && Bun.spawnSync([python, "-c", `import ${module}`]).success;
  return isThere ? undefined : `the Python module ${module} is not installed`;
}

function whyNoSystemd(): string | undefined {
  if (!existsSync("/lib/systemd/systemd")) return "systemd is not installed";
  const namespaces = ["--mount", "--pid", "--fork", "--cgroup", "--uts", "--ipc", "--mount-proc"];
  const attempt = Bun.spawnSync([
    "unshare",
    ...namespaces,
    "mount",
    "-t",
    "tmpfs",
    "tmpfs",
    "/mnt",
  ]);
  if (attempt.success) return undefined;
  return `a systemd of its own needs root and namespaces (${attempt.stderr.toString().trim()})`;
}

/** One file for each missing program: its package, if that would help, and the reason. */
function note(program: Program, reason: string): void {
  const folder = process.env["TAKO_TEST_MISSING"];
  if (folder === undefined) return;
  const debianPackage = reason.includes("installed") ? packages[program] : undefined;
  writeFileSync(join(folder, program), JSON.stringify({ debianPackage, reason }));
}
