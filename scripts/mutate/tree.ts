// A copy of the repository to plant faults in, and runs of single test files there. The repository itself is never
// changed.

import { chmodSync, cpSync, mkdirSync, mkdtempSync, symlinkSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const repository = join(import.meta.dir, "../..");

/** How a test file ended. What takes too long was changed so that it hangs: that is noticed, too. */
export type Verdict = "passed" | "failed" | "too long";

/** A test that has ended, with its describes before the title as Bun prints them: `describe > title`. */
export interface Ended {
  readonly title: string;
  readonly ms: number;
  readonly passed: boolean;
}

export interface TestRun {
  readonly verdict: Verdict;
  readonly ended: readonly Ended[];
}

export interface TestOptions {
  /** All tests of the file unless given. */
  readonly titles?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** One test after the other, also where they say that they are concurrent. */
  readonly inTurn?: boolean;
}

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

  /** Runs tests of a file until the first failure, and ends them with all that they started when their time is over. */
  async test(
    path: string,
    limitMs: number,
    { titles, env = {}, inTurn = false }: TestOptions = {},
  ): Promise<TestRun> {
    const temporary = await mkdtemp(join(tmpdir(), "tako-mutant-"));
    chmodSync(temporary, 0o1777);
    const output = Bun.file(join(this.root, "..", `${temporary.split("/").at(-1)}.out`));
    const words = [
      ...["test", "--bail", `./${path}`],
      ...(titles === undefined ? [] : ["-t", titlePattern(titles)]),
      ...(inTurn ? ["--max-concurrency=1"] : []),
    ];
    const child = Bun.spawn([process.execPath, ...words], {
      cwd: this.root,
      env: {
        ...process.env,
        TMPDIR: temporary,
        TAKO_PROPERTY_RUNS: "50",
        TAKO_TEST_SOURCES_ONLY: "1",
        ...env,
      },
      // No pipe: what a test leaves behind would hold it open.
      stdio: ["ignore", "ignore", output],
      detached: true, // a group of its own
    });
    let isLate = false;
    const limit = setTimeout(() => {
      isLate = true;
      process.kill(-child.pid, "SIGKILL");
    }, limitMs);
    const status = await child.exited;
    clearTimeout(limit);
    const ended = endedTests(await output.text());
    await rm(temporary, { recursive: true, force: true });
    await output.delete();
    return { verdict: isLate ? "too long" : status === 0 ? "passed" : "failed", ended };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.root, { recursive: true, force: true });
  }
}

/** In Bun's pattern a blank stands between describes and title, in what it prints ` > `. */
function titlePattern(titles: readonly string[]): string {
  const patterns = [...new Set(titles)].map((title) =>
    title
      .split(" > ")
      .map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&"))
      .join("(?: > | )"),
  );
  return `^(?:${patterns.join("|")})$`;
}

function endedTests(output: string): readonly Ended[] {
  return [...output.matchAll(/^\((pass|fail)\) (.*?)(?: \[([\d.]+)ms\])?$/gm)].map(
    ([, word, title = "", ms = "0"]) => ({
      title,
      ms: Math.round(Number(ms)),
      passed: word === "pass",
    }),
  );
}
