// What is in the Debian package, by the programs of Debian that judge packages.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { version } from "../../package.json";
import { type Commit, debianVersion } from "../../scripts/deb/version.ts";
import { needs } from "../support/needs.ts";
import { sha256sumOfFile } from "../support/publishing.ts";
import { makeDeb, must } from "./deb.ts";

const dpkg = needs("dpkg-gencontrol");
const repository = join(import.meta.dir, "../..");
/** The sources of an archive have no commit. */
const isClone = existsSync(join(repository, ".git")) && Bun.which("git") !== null;

const git = (...words: string[]) =>
  must(["git", "-c", `safe.directory=${repository}`, "-C", repository, ...words]).trim();

describe.skipIf(dpkg.missing)("the version of a package", () => {
  const commit: Commit = {
    id: "0123456789abcdef0123456789abcdef01234567",
    seconds: 1_767_225_599, // date --utc --date '2025-12-31 23:59:59' +%s
    released: false,
    changed: false,
  };

  test("names the release to come, the time and the commit", () => {
    expect(debianVersion("1.2.3", commit)).toBe("1.2.3~git20251231235959.0123456789ab-1");
    expect(debianVersion("1.2.3", { ...commit, released: true })).toBe("1.2.3-1");
    expect(debianVersion("1.2.3", undefined)).toBe("1.2.3~local-1");
  });

  test("grows for dpkg with the time of the commit, whatever its digits, up to the release and to the next one", () => {
    const later = { ...commit, id: `00${commit.id.slice(2)}`, seconds: commit.seconds + 1 };
    const versions = [
      debianVersion("1.2.3", commit),
      debianVersion("1.2.3", { ...commit, changed: true }),
      debianVersion("1.2.3", later),
      debianVersion("1.2.3", { ...later, released: true }),
      debianVersion("1.3.0", commit),
    ];
    for (const [index, newer] of versions.slice(1).entries())
      must(["dpkg", "--compare-versions", versions[index] ?? "", "lt", newer]);
  });
});

describe.skipIf(dpkg.missing)("the package", () => {
  let folder: string;
  let deb: string;
  let tree: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "tako-deb-"));
    deb = makeDeb(folder);
    tree = join(folder, "tree");
    must(["dpkg-deb", "--extract", deb, tree]);
  }, 120_000);
  afterAll(() => rmSync(folder, { recursive: true }));

  const field = (name: string) => must(["dpkg-deb", "--field", deb, name]).trim();

  test("the same commit and binary give the same bytes, whatever umask, time zone and folder", () => {
    const elsewhere = join(folder, "elsewhere");
    mkdirSync(elsewhere);
    const around = ["env", "TZ=Asia/Tokyo", "LC_ALL=C", `TMPDIR=${elsewhere}`];
    const again = makeDeb(join(folder, "again"), [
      ...around,
      "sh",
      "-c",
      'umask 077; exec "$@"',
      "sh",
    ]);
    expect(sha256sumOfFile(again)).toBe(sha256sumOfFile(deb));
  }, 60_000);

  test("is of this architecture and needs the C library alone", () => {
    expect(field("Architecture")).toBe(must(["dpkg", "--print-architecture"]).trim());
    expect(field("Version")).toMatch(new RegExp(`^${RegExp.escape(version)}[~+-]`));
    expect(field("Depends")).toMatch(/^libc6 \(>= [\d.]+\)$/);
  });

  test("all of it belongs to root, and has the time of the commit", () => {
    const seconds = isClone
      ? git("show", "--no-patch", "--format=%ct", "HEAD")
      : must(["stat", "--format=%Y", join(repository, "package.json")]).trim();
    const time = must(["date", "--utc", "--date", `@${seconds}`, "+%F %R"]);
    const lines = must(["dpkg-deb", "--contents", deb], { TZ: "UTC" }).trim().split("\n");
    const kinds = lines.map((line) => line.replace(/^.{10} (\S+) +\d+ (\S+ \S+) .*$/, "$1 $2"));
    expect([...new Set(kinds)]).toEqual([`root/root ${time.trim()}`]);
  });

  test("has the pages of docs/man, compressed", () => {
    for (const page of readdirSync(join(repository, "docs/man"))) {
      const installed = join(tree, `usr/share/man/man${page.slice(-1)}`, `${page}.gz`);
      expect(must(["zcat", installed])).toBe(
        readFileSync(join(repository, "docs/man", page), "utf8"),
      );
    }
  });

  test("has the units of systemd/ as they are", () => {
    for (const unit of new Bun.Glob("tako-*").scanSync(join(repository, "systemd")))
      expect(readFileSync(join(tree, "usr/lib/systemd/system", unit), "utf8")).toBe(
        readFileSync(join(repository, "systemd", unit), "utf8"),
      );
  });

  test("its changelog is one for dpkg", () => {
    const changelog = must(["zcat", join(tree, "usr/share/doc/tako/changelog.Debian.gz")]);
    const commit = isClone && git("rev-parse", "HEAD");
    expect(changelog).toContain(commit || "an archive of the sources");
    const parsed = Bun.spawnSync(["dpkg-parsechangelog", "-l-", "-SVersion"], {
      stdin: Buffer.from(changelog),
    });
    expect(parsed.stdout.toString().trim()).toBe(field("Version"));
  });

  test.skipIf(needs("lintian").missing)(
    "lintian finds nothing wrong in it, and every override is of use",
    () => {
      const { stdout, exitCode } = Bun.spawnSync([
        "lintian",
        "--allow-root",
        "--fail-on=error,warning",
        "--display-info",
        "--pedantic",
        deb,
      ]);
      expect([exitCode, stdout.toString()]).toEqual([0, ""]);
    },
    120_000,
  );
});
