// `bun run build`: the same bytes from the same commit, wherever it is built, and only of packages that are what they were.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dependencies, packageManager, version } from "../../package.json";
import { commitOf } from "../../scripts/build/git.ts";
import { LIST } from "../../scripts/build/packages.ts";
import { dependencies as runtimes } from "../../scripts/build/runtimes/package.json";
import { needs } from "../support/needs.ts";
import { sha256sumOfFile } from "../support/publishing.ts";
import { canMount, mountTmpfs } from "../support/tmpfs.ts";
import { Tree } from "./tree.ts";

const missing = needs("git").missing;

const root = join(import.meta.dir, "../..");
const scratch = mkdtempSync(join(tmpdir(), "tako-built-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const BUILD_MS = 120_000;

test.skipIf(missing || !canMount)(
  "CLI-80: one commit in two folders gives the same bytes, which name it",
  async () => {
    const here = new Tree(join(scratch, "here"));
    const mounted = join(scratch, "mounted");
    mkdirSync(mounted);
    // Another file system lists the files in another order.
    await using tmpfs = await mountTmpfs(mounted, 500_000_000);
    const place = "a folder/of another depth";
    const there = new Tree(join(mounted, place), tmpfs.command, join(tmpfs.path, place));
    const env = { TZ: "Asia/Tokyo", LC_ALL: "C", HOME: "/nonexistent" };
    const built = { status: 0, stderr: "" };
    expect([here.build(), there.build({ umask: "077", env })]).toEqual([built, built]);
    const one = join(here.folder, "dist/tako");
    const other = join(tmpfs.path, place, "dist/tako");
    expect(sha256sumOfFile(other)).toBe(sha256sumOfFile(one));
    const commit = here.git("rev-parse", "HEAD").slice(0, 12);
    const { stdout } = Bun.spawnSync([one, "--version"]);
    expect(`${stdout}`).toBe(`tako ${version} (${commit})\n`);
    for (const folder of [scratch, "tako-build-", root])
      expect(
        Bun.spawnSync(["grep", "--quiet", "--text", "--fixed-strings", folder, one]).exitCode,
      ).toBe(1);
  },
  BUILD_MS,
);

test.skipIf(missing)(
  "CLI-80: without git all files are built, and no commit is named",
  () => {
    const tree = new Tree(join(scratch, "archive"));
    rmSync(join(tree.folder, ".git"), { recursive: true });
    expect(tree.build()).toEqual({ status: 0, stderr: "" });
    const said = (...words: string[]) => Bun.spawnSync(words).stdout.toString();
    const binary = join(tree.folder, "dist/tako");
    expect(said(binary, "--version")).toBe(`tako ${version}\n`);
    expect(said(binary, "conformance", "--list")).toBe(
      said(process.execPath, join(root, "src/main.ts"), "conformance", "--list"),
    );
  },
  BUILD_MS,
);

describe.skipIf(missing)("CLI-80: the commit", () => {
  const folder = join(scratch, "commit");
  test("is that of the tree itself, and says where files differ from it", () => {
    const commit = new Tree(folder).git("rev-parse", "HEAD").slice(0, 12);
    expect(commitOf(folder)).toBe(commit);
    writeFileSync(join(folder, "src/new.ts"), "");
    expect(commitOf(folder)).toBe(`${commit}, changed`);
    rmSync(join(folder, "src/new.ts"));
    appendFileSync(join(folder, "src/main.ts"), "\n");
    expect(commitOf(folder)).toBe(`${commit}, changed`);
  });

  test("is none of a tree without git, or in a folder of another", () => {
    expect(commitOf(scratch)).toBeUndefined();
    expect(commitOf(join(folder, "src"))).toBeUndefined();
  });
});

describe.skipIf(missing)("a bundled package that is not what was pinned is not built in", () => {
  const folder = join(scratch, "pinned");
  const modules = join(folder, "node_modules");
  let tree: Tree;
  beforeAll(() => {
    tree = new Tree(folder);
  });

  test("sha256sum says that those here are", () => {
    const checked = Bun.spawnSync(["sha256sum", "--check", "--strict", "--quiet", LIST], {
      cwd: modules,
    });
    expect([checked.exitCode, `${checked.stderr}`]).toEqual([0, ""]);
  });

  test.each([
    [
      "@noble/hashes/sha2.js",
      () => appendFileSync(join(modules, "@noble/hashes/sha2.js"), ";\n"),
      "is changed",
    ],
    [
      "@noble/ed25519/index.js",
      () => rmSync(join(modules, "@noble/ed25519/index.js")),
      "is missing",
    ],
    [
      "citty/dist/more.mjs",
      () => writeFileSync(join(modules, "citty/dist/more.mjs"), ""),
      "is not a file of the package",
    ],
    [
      "smol-toml/LICENSE",
      () => appendFileSync(join(modules, "smol-toml/LICENSE"), "MIT\n"),
      "is changed",
    ],
  ] as const)("%s", (path, spoil, problem) => {
    spoil();
    const { status, stderr } = tree.build();
    expect(status).toBe(1);
    expect(stderr).toContain(`${modules}: ${path} ${problem}\n`);
    expect(stderr).toEndWith("look at what is new.\n");
    expect(existsSync(join(folder, "dist/tako"))).toBe(false);
  });
});

test("the list names the bundled packages, all of them, and no other", () => {
  const lines = readFileSync(LIST, "utf8").matchAll(/^[0-9a-f]{64} {2}((?:@[^/]+\/)?[^/]+)\//gm);
  const listed = Array.from(lines, ([, name]) => name ?? "");
  expect([...new Set(listed)].toSorted()).toEqual(Object.keys(dependencies).toSorted());
});

test("the runtimes of a release are of the version that the project is built with", () => {
  for (const its of Object.values(runtimes)) expect(`bun@${its}`).toBe(packageManager);
});
