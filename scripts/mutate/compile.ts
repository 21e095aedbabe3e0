// The sources as TypeScript's compiler sees them: their syntax trees, and whether a changed file still compiles.

import { join } from "node:path";
import type { SourceFile } from "typescript/unstable/ast";
import { API, type Project } from "typescript/unstable/async";

const repository = join(import.meta.dir, "../..");

/** What only says that something is no longer used: that is no proof that the program works no more. */
const UNUSED = new Set([6133, 6138, 6192, 6196, 6198, 6199]);

export class Compiler implements AsyncDisposable {
  /** What is read in place of a file. */
  readonly #instead = new Map<string, string>();
  readonly #api = new API({
    cwd: repository,
    fs: { readFile: (path) => this.#instead.get(path) },
  });
  #isOpen = false;

  /** @param text what to read in place of the file */
  async sourceFile(path: string, text?: string): Promise<SourceFile> {
    const absolute = join(repository, path);
    return await this.#reading(absolute, text, async ({ program }) => {
      const file = await program.getSourceFile(absolute);
      if (file === undefined) throw new Error(`${path} is not in tsconfig.json`);
      return file;
    });
  }

  /** Whether a file compiles with this text, as far as the file itself tells. */
  async compiles(path: string, text: string): Promise<boolean> {
    const absolute = join(repository, path);
    return await this.#reading(absolute, text, async ({ program }) => {
      const syntactic = await program.getSyntacticDiagnostics(absolute);
      if (syntactic.length > 0) return false;
      const semantic = await program.getSemanticDiagnostics(absolute);
      return semantic.every(({ code }) => UNUSED.has(code));
    });
  }

  async #reading<T>(
    absolute: string,
    text: string | undefined,
    ask: (project: Project) => Promise<T>,
  ): Promise<T> {
    if (text === undefined) return await ask(await this.#project([]));
    this.#instead.set(absolute, text);
    try {
      return await ask(await this.#project([absolute]));
    } finally {
      this.#instead.delete(absolute);
      await this.#project([absolute]);
    }
  }

  async #project(changed: string[]): Promise<Project> {
    const config = join(repository, "tsconfig.json");
    const snapshot = await this.#api.updateSnapshot({
      ...(this.#isOpen ? {} : { openProjects: [config] }),
      ...(changed.length === 0 ? {} : { fileChanges: { changed } }),
    });
    this.#isOpen = true;
    const project = snapshot.getProject(config);
    if (project === undefined) throw new Error("tsconfig.json cannot be read");
    return project;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#api.close();
  }
}
