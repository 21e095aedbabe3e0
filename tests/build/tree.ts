// A tree of its own to build: what a clone has, as the first commit of a repository, and the bundled packages.

import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { BUNDLED } from "../../scripts/build/packages.ts";

const repository = join(import.meta.dir, "../..");

const CLONED = [
  ".gitignore",
  "LICENSE",
  "NOTICE",
  "conformance",
  "fixtures",
  "package.json",
  "scripts",
  "src",
];

/** The same files make the same commit, whenever and wherever. */
const IDENTITY = {
  GIT_AUTHOR_NAME: "A",
  GIT_AUTHOR_EMAIL: "a@example.org",
  GIT_AUTHOR_DATE: "@1000000000 +0000",
  GIT_COMMITTER_NAME: "A",
  GIT_COMMITTER_EMAIL: "a@example.org",
  GIT_COMMITTER_DATE: "@1000000000 +0000",
};

/** How the words of a command line are run where a tree is, which may be in another mount namespace. */
type Within = (words: readonly string[]) => string[];

const HERE: Within = (words) => [...words];

export class Tree {
  readonly folder: string;
  readonly #within: Within;

  /**
   * @param folder a new one
   * @param seen where this process sees it
   */
  constructor(folder: string, within = HERE, seen = folder) {
    this.folder = folder;
    this.#within = within;
    mkdirSync(seen, { recursive: true });
    for (const path of CLONED)
      cpSync(join(repository, path), join(seen, path), { recursive: true });
    for (const name of BUNDLED) {
      const [from, to] = [repository, seen].map((root) => join(root, "node_modules", name));
      cpSync(from ?? "", to ?? "", { recursive: true, dereference: true });
    }
    this.git("init", "--quiet");
    this.git("add", ".");
    this.git("commit", "--quiet", "--message=All");
  }

  git(...words: readonly string[]): string {
    const env = { PATH: process.env["PATH"], HOME: this.folder, ...IDENTITY };
    const child = Bun.spawnSync(this.#within(["git", "-C", this.folder, ...words]), { env });
    if (!child.success) throw new Error(`git ${words[0]}: ${child.stderr}`);
    return child.stdout.toString().trim();
  }

  /** `bun run build`, without the installation before it. */
  build({ umask = "022", env = {} }: { umask?: string; env?: Record<string, string> } = {}) {
    const script = 'umask "$1" && cd "$2" && exec "$3" scripts/build.ts';
    const words = ["sh", "-c", script, "sh", umask, this.folder, process.execPath];
    const child = Bun.spawnSync(this.#within(words), { env: { ...process.env, ...env } });
    return { status: child.exitCode, stderr: child.stderr.toString() };
  }
}
