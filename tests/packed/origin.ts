// The packed files of an origin as a publisher keeps them: frames by Debian's zstd, patches by Tako, for nobody else makes
// these; and images whose versions have most of their bytes in common.

import { closeSync, openSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makePatch } from "../../src/shell/packed/make-patch.ts";
import { type Image, image } from "../support/publishing.ts";

/** Bytes that do not compress much, and repeat nowhere. */
export function noise(length: number, seed: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(length / 4));
  let state = seed;
  for (let at = 0; at < words.length; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    words[at] = state & 0xffff0f0f;
  }
  return new Uint8Array(words.buffer, 0, length);
}

/** Versions of an image of about so many bytes: of each, most bytes are those of the one before. */
export function versionsOf(names: readonly string[], size: number): readonly Image[] {
  let bytes = noise(size, 1);
  return names.map((name, index) => {
    if (index > 0) {
      const moved = bytes.map((byte, at) => (at % 5000 === index ? byte + 1 : byte));
      bytes = Buffer.concat([noise(3000 * index, index + 1), moved]);
    }
    return image(name, Buffer.from(bytes).toString("latin1"));
  });
}

export class PackedOrigin {
  readonly #store: string;

  /** @param directory of an origin that has the images */
  constructor(directory: string) {
    this.#store = join(directory, "store");
  }

  path(name: string): string {
    return join(this.#store, name);
  }

  /** Makes the frame of an image. @returns its name */
  zst({ digest }: Image): string {
    const name = `${digest}.zst`;
    const made = Bun.spawnSync([
      "zstd",
      "-q",
      "-f",
      "-3",
      this.path(digest),
      "-o",
      this.path(name),
    ]);
    if (!made.success) throw new Error(made.stderr.toString());
    return name;
  }

  /** Makes the patch from one image to another. @returns its name */
  async patch(old: Image, next: Image): Promise<string> {
    const name = `${next.digest}.from-${old.digest}.patch`;
    const [from, to] = [this.#open(old), this.#open(next)];
    const chunks: Uint8Array[] = [];
    for await (const chunk of makePatch(from, to, 3)) chunks.push(chunk.slice());
    closeSync(from.fd);
    closeSync(to.fd);
    this.write(name, Buffer.concat(chunks));
    return name;
  }

  /** Writes the list of an image from the sizes of these files. */
  list({ digest }: Image, ...names: readonly string[]): void {
    const lines = names.map((name) => {
      const [next, rest] = [name.slice(0, 64), name.slice(64)];
      const old = rest.slice(".from-".length, ".from-".length + 64);
      return rest === ".zst" ? `zst ${this.size(name)}` : `patch ${old} ${next} ${this.size(name)}`;
    });
    this.write(`${digest}.packed`, ["Tako Packed 1", ...lines, ""].join("\n"));
  }

  size(name: string): number {
    return statSync(this.path(name)).size;
  }

  read(name: string): Buffer {
    return readFileSync(this.path(name));
  }

  write(name: string, content: string | Uint8Array): void {
    writeFileSync(this.path(name), content);
  }

  #open({ digest }: Image) {
    const path = this.path(digest);
    return { fd: openSync(path, "r"), size: statSync(path).size };
  }
}
