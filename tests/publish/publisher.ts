// A directory that the tests of publishing store into, by the command itself. Keys and the manifests that are
// expected are those of tests/support/publishing.ts.

import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { effectsOf } from "../../src/cli/effects.ts";
import type { Event } from "../../src/commands/events.ts";
import { store } from "../../src/commands/store.ts";
import type { StoreOptions } from "../../src/commands/store-options.ts";
import { TakoError } from "../../src/core/error.ts";
import { key, sha256sumOfFile } from "../support/publishing.ts";

/** A folder with the directory of an origin in it, and the events of the stores into it. */
export class Publisher implements AsyncDisposable {
  readonly folder: string;
  readonly directory: string;
  readonly events: Event[] = [];

  private constructor(folder: string) {
    this.folder = folder;
    this.directory = join(folder, "origin");
    mkdirSync(this.directory);
  }

  static async create(): Promise<Publisher> {
    return new Publisher(await mkdtemp(join(tmpdir(), "tako-publish-")));
  }

  /** Makes a file beside the origin. */
  file(name: string, content: string | Uint8Array): string {
    const path = join(this.folder, name);
    writeFileSync(path, content);
    return path;
  }

  /** Stores with the key in the environment, and begins a manifest, unless the options say otherwise. */
  store(options: Partial<StoreOptions>, environment?: Record<string, string>, stdin = -1) {
    const { directory = this.directory, rotateKey } = options;
    const isNew = rotateKey === undefined && !existsSync(join(directory, "manifest"));
    return store(
      { directory, isNew, ...options },
      effectsOf({ environment: environment ?? { TAKO_SECRET_KEY: key.secret }, stdin }, (event) =>
        this.events.push(event),
      ),
    );
  }

  /** Stores what is to fail. */
  async failure(
    options: Partial<StoreOptions>,
    environment?: Record<string, string>,
  ): Promise<TakoError> {
    const ended = await this.store(options, environment).catch((error: unknown) => error);
    if (ended instanceof TakoError) return ended;
    throw new Error(`expected a TakoError, not ${JSON.stringify(ended)}`, { cause: ended });
  }

  manifest(): string {
    return readFileSync(join(this.directory, "manifest"), "latin1");
  }

  warnings(): string[] {
    return this.events.flatMap((event) => (event.event === "warning" ? [event.message] : []));
  }

  /** The names in the directory in order, without that of the lock, which every run leaves. */
  names(): string[] {
    return this.#paths(false);
  }

  #paths(recursive: boolean): string[] {
    const paths = readdirSync(this.directory, { recursive, encoding: "utf8" });
    return paths.filter((path) => path !== ".lock").sort();
  }

  /** Everything below the directory: path, inode, mode, time and content, to be compared as a whole. */
  snapshot(): Record<string, string> {
    return Object.fromEntries(
      this.#paths(true).map((name) => {
        const path = join(this.directory, name);
        const { ino, mode, mtimeMs } = statSync(path);
        // A directory's time changes with a temporary file in it.
        if (statSync(path).isDirectory()) return [name, `${ino} ${mode.toString(8)}`];
        return [name, `${ino} ${mode.toString(8)} ${mtimeMs} ${sha256sumOfFile(path)}`];
      }),
    );
  }

  /** Every path below the directory, with its inode. */
  snapshotOfNames(): string[] {
    return this.#paths(true).map((name) => `${name} ${lstatSync(join(this.directory, name)).ino}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true });
  }
}
