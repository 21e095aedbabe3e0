// A copy of the repository to plant faults in, and runs of single test files there. The repository itself is never
// changed.

import { chmodSync, cpSync, mkdirSync, mkdtempSync, symlinkSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const repository = join(import.meta.dir, "../..");

/** How a test file ended. What takes too long was changed so that it hangs: that is noticed, too. */
export type Verdict = "passed" | "failed" | "too long";

export class Tree implements AsyncDisposable {
  readonly root: string;

  private constructor(root: string) {
    this.root = root;
  }

  /** Copies every file that git knows or does not ignore. */
  static copy(): Tree {
    const root = mkdtempSync(join(tmpdir(), "tako-mutate-"));
    const listed = Bun.spawnSync(["git", "ls-files", "-z", "-co", "--exclude-standard"], {
      cwd: repository,
    });
    for (const path of listed.stdout.toString().split("\0").filter(Boolean)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      cpSync(join(repository, path), join(root, path), { verbatimSymlinks: true });
    }
    chmodSync(root, 0o755); // some tests run the program as another user
    mkdirSync(join(root, "dist"));
    for (const path of ["node_modules", "dist/tako"])
      symlinkSync(join(repository, path), join(root, path));
    return new Tree(root);
  }

  async read(path: string): Promise<string> {
    return await Bun.file(join(this.root, path)).text();
  }

  async write(path: string, text: string): Promise<void> {
    await Bun.write(join(this.root, path), text);
  }

  /** Runs a test file until its first failure, and ends it with all that it started when its time is over. */
  async test(path: string, limitMs: number, env: Record<string, string> = {}): Promise<Verdict> {
    const temporary = await mkdtemp(join(tmpdir(), "tako-mutant-"));
    chmodSync(temporary, 0o1777);
    const child = Bun.spawn([process.execPath, "test", "--bail", `./${path}`], {
      cwd: this.root,
      env: {
        ...process.env,
        TMPDIR: temporary,
        TAKO_PROPERTY_RUNS: "50",
        TAKO_TEST_SOURCES_ONLY: "1",
        ...env,
      },
      stdio: ["ignore", "ignore", "ignore"],
      detached: true, // a group of its own
    });
    let isLate = false;
    const limit = setTimeout(() => {
      isLate = true;
      process.kill(-child.pid, "SIGKILL");
    }, limitMs);
    const status = await child.exited;
    clearTimeout(limit);
    await rm(temporary, { recursive: true, force: true });
    if (isLate) return "too long";
    return status === 0 ? "passed" : "failed";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.root, { recursive: true, force: true });
  }
}
