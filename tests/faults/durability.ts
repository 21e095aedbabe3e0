// What a power loss could still take away while a program changes a directory: followed from its calls,
// also over several runs of which some were killed. The laws are DST-15, DST-20 to DST-22, PUB-13, PUB-14 and PRU-22.

import type { Call } from "./strace.ts";

/** A destination of `tako fetch`, or an origin, the output directory of `tako store`. */
export type TreeKind = "destination" | "origin";

const IMAGE = /^store\/[0-9a-f]{64}$/;
const LASTING = /^(manifest|latest|\.(owed|good|refused|hold)|store\/[0-9a-f]{64}(\.gone)?)$/;
const WRITING = /^(write|pwrite64|writev|ftruncate|fchmod|copy_file_range|sendfile)$/;

export class Unsynced {
  readonly #kind: TreeKind;
  /** By path: where in the trace a file's content or mode changed last, if it was not synced since. */
  readonly #content = new Map<string, number>();
  /** By path: where a name came, went or changed, if its directory was not synced since. */
  readonly #names = new Map<string, number>();
  /** Where the trace of this run begins, behind those of earlier runs. */
  #base = 0;

  constructor(kind: TreeKind) {
    this.#kind = kind;
  }

  /**
   * Follows the calls of a run, the next one on this tree.
   *
   * @param succeeded whether the run ended well: then nothing may be open that is to last
   * @returns what broke a law
   */
  follow(calls: readonly Call[], succeeded: boolean): readonly string[] {
    const base = this.#base;
    const events = calls.flatMap((call) => [
      { place: base + call.started, run: () => this.#starts(call) },
      ...(call.ended === undefined || !call.succeeded
        ? []
        : [
            {
              // A call in one line of the trace has ended before the next one starts.
              place: base + call.ended + 0.5,
              run: () => this.#ended(call, base + call.started, base + (call.ended ?? 0)),
            },
          ]),
    ]);
    const broken = events.sort((a, b) => a.place - b.place).flatMap(({ run }) => run());
    this.#base += 1 + Math.max(0, ...calls.map(({ started, ended }) => ended ?? started));
    return succeeded ? [...broken, ...this.#open(LASTING, "the end of the run")] : broken;
  }

  /** What must be on disk before this call. */
  #starts({ name, paths, words }: Call): readonly string[] {
    const [from = "", to = ""] = paths;
    if (name === "execve" && /^"[^"]*systemctl"/.test(words)) {
      // If power fails after a swap of an earlier run, that swap and its record go or stay together.
      const isOfThisRun = (this.#names.get("latest") ?? -1) >= this.#base;
      return isOfThisRun ? this.#open(/^latest$/, "the restart") : [];
    }
    if (name.startsWith("unlink") && IMAGE.test(from)) {
      const before = this.#kind === "origin" ? new RegExp(`^${from}\\.gone$`) : /^latest$/;
      return this.#open(before, `the removal of ${from}`);
    }
    if (!name.startsWith("rename")) return [];
    const mayBeLost = to === ".checked";
    const content =
      this.#content.has(from) && !mayBeLost ? [`${from} is renamed before it is synced`] : [];
    if (to === "latest") return [...content, ...this.#open(LASTING, "the swap of latest")];
    if (to !== "manifest" || this.#kind === "destination") return content;
    return [...content, ...this.#open(IMAGE, "the manifest that names it")];
  }

  #open(which: RegExp, before: string): readonly string[] {
    return [
      ...[...this.#content.keys()]
        .filter((path) => which.test(path))
        .map((path) => `the content of ${path}`),
      ...[...this.#names.keys()]
        .filter((path) => which.test(path))
        .map((path) => `the name ${path}`),
    ].map((what) => `${what} is not synced before ${before}`);
  }

  #ended({ name, paths, words }: Call, started: number, ended: number): readonly string[] {
    const [path = "", to = path] = paths;
    if (name === "fsync") this.#synced(path, started);
    if (WRITING.test(name)) this.#content.set(path, ended);
    if (/^(symlink|link|mkdir|unlink|rmdir)/.test(name)) this.#names.set(to, ended);
    if (name.startsWith("unlink")) this.#content.delete(path);
    // If it comes back, a restart is done twice, which is safe.
    if (name.startsWith("unlink") && path === ".owed") this.#names.delete(path);
    if (name === "openat" && words.includes("O_CREAT")) {
      this.#names.set(path, ended);
      this.#content.set(path, ended);
    }
    if (name.startsWith("rename")) {
      const content = this.#content.get(path);
      this.#content.delete(path);
      this.#content.delete(to);
      if (content !== undefined) this.#content.set(to, content);
      this.#names.set(path, ended);
      this.#names.set(to, ended);
    }
    return [];
  }

  /** A sync holds what had ended when it started. */
  #synced(path: string, started: number): void {
    if ((this.#content.get(path) ?? started) < started) this.#content.delete(path);
    for (const [name, place] of this.#names) {
      if (directoryOf(name) === path && place < started) this.#names.delete(name);
    }
  }
}

function directoryOf(path: string): string {
  return path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : ".";
}
