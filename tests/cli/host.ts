// What the tests of the command line share: a host with configs, their destinations and an origin
// in the file system. Keys, digests and signatures are by openssl and sha256sum.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { key, manifestOf, sha256 } from "../publish/publisher.ts";

export class Host implements Disposable {
  /** Where the program runs: configs are named relative to it. */
  readonly folder: string;
  readonly origin: string;

  private constructor(folder: string) {
    this.folder = folder;
    this.origin = join(folder, "origin");
    mkdirSync(join(this.origin, "store"), { recursive: true });
  }

  static async create(): Promise<Host> {
    return new Host(await mkdtemp(join(tmpdir(), "tako-cli-")));
  }

  path(...names: readonly string[]): string {
    return join(this.folder, ...names);
  }

  write(name: string, content: string | Uint8Array): string {
    writeFileSync(this.path(name), content);
    return this.path(name);
  }

  read(...names: readonly string[]): string {
    return readFileSync(this.path(...names), "utf8");
  }

  /** Publishes images under their versions, which are given in ascending order. */
  publish(...entries: [version: string, image: string][]): void {
    for (const [, image] of entries)
      writeFileSync(join(this.origin, "store", sha256(image)), image);
    writeFileSync(join(this.origin, "manifest"), manifestOf(key, ...entries));
  }

  /** Makes `NAME.tako`, for a destination of its own, which is made too; `lines` replace or follow. */
  config(name: string, lines: Readonly<Record<string, string>> = {}): string {
    mkdirSync(this.path(name), { recursive: true });
    const all = {
      Origin: `file://${this.origin}`,
      PublicKey: key.public,
      Destination: this.path(name),
      Version: "*",
      ...lines,
    };
    const text = Object.entries(all).map(([option, value]) => `${option}=${value}\n`);
    this.write(`${name}.tako`, text.join(""));
    return `${name}.tako`;
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true });
  }
}

export { key, otherKey, sha256 } from "../publish/publisher.ts";
